"""The fast E-step of confusion matrices is the slow one, and its bits do not depend on what runs beside (P121)."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from consensus.vote_worlds import crowd
from labelwright.consensus import DawidSkene
from labelwright.consensus.count_kernels import count_pass, share_count_pass
from labelwright.consensus.em import safe_log
from labelwright.consensus.expectation import Expectation
from labelwright.consensus.kernels import confusion_pass
from labelwright.consensus.table import VoteTable
from labelwright.evidence import Votes
from labelwright.noise import Sources, cast_votes


@pytest.fixture(autouse=True)
def _products_even_of_few_votes(monkeypatch):
    monkeypatch.setattr("labelwright.consensus.expectation.MANY", 1)


class AtOnce(Executor):
    """Runs what it is given in the thread of the caller."""

    def submit(self, call, /, *args, **kwargs):
        done = Future()
        done.set_result(call(*args, **kwargs))
        return done


def world(seed, k, n=90, m=5):
    """Return votes, parameters with an impossible answer, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = cast_votes(truth, Sources.skilled(rng.uniform(0.4, 0.9, m), n_classes=k, coverage=0.6), seed=rng)
    confusion = rng.dirichlet(np.ones(k), size=(m, k)).transpose(0, 2, 1).copy()
    confusion[0, k // 2] = 0.0
    return Votes(votes.row, votes.source, votes.value, n, m, k), rng.dirichlet(np.ones(k)), confusion, truth


def fast(table, gold, balance, confusion, helper=None):
    votes = Expectation(confusion.shape, helper or AtOnce())
    votes.begin(balance, confusion)
    return votes.add(table, gold), *votes.sums()


def slow(table, gold, balance, confusion):
    counts, totals = np.zeros_like(confusion), np.zeros_like(balance)
    votes = table.offsets, table.source, table.value, table.weight
    logs = safe_log(balance), safe_log(confusion)
    return confusion_pass(*votes, gold, 1, False, *logs, counts, totals, np.empty((0, 0))), counts, totals


@pytest.mark.parametrize("k", [2, 3, 4, 5, 9])
@pytest.mark.parametrize("with_gold", [False, True])
def test_products_are_the_logarithms(k, with_gold):
    votes, balance, confusion, truth = world(k, k)
    table = VoteTable.of(votes)
    gold = table.known(np.where(np.arange(90) % 3 == 0, truth, -1)) if with_gold else table.no_gold()
    for found, wanted in zip(fast(table, gold, balance, confusion), slow(table, gold, balance, confusion), strict=True):
        assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_a_row_of_thousands_of_votes_leaves_the_range_of_products_and_is_taken_in_logarithms():
    rng = np.random.default_rng(0)
    many = 3000
    votes = Votes(np.repeat([0, 1], [many, 2]), np.zeros(many + 2, int), rng.integers(0, 3, many + 2), 2, 1, 3)
    table, confusion = VoteTable.of(votes), rng.dirichlet(np.ones(3), size=(1, 3)).transpose(0, 2, 1).copy()
    found, wanted = (way(table, table.no_gold(), np.full(3, 1 / 3), confusion) for way in (fast, slow))
    for a, b in zip(found, wanted, strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_an_impossible_vote_is_the_smallest_probability_and_no_division_by_nothing():
    votes = Votes([0, 0], [0, 1], [0, 1], 1, 2, 2)
    table, certain = VoteTable.of(votes), np.tile(np.eye(2), (2, 1, 1))
    for a, b in zip(
        fast(table, table.no_gold(), np.array([0.5, 0.5]), certain),
        slow(table, table.no_gold(), np.array([0.5, 0.5]), certain),
        strict=True,
    ):
        assert_allclose(a, b, rtol=1e-12)


def test_weighted_votes_take_the_logarithms():
    votes, balance, confusion, _ = world(0, 3)
    heavy = VoteTable.of(Votes(votes.row, votes.source, votes.value, 90, 5, 3, weight=np.full(len(votes.row), 2.0)))
    assert not heavy.unweighted
    gold = heavy.no_gold()
    assert fast(heavy, gold, balance, confusion)[0] == slow(heavy, gold, balance, confusion)[0]


def test_the_bits_are_the_same_with_a_second_thread_and_without():
    votes, balance, confusion, _ = world(1, 4, n=400)
    table = VoteTable.of(votes)
    alone = fast(table, table.no_gold(), balance, confusion)
    with ThreadPoolExecutor(1) as helper:
        for a, b in zip(fast(table, table.no_gold(), balance, confusion, helper), alone, strict=True):
            assert_array_equal(a, b)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5), st.sampled_from([0.0, 0.01]))
