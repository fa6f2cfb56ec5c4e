"""Bags and pairs: what they say about their rows, solved exactly or said to be approximate."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.evidence import Bags, Hard, Pairs, Relation, posterior


def within(bags):
    def weight(y):
        for g in range(bags.n_bags):
            counts = np.bincount(y[bags.rows[bags.offsets[g] : bags.offsets[g + 1]]], minlength=bags.n_classes)
            if (counts < bags.low[g]).any() or (counts > bags.high[g]).any():
                return -np.inf
        return 0.0

    return weight


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(2, 4), st.integers(0, 10_000))
def test_class_counts_of_small_bags_equal_enumeration(enumerated, random_log_prior, m, k, seed):
    counts = np.bincount(np.random.default_rng(seed).integers(0, k, m), minlength=k)
    bags, log_prior = Bags.counts(np.zeros(m, int), counts[None, :]), random_log_prior(seed, m, k)
    q, log_z = enumerated(log_prior, within(bags))
    got = posterior(log_prior, bags)
    assert got.exact
    assert_allclose(got.q, q, atol=1e-10)
    assert_allclose(got.log_z, log_z, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(2, 4), st.integers(0, 10_000))
def test_class_intervals_of_small_bags_equal_enumeration(enumerated, random_log_prior, m, k, seed):
    rng = np.random.default_rng(seed)
    counts = np.bincount(rng.integers(0, k, m), minlength=k)
    low, high = counts - rng.integers(0, 3, k), counts + rng.integers(0, 3, k)
    bags, log_prior = Bags.between(np.zeros(m, int), low[None], high[None]), random_log_prior(seed, m, k)
    q, log_z = enumerated(log_prior, within(bags))
    got = posterior(log_prior, bags)
    assert_allclose(got.q, q, atol=1e-10)
    assert_allclose(got.log_z, log_z, rtol=1e-9, atol=1e-9)


def test_a_count_of_one_class_is_exact_among_many_classes(enumerated, random_log_prior):
    bags, log_prior = Bags.counts([0] * 5, [2], n_classes=4, target=3), random_log_prior(0, 5, 4)
    got = posterior(log_prior, bags)
    assert got.method == ("counting",) and got.exact
    assert_allclose(got.q, enumerated(log_prior, within(bags))[0], atol=1e-12)


def test_bags_of_one_row_are_labels(random_log_prior):
    log_prior = random_log_prior(1, 3, 2)
    bags, labels = Bags.counts([0, 1, 2], [1, 0, 1]), Hard([1, 0, 1], 2)
    got, expected = posterior(log_prior, bags), posterior(log_prior, labels)
    assert_allclose(got.q, expected.q, atol=1e-14)
    assert_allclose(got.log_z, expected.log_z, atol=1e-14)


def test_any_and_none_are_the_or_of_a_bag(random_log_prior):
    log_prior = random_log_prior(2, 5, 2)
    p = np.exp(log_prior[:, 1])
    got = posterior(log_prior, Bags.any_of([0, 0, 0, 1, 1], [True, False]))
    assert_allclose(got.log_z, [np.log1p(-np.prod(1 - p[:3])), np.log(np.prod(1 - p[3:]))])
    assert_allclose(got.q[:3, 1], p[:3] / (1 - np.prod(1 - p[:3])))
    assert_allclose(got.q[3:, 1], 0)


def test_rows_in_no_bag_keep_their_prior(random_log_prior):
    log_prior = random_log_prior(3, 4, 3)
    got = posterior(log_prior, Bags.counts([0, -1, 0, -1], [1], n_classes=3))
    assert_allclose(got.q[[1, 3]], np.exp(log_prior[[1, 3]]), atol=1e-14)
    assert_allclose(got.log_z[1:], 0, atol=1e-14)


def test_counts_of_many_classes_in_a_small_bag_are_exact(random_log_prior):
    """Six rows of six of ten classes, each once: the posterior is that of the 720 orders."""
    log_prior = random_log_prior(9, 6, 10)
    counts = np.array([[1, 0, 1, 0, 1, 1, 0, 1, 0, 1]])
    got = posterior(log_prior, Bags.counts(np.zeros(6, int), counts))
    q, z = np.zeros((6, 10)), 0.0
    for order in permutations(np.flatnonzero(counts[0])):
        weight = np.exp(log_prior[np.arange(6), order].sum())
        q[np.arange(6), order] += weight
        z += weight
    assert got.method == ("multiclass counting",) and got.exact
    assert_allclose(got.q, q / z, atol=1e-12)
    assert_allclose(got.log_z, np.log(z))


def test_sharp_predictions_that_contradict_the_counts_are_projected_too(random_log_prior):
    """Scaling alone crawls here; the Newton steps settle it."""
    sure = np.full((300, 3), -20.0)
    sure[np.arange(300), np.arange(300) % 3] = 0.0
    counts = np.array([[50, 100, 150]])
    got = posterior(sure + random_log_prior(6, 300, 3), Bags.counts(np.zeros(300, int), counts))
    assert got.method == ("sinkhorn",) and got.converged
    assert_allclose(got.q.sum(axis=0), counts[0], rtol=1e-6)


def test_large_class_counts_are_projected_and_the_result_says_so(random_log_prior):
    counts = np.array([[100, 120, 180]])
    got = posterior(random_log_prior(4, 400, 3), Bags.counts(np.zeros(400, int), counts))
    assert got.method == ("sinkhorn",) and not got.exact and got.converged
    assert_allclose(got.q.sum(axis=0), counts[0], rtol=1e-6)
    assert_allclose(got.q.sum(axis=1), 1, rtol=1e-12)


def test_large_class_intervals_go_one_against_the_rest_and_the_result_says_so(random_log_prior):
    low, high = np.array([[100, 100, 100]]), np.array([[150, 150, 200]])
    got = posterior(random_log_prior(5, 400, 3), Bags.between(np.zeros(400, int), low, high))
    assert got.method == ("one-vs-rest",) and not got.exact
    assert_allclose(got.q.sum(axis=1), 1, rtol=1e-12)


def test_intervals_that_settle_every_class_leave_no_nan():
    log_prior = np.log(np.full((20, 5), 0.2))
    low, high = np.array([[20, 0, 0, 0, 0]]), np.array([[20, 0, 0, 0, 1]])
    got = posterior(log_prior, Bags.between(np.zeros(20, int), low, high))
    assert_allclose(got.q, np.tile([1.0, 0, 0, 0, 0], (20, 1)), atol=1e-12)


def test_two_classes_never_need_an_approximation(random_log_prior):
    got = posterior(random_log_prior(6, 500, 2), Bags.counts(np.zeros(500, int), [[200, 300]]))
    assert got.exact
    assert_allclose(got.q.sum(axis=0), [200, 300], rtol=1e-9)


def test_whole_proportions_are_counts():
    assert Bags.proportions([0, 0, 1, 1], [0.5, 1.0]) == Bags.counts([0, 0, 1, 1], [1, 2])


def test_broken_proportions_are_soft_and_lean_to_the_nearest_count():
    bags = Bags.proportions(np.zeros(10, int), [0.33], scale=0.1)
    assert np.argmax(bags.log_potential) == 3
    got = posterior(np.full((10, 2), np.log(0.5)), bags)
    assert_allclose(got.q[:, 1].sum(), 3, atol=0.05)


def test_broken_proportions_of_all_classes_are_rounded_both_ways():
    bags = Bags.proportions(np.zeros(10, int), [[0.33, 0.67]])
    assert_array_equal(bags.low, [[3, 6]])
    assert_array_equal(bags.high, [[4, 7]])


def test_impossible_bags_are_named_with_a_row():
    log_prior = np.array([[0.0, -np.inf], [0.0, -np.inf]])
    with pytest.raises(BadInput, match=r"bag 0 \(row 0 and others\): the counts of 1 bags contradict"):
        Bags.counts([0, 0], [1]).condition(log_prior)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(3)), st.integers(0, 1000))
def test_renaming_classes_renames_the_posterior_of_bags(random_log_prior, order, seed):
    order = np.array(order)
    counts = np.bincount(np.random.default_rng(seed).integers(0, 3, 5), minlength=3)[None]
    log_prior = random_log_prior(seed, 5, 3)
    plain, renamed = Bags.counts(np.zeros(5, int), counts), Bags.counts(np.zeros(5, int), counts[:, order])
    assert_allclose(posterior(log_prior[:, order], renamed).q, posterior(log_prior, plain).q[:, order], atol=1e-10)


def test_the_groups_asked_for_alone_take_part(random_log_prior):
    log_prior, bags = random_log_prior(7, 4, 2), Bags.counts([0, 0, 1, 1], [1, 2])
    got = bags.condition(log_prior, groups=[1])
    assert_allclose(got.q[:2], np.exp(log_prior[:2]), atol=1e-14)
    assert_allclose(got.q[2:, 1], 1)
    assert len(got.log_z) == 3 == bags.of_groups([1]).units().max() + 1


def test_alike_rows_share_their_posterior(random_log_prior):
    log_prior = random_log_prior(8, 2, 3)
    got = posterior(log_prior, Pairs([0], [1], [Relation.ALIKE], 2, 3))
    both = np.exp(log_prior.sum(axis=0))
    assert_allclose(got.q, np.tile(both / both.sum(), (2, 1)), rtol=1e-10)
    assert_allclose(got.log_z, np.log(both.sum()), rtol=1e-10)


def test_confidence_one_half_says_nothing(random_log_prior):
    log_prior = random_log_prior(9, 2, 3)
    got = posterior(log_prior, Pairs([0], [1], [Relation.UNLIKE], 2, 3, [0.5]))
    assert_allclose(got.q, np.exp(log_prior), rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bags.counts([0, 0], [3]), "bag 0: the bag has 2 rows but counts from"),
        (lambda: Bags.counts([0, 0], [[1, 0]]), "add up"),
        (lambda: Bags.counts([0, 5], [1]), "bag 5 is outside"),
        (lambda: Bags.counts([0, 0], [1.5]), "not whole numbers"),
        (lambda: Bags.proportions([0, 0], [50]), "not percentages"),
        (lambda: Bags.soft([0, 0], [0.0], n_bags=1), "pass 3: 0..m of each bag"),
        (lambda: Bags([0, 0], [0, 2], [[0, 1]], [[2, 1]], 2), "same bag twice"),
        (lambda: Bags.counts([0], [1], target=4), "target 4 is outside"),
        (lambda: Pairs([0], [0], [0], 2, 2), "pair 0: row 0 is paired with itself"),
        (lambda: Pairs([0], [1], [7], 2, 2), "relation 7 is outside"),
        (lambda: Pairs([0], [1], [0], 2, 2, [0.0]), "pair 0: confidence 0.0"),
        (lambda: Pairs([0, 1], [1], [0], 2, 2), "differ in length"),
        (lambda: posterior(np.zeros((2, 2)), Bags.counts([0, 0], [1]), noise=np.eye(2)), "Bags takes no noise"),
    ],
)
def test_bad_groups_are_one_clear_line(make, message):
    with pytest.raises(BadInput, match=message):
        make()
