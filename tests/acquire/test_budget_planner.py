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
    plan_budget,
    split_of,
)
from labelwright.errors import BadInput


def test_equal_prices_and_perfect_cheap_labels_make_all_shares_equal_p006():
    sweep = budget_sweep(
        lambda cheap, careful, r: 1 - 1 / (cheap + careful + 1), [8.0, 16.0], price_cheap=1.0, price_careful=1.0
    )
    for budget in (8.0, 16.0):
        assert np.ptp(sweep.score[sweep.budget == budget].mean(axis=1)) < 1e-12
    assert plan_budget(sweep, 100.0).fraction == 0.0


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


def test_a_debt_is_no_budget_p006():
    sweep = budget_sweep(lambda *_: 0.5, [4.0], price_cheap=1.0, price_careful=1.0)
    with pytest.raises(BadInput, match="the money is"):
        plan_budget(sweep, -1.0)
