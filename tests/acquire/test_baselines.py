"""Identities of the acquisitions that others are measured against: B054, B055, B056, B057, B079, B080, B081 and
B085."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy

from labelwright.acquire import (
    BADGE,
    BALD,
    BootstrapCommittee,
    CurveBand,
    DiverseMiniBatch,
    Entropy,
    ExpectedErrorReduction,
    GaussianField,
    KCenterGreedy,
    KMeansCenters,
    LearningCurve,
    LeastConfidence,
    Margin,
    Pool,
    ProbCover,
    RandomSampling,
    TypiClust,
    ball_graph,
    entropy_score,
    last_layer_slope,
    margin_score,
    mutual_information,
    run_rounds,
)
from labelwright.data.covering import d2_sampling
from labelwright.errors import BadInput


def probs(rng, n, k):
    return rng.dirichlet(np.ones(k), n)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 6))
def test_uncertainty_scores_are_those_of_the_definitions_b054(seed, k):
    p = probs(np.random.default_rng(seed), 9, k)
    ordered = np.sort(p, axis=1)
    assert_allclose(entropy_score(p), entropy(p, axis=1), atol=1e-12)
    assert_allclose(margin_score(p), 1 - ordered[:, -1] + ordered[:, -2], atol=1e-12)
    assert_allclose(margin_score(p.T, axis=0), margin_score(p), atol=0)


def test_with_two_classes_all_uncertainties_give_one_order_b054():
    pool = Pool(pred_probs=probs(np.random.default_rng(0), 30, 2))
    orders = [one.select(pool, 30, 0).rows for one in (Entropy(), LeastConfidence(), Margin())]
    assert_array_equal(orders[0], orders[1])
    assert_array_equal(orders[0], orders[2])


def test_random_sampling_states_the_chance_of_every_row_b054():
    found = RandomSampling().select(Pool(labels=[-1] * 8), 2, 3)
    assert_array_equal(found.probability, [0.25, 0.25])


def test_core_set_takes_the_row_farthest_from_labels_b055():
    pool = Pool(features=[[0.0], [1.0], [5.0], [9.0]], labels=[0, -1, -1, -1])
    found = KCenterGreedy().select(pool, 3, 0)
    assert_array_equal(found.rows, [3, 2, 1])
    assert_allclose(found.score, [9, 4, 1])


def test_k_means_centers_takes_a_row_of_every_blob_b055():
    X = np.repeat(np.eye(4) * 30, 10, axis=0) + np.random.default_rng(0).normal(size=(40, 4))
    assert sorted(row // 10 for row in KMeansCenters().select(Pool(features=X), 4, 0).rows) == [0, 1, 2, 3]


def test_badge_measures_the_gradients_without_building_them_b056():
    rng = np.random.default_rng(4)
    p, h = probs(rng, 12, 3), rng.normal(size=(12, 5))
    gradient = (last_layer_slope(p)[:, :, None] * h[:, None, :]).reshape(12, -1)
    length = (gradient**2).sum(axis=1)
    explicit = d2_sampling(
        12, 6, lambda i: ((gradient - gradient[i]) ** 2).sum(axis=1), np.random.default_rng(1), int(length.argmax())
    )
    found = BADGE().select(Pool(pred_probs=p, features=h), 6, np.random.default_rng(1))
    assert_array_equal(found.rows, explicit)
    assert_allclose(found.score, np.sqrt(length[explicit]))


def test_badge_starts_at_the_longest_gradient_and_copies_come_last_b056():
    p = np.array([[1.0, 0.0]] * 5 + [[0.5, 0.5], [0.5, 0.5]])
    found = BADGE().select(Pool(pred_probs=p, features=np.ones((7, 1))), 2, 0)
    assert found.rows[0] == 5 and found.rows[1] < 5


def test_typiclust_takes_the_middle_of_the_blob_without_a_label_b057():
    X = [[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]]
    assert_array_equal(TypiClust().select(Pool(features=X, labels=[-1, 0, -1, -1, -1, -1]), 1, 0).rows, [4])


def test_typiclust_visits_every_blob_before_it_comes_back_b057():
    X = np.repeat(np.eye(5) * 40, 8, axis=0) + np.random.default_rng(0).normal(size=(40, 5))
    assert sorted(row // 8 for row in TypiClust().select(Pool(features=X), 5, 0).rows) == [0, 1, 2, 3, 4]


def test_bald_is_zero_where_models_agree_and_log_two_where_two_contradict_b079():
    assert_allclose(mutual_information([[[0.3, 0.7]]] * 4), [0.0], atol=1e-15)
    assert_allclose(mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]), [np.log(2)], atol=1e-12)


def test_bald_asks_where_sure_models_contradict_not_where_all_are_unsure_b079():
    draws = np.array([[[0.5, 0.5], [0.99, 0.01]], [[0.5, 0.5], [0.01, 0.99]]])
    assert_array_equal(BALD().select(Pool(draws=draws), 1, 0).rows, [1])


def test_a_committee_has_every_class_in_every_sample():
    class Seen:
        def __init__(self, y):
            self.n = len(np.unique(y))

        def predict_proba(self, X):
            return np.full((len(X), 2), 0.5)

    committee = BootstrapCommittee(lambda X, y: Seen(y), 20).fit(np.zeros((10, 1)), [0] * 9 + [1], 0)
    assert {member.n for member in committee.members_} == {2}
    assert committee.predict_proba(np.zeros((3, 1))).shape == (20, 3, 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_probcover_takes_the_row_that_covers_most_at_each_step_b080(seed):
    rng = np.random.default_rng(seed)
    X, radius = rng.normal(size=(30, 2)), 0.7
    near = ((X[:, None] - X[None]) ** 2).sum(-1) <= radius**2
    assert_array_equal(ball_graph(X, radius).toarray() > 0, near)
    found = ProbCover(radius=radius).select(Pool(features=X, labels=[0] + [-1] * 29), 6, 0)
    uncovered = ~near[0]
    for row, gain in zip(found.rows, found.score, strict=True):
        best = (near & uncovered).sum(axis=1)[1:].max()
        assert gain == (near[row] & uncovered).sum()
        assert gain == best or best == 0
        uncovered &= ~near[row]


def test_one_more_label_updates_the_field_as_if_it_were_solved_anew_b081():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(25, 2))
    rows, known = np.arange(5, 25), np.arange(5)
    labels = rng.integers(0, 3, 25)
    field = GaussianField.of(X, known, labels[known], rows, 3, 6)
    moved = field.with_label(4, 2).value
    again = GaussianField.of(X, np.r_[known, 9], np.r_[labels[known], 2], np.delete(rows, 4), 3, 6).value
    assert_allclose(np.delete(moved, 4, axis=0), again, atol=1e-3)  # the small term moves by one row


def test_expected_risk_is_what_enumerating_all_answers_gives_b081():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(20, 2))
    field = GaussianField.of(X, np.arange(4), np.array([0, 1, 2, 0]), np.arange(4, 20), 3, 5)
    free = np.ones(16, bool)
    told = field.expected_risk(free)
    for x in range(16):
        others = free.copy()
        others[x] = False
        answers = [field.with_label(x, k).risk(others) for k in range(3)]
        assert told[x] == pytest.approx(np.dot(field.value[x], answers), abs=1e-9)


def test_error_reduction_first_asks_in_the_island_without_a_label_b081():
    X = np.r_[np.random.default_rng(0).normal(size=(15, 2)), np.random.default_rng(1).normal(size=(15, 2)) + 20]
    labels = np.full(30, -1)
    labels[0] = 0
    labels[15] = -1
    pool = Pool(features=X, labels=labels, pred_probs=np.full((30, 2), 0.5))
    assert ExpectedErrorReduction(k=5).select(pool, 1, 0).rows[0] >= 15
    with pytest.raises(BadInput, match="labelled"):
        ExpectedErrorReduction().select(Pool(features=X), 1, 0)


@pytest.mark.parametrize(
    "acquisition",
    [RandomSampling(), Entropy(), BADGE(), KCenterGreedy(), KMeansCenters(), TypiClust(), ProbCover(radius=1.0),
     ExpectedErrorReduction(k=3)],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_every_acquisition_asks_about_different_open_rows_and_repeats_itself(acquisition):
    rng = np.random.default_rng(7)
    pool = Pool(pred_probs=probs(rng, 40, 3), features=rng.normal(size=(40, 4)), labels=[0, 1, 2] + [-1] * 37)
    one, two = acquisition.select(pool, 9, 5), acquisition.select(pool, 9, 5)
    assert_array_equal(one.rows, two.rows)
    assert len(set(one.rows.tolist())) == 9 and min(one.rows) >= 3
    assert len(acquisition.select(pool, 99, 5)) == 37


@pytest.mark.parametrize("acquisition", [Entropy(), BADGE(), KCenterGreedy(), TypiClust(), ProbCover(), BALD()])
def test_what_is_missing_from_the_pool_is_named(acquisition):
    with pytest.raises(BadInput, match="needs"):
        acquisition.select(Pool(labels=[-1, -1]), 1, 0)


class Nearest:
    """A model that knows its rows by heart."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def predict_proba(self, X):
        return np.eye(2)[self.y[np.abs(X[:, None, 0] - self.X[None, :, 0]).argmin(axis=1)]]


