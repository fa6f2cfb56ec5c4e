from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.acquire import (
    Budget,
    Pool,
    RandomSampling,
    Selection,
    highest,
    inclusion_probabilities,
    poisson_sample,
    systematic_sample,
)
from labelwright.errors import BadInput
from labelwright.evidence import Votes


def test_rows_without_label_and_vote_are_open_by_default():
    votes = Votes([1], [0], [0], n_rows=4, n_sources=1, n_classes=2)
    pool = Pool(labels=[0, -1, -1, -1], votes=votes)
    assert_array_equal(pool.open_rows, [2, 3])


def test_an_abstention_is_no_vote():
    votes = Votes([0, 1], [0, 0], [-1, 1], n_rows=2, n_sources=1, n_classes=2)
    assert_array_equal(Pool(votes=votes).open_rows, [0])


def test_the_mean_of_draws_stands_for_pred_probs():
    pool = Pool(draws=[[[1.0, 0.0]], [[0.0, 1.0]]])
    assert_array_equal(pool.pred_probs, [[0.5, 0.5]])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"pred_probs": [[0.5, 0.6]]},
        {"pred_probs": [[0.5, 0.5]], "labels": [0, 1]},
        {"pred_probs": [[0.5, 0.5]], "labels": [2]},
        {"features": [[np.nan]]},
        {"features": [[1.0]], "candidates": [2]},
        {"draws": np.empty((0, 1, 2))},
        {"pred_probs": [[0.5, 0.5]], "votes": Votes([0], [0], [0], 1, 1, 3)},
    ],
)
def test_a_pool_that_contradicts_itself_is_refused_in_one_line(fields):
    with pytest.raises(BadInput) as caught:
        Pool(**fields)
    assert "\n" not in str(caught.value)


def test_a_selection_of_unequal_columns_is_refused():
    with pytest.raises(BadInput, match="score"):
        Selection(np.array([0, 1]), np.array([1.0]))


@pytest.mark.parametrize("budget", [0, -1, 1.5, True, "3", None])
def test_a_budget_is_a_whole_number_of_at_least_one(budget):
    with pytest.raises(BadInput, match="budget"):
        RandomSampling().select(Pool(labels=[-1]), budget, 0)


def test_a_budget_beyond_the_pool_takes_all_open_rows():
    assert sorted(RandomSampling().select(Pool(labels=[-1, 0, -1]), 99, 0).rows.tolist()) == [0, 2]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 30), st.integers(1, 40))
def test_the_highest_scores_come_first_and_only_from_open_rows(seed, n, budget):
    rng = np.random.default_rng(seed)
    scores, open_rows = rng.integers(0, 4, n).astype(float), np.flatnonzero(rng.random(n) < 0.7)
    found = highest(scores, open_rows, budget, rng)
    assert set(found.rows) <= set(open_rows) and len(set(found.rows)) == len(found) == min(budget, len(open_rows))
    assert (np.diff(found.score) <= 0).all()
    left = np.setdiff1d(open_rows, found.rows)
    assert not len(left) or not len(found) or scores[left].max() <= found.score.min()


def test_ties_are_drawn_evenly():
    first = [highest(np.zeros(4), np.arange(4), 1, seed).rows[0] for seed in range(400)]
    assert np.bincount(first, minlength=4).min() > 60


@settings(max_examples=60, deadline=None)
@given(st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=30), st.just(0.0) | st.floats(1e-6, 1))
def test_inclusion_probabilities_add_up_and_are_proportional_below_one(weights, share):
    w = np.array(weights)
    n = share * (w > 0).sum()
    pi = inclusion_probabilities(w, n)
    assert pi.sum() == pytest.approx(n, abs=1e-9)
    assert ((pi >= 0) & (pi <= 1)).all() and (pi[w == 0] == 0).all()
    inside = (pi < 1) & (w > 0)
    if inside.any():
        ratio = pi[inside] / w[inside]
        assert_allclose(ratio, ratio[0], rtol=1e-9)
        assert (w[~inside & (w > 0)] >= w[inside].max() * (1 - 1e-9)).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40))
def test_systematic_sampling_draws_exactly_the_sum_of_the_chances(seed, n):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(0, n + 1))
    pi = inclusion_probabilities(rng.random(n) ** 5 + 1e-9, size)
    rows = systematic_sample(pi, rng)
    assert len(rows) == size == len(set(rows.tolist()))
    assert set(np.flatnonzero(pi == 1)) <= set(rows)


def test_systematic_sampling_keeps_each_chance():
    pi, rng = np.array([0.1, 0.5, 0.9, 0.3, 0.2]), np.random.default_rng(0)
    hits = np.zeros(5)
    for _ in range(8000):
        hits[systematic_sample(pi, rng)] += 1
    assert_allclose(hits / 8000, pi, atol=0.02)
    assert_allclose(np.mean([poisson_sample(pi, rng) for _ in range(8000)], axis=0), pi, atol=0.02)


def test_chances_that_cannot_be_are_refused():
    with pytest.raises(BadInput):
        inclusion_probabilities([1.0, 0.0], 2)
    with pytest.raises(BadInput):
        inclusion_probabilities([-1.0, 2.0], 1)
    with pytest.raises(BadInput):
        systematic_sample([1.2], 0)


def test_the_ledger_books_what_was_asked_and_refuses_what_cannot_be_paid():
    budget = Budget(1.25, {"crowd": 0.1, "expert": 1.0})
    assert budget.ask(lambda rows, tier: rows * 2, [1, 2], "crowd").tolist() == [2, 4]
    budget.ask(lambda rows, tier: ["x"], [9], "expert")
    assert [(entry.row, entry.tier, entry.label) for entry in budget.entries] == [
        (1, "crowd", 2),
        (2, "crowd", 4),
        (9, "expert", "x"),
    ]
    assert budget.spent == pytest.approx(1.2) and budget.afford("crowd") == 0
    with pytest.raises(BadInput, match="left"):
        budget.ask(lambda rows, tier: pytest.fail("asked"), [3], "expert")
    with pytest.raises(BadInput, match="'crowd'"):
        budget.afford("crowds")


def test_ten_labels_at_a_tenth_cost_one():
    budget = Budget(1.0, {"crowd": 0.1})
    for row in range(10):
        budget.ask(lambda rows, tier: rows, [row], "crowd")
    assert budget.afford("crowd") == 0
