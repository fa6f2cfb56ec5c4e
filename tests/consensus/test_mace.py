"""The fast E-step of MACE is the slow one (P121)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from consensus.vote_worlds import crowd
from labelwright.consensus import MACE
from labelwright.consensus.em import safe_log
from labelwright.consensus.kernels import matching_pass
from labelwright.consensus.label_models.mace import _expect
from labelwright.consensus.table import VoteTable
from labelwright.evidence import Votes


def slow(table, gold, balance, base, bonus):
    matches, totals = np.zeros_like(base), np.zeros(len(balance))
    votes = table.offsets, table.source, table.value, table.weight, gold, False
    return matching_pass(*votes, safe_log(balance), base, bonus, matches, totals, np.empty((0, 0))), matches


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("with_gold", [False, True])
def test_products_are_the_logarithms(k, with_gold):
    votes, truth = crowd(n=90, n_classes=k)
    table, rng = VoteTable.of(votes), np.random.default_rng(k)
    gold = table.known(np.where(np.arange(90) % 3 == 0, truth, -1)) if with_gold else table.no_gold()
    base, bonus = rng.normal(size=(2, 5, k)) * 3
    matches, balance = np.zeros((5, k)), rng.dirichlet(np.ones(k))
    found = _expect(table, gold, balance, base, bonus, matches)
    reached, wanted = slow(table, gold, balance, base, bonus)
    assert_allclose(found, reached, rtol=1e-12)
    assert_allclose(matches, wanted, rtol=1e-12)


@pytest.mark.parametrize("size", [-500.0, 500.0])
def test_a_row_of_many_votes_leaves_the_range_of_products_and_is_taken_in_logarithms(size):
    rng = np.random.default_rng(0)
    table = VoteTable.of(Votes(np.zeros(3000, int), np.zeros(3000, int), rng.integers(0, 2, 3000), 1, 1, 2))
    base, bonus, matches = np.zeros((1, 2)), np.full((1, 2), size), np.zeros((1, 2))
    found = _expect(table, table.no_gold(), np.full(2, 0.5), base, bonus, matches)
    reached, wanted = slow(table, table.no_gold(), np.full(2, 0.5), base, bonus)
    assert_allclose(found, reached, rtol=1e-9)
    assert_allclose(matches, wanted, rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_the_lower_bound_never_falls(seed, k):
    rng = np.random.default_rng(seed)
    votes = Votes(rng.integers(0, 30, 90), rng.integers(0, 6, 90), rng.integers(0, k, 90), 30, 6, k)
    path = MACE(restarts=2, max_iter=30, tol=0.0).fit(votes).objective_
    assert (np.diff(path) >= 0).all()