def test_the_round_loop_asks_about_each_row_once_and_draws_its_curve():
    X, truth, asked = np.arange(20.0)[:, None], (np.arange(20) >= 10).astype(int), []

    def oracle(rows):
        asked.extend(rows.tolist())
        return truth[rows]

    found = run_rounds(
        X, oracle, Nearest, RandomSampling(), lambda m: float((m.predict_proba(X).argmax(1) == truth).mean()),
        start=[0, 19], rounds=3, per_round=4, n_classes=2, rng=0,
    )  # fmt: skip
    assert_array_equal(found.curve.cost, [2, 6, 10, 14])
    assert sorted(asked) == sorted(set(asked)) == sorted(found.rows.tolist()) and len(asked) == 14


def test_the_loop_stops_when_the_pool_is_empty():
    X, truth = np.arange(6.0)[:, None], np.array([0, 0, 0, 1, 1, 1])
    found = run_rounds(
        X, lambda rows: truth[rows], Nearest, RandomSampling(), lambda m: 1.0,
        start=[0, 5], rounds=9, per_round=3, n_classes=2, rng=0,
    )  # fmt: skip
    assert_array_equal(found.curve.cost, [2, 5, 6])


def test_a_curve_is_read_off_straight_lines():
    curve = LearningCurve(np.array([10.0, 30.0]), np.array([0.5, 0.9]))
    assert curve.area == pytest.approx(0.7)
    assert curve.cost_to_reach(0.7) == pytest.approx(20)
    assert np.isnan(curve.cost_to_reach(0.95)) and curve.cost_to_reach(0.1) == 10