def test_the_objective_never_falls(seed, k, smoothing):
    votes, _, _, _ = world(seed, k, n=40)
    path = DawidSkene(smoothing=smoothing, max_iter=40, tol=0.0).fit(votes).objective_
    assert (np.diff(path) >= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_one_step_never_lowers_the_likelihood(seed, k):
    votes, balance, confusion, _ = world(seed, k, n=40)
    table = VoteTable.of(votes)
    before, counts, totals = fast(table, table.no_gold(), balance, confusion)
    model = DawidSkene(smoothing=0.0)
    model._prepare(k, k)
    after = fast(table, table.no_gold(), *model._maximise(counts, totals))[0]
    assert after >= before - 1e-9 * abs(before)


def test_tables_add_up_and_other_parameters_start_anew():
    votes, balance, confusion, _ = world(2, 3)
    table = VoteTable.of(votes)
    once = fast(table, table.no_gold(), balance, confusion)
    both = Expectation(confusion.shape, AtOnce())
    for _ in range(2):
        both.begin(balance, confusion)
        reached = [both.add(table, table.no_gold()) for _ in range(2)]
        counts, totals = both.sums()
        assert reached == [once[0], once[0]]
        assert_allclose(counts, 2 * once[1], rtol=1e-12)
        assert_allclose(totals, 2 * once[2], rtol=1e-12)


def test_two_halves_side_by_side_give_what_one_pass_gives(monkeypatch):
    votes, _ = crowd(n=200)
    both = DawidSkene().fit(votes)
    monkeypatch.setattr("labelwright.consensus.expectation.MANY", 10**9)
    alone = DawidSkene().fit(votes)
    assert_allclose(both.confusion_, alone.confusion_, atol=1e-9)
    assert_allclose(both.objective_[-1], alone.objective_[-1], rtol=1e-10)


def test_shares_of_votes_are_even_where_nobody_voted_and_sure_where_the_class_is_known():
    table = VoteTable.of(Votes([0, 0, 0, 2], [0, 1, 2, 0], [1, 1, 0, 0], 3, 3, 2))
    assert_allclose(table.shares(), [[1 / 3, 2 / 3], [0.5, 0.5], [1, 0]])
    assert_array_equal(table.shares(np.array([0, -1, 1])), [[1, 0], [0.5, 0.5], [0, 1]])
    silent = VoteTable.of(Votes([0, 0], [0, 1], [-1, 1], 1, 2, 2), abstaining_answers=True)
    assert_array_equal(silent.shares(), [[0, 1]])


@pytest.mark.parametrize("abstaining", [False, True])
def test_the_start_is_counted_from_shares_without_storing_them(abstaining):
    votes = Votes([0, 0, 0, 2, 3], [0, 1, 2, 0, 1], [1, 1, 0, 0, -1], 5, 3, 2)
    table, gold = VoteTable.of(votes, abstaining_answers=abstaining), np.array([-1, -1, 1, -1, -1])
    counts, wanted, totals = np.zeros((3, table.n_symbols, 2)), np.zeros((3, table.n_symbols, 2)), np.zeros(2)
    seen = table.offsets, table.source, table.value, table.weight
    share_count_pass(*seen, gold, counts, totals)
    q = table.shares(gold)
    count_pass(*seen, q, wanted)
    assert_allclose(counts, wanted, rtol=1e-15)
    assert_allclose(totals, q[table.covered() | (gold >= 0)].sum(axis=0), rtol=1e-15)
