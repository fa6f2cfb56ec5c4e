"""The Gibbs law of bags and similar rows: its marginals are those of enumeration [P069]."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.errors import BadInput
from labelwright.evidence import Bags, count_factor
from labelwright.learn.bags import (
    ExactCount,
    PairwiseCount,
    SquaredCount,
    gibbs_pseudo_labels,
    neutral_log_odds,
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


@pytest.mark.parametrize("rate", [0.05, 0.24, 0.5, 0.9])
def test_neutral_edges_leave_every_row_at_the_base_rate(rate):
    K = tree()[2]
    u = np.log(rate / (1 - rate)) + neutral_log_odds(K, rate, 2.0)
    q = gibbs_pseudo_labels(np.full(8, -1), [], K, similarity_weight=2.0, log_odds=u).q
    assert_allclose(q, rate, atol=1e-12)


def test_neutral_edges_need_no_odds_where_both_classes_are_as_frequent():
    assert_allclose(neutral_log_odds(tree()[2], 0.5, 3.0), 0, atol=1e-12)


def hubs(n=400, share=0.1):
    """Return a bag, its count, and a graph in which the first rows have many edges and the others few."""
    rng = np.random.default_rng(0)
    hub, other = rng.integers(0, 20, 3 * n), rng.integers(20, n, 3 * n)
    K = sp.csr_array(sp.coo_array((np.full(3 * n, 0.2), (hub, other)), shape=(n, n)))
    K.data[:] = 0.2  # an edge drawn twice is one
    return np.zeros(n, np.int64), np.array([int(share * n)]), K


def test_the_papers_law_draws_rows_with_many_edges_to_the_frequent_class_and_neutral_edges_do_not():
    ids, counts, K = hubs()
    paper = gibbs_pseudo_labels(ids, counts, K, similarity_weight=1.0).q
    neutral = gibbs_pseudo_labels(ids, counts, K, similarity_weight=1.0, log_odds=neutral_log_odds(K, 0.1)).q
    assert paper[:20].max() < 0.06 < 0.09 < paper[20:].mean()
    assert_allclose(neutral, 0.1, atol=1e-3)


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
        (lambda: neutral_log_odds(sp.csr_array((2, 2)), 0.0), "rate"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(BadInput, match=message):
        call()
