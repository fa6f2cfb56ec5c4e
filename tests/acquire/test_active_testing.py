"""P107: active testing."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.acquire import (
    ActiveTester,
    Pool,
    draw_in_sequence,
    estimate_risk,
    expected_loss_acquisition,
    expected_squared_error,
    lure_weights,
    naive_weights,
    pure_weights,
    zero_one_by_class,
)
from labelwright.errors import BadInput


def every_draw(a, size):
    """All ordered draws of `size` rows in proportion to a, with the chance of each and of its steps."""
    for rows in permutations(range(len(a)), size):
        left, chance, q = a.sum(), 1.0, []
        for row in rows:
            q.append(a[row] / left)
            chance *= q[-1]
            left -= a[row]
        yield rows, np.array(q), chance


@pytest.mark.parametrize("seed", range(3))
def test_over_all_ordered_draws_the_estimate_is_the_mean_loss_p107(seed):
    rng = np.random.default_rng(seed)
    a, loss = rng.uniform(0.1, 3, 6), rng.normal(size=6)
    lure = pure = naive = 0.0
    for rows, q, chance in every_draw(a, 3):
        got = loss[list(rows)]
        lure += chance * estimate_risk(got, q, 6).interval.estimate
        pure += chance * float((pure_weights(q, 6) * got).mean())
        naive += chance * float((naive_weights(q, 6) * got).mean())
    assert lure == pytest.approx(loss.mean(), abs=1e-12)
    assert pure == pytest.approx(loss.mean(), abs=1e-12)
    assert abs(naive - loss.mean()) > 1e-3


def test_a_second_batch_whose_scores_depend_on_the_first_leaves_it_unbiased_p107():
    rng = np.random.default_rng(1)
    a, loss, mean = rng.uniform(0.1, 3, 6), rng.normal(size=6), 0.0
    for first in range(6):
        chance = a[first] / a.sum()
        again = np.where(np.arange(6) == first, 0, a * (1 + loss[first] ** 2) + np.arange(6))
        for second in np.flatnonzero(np.arange(6) != first):
            q = again[second] / again.sum()
            mean += chance * q * estimate_risk(loss[[first, second]], [chance, q], 6).interval.estimate
    assert mean == pytest.approx(loss.mean(), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**31))
def test_even_draws_have_weight_one_p107(n, seed):
    size = int(np.random.default_rng(seed).integers(1, n + 1))
    _, q = draw_in_sequence(np.ones(n), size, seed)
    assert_allclose(lure_weights(q, n), 1, atol=1e-9)


def test_labels_of_the_whole_pool_give_the_mean_and_no_interval_p107():
    rng = np.random.default_rng(2)
    loss = rng.random(12)
    rows, q = draw_in_sequence(rng.uniform(0.1, 1, 12), 12, rng)
    found = estimate_risk(loss[rows], q, 12)
    assert found.interval.estimate == pytest.approx(loss.mean(), abs=1e-12)
    assert found.interval.low == found.interval.high == found.interval.estimate


def test_scores_equal_to_the_losses_leave_no_error_p107():
    loss = np.random.default_rng(3).uniform(0.1, 2, 30)
    rows, q = draw_in_sequence(loss, 5, 7)
    assert estimate_risk(loss[rows], q, 30).interval.estimate == pytest.approx(loss.mean(), abs=1e-12)


def test_draws_follow_their_chances():
    a, first = np.array([1.0, 2.0, 5.0]), np.zeros(3)
    for seed in range(4000):
        rows, q = draw_in_sequence(a, 2, seed)
        first[rows[0]] += 1
        left = a.sum() - a[rows[0]]
        assert_allclose(q, [a[rows[0]] / a.sum(), a[rows[1]] / left])
    assert_allclose(first / 4000, a / a.sum(), atol=0.03)


def test_few_checks_without_an_error_do_not_prove_that_there_is_none():
    _, q = draw_in_sequence(np.ones(1000), 20, 0)
    found = estimate_risk(np.zeros(20), q, 1000).interval
    assert found.estimate == 0 and 0.1 < found.high < 0.2
    assert np.isinf(estimate_risk(np.full(20, 0.3), q, 1000).interval.high)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    risk = rng.beta(0.5, 2, 400)
    loss = (rng.random(400) < risk).astype(float)
    held = 0
    for seed in range(300):
        rows, q = draw_in_sequence(risk + 0.05, 60, seed)
        found = estimate_risk(loss[rows], q, 400).interval
        held += found.low <= loss.mean() <= found.high
    assert held / 300 > 0.9


def test_no_row_is_left_without_a_chance_p107():
    surrogate = np.array([[1.0, 0.0], [1.0, 0.0], [0.2, 0.8]])
    score = expected_loss_acquisition(surrogate, zero_one_by_class([[0.9, 0.1]] * 3))
    assert score.min() > 0 and score[2] == pytest.approx(0.8)
    assert_allclose(expected_loss_acquisition(surrogate, np.zeros((3, 2))), 1.0)


def test_expected_squared_error_is_bias_and_variance_p107():
    assert_allclose(expected_squared_error([1.0, 0.0], [0.5, 0.5], [3.0, 0.0], noise=0.5), [5.0, 1.0])


def test_the_tester_draws_open_rows_alone_and_says_with_what_chance_p107():
    probs = np.random.default_rng(5).dirichlet([1, 1], 20)
    pool = Pool(pred_probs=probs, labels=np.r_[np.zeros(5, int), np.full(15, -1)])
    drawn = ActiveTester(probs[::-1]).select(pool, 6, 0)
    assert drawn.rows.min() >= 5 and len(set(drawn.rows.tolist())) == 6
    assert drawn.probability is not None and (drawn.probability > 0).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: draw_in_sequence([0.0, 1.0], 1, 0),
        lambda: estimate_risk([1.0, 0.0], [0.5], 4),
        lambda: estimate_risk([1.0] * 3, [0.5] * 3, 2),
        lambda: estimate_risk([1.0], [1.5], 2),
        lambda: expected_loss_acquisition([[0.5, 0.5]], [[-1.0, 0.0]]),
        lambda: expected_loss_acquisition([[0.5, 0.5]], [[1.0, 0.0, 0.0]]),
        lambda: expected_loss_acquisition([[0.5, 0.5]], [[1.0, 0.0]], floor=0.0),
        lambda: ActiveTester([[0.5, 0.5]]).select(Pool(pred_probs=[[0.5, 0.5]] * 2), 1, 0),
    ],
)
def test_bad_input_is_one_line_p107(call):
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