def test_a_band_holds_the_mean_and_the_share_of_labels_needed():
    slow = CurveBand.of([LearningCurve(np.array([10.0, 50.0]), np.array([0.5, 0.9 + e])) for e in (0.0, 0.0)])
    fast = CurveBand.of([LearningCurve(np.array([10.0, 50.0]), np.array([0.5, 1.3]))])
    assert fast.share_of_labels(slow) == pytest.approx(0.6)
    assert_allclose(slow.low, slow.high)
    assert np.isnan(fast.low).all()


def test_diverse_mini_batch_with_beta_1_is_margin_b085():
    rng = np.random.default_rng(0)
    pool = Pool(pred_probs=probs(rng, 40, 3), features=rng.normal(size=(40, 2)))
    assert_array_equal(DiverseMiniBatch(beta=1).select(pool, 7, 0).rows, Margin().select(pool, 7, 0).rows)


def test_diverse_mini_batch_asks_once_about_each_kind_of_doubt_b085():
    kinds = np.repeat(np.eye(4), 10, axis=0)
    sure = np.where(np.arange(40) % 10 < 5, 0.55, 0.99)
    pool = Pool(pred_probs=np.column_stack([sure, 1 - sure]), features=kinds)
    chosen = DiverseMiniBatch(beta=5).select(pool, 4, 0)
    assert sorted(kinds[chosen.rows].argmax(axis=1)) == [0, 1, 2, 3]
    assert_array_equal(chosen.score, margin_score(pool.pred_probs)[chosen.rows])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 30), st.floats(1, 40))
def test_diverse_mini_batch_gives_different_open_rows_by_falling_doubt_b085(seed, budget, beta):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(30) < 0.3, 0, -1)
    labels[0] = -1
    pool = Pool(pred_probs=probs(rng, 30, 3), features=rng.integers(0, 2, (30, 2)).astype(float), labels=labels)
    chosen = DiverseMiniBatch(beta).select(pool, budget, seed)
    assert len(set(chosen.rows)) == min(budget, len(pool.open_rows)) == len(chosen)
    assert set(chosen.rows) <= set(pool.open_rows) and (np.diff(chosen.score) <= 0).all()
    assert_array_equal(DiverseMiniBatch(beta).select(pool, budget, seed).rows, chosen.rows)


def test_diverse_mini_batch_refuses_a_beta_below_1():
    with pytest.raises(BadInput, match="beta is nan"):
        DiverseMiniBatch(float("nan"))
