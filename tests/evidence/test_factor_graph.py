"""Belief propagation: exact on trees, close on circles, loud about contradictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.errors import BadInput
from labelwright.evidence import Bags, Pairs, Relation, belief_propagation
from labelwright.evidence.factor_graph import PairFactors


def pair_weight(pairs):
    tables = pairs.log_tables()
    return lambda y: sum(tables[e, y[i], y[j]] for e, (i, j) in enumerate(zip(pairs.first, pairs.second, strict=True)))


def bag_weight(bags):
    def weight(y):
        for g in range(bags.n_bags):
            own = y[bags.rows[bags.offsets[g] : bags.offsets[g + 1]]]
            counts = np.bincount(own, minlength=bags.n_classes)
            if (counts < bags.low[g]).any() or (counts > bags.high[g]).any():
                return -np.inf
        return 0.0

    return weight


def factors(pairs):
    return PairFactors(pairs.first, pairs.second, pairs.log_tables())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 3))
def test_a_tree_of_pairs_is_exact(enumerated, random_log_prior, seed, n_classes):
    rng = np.random.default_rng(seed)
    n = 6
    second = np.arange(1, n)
    first = np.array([rng.integers(0, i) for i in second])
    relation, confidence = rng.integers(0, 3, n - 1), rng.uniform(0.1, 1.0, n - 1)
    pairs = Pairs(first, second, relation, n, n_classes, confidence)
    log_prior = random_log_prior(seed, n, n_classes)
    q, log_z = enumerated(log_prior, pair_weight(pairs))
    got = belief_propagation(log_prior, [factors(pairs)])
    assert got.exact
    assert_allclose(got.q, q, atol=1e-10)
    assert_allclose(got.log_z.sum(), log_z, rtol=1e-9, atol=1e-9)


def test_bags_joined_by_one_pair_are_exact(enumerated, random_log_prior):
    bags, pairs = Bags.counts([0, 0, 0, 1, 1, 1], [1, 2]), Pairs([2], [3], [Relation.ALIKE], 6, 2, [0.9])
    log_prior = random_log_prior(3, 6, 2)
    q, log_z = enumerated(log_prior, lambda y: bag_weight(bags)(y) + pair_weight(pairs)(y))
    got = belief_propagation(log_prior, [factors(pairs)], [bags])
    assert got.exact
    assert_allclose(got.q, q, atol=1e-11)
    assert_allclose(got.log_z, log_z, rtol=1e-10)


def test_bags_that_share_one_row_are_exact(enumerated, random_log_prior):
    rows, offsets = np.array([0, 1, 2, 2, 3, 4]), np.array([0, 3, 6])
    low = np.array([[0, 1], [0, 2]])
    bags = Bags(rows, offsets, low, np.array([[3, 1], [3, 3]]), 5)
    log_prior = random_log_prior(4, 5, 2)
    q, log_z = enumerated(log_prior, bag_weight(bags))
    got = bags.condition(log_prior)
    assert got.method == ("belief propagation",) and got.exact
    assert_allclose(got.q, q, atol=1e-11)
    assert_allclose(got.log_z, log_z, rtol=1e-10)


def test_a_chain_longer_than_the_sweep_limit_is_still_exact():
    n = 301
    pairs = Pairs(np.arange(n - 1), np.arange(1, n), np.full(n - 1, Relation.ALIKE), n, 2)
    log_prior = np.log(np.full((n, 2), 0.5))
    log_prior[0] = np.log([0.9, 0.1])
    got = belief_propagation(log_prior, [factors(pairs)])
    assert got.exact and got.converged
    assert_allclose(got.q, np.tile([0.9, 0.1], (n, 1)), atol=1e-10)


def test_a_circle_converges_near_the_truth_and_says_that_it_is_not_exact(enumerated, random_log_prior):
    pairs = Pairs([0, 1, 2], [1, 2, 0], [Relation.ALIKE] * 3, 3, 2, [0.7] * 3)
    log_prior = random_log_prior(5, 3, 2)
    got = belief_propagation(log_prior, [factors(pairs)])
    assert got.converged and not got.exact and got.sweeps <= 100
    assert_allclose(got.q, enumerated(log_prior, pair_weight(pairs))[0], atol=0.1)


def test_two_pairs_between_the_same_rows_form_a_circle(random_log_prior):
    pairs = Pairs([0, 0], [1, 1], [Relation.ALIKE, Relation.RANKED], 2, 2, [0.7, 0.7])
    assert not belief_propagation(random_log_prior(6, 2, 2), [factors(pairs)]).exact


def test_pairs_that_contradict_certain_rows_name_a_row():
    log_prior = np.array([[0.0, -np.inf], [-np.inf, 0.0]])
    with pytest.raises(BadInput, match=r"row \d: the groups leave \d rows without a possible class"):
        Pairs([0], [1], [Relation.ALIKE], 2, 2).condition(log_prior)


def test_ranked_rows_never_fall(random_log_prior):
    pairs = Pairs([0], [1], [Relation.RANKED], 2, 3)
    log_prior = random_log_prior(7, 2, 3)
    joint = np.tril(np.exp(log_prior[0])[:, None] * np.exp(log_prior[1])[None, :])
    got = pairs.condition(log_prior)
    assert_allclose(got.q[0], joint.sum(axis=1) / joint.sum(), rtol=1e-10)
    assert_allclose(got.q[1], joint.sum(axis=0) / joint.sum(), rtol=1e-10)
    assert_allclose(got.log_z, np.log(joint.sum()), rtol=1e-10)


def test_rows_in_no_factor_keep_their_prior(random_log_prior):
    log_prior = random_log_prior(8, 3, 2)
    got = Pairs([0], [1], [Relation.UNLIKE], 3, 2).condition(log_prior)
    assert_allclose(got.q[2], np.exp(log_prior[2]), rtol=1e-12)


def test_no_factors_leave_all_priors_alone(random_log_prior):
    log_prior = random_log_prior(9, 4, 3)
    got = belief_propagation(log_prior)
    assert_allclose(got.q, np.exp(log_prior), rtol=1e-12)
    assert_allclose(got.log_z, 0, atol=1e-12)
