"""When plain majority voting is already the best (P086)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.consensus import (
    CertificateStatus,
    DawidSkene,
    MajorityVote,
    certify_majority,
    choose_aggregator,
    majority_gap,
    majority_is_optimal,
    oracle_map,
    plurality_is_optimal,
    published_certificate,
)
from labelwright.consensus.majority_certificate import box_margins
from labelwright.consensus.majority_optimality import logit, vote_weights
from labelwright.consensus.paper_certificate import published_condition
from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.noise import Sources, cast_votes

shares = st.floats(0.02, 0.98)


def by_enumeration(prior, a, b):
    """Whether majority equals the oracle on every untied outcome."""
    outcomes = np.array(list(product((0, 1), repeat=len(a))))
    lead = 2 * outcomes.sum(axis=1) - len(a)
    untied = lead != 0
    return (oracle_map(outcomes[untied], prior, a, b) == (lead[untied] > 0)).all()


@settings(max_examples=150, deadline=None)
@given(shares, shares, shares, st.integers(1, 7))
def test_the_condition_for_identical_sources_agrees_with_enumeration(prior, a, b, n_votes):
    found = majority_is_optimal(prior, a, b, n_votes)
    if abs(found.margin) > 1e-9:
        assert found.holds == by_enumeration(prior, np.full(n_votes, a), np.full(n_votes, b))


@settings(max_examples=150, deadline=None)
@given(shares, st.lists(st.tuples(shares, shares), min_size=1, max_size=6))
def test_the_condition_for_different_sources_agrees_with_enumeration(prior, reliabilities):
    a, b = np.array(reliabilities).T
    found = majority_is_optimal(prior, a, b)
    if abs(found.margin) > 1e-9:
        assert found.holds == by_enumeration(prior, a, b)


@settings(max_examples=60, deadline=None)
@given(shares, st.floats(0.51, 0.98), st.floats(0.51, 0.98), st.sampled_from([1, 3, 5, 7]))
def test_the_published_form_is_the_same_condition(prior, a, b, n_votes):
    k1, k0 = a / (1 - b), b / (1 - a)
    r, f = k0 * k1, (k0 / k1) ** (n_votes / 2)
    margin = majority_is_optimal(prior, a, b, n_votes).margin
    if abs(margin) > 1e-9:
        assert (margin > 0) == (f / np.sqrt(r) < prior / (1 - prior) < f * np.sqrt(r))


def test_balanced_classes_and_equal_sources_above_chance_are_always_optimal():
    assert all(majority_is_optimal(0.5, p, p, h).holds for p in (0.51, 0.7, 0.99) for h in (1, 2, 3, 8, 25))


@pytest.mark.parametrize("n_votes", [1, 3, 5, 21])
def test_the_boundary_is_an_error_rate_equal_to_the_rarer_class(n_votes):
    assert majority_is_optimal(0.2, 0.8 + 1e-6, 0.8 + 1e-6, n_votes).holds
    assert not majority_is_optimal(0.2, 0.8 - 1e-6, 0.8 - 1e-6, n_votes).holds
    assert abs(majority_is_optimal(0.2, 0.8, 0.8, n_votes).margin) < 1e-9


def test_even_numbers_of_votes_win_by_two():
    weight = 2 * np.log(0.7 / 0.3)
    assert_allclose(majority_is_optimal(0.6, 0.7, 0.7, 4).margin, weight - np.log(0.6 / 0.4))


def test_the_gap_of_identical_sources_is_that_of_as_many_different_ones():
    same = majority_gap(0.1, 0.7, 0.8, 5)
    many = majority_gap(0.1, np.full(5, 0.7), np.full(5, 0.8))
    assert_allclose([same.majority_error, same.oracle_error], [many.majority_error, many.oracle_error])


def test_there_is_no_gap_where_majority_is_optimal_and_some_where_it_is_not():
    assert majority_gap(0.5, 0.8, 0.8, 3).cost == 0
    assert majority_gap(0.05, 0.8, 0.8, 3).cost > 0.05


def test_many_sources_are_simulated():
    exact, drawn = majority_gap(0.3, 0.7, 0.7, 17), majority_gap(0.3, np.full(17, 0.7), np.full(17, 0.7))
    assert_allclose(drawn.majority_error, exact.majority_error, atol=0.005)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_the_margins_of_a_box_bound_those_of_its_points(seed, n_votes):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0.1, 0.8, 3)
    high = np.minimum(low + rng.uniform(0, 0.15, 3), 0.97)
    least, best = box_margins(low, high, n_votes)
    for point in rng.uniform(low, high, (30, 3)):
        w1, w0 = vote_weights(point[1], point[2])
        h = n_votes // 2 + 1
        g = n_votes - h
        margin = min(logit(point[0]) + h * w1 - g * w0, -(logit(point[0]) + g * w1 - h * w0))
        assert least - 1e-9 <= margin <= best + 1e-9


def world(prior, accuracy, n=6000, m=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < prior).astype(int)
    cast = cast_votes(truth, Sources.skilled([accuracy] * m, n_classes=2), seed=rng)
    return Votes(cast.row, cast.source, cast.value, n, m, 2), truth


def test_a_balanced_crowd_is_certified_and_a_rare_class_refused():
    fair, _ = world(0.5, 0.85)
    certificate = certify_majority(fair)
    assert certificate.status is CertificateStatus.CERTIFIED and not certificate.from_gold
    assert isinstance(choose_aggregator(certificate)[0], MajorityVote)
    rare, truth = world(0.05, 0.8)
    refused = certify_majority(rare, gold=truth)
    assert refused.status is CertificateStatus.VIOLATED and refused.from_gold
    assert isinstance(choose_aggregator(refused)[0], DawidSkene)


def test_few_rows_leave_it_open_and_both_models_are_offered():
    few, _ = world(0.4, 0.62, n=60)
    certificate = certify_majority(few)
    assert certificate.status is CertificateStatus.UNDECIDED
    assert len(choose_aggregator(certificate)) == 2


def test_every_number_of_votes_is_a_stratum():
    votes, _ = world(0.5, 0.85)
    some = Votes(votes.row[1:], votes.source[1:], votes.value[1:], 6000, 3, 2)
    assert [(s.n_votes, s.n_rows) for s in certify_majority(some).strata] == [(2, 1), (3, 5999)]


def test_the_published_certificate_needs_thirty_thousand_rows():
    accuracy = 0.8
    same = accuracy**2 + (1 - accuracy) ** 2
    pairs = np.array([[same, 1 - same], [1 - same, same]]) / 2
    needed = next(n for n in range(20_000, 45_000, 1000) if published_condition(pairs, np.array([0.5, 0.5]), n, 3))
    assert 28_000 <= needed <= 36_000


def test_the_published_certificate_reads_votes():
    votes, _ = world(0.5, 0.95, n=12_000)
    assert published_certificate(votes, 3)
    assert not published_certificate(votes.take(np.arange(100)), 3)


def test_several_classes_need_a_lead_that_outweighs_the_prior():
    assert plurality_is_optimal([1, 1, 1], 0.4).holds
    assert not plurality_is_optimal([8, 1, 1], 0.7).holds


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(BadInput, match="prior is 1"):
        majority_is_optimal(1.0, 0.8, 0.8, 3)
    with pytest.raises(BadInput, match="reliability"):
        majority_is_optimal(0.5, 1.0, 0.8, 3)
    with pytest.raises(BadInput, match="number of votes is missing"):
        majority_is_optimal(0.5, 0.8, 0.8)
    with pytest.raises(BadInput, match="3 classes"):
        certify_majority(Votes([0], [0], [2], 1, 1, 3))
