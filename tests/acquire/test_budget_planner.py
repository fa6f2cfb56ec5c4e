"""P006: budgets for cheap and careful labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.acquire import (
    PowerLaw,
    budget_sweep,
    classify_regime,
    fit_power_law,
    pareto_frontier,
    plan_budget,
    split_of,
)
from labelwright.errors import BadInput


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 5000), st.floats(0, 1), st.floats(0.01, 2), st.floats(0.5, 10))
def test_a_split_never_costs_more_than_there_is_p006(budget, fraction, cheap, careful):
    n_cheap, n_careful = split_of(budget, fraction, cheap, careful)
    spent = n_cheap * cheap + n_careful * careful
    assert spent <= budget * (1 + 1e-6) + 1e-6
    assert budget - spent < cheap + 1e-6
    assert n_careful * careful <= fraction * budget + 1e-6


def test_the_split_is_that_of_the_paper_p006():
    assert split_of(16, 0.2, 0.1, 1.0) == (130, 3)
    assert split_of(64, 1.0, 0.1, 1.0) == (0, 64)
    assert split_of(64, 0.0, 0.1, 1.0) == (640, 0)


def test_equal_prices_and_perfect_cheap_labels_make_all_shares_equal_p006():
    sweep = budget_sweep(
        lambda cheap, careful, r: 1 - 1 / (cheap + careful + 1), [8.0, 16.0], price_cheap=1.0, price_careful=1.0
    )
    for budget in (8.0, 16.0):
        assert np.ptp(sweep.score[sweep.budget == budget].mean(axis=1)) < 1e-12
    assert plan_budget(sweep, 100.0).fraction == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_a_point_is_on_the_frontier_when_nothing_as_cheap_is_as_good_p006(points):
    cost, score = (np.array(column, float) for column in zip(*points, strict=True))
    on = pareto_frontier(cost, score)
    for i in range(len(points)):
        beaten = ((cost <= cost[i]) & (score > score[i])) | ((cost < cost[i]) & (score >= score[i]))
        assert not on[i] or not beaten.any()
        assert on[i] or beaten.any() or (on & (cost == cost[i]) & (score == score[i])).any()


def test_the_regime_is_where_the_best_share_lies_p006():
    assert classify_regime([0, 0.5, 1], [0.9, 0.8, 0.7]) == "quantity"
    assert classify_regime([0, 0.5, 1], [0.7, 0.8, 0.9]) == "quality"
    assert classify_regime([0, 0.5, 1], [0.7, 0.9, 0.8]) == "mixed"
    assert classify_regime([0, 0.5, 1], [0.9, 0.9, 0.9]) == "quantity"


def test_a_power_law_is_found_again_and_a_level_stays_a_level():
    x, law = np.array([10.0, 20, 40, 80]), PowerLaw(0.9, 1.2, 0.5)
    assert_allclose(fit_power_law(x, law(x))(640.0), law(640.0), atol=1e-6)
    assert fit_power_law([5.0], [0.7])(1e6) == 0.7
    assert fit_power_law(x, [0.7] * 4)(1e6) == pytest.approx(0.7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_no_prediction_is_above_the_ceiling(scores):
    law = fit_power_law(2.0 ** np.arange(len(scores)), scores)
    assert law(1e9) <= 1 + 1e-9 and law.b >= 0


def test_the_plan_takes_the_best_predicted_share_and_its_numbers_add_up_p006():
    def score(cheap, careful, repeat):
        return 1 - 0.5 * (1 + cheap) ** -0.2 - 0.3 * (1 + careful) ** -0.5

    sweep = budget_sweep(score, [4.0, 8.0, 16.0, 32.0], price_cheap=0.1, price_careful=1.0, repeats=2)
    plan = plan_budget(sweep, 128.0)
    assert plan.regime == "mixed" and plan.split == split_of(128.0, plan.fraction, 0.1, 1.0)
    assert plan.predicted == max(option[3] for option in plan.options())
    assert plan.low <= plan.predicted <= plan.high
    assert_array_equal([f for f, *_ in plan.options()], sorted(plan.laws))


def test_splits_that_the_labels_at_hand_do_not_allow_are_left_out():
    sweep = budget_sweep(
        lambda *_: 0.5, [4.0, 8.0], price_cheap=0.1, price_careful=1.0, most_cheap=50, most_careful=5, repeats=1
    )
    assert sweep.n_cheap.max() <= 50 and sweep.n_careful.max() <= 5


@pytest.mark.parametrize(
    "call",
    [
        lambda: budget_sweep(lambda *_: 0.0, [1.0], price_cheap=0.0, price_careful=1.0),
        lambda: budget_sweep(lambda *_: 0.0, [1.0], price_cheap=1.0, price_careful=1.0, fractions=[1.5]),
        lambda: budget_sweep(lambda *_: 0.0, [0.1], price_cheap=1.0, price_careful=1.0),
        lambda: plan_budget(budget_sweep(lambda *_: 0.5, [4.0], price_cheap=1.0, price_careful=1.0), -1.0),
    ],
)
def test_bad_input_is_one_line_p006(call):
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
