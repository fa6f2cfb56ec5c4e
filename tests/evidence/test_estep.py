"""The one E-step: identities that hold for every kind of evidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.errors import BadInput
from labelwright.evidence import (
    Bags,
    Candidates,
    Evidence,
    Hard,
    Mixed,
    Pairs,
    Reals,
    Relation,
    Soft,
    Tags,
    Votes,
    posterior,
)

N, K = 4, 3
UNINFORMATIVE = {
    "hard": Hard.unknown(N, K),
    "soft": Soft(np.full((N, K), 1 / K)),
    "all candidates": Candidates.from_mask(np.ones((N, K), bool)),
    "nothing excluded": Candidates.complementary([-1] * N, K),
    "no votes": Votes([], [], [], N, 2, K),
    "free counts": Bags.between([0, 0, 1, 1], np.zeros(2, int), [2, 2], n_classes=K),
    "no bags": Bags.counts([-1] * N, np.empty(0, int), n_classes=K),
    "no pairs": Pairs([], [], [], N, K),
    "even pairs": Pairs([0], [1], [Relation.ALIKE], N, K, [0.5]),
}


@pytest.mark.parametrize("name", UNINFORMATIVE)
def test_uniform_evidence_leaves_the_prior_alone(name, random_log_prior):
    log_prior = random_log_prior(0, N, K)
    assert_allclose(posterior(log_prior, UNINFORMATIVE[name]).q, np.exp(log_prior), rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_log_z_is_the_log_probability_of_the_observed_label(random_log_prior, seed):
    rng = np.random.default_rng(seed)
    log_prior, noise, labels = random_log_prior(seed, N, K), rng.dirichlet(np.ones(K), K), rng.integers(0, K, N)
    got = posterior(log_prior, Hard(labels, K), noise)
    assert_allclose(got.log_z, np.log((np.exp(log_prior) @ noise)[np.arange(N), labels]), rtol=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, N - 1))
def test_merging_the_parts_of_a_split_gives_the_whole(random_log_prior, seed, cut):
    rng = np.random.default_rng(seed)
    log_prior, evidence = random_log_prior(seed, N, K), Votes.from_matrix(rng.integers(-1, K, (N, 3)), K)
    noise = rng.dirichlet(np.ones(K), (3, K))
    whole = posterior(log_prior, evidence, noise)
    parts = [posterior(log_prior[r], evidence[r], noise) for r in (slice(0, cut), slice(cut, N))]
    assert_allclose(np.concatenate([p.q for p in parts]), whole.q, rtol=1e-12)
    assert_allclose(np.concatenate([p.log_z for p in parts]), whole.log_z, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(K)), st.integers(0, 1000))
def test_renaming_classes_renames_the_posterior(random_log_prior, order, seed):
    rng, order = np.random.default_rng(seed), np.array(order)
    place = np.argsort(order)
    log_prior, noise = random_log_prior(seed, N, K), rng.dirichlet(np.ones(K), K)
    labels = rng.integers(0, K, N)
    plain = posterior(log_prior, Hard(labels, K), noise)
    renamed = posterior(log_prior[:, order], Hard(place[labels], K), noise[np.ix_(order, order)])
    assert_allclose(renamed.q, plain.q[:, order], rtol=1e-12)
    assert_allclose(renamed.log_z, plain.log_z, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_every_row_of_q_sums_to_one(random_log_prior, seed):
    log_prior = random_log_prior(seed, N, K)
    for evidence in UNINFORMATIVE.values():
        assert_allclose(posterior(log_prior, evidence).q.sum(axis=1), 1, rtol=1e-12)


def test_single_precision_stays_single(random_log_prior):
    got = posterior(random_log_prior(1, N, K).astype(np.float32), Bags.counts([0, 0, 1, 1], [1, 1], n_classes=K))
    assert got.q.dtype == got.log_z.dtype == np.float32


def test_a_prior_of_zero_is_floored_so_that_evidence_can_win():
    got = posterior(np.array([[0.0, -np.inf]]), Hard([1], 2))
    assert_allclose(got.q, [[0, 1]])
    assert_allclose(got.log_z, np.log(1e-12))


def test_contradictory_evidence_raises_by_row():
    both = Mixed.of(Hard([0, 1, 0], 2), Hard([0, 0, -1], 2))
    with pytest.raises(BadInput, match=r"row 1: the evidence contradicts itself in 1 rows"):
        posterior(np.zeros((3, 2)), both)


def test_eps_forgives_contradictory_evidence():
    both = Mixed.of(Hard([0], 2), Hard([1], 2))
    assert_allclose(posterior(np.log([[0.3, 0.7]]), both, eps=1e-3).q, [[0.3, 0.7]])


@pytest.mark.parametrize(
    ("log_prior", "evidence", "message"),
    [
        (np.zeros((2, 3)), Hard([0, 1], 2), r"shape \(2, 3\), the evidence needs \(2, 2\)"),
        (np.zeros((3, 2)), Hard([0, 1], 2), r"shape \(3, 2\)"),
        (np.array([[np.nan, 0.0]]), Hard([0], 2), "row 0: the log-prior is NaN"),
        (np.zeros((1, 2)), Reals.values([1.0]), "use evidence.nll"),
        (np.zeros((1, 2)), Tags.from_dense([[1, 0]]), r"needs \(1, 2, 2\)"),
        (np.zeros((2, 3)), Bags.counts([0, 0], [1]), r"needs \(2, 2\)"),
    ],
)
def test_shapes_that_do_not_fit_are_one_clear_line(log_prior, evidence, message):
    with pytest.raises(BadInput, match=message):
        posterior(log_prior, evidence)


def test_every_type_is_evidence():
    assert all(isinstance(one, Evidence) for one in UNINFORMATIVE.values())


def test_no_rows_give_an_empty_posterior():
    got = posterior(np.zeros((0, 2)), Hard([], 2))
    assert got.q.shape == (0, 2) and got.log_z.shape == (0,)
