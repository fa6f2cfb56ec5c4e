from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.audit.outliers import Outliers, UncertainRows, normalized_entropy
from labelwright.errors import BadInput


def neighbors(x, k=10):
    """Return the k nearest other rows of each row by brute force."""
    d = np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(d, np.inf)
    indices = np.argsort(d, axis=1, kind="stable")[:, : min(k, len(x) - 1)]
    return SimpleNamespace(indices=indices, distances=np.take_along_axis(d, indices, axis=1).astype(np.float32))


@pytest.mark.parametrize("d", [2, 5, 30])
def test_planted_outliers_are_found(d):
    x = np.random.default_rng(0).normal(size=(400, d))
    x[:4] += 12
    x[:4] *= np.array([[1.0], [2.0], [3.0], [-2.0]])
    assert Outliers().score(neighbors(x)).is_issue[:4].all()


@pytest.mark.parametrize("d", [2, 5, 30])
@pytest.mark.parametrize("draw", ["normal", "random"])
def test_clean_clouds_raise_alarms_on_at_most_one_row_in_a_hundred(draw, d):
    x = getattr(np.random.default_rng(1), draw)(size=(600, d))
    assert Outliers().score(neighbors(x)).n_issues <= 6


def test_a_sparse_cluster_is_no_heap_of_outliers():
    rng = np.random.default_rng(2)
    x = np.r_[rng.normal(size=(300, 3)), 200 + 20 * rng.normal(size=(40, 3))]
    assert Outliers().score(neighbors(x)).n_issues <= 2


def test_a_planted_outlier_has_the_lowest_score():
    x = np.random.default_rng(3).normal(size=(200, 4))
    x[17] = 50
    assert Outliers().score(neighbors(x)).score.argmin() == 17


def test_many_twins_hide_no_outlier():
    x = np.random.default_rng(4).normal(size=(300, 3))
    x[100:200] = x[0]
    x[17] = 50
    assert Outliers().score(neighbors(x)).is_issue[17]


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 9))
@settings(max_examples=10, deadline=None)
def test_scaling_the_features_changes_no_flag(scale, seed):
    x = np.random.default_rng(seed).standard_t(3, size=(80, 3))
    near = neighbors(x)
    scaled = SimpleNamespace(indices=near.indices, distances=near.distances.astype(float) * scale)
    assert (Outliers().score(near).is_issue == Outliers().score(scaled).is_issue).all()


def test_flags_are_scores_of_a_half_and_less():
    x = np.random.default_rng(5).standard_t(2, size=(300, 2))
    s = Outliers().score(neighbors(x))
    assert s.n_issues > 0 and ((s.score <= 0.5) == s.is_issue).all()


def test_every_flag_has_a_reason_in_plain_words():
    x = np.random.default_rng(3).normal(size=(200, 4))
    x[17] = 50
    s = Outliers().score(neighbors(x), pred_probs=np.full((200, 2), 0.5))
    assert s.reason[17].endswith(
        "times as far from its nearest rows as a typical row is, and the model is unsure of it"
    )
    assert [r is not None for r in s.reason] == s.is_issue.tolist()


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_compare_is_no_issue(n):
    empty = SimpleNamespace(indices=np.empty((n, 0), int), distances=np.empty((n, 0), np.float32))
    s = Outliers().score(empty)
    assert len(s) == n and s.n_issues == 0


def test_all_rows_alike_are_no_outliers():
    assert Outliers().score(neighbors(np.ones((30, 2)))).n_issues == 0


def test_rows_with_fewer_neighbours_are_judged_by_those():
    near = neighbors(np.random.default_rng(6).normal(size=(50, 2)))
    near.indices[:, 5:], near.distances[:, 5:] = -1, np.inf
    assert np.isfinite(Outliers().score(near).score).all()


def test_neighbours_of_two_shapes_are_refused():
    with pytest.raises(BadInput, match="shape"):
        Outliers().score(SimpleNamespace(indices=np.zeros((3, 2), int), distances=np.zeros((3, 1))))


def test_a_neighbour_outside_the_data_is_refused():
    with pytest.raises(BadInput, match="row 9 of 3"):
        Outliers().score(SimpleNamespace(indices=np.full((3, 1), 9), distances=np.zeros((3, 1))))


def test_uncertain_rows_stand_out_from_a_sure_model():
    p = np.tile([0.98, 0.01, 0.01], (100, 1))
    p[3] = 1 / 3
    s = UncertainRows().score(p)
    assert np.flatnonzero(s.is_issue).tolist() == [3]
    assert "probability 0.33" in s.reason[3]


def test_a_model_unsure_of_everything_makes_no_outliers():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=300)
    assert UncertainRows().score(p).n_issues == 0


def test_entropy_is_zero_for_certain_and_one_for_even():
    assert normalized_entropy(np.array([[1.0, 0.0], [0.5, 0.5]]), 2).tolist() == [0.0, 1.0]


def test_probabilities_with_nan_are_refused_by_row():
    with pytest.raises(BadInput, match="row 1"):
        UncertainRows().score(np.array([[0.5, 0.5], [np.nan, 0.5]]))


def test_no_row_nearer_than_usual_is_an_outlier_of_a_heap_of_twins():
    x = np.random.default_rng(8).normal(size=(300, 3))
    x[:30] = 0
    s = Outliers().score(neighbors(x))
    mean = neighbors(x).distances.mean(axis=1)
    assert (mean[s.is_issue] > np.median(mean)).all()
