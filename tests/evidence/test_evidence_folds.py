"""Units, slicing, folds and the score that make searches over evidence work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from labelwright.errors import BadInput
from labelwright.evidence import (
    Bags,
    EvidenceKFold,
    EvidenceLogLikelihood,
    Hard,
    Pairs,
    Reals,
    Tags,
    Votes,
    evidence_log_likelihood,
    posterior,
)


def bag_evidence(n_bags=12, size=4):
    ids = np.repeat(np.arange(n_bags), size)
    return Bags.counts(ids, np.arange(n_bags) % (size + 1))


def test_rows_are_their_own_units():
    assert_array_equal(Hard([0, 1, -1], 2).units(), [0, 1, 2])


def test_units_are_numbered_by_their_first_row():
    assert_array_equal(Bags.counts([1, -1, 0, 1], [1, 1]).units(), [0, 1, 2, 0])


def test_chains_of_pairs_are_one_unit():
    assert_array_equal(Pairs([3, 1], [1, 0], [0, 0], 5, 2).units(), [0, 0, 1, 0, 2])


def test_taking_part_of_a_bag_raises_and_names_a_row():
    with pytest.raises(BadInput, match=r"row 4: the rows taken cut 1 units; the first has 4 rows, 2 taken"):
        bag_evidence().take([0, 1, 2, 3, 4, 5])


def test_taking_a_row_of_a_bag_twice_raises():
    with pytest.raises(BadInput, match="taken twice"):
        Bags.counts([0, 0], [1]).take([0, 0, 1, 1])


def test_rows_of_row_evidence_may_be_drawn_twice():
    assert_array_equal(Hard([5, 6], 7).take([1, 1, 0]).labels, [6, 6, 5])


def test_a_mask_and_its_row_numbers_take_the_same():
    evidence = bag_evidence()
    mask = np.arange(48) >= 40
    assert (
        evidence.take(mask)
        == evidence.take(np.flatnonzero(mask))
        == evidence[40:48]
        == evidence[np.arange(40, 48), ...]
    )


def test_taken_bags_keep_their_statements(random_log_prior):
    evidence, log_prior = bag_evidence(), random_log_prior(0, 48, 2)
    rows = np.concatenate([np.arange(8, 12), np.arange(0, 4)[::-1]])
    assert_allclose(
        posterior(log_prior[rows], evidence.take(rows)).q, posterior(log_prior, evidence).q[rows], atol=1e-13
    )


def test_empty_bags_vanish_when_rows_are_taken():
    bags = Bags([0, 1], [0, 0, 2], [[0, 0], [0, 1]], [[0, 0], [2, 1]], 3)
    assert bags.take([0, 1]).n_bags == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=6, max_size=40), st.integers(2, 3), st.integers(0, 99))
def test_folds_cover_every_row_once_and_cut_no_unit(ids, n_splits, seed):
    ids = np.unique(ids, return_inverse=True)[1]
    evidence = Bags.between(ids, np.zeros(ids.max() + 1, int), np.full(ids.max() + 1, 99))
    if ids.max() + 1 < n_splits:
        return
    seen = np.zeros(len(ids), int)
    for train, test in EvidenceKFold(n_splits, seed=seed).split(np.zeros(len(ids)), evidence):
        seen[test] += 1
        assert not set(evidence.units()[train]) & set(evidence.units()[test])
        assert len(train) + len(test) == len(ids)
        assert len(evidence[test]) == len(test)
    assert (seen == 1).all()


def test_the_same_seed_gives_the_same_folds():
    draws = [[t.tolist() for _, t in EvidenceKFold(3, seed=5).split(np.zeros(48), bag_evidence())] for _ in range(2)]
    assert draws[0] == draws[1]


def test_folds_of_single_rows_differ_by_at_most_one_row():
    sizes = [len(test) for _, test in EvidenceKFold(4).split(np.zeros(50), Hard.unknown(50, 2))]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("folds", "X", "y", "message"),
    [
        (1, np.zeros(4), Hard.unknown(4, 2), "1 folds of 4 units"),
        (3, np.zeros(4), Bags.counts([0, 0, 1, 1], [1, 1]), "3 folds of 2 units"),
        (2, np.zeros(3), Hard.unknown(4, 2), "X has 3 rows, the evidence 4"),
        (2, np.zeros(4), np.zeros(4), "neither evidence nor units"),
    ],
)
def test_folds_that_cannot_be_are_one_clear_line(folds, X, y, message):
    with pytest.raises(BadInput, match=message):
        list(EvidenceKFold(folds).split(X, y))


def test_the_score_is_the_mean_log_probability_of_the_evidence():
    model = DummyClassifier(strategy="prior").fit(np.zeros((4, 1)), [0, 0, 0, 1])
    assert_allclose(evidence_log_likelihood(model, np.zeros((2, 1)), Hard([0, 1], 2)), np.log(0.75 * 0.25) / 2)


def test_the_score_of_hard_labels_is_minus_the_log_loss():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 3, 60)
    model = LogisticRegression().fit(X, y)
    assert_allclose(evidence_log_likelihood(model, X, Hard(y, 3)), -log_loss(y, model.predict_proba(X)), rtol=1e-9)


def test_classes_that_the_estimator_never_saw_keep_the_floor():
    model = DummyClassifier(strategy="prior").fit(np.zeros((2, 1)), [0, 2])
    assert_allclose(evidence_log_likelihood(model, np.zeros((1, 1)), Hard([1], 3)), np.log(1e-12))


def test_numbers_are_scored_by_their_gaussian_likelihood():
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    evidence = Reals.values([0.5])
    got = EvidenceLogLikelihood(scale=2.0)(model, [[1.0]], evidence)
    assert_allclose(got, -evidence.nll(np.array([1.0]), 2.0)[0])


def test_tags_are_scored_from_one_probability_a_class():
    class Half(BaseEstimator):
        def predict_proba(self, X):
            return np.full((len(X), 2), 0.25)

    assert_allclose(evidence_log_likelihood(Half(), np.zeros((1, 1)), Tags.from_dense([[1, -1]])), np.log(0.25 * 0.75))


class BagMixture(ClassifierMixin, BaseEstimator):
    """Two Gaussians of unit variance on a line at -shift and +shift: enough to be searched over."""

    def __init__(self, shift=1.0):
        self.shift = shift

    def fit(self, X, evidence):
        self.classes_ = np.array([0, 1])
        self.n_units_ = int(evidence.units().max()) + 1
        return self

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-2 * self.shift * X[:, 0]))
        return np.stack([1 - p, p], axis=1)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def test_grid_search_finds_the_model_that_explains_the_bags():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 400)
    X = (truth * 2 - 1)[:, None] * 1.5 + rng.normal(size=(400, 1))
    ids = np.repeat(np.arange(100), 4)
    evidence = Bags.counts(ids, np.bincount(ids, weights=truth).astype(int))
    search = GridSearchCV(
        BagMixture(), {"shift": [-1.5, 0.1, 1.5, 9.0]}, scoring=evidence_log_likelihood, cv=EvidenceKFold(4)
    )
    search.fit(X, evidence)
    assert search.best_params_ == {"shift": 1.5}
    assert search.best_estimator_.n_units_ == 100


def test_cross_validation_takes_votes():
    votes = Votes.from_matrix(np.random.default_rng(4).integers(0, 2, (30, 3)), 2)
    scorer = EvidenceLogLikelihood(noise=np.array([[0.7, 0.3], [0.3, 0.7]]))
    scores = cross_val_score(BagMixture(), np.zeros((30, 1)), votes, scoring=scorer, cv=EvidenceKFold(3))
    assert scores.shape == (3,) and np.isfinite(scores).all()


def test_the_score_asks_for_evidence():
    with pytest.raises(BadInput, match="wrap labels"):
        evidence_log_likelihood(BagMixture(), np.zeros((2, 1)), [0, 1])
