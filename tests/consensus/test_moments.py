"""How often two answers meet, counted as sets of rows and pair by pair; posteriors as products (P121)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from consensus.vote_worlds import crowd
from labelwright.consensus import most_probable
from labelwright.consensus.base import confusion_posterior
from labelwright.consensus.em import safe_log
from labelwright.consensus.moments import _row_sets, answer_moments, co_counts
from labelwright.consensus.posterior_kernels import posterior_pass
from labelwright.consensus.table import VoteTable
from labelwright.evidence import Votes


def pairwise(table):
    moments = np.zeros((table.n_sources * table.n_symbols,) * 2)
    co_counts(table.offsets, table.cells, np.sqrt(table.weight), moments)
    return moments


@pytest.mark.parametrize("n", [1, 63, 64, 65, 300])
def test_answers_counted_as_sets_of_rows_are_the_product_of_indicators(n):
    votes, _ = crowd(n=n, n_classes=3)
    table = VoteTable.of(votes)
    said = np.zeros((n, 15))
    said[table.row(), table.cells] = 1
    assert_array_equal(answer_moments(table), said.T @ said)
    assert_array_equal(answer_moments(table), pairwise(table))


def test_a_source_that_answers_a_row_twice_is_counted_pair_by_pair():
    twice = VoteTable.of(Votes([0, 0, 0, 1], [0, 0, 1, 0], [1, 1, 0, 0], 2, 2, 2))
    assert not _row_sets(twice.offsets, twice.cells, np.zeros((4, 1), np.uint64))
    assert_array_equal(answer_moments(twice), pairwise(twice))


def test_weighted_votes_meet_with_their_weights():
    votes, _ = crowd(n=100)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(votes.row))
    table = VoteTable.of(Votes(votes.row, votes.source, votes.value, 100, 5, 2, weight=weight))
    assert_allclose(np.diag(answer_moments(table)), table.said().ravel())


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_posteriors_as_products_are_those_in_logarithms(k):
    rng = np.random.default_rng(k)
    votes, _ = crowd(n=100, n_classes=k)
    table = VoteTable.of(votes)
    balance, confusion = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), size=(5, k))
    confusion[0, :, 0] = 0.0
    logs, q = safe_log(np.ascontiguousarray(confusion.transpose(0, 2, 1))), np.empty((100, k))
    posterior_pass(table.offsets, table.source, table.value, table.weight, safe_log(balance), logs, q)
    assert_allclose(confusion_posterior(table, balance, confusion), q, rtol=1e-12, atol=1e-15)


def test_a_posterior_of_thousands_of_votes_stays_in_range():
    votes = Votes(np.zeros(5000, int), np.zeros(5000, int), np.arange(5000) % 3, 1, 1, 3)
    found = confusion_posterior(VoteTable.of(votes), np.full(3, 1 / 3), np.full((1, 3, 3), 1 / 3))
    assert_allclose(found, np.full((1, 3), 1 / 3), rtol=1e-9)


def test_the_most_probable_class_is_the_largest_and_ties_are_among_the_largest():
    probs = np.random.default_rng(0).dirichlet(np.ones(4), size=200)
    assert_array_equal(most_probable(probs), probs.argmax(axis=1))
    even = np.tile([0.4, 0.2, 0.4], (200, 1))
    assert set(most_probable(even).tolist()) == {0, 2}
    assert_array_equal(most_probable(even, abstain_on_tie=True), np.full(200, -1))
    assert_array_equal(most_probable(even.astype(np.float32)), most_probable(even))
    assert len(most_probable(np.empty((0, 3)))) == 0
