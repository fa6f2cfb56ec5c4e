"""Claims judge measured figures; they do not flatter them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.catalogue.claims import (
    All,
    AtLeast,
    AtMost,
    Beats,
    Claim,
    Holds,
    NotWorse,
)
from labelwright.catalogue.verdict import Interval, mean_interval, summarize
from labelwright.errors import BadInput

finite = st.floats(-100, 100)


def runs(method: list[float], baseline: list[float]) -> list[dict[str, float]]:
    return [{"method": a, "baseline": b} for a, b in zip(method, baseline, strict=True)]


def test_a_constant_gain_beats_the_baseline_with_a_point_interval():
    verdict = Beats("plain", by=0.25, seeds=3).judge(runs([0.75, 1.0, 0.5], [0.5, 0.75, 0.25]))
    assert verdict.holds
    assert verdict.interval == Interval(0.25, 0.25, 0.25)


def test_the_interval_is_that_of_student():
    interval = mean_interval([1.0, 2.0, 3.0, 4.0])
    half = 3.182446305284263 * math.sqrt(5 / 3) / 2
    assert (interval.low, interval.high) == (pytest.approx(2.5 - half), pytest.approx(2.5 + half))


def test_equal_figures_do_not_beat_anything():
    assert not Beats("plain", seeds=2).judge(runs([0.5, 0.5], [0.5, 0.5])).holds


def test_a_gain_smaller_than_asked_does_not_hold():
    assert not Beats("plain", by=0.5, seeds=2).judge(runs([0.75, 0.75], [0.5, 0.5])).holds


def test_a_gain_whose_interval_reaches_zero_does_not_hold():
    verdict = Beats("plain", by=0.02, seeds=2).judge(runs([0.9, 0.6], [0.5, 0.55]))
    assert verdict.interval is not None and verdict.interval.low is not None
    assert verdict.interval.low < 0 < verdict.interval.estimate
    assert not verdict.holds


def test_a_lower_error_beats_a_higher_one_when_lower_is_better():
    assert Beats("plain", by=0.1, seeds=2, lower_is_better=True).judge(runs([0.1, 0.1], [0.3, 0.3])).holds


def test_pairing_removes_the_spread_that_seeds_share():
    figures = runs([0.2, 0.5, 0.8], [0.1, 0.4, 0.7])
    assert Beats("plain", by=0.05, seeds=3).judge(figures).holds
    assert not Beats("plain", by=0.05, seeds=3, paired=False).judge(figures).holds


def test_not_worse_allows_a_small_loss_and_no_more():
    figures = runs([0.50, 0.50], [0.51, 0.51])
    assert NotWorse("plain", within=0.02, seeds=2).judge(figures).holds
    assert not NotWorse("plain", within=0.005, seeds=2).judge(figures).holds


def test_one_seed_has_no_interval_and_zero_spread():
    verdict = Beats("plain", seeds=1).judge(runs([0.6], [0.5]))
    assert verdict.interval is not None and verdict.interval.low is None
    assert verdict.spread == {"method": 0.0, "baseline": 0.0}


def test_every_seed_is_stricter_than_the_mean():
    figures = [{"recall": 0.8}, {"recall": 1.0}]
    assert AtLeast("recall", 0.9).judge(figures).holds
    assert not AtLeast("recall", 0.9, every_seed=True).judge(figures).holds
    assert AtMost("recall", 0.9).judge(figures).holds
    assert not AtMost("recall", 0.9, every_seed=True).judge(figures).holds


def test_holds_needs_every_flag_in_every_seed():
    claim = Holds("both fire", ("a", "b"), seeds=2)
    assert claim.judge([{"a": 1.0, "b": 1.0, "n": 7.0}] * 2).holds
    verdict = claim.judge([{"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 0.0}])
    assert not verdict.holds and "b" in verdict.reason


def test_all_fails_with_the_reason_of_the_part_that_fails():
    verdict = All(AtLeast("a", 0.5), AtMost("b", 0.5)).judge([{"a": 1.0, "b": 1.0}])
    assert not verdict.holds
    assert "b is at most 0.5" in verdict.reason and "a is at least" not in verdict.reason


def test_all_asks_for_the_largest_number_of_seeds():
    assert All(AtLeast("a", 0, seeds=3), AtMost("a", 1, seeds=7)).seeds == 7


def test_a_figure_that_is_not_measured_is_named_with_near_names():
    with pytest.raises(BadInput, match=r"does not measure 'recal'.*'recall'"):
        AtLeast("recal", 0.9).judge([{"recall": 1.0}])


def test_figures_that_are_not_finite_are_refused():
    with pytest.raises(BadInput, match="not finite"):
        AtLeast("a", 0).judge([{"a": math.nan}])


def test_seeds_that_measure_different_figures_are_refused():
    with pytest.raises(BadInput, match="different figures"):
        summarize([{"a": 1.0}, {"b": 1.0}])


def test_no_seed_is_refused():
    with pytest.raises(BadInput, match="no seed"):
        summarize([])


@pytest.mark.parametrize(
    "claim", [Beats("x"), NotWorse("x"), AtLeast("a", 1), AtMost("a", 1), Holds("s"), All(Holds("s"))]
)
def test_every_claim_keeps_the_contract(claim):
    assert isinstance(claim, Claim) and claim.text and claim.seeds >= 1


@given(st.lists(finite, min_size=2, max_size=8))
def test_the_interval_surrounds_the_mean(values):
    interval = mean_interval(values)
    assert interval.low is not None and interval.high is not None
    assert interval.low <= interval.estimate <= interval.high


@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=6))
def test_swapping_method_and_baseline_negates_the_difference(pairs):
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    forward, back = Beats("x").judge(runs(a, b)), Beats("x").judge(runs(b, a))
    assert forward.interval is not None and back.interval is not None
    assert forward.interval.estimate == pytest.approx(-back.interval.estimate)
    assert not (forward.holds and back.holds)
