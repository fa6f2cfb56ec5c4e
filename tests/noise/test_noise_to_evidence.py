"""What the simulators return becomes evidence without a change, and the E-step undoes the noise that they made."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.evidence import Bags, Candidates, Hard, Reals, Tags, Votes, posterior
from labelwright.noise import (
    Sources,
    TransitionMatrix,
    cast_votes,
    complementary_labels,
    count_labels,
    interval_censored,
    missing_tags,
    noisy_counts,
    permuted_values,
    random_bags,
    right_censored,
    symmetric_noise,
    uniform_candidates,
)

N, K = 3000, 4
Y = np.random.default_rng(0).integers(0, K, N)
PRIOR = np.array([0.1, 0.2, 0.3, 0.4])
LOG_PRIOR = np.log(np.tile(PRIOR, (N, 1)))


def test_the_posterior_of_noisy_labels_is_that_of_their_matrix():
    noisy = symmetric_noise(Y, 0.3, K, seed=0)
    assert isinstance(noisy.transition, TransitionMatrix)
    q = posterior(LOG_PRIOR, Hard(noisy.labels, K), noise=noisy.transition).q
    assert_allclose(q, noisy.transition.posterior(PRIOR)[:, noisy.labels].T, atol=1e-12)


def test_candidate_sets_become_candidates():
    sets = uniform_candidates(Y, 0.3, K, seed=0).candidates
    evidence = Candidates(sets.indptr, sets.indices, K)
    assert_array_equal(evidence.mask(), sets.toarray())
    q = posterior(LOG_PRIOR, evidence).q
    assert (q[np.arange(N), Y] > 0).all()


def test_complementary_labels_rule_their_class_out():
    named = complementary_labels(Y, K, seed=0).labels
    q = posterior(LOG_PRIOR, Candidates.complementary(named, K)).q
    assert (q[np.arange(N), named] == 0).all()


def test_votes_become_votes_and_their_confusions_the_noise():
    sources = Sources.skilled([0.6, 0.7, 0.8], K, coverage=0.8, abstain=0.1)
    cast = cast_votes(Y, sources, seed=0)
    votes = Votes(cast.row, cast.source, cast.value, N, len(sources), K, seconds=cast.seconds)
    q = posterior(np.log(np.full((N, K), 1 / K)), votes, noise=sources.confusion).q
    assert (q.argmax(axis=1) == Y).mean() > 0.75
    assert abs(q[np.arange(N), Y].mean() - (q**2).sum(axis=1).mean()) < 0.02  # calibrated


def test_counts_become_bags_that_keep_their_counts():
    y = (Y == 0).astype(int)
    reported = noisy_counts(count_labels(y, random_bags(N, 10, seed=0), 2), 0.2, seed=1)
    bags = Bags.counts(reported.bag, reported.counts[:, 1])
    q = posterior(np.log(np.full((N, 2), 0.5)), bags).q
    assert_allclose(np.bincount(reported.bag, weights=q[:, 1]), reported.counts[:, 1], atol=1e-9)


def test_tags_become_tags():
    tags = missing_tags(np.eye(K)[Y], 0.4, seed=0).tags
    assert_array_equal(Tags.from_dense(tags).dense(), tags)


def test_censored_numbers_become_reals():
    values = np.random.default_rng(0).normal(size=N)
    for made in (right_censored(values, 0.5, seed=0), interval_censored(values, 0.5, seed=0)):
        assert_array_equal(Reals(made.bounds).bounds, made.bounds)


def test_permuted_numbers_become_a_block():
    values = np.random.default_rng(0).normal(size=200)
    made = permuted_values(values, 0.5, seed=0)
    block = np.full(200, -1)
    block[made.changed] = 0
    assert np.isfinite(Reals.values(made.values, block=block).nll(values)).all()
