"""Pseudo-labels by belief propagation over bags and similar rows [P069]."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from labelwright.errors import BadInput
from labelwright.evidence import Bags, count_factor
from labelwright.learn.bags import (
    ExactCount,
    LLPBeliefPropagation,
    PairwiseCount,
    SquaredCount,
    gibbs_pseudo_labels,
    hidden_layer,
    similarity_graph,
)


def enumerated(ids, counts, K, ls, lb, u, exact):
    """Return the marginals of the Gibbs law by adding up all states."""
    states = np.array(list(product((0, 1), repeat=len(ids))), dtype=float)
    gaps = np.stack([states[:, ids == g].sum(axis=1) - k for g, k in enumerate(counts)], axis=1)
    apart = (states[:, :, None] != states[:, None, :]) * K
    log_p = states @ u - ls * apart.sum(axis=(1, 2)) / 2
    log_p = np.where((gaps != 0).any(axis=1), -np.inf, log_p) if exact else log_p - lb * (gaps**2).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    return p @ states / p.sum()


def tree():
    """Four bags of two rows joined in a row by three edges: no circle."""
    K = np.zeros((8, 8))
    for i, j, k in ((0, 2, 0.5), (3, 4, 0.3), (5, 6, 0.9)):
        K[i, j] = K[j, i] = k
    return np.repeat(np.arange(4), 2), np.array([1, 1, 0, 2]), K


FACTORS = {"pairwise": PairwiseCount(0.7), "squared": SquaredCount(0.7), "exact": ExactCount()}


@pytest.mark.parametrize("factor", FACTORS.values(), ids=FACTORS)
def test_on_a_tree_the_marginals_are_those_of_enumeration(factor):
    ids, counts, K = tree()
    u = np.random.default_rng(0).normal(size=8)
    found = gibbs_pseudo_labels(ids, counts, sp.csr_array(K), bag_factor=factor, similarity_weight=2.0, log_odds=u)
    assert found.converged
    assert_allclose(found.q, enumerated(ids, counts, K, 2.0, 0.7, u, factor == ExactCount()), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1)), min_size=1, max_size=5))
def test_without_edges_and_odds_every_row_has_its_bags_share(sizes):
    ids = np.repeat(np.arange(len(sizes)), [m for m, _ in sizes])
    counts = np.array([round(m * share) for m, share in sizes])
    q = gibbs_pseudo_labels(ids, counts).q
    assert_allclose(q, (counts / np.bincount(ids))[ids], atol=1e-12)


def test_without_edges_odds_give_the_posterior_of_the_count():
    rng = np.random.default_rng(1)
    u, ids, counts = rng.normal(size=50) * 3, np.repeat([0, 1], [20, 30]), np.array([4, 22])
    assert_allclose(gibbs_pseudo_labels(ids, counts, log_odds=u).q, count_factor(u, [0, 20, 50], counts, counts).q)


def test_without_edges_it_is_the_e_step_of_bags():
    rng = np.random.default_rng(2)
    p, ids, counts = rng.random(30), rng.integers(0, 3, size=30), np.array([2, 3, 1])
    prior = np.log(np.stack([1 - p, p], axis=1))
    q = gibbs_pseudo_labels(ids, counts, log_odds=np.log(p / (1 - p))).q
    assert_allclose(q, Bags.counts(ids, counts).condition(prior).q[:, 1], atol=1e-10)


def test_a_pairwise_bag_of_two_rows_is_the_square():
    u = np.array([0.3, -1.0])
    pair = gibbs_pseudo_labels([0, 0], [1], bag_factor=PairwiseCount(2.0), log_odds=u).q
    assert_allclose(pair, gibbs_pseudo_labels([0, 0], [1], bag_factor=SquaredCount(2.0), log_odds=u).q, atol=1e-12)


def test_a_heavy_square_is_the_exact_count():
    u = np.random.default_rng(3).normal(size=12)
    soft = gibbs_pseudo_labels(np.zeros(12, int), [5], bag_factor=SquaredCount(60.0), log_odds=u).q
    assert_allclose(soft, gibbs_pseudo_labels(np.zeros(12, int), [5], log_odds=u).q, atol=1e-9)


def test_rows_in_no_bag_hear_of_their_neighbours_alone():
    K = sp.csr_array(([1.0], ([0], [2])), shape=(3, 3))
    q = gibbs_pseudo_labels([0, 0, -1], [2], K, similarity_weight=1.0).q
    assert q[2] == pytest.approx(1 / (1 + np.exp(-1.0)))


def test_an_edge_named_twice_counts_once():
    ids, counts, K = tree()
    once, twice = sp.csr_array(np.triu(K)), sp.csr_array(K)
    assert_allclose(gibbs_pseudo_labels(ids, counts, once).q, gibbs_pseudo_labels(ids, counts, twice).q)


def test_all_or_none_positive_is_certain():
    assert_allclose(gibbs_pseudo_labels([0, 0, 1, 1], [0, 2]).q, [0, 0, 1, 1], atol=1e-12)


def world(n=240, size=8, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], n // 2)
    X = rng.normal(size=(n, 2)) + 4 * y[:, None]
    ids = rng.permutation(n) // size
    return X, y, ids, np.bincount(ids, weights=y).astype(int)


def test_the_result_does_not_depend_on_threads_or_the_order_of_rows():
    X, _, ids, counts = world()
    K = similarity_graph(X, 5)
    one = gibbs_pseudo_labels(ids, counts, K, similarity_weight=0.5)
    three = gibbs_pseudo_labels(ids, counts, K, similarity_weight=0.5, jobs=3)
    assert (one.q == three.q).all()
    order = np.random.default_rng(4).permutation(len(X))
    moved = gibbs_pseudo_labels(ids[order], counts, K[order][:, order], similarity_weight=0.5)
    assert_allclose(moved.q, one.q[order], atol=1e-3)


def test_similar_rows_tell_more_than_counts_alone():
    X, y, ids, counts = world()
    found = gibbs_pseudo_labels(ids, counts, similarity_graph(X, 5), similarity_weight=1.0)
    alone = gibbs_pseudo_labels(ids, counts).q
    assert ((found.q > 0.5) == y).mean() > 0.9 > ((alone > 0.5) == y).mean()


def test_the_similarity_is_symmetric_and_falls_with_distance():
    X = world()[0]
    K = similarity_graph(X, 5)
    assert abs(K - K.T).max() == 0
    i, j = K.nonzero()
    assert_allclose(K.data, np.exp(-np.linalg.norm(X[i] - X[j], axis=1)))


def test_the_hidden_layer_leads_to_the_networks_own_answer():
    X, y, _, _ = world()
    net = MLPClassifier((16, 8, 4), max_iter=20, random_state=0).fit(X, y)
    h = hidden_layer(net, X)
    assert h.shape == (240, 8)
    h = np.maximum(h @ net.coefs_[2] + net.intercepts_[2], 0) @ net.coefs_[3] + net.intercepts_[3]
    assert_allclose(1 / (1 + np.exp(-h[:, 0])), net.predict_proba(X)[:, 1], rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_two_rounds_classify_rows_from_counts_alone():
    X, y, ids, counts = world()
    net = MLPClassifier((32, 16), max_iter=60, random_state=0)
    model = LLPBeliefPropagation(net, hidden_layer, similarity_weight=1.0).fit(X, ids, counts)
    assert len(model.pseudo_labels_) == 2
    assert (model.predict(X) == y).mean() > 0.9


def test_any_classifier_and_embedding_may_be_given():
    X, y, ids, counts = world()
    calls = []

    def embed(classifier, rows):
        calls.append(classifier.coef_.shape)
        return rows * classifier.coef_

    model = LLPBeliefPropagation(LogisticRegression(), embed, similarity_weight=1.0).fit(X, ids, counts)
    assert calls == [(1, 2)]
    assert (model.predict(X) == y).mean() > 0.9
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gibbs_pseudo_labels([0, 0], [3]), "2 rows and 3 positives"),
        (lambda: gibbs_pseudo_labels([0, 1], [1]), "bag_ids"),
        (lambda: gibbs_pseudo_labels([0.5], [1]), "class numbers"),
        (lambda: gibbs_pseudo_labels([0], [1], log_odds=[np.nan]), "NaN"),
        (lambda: gibbs_pseudo_labels([0], [1], sp.csr_array((2, 2))), "1 rows"),
        (lambda: gibbs_pseudo_labels([0, 0], [1], sp.csr_array([[0, -1.0], [0, 0]])), "negative"),
        (lambda: gibbs_pseudo_labels([0], [1], damping=1.0), "damping"),
        (lambda: gibbs_pseudo_labels(np.zeros(8000, int), [1], bag_factor=PairwiseCount()), "ExactCount"),
        (lambda: LLPBeliefPropagation(n_rounds=0).fit([[0.0], [1.0]], [0, 0], [1]), "n_rounds"),
        (lambda: LLPBeliefPropagation(LogisticRegression()).fit([[0.0], [1.0]], [0, 0], [1]), "embedding"),
        (lambda: LLPBeliefPropagation().fit([[0.0], [1.0]], [0, 0], [2]), "one class"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(BadInput, match=message):
        call()
