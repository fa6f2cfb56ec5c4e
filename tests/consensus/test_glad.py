"""Exact identities of GLAD (P121)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import check_grad
from scipy.special import expit, log_expit

from consensus.vote_worlds import crowd
from labelwright.consensus import GLAD
from labelwright.consensus.glad_kernels import (
    CURVE,
    FACTOR,
    MOST,
    SLOPE,
    Q,
    ease_steps,
    glad_posterior,
    item_part,
    look,
    source_pass,
    step_pass,
)
from labelwright.consensus.label_models.glad import empty_sums, joined
from labelwright.consensus.label_models.one_coin import one_coin_posterior
from labelwright.consensus.table import VoteTable
from labelwright.evidence import Votes

ALPHA = np.array([1.0, 0.5, 2.0, -0.3, 0.1])


def weighted(n, k, *, heavy):
    votes, truth = crowd(n=n, n_classes=k)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(votes.row)) if heavy else None
    return VoteTable.of(Votes(votes.row, votes.source, votes.value, n, 5, k, weight=weight)), truth


def part_of_item(table, i, right, alpha, beta):
    first, last = table.offsets[i], table.offsets[i + 1]
    at = np.empty((last - first, 3))
    look(first, last, table.source, alpha, beta, at)
    return item_part(first, last, table.weight, right, beta, at)


def sums_of(table, right, alpha, beta):
    sums = empty_sums(len(alpha))
    source_pass(table.offsets, table.source, table.weight, right, 0, table.n_rows, alpha, beta, sums)
    return joined([sums], alpha)


def step(table, gold, prior, alpha, beta, steps=2, rows=None):
    right, moved, sums = np.empty(len(table.value)), np.empty(table.n_rows), empty_sums(len(alpha))
    votes = table.offsets, table.source, table.value, table.weight, gold
    reached = step_pass(*votes, *(rows or (0, table.n_rows)), prior, alpha, beta, steps, right, moved, sums)
    return reached, right, moved, sums


def test_glad_with_fixed_easiness_is_one_coin():
    table, _ = weighted(300, 3, heavy=False)
    beta, prior, q = np.full(300, 0.4), np.full(3, 1 / 3), np.empty((300, 3))
    q[:] = prior
    glad_posterior(table.offsets, table.source, table.value, table.weight, prior, ALPHA, beta, q)
    assert_allclose(q, one_coin_posterior(table, prior, expit(ALPHA * np.exp(0.4))), atol=1e-12)


@pytest.mark.parametrize("heavy", [False, True])
@pytest.mark.parametrize("with_gold", [False, True])
def test_the_e_step_is_the_likelihood_written_out(heavy, with_gold):
    table, truth = weighted(60, 3, heavy=heavy)
    rng = np.random.default_rng(0)
    beta, prior = rng.normal(size=60), np.array([0.2, 0.3, 0.5])
    gold = table.known(np.where(np.arange(60) % 4 == 0, truth, -1)) if with_gold else table.no_gold()
    x = ALPHA[table.source] * np.exp(beta[table.row()])
    said = table.value[:, None] == np.arange(3)
    logs = table.weight[:, None] * np.where(said, log_expit(x)[:, None], log_expit(-x)[:, None] - np.log(2))
    score = np.tile(np.log(prior), (60, 1))
    np.add.at(score, table.row(), logs)
    score[(gold >= 0)[:, None] & (gold[:, None] != np.arange(3))] = -np.inf
    whole = np.logaddexp.reduce(score, axis=1)
    voted = table.covered()
    reached, right, _, _ = step(table, gold, prior, ALPHA, beta)
    assert_allclose(reached, whole[voted].sum(), rtol=1e-12)
    assert_allclose(right, np.exp(score - whole[:, None])[table.row(), table.value], atol=1e-12)


@pytest.mark.parametrize("heavy", [False, True])
def test_glad_climbs_its_true_gradient(heavy):
    table, _ = weighted(20, 2, heavy=heavy)
    rng = np.random.default_rng(0)
    right, beta = rng.random(len(table.value)), rng.normal(size=20)

    def of_item(b):
        return part_of_item(table, 3, right, ALPHA, b[0])

    def of_sources(alpha):
        sums = sums_of(table, right, alpha, beta)
        assert (sums[:, CURVE] <= sums[:, MOST] + 1e-12).all()
        return sums[:, Q].sum(), sums[:, SLOPE]

    assert check_grad(lambda b: of_item(b)[0], lambda b: np.array([of_item(b)[1]]), [0.7]) < 1e-5
    assert check_grad(lambda a: of_sources(a)[0], lambda a: of_sources(a)[1], rng.normal(size=5)) < 1e-4


@pytest.mark.parametrize("heavy", [False, True])
def test_q_of_an_item_is_its_votes_written_out(heavy):
    table, _ = weighted(30, 2, heavy=heavy)
    right, beta = np.random.default_rng(0).random(len(table.value)), 0.3
    votes = slice(table.offsets[7], table.offsets[8])
    x = ALPHA[table.source[votes]] * np.exp(beta)
    parts = right[votes] * log_expit(x) + (1 - right[votes]) * log_expit(-x)
    wanted = (table.weight[votes] * parts).sum() - 0.5 * (beta - 1) ** 2
    assert_allclose(part_of_item(table, 7, right, ALPHA, beta)[0], wanted, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_no_step_of_an_item_lowers_its_part(seed, heavy):
    table, _ = weighted(20, 2, heavy=heavy)
    rng = np.random.default_rng(seed)
    right, alpha, before = rng.random(len(table.value)), rng.normal(size=5) * 3, rng.normal(size=20) * 2
    for i in range(20):
        ends = table.offsets[i], table.offsets[i + 1], table.source
        at, tried = np.empty((2, ends[1] - ends[0], 3))
        look(*ends, alpha, before[i], at)
        after, swapped = ease_steps(*ends, table.weight, right, alpha, before[i], 3, at, tried)
        q = [part_of_item(table, i, right, alpha, beta)[0] for beta in (before[i], after)]
        assert q[1] >= q[0]
        here = np.empty_like(at)
        look(*ends, alpha, after, here)
        assert_array_equal(tried if swapped else at, here)


def test_one_pass_leaves_the_sums_that_a_pass_of_its_own_would_count():
    table, _ = weighted(40, 3, heavy=False)
    _, right, moved, sums = step(table, table.no_gold(), np.full(3, 1 / 3), ALPHA, np.ones(40))
    assert_allclose(joined([sums], ALPHA), sums_of(table, right, ALPHA, moved), rtol=1e-12)


def test_parts_of_the_rows_add_up_to_the_whole():
    table, _ = weighted(40, 3, heavy=False)
    given_ = table, table.no_gold(), np.full(3, 1 / 3), ALPHA, np.ones(40)
    whole, *_, sums = step(*given_)
    parts = [step(*given_, rows=rows) for rows in ((0, 13), (13, 40))]
    assert_allclose(sum(one[0] for one in parts), whole, rtol=1e-12)
    assert_allclose(joined([one[3] for one in parts], ALPHA), joined([sums], ALPHA), rtol=1e-12)


def test_thousands_of_votes_on_a_row_and_of_a_source_stay_in_range():
    rng = np.random.default_rng(0)
    table = VoteTable.of(Votes(np.zeros(4000, int), np.arange(4000) % 4, rng.integers(0, 2, 4000), 1, 4, 2))
    alpha, beta = np.array([0.1, 0.2, 0.0, -0.1]), np.zeros(1)
    reached, right, moved, sums = step(table, table.no_gold(), np.full(2, 0.5), alpha, beta)
    assert np.isfinite(reached) and np.isfinite(right).all() and np.isfinite(moved).all()
    assert np.isfinite(joined([sums], alpha)).all() and (sums[:, FACTOR] < 1e201).all()
    x = alpha[table.source] * np.exp(moved[0])
    parts = right * log_expit(x) + (1 - right) * log_expit(-x)
    assert_allclose(part_of_item(table, 0, right, alpha, moved[0])[0], parts.sum() - 0.5 * (moved[0] - 1) ** 2)


def test_a_known_class_that_its_votes_deny_is_no_division_by_nothing():
    table = VoteTable.of(Votes(np.zeros(400, int), np.zeros(400, int), np.zeros(400, int), 1, 1, 2))
    reached, right, *_ = step(table, np.array([1]), np.full(2, 0.5), np.array([5.0]), np.zeros(1))
    assert_allclose(reached, 400 * log_expit(-5.0) + np.log(0.5), rtol=1e-12)
    assert (right == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_the_objective_never_falls(seed, k):
    rng = np.random.default_rng(seed)
    votes = Votes(rng.integers(0, 30, 90), rng.integers(0, 6, 90), rng.integers(0, k, 90), 30, 6, k)
    path = GLAD(max_iter=30, tol=0.0).fit(votes).objective_
    assert (np.diff(path) >= 0).all()


def test_the_bits_are_the_same_in_every_run():
    votes, _ = crowd(n=300)
    one, two = (GLAD().fit(votes) for _ in range(2))
    assert_array_equal(one.ability_, two.ability_)
    assert_array_equal(one.log_easiness_, two.log_easiness_)
    assert one.objective_ == two.objective_


def test_glad_gives_other_rows_of_the_same_votes_the_same_answer():
    votes, _ = crowd(n=120)
    model = GLAD(tol=1e-8).fit(votes)
    half = votes.take(np.arange(60))
    assert_allclose(model.predict_proba(half), model.predict_proba(votes)[:60], atol=5e-3)


def test_glad_needs_difficulty_to_differ_from_one_coin_and_orders_items_by_agreement():
    votes = Votes.from_matrix([[0, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1], [1, 1, 1, 0]] * 5, n_classes=2)
    easiness = GLAD().fit(votes).log_easiness_
    assert easiness[0] > easiness[3] > easiness[1]
