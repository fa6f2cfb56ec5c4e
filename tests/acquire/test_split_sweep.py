"""P006: what a budget buys in cheap and careful labels, and which splits are worth their money."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labelwright.acquire import budget_sweep, pareto_frontier, split_of
from labelwright.errors import BadInput


@settings(max_examples=60, deadline=None)
@example(budget=1.0, fraction=1.0, cheap=0.5, careful=2.0)
@given(budget=st.floats(0.5, 5000), fraction=st.floats(0, 1), cheap=st.floats(0.01, 2), careful=st.floats(0.5, 10))
def test_a_split_never_costs_more_than_there_is_p006(budget, fraction, cheap, careful):
    n_cheap, n_careful = split_of(budget, fraction, cheap, careful)
    spent = n_cheap * cheap + n_careful * careful
    assert spent <= budget * (1 + 1e-6) + 1e-6
    least = careful if fraction == 1 else cheap  # a plan of careful labels alone buys no cheap ones with the rest
    assert budget - spent < least + 1e-6
    assert n_careful * careful <= fraction * budget + 1e-6


def test_the_split_is_that_of_the_paper_p006():
    assert split_of(16, 0.2, 0.1, 1.0) == (130, 3)
    assert split_of(64, 1.0, 0.1, 1.0) == (0, 64)
    assert split_of(64, 0.0, 0.1, 1.0) == (640, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_a_point_is_on_the_frontier_when_nothing_as_cheap_is_as_good_p006(points):
    cost, score = (np.array(column, float) for column in zip(*points, strict=True))
    on = pareto_frontier(cost, score)
    for i in range(len(points)):
        beaten = ((cost <= cost[i]) & (score > score[i])) | ((cost < cost[i]) & (score >= score[i]))
        assert not on[i] or not beaten.any()
        assert on[i] or beaten.any() or (on & (cost == cost[i]) & (score == score[i])).any()


def test_splits_that_the_labels_at_hand_do_not_allow_are_left_out():
    sweep = budget_sweep(
        lambda *_: 0.5, [4.0, 8.0], price_cheap=0.1, price_careful=1.0, most_cheap=50, most_careful=5, repeats=1
    )
    assert sweep.n_cheap.max() <= 50 and sweep.n_careful.max() <= 5


@pytest.mark.parametrize(
    ("budget", "cheap", "fractions"), [(1.0, 0.0, (0.0, 1.0)), (1.0, 1.0, (1.5,)), (0.1, 1.0, (0.0, 1.0))]
)
def test_a_sweep_that_cannot_be_is_refused_in_one_line_p006(budget, cheap, fractions):
    with pytest.raises(BadInput) as caught:
        budget_sweep(lambda *_: 0.0, [budget], price_cheap=cheap, price_careful=1.0, fractions=fractions)
    assert "\n" not in str(caught.value)
