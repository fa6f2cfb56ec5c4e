"""Conformal core and label sets: exact ranks, promises kept, bad input in one line (B076, P118)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.decide import (
    AdaptiveScore,
    ClassConditionalConformal,
    GroupConditionalConformal,
    LeastAmbiguousScore,
    RegularizedAdaptiveScore,
    SplitConformal,
    TopKScore,
    conformal_p_values,
    conformal_threshold,
    set_quality,
    size_stratified_coverage,
)
from labelwright.decide.conformal import rows_needed, smoothed_p_values
from labelwright.errors import BadInput


def world(n, k=4, seed=0):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(k, 0.5), n)
    return probs, (probs.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.integers(0, 9), st.integers(1, 99))
def test_threshold_and_p_value_make_the_same_set(calibration, score, percent):
    alpha = percent / 100
    scores = [float(value) for value in calibration]
    p = conformal_p_values(scores, [score])[0]
    assert (score <= conformal_threshold(scores, alpha)) == (p > alpha + 1e-12 or p - alpha > 1e-9)


def test_the_p_value_is_the_rank_among_all_scores():
    assert conformal_p_values([1, 2, 3, 4], [2.5, 0, 9]).tolist() == [3 / 5, 1.0, 1 / 5]


def test_too_few_rows_promise_nothing():
    assert conformal_threshold(np.arange(8.0), 0.1) == np.inf
    assert conformal_threshold(np.arange(9.0), 0.1) == 8.0
    assert rows_needed(0.1) == 9


def test_smoothed_p_values_of_a_calibration_of_ties_are_uniform():
    p = smoothed_p_values(np.zeros(9), np.zeros(20_000), seed=0)
    assert abs(p.mean() - 0.5) < 0.01 and abs((p <= 0.1).mean() - 0.1) < 0.01


@pytest.mark.parametrize(
    "score", [LeastAmbiguousScore(), AdaptiveScore(), RegularizedAdaptiveScore(0.05, 2), TopKScore()]
)
def test_sets_cover_as_promised(score):
    probs, y = world(4000)
    sets = SplitConformal(0.1, score).fit(probs[:2000], y[:2000]).predict_set(probs[2000:])
    assert set_quality(sets, y[2000:]).coverage.estimate > 0.88


def test_coverage_over_many_draws_is_at_least_one_minus_alpha():
    hits = []
    all_probs, all_y = world(21 * 1000)
    for probs, y in zip(all_probs.reshape(1000, 21, 4), all_y.reshape(1000, 21), strict=True):
        sets = SplitConformal(0.2).fit(probs[:20], y[:20]).predict_set(probs[20:])
        hits.append(sets[0, y[20]])
    assert np.mean(hits) >= 0.8 - 2 * np.sqrt(0.16 / 1000)


def test_least_ambiguous_sets_are_the_smallest():
    probs, y = world(6000, k=8)
    sizes = [
        set_quality(
            SplitConformal(0.1, score).fit(probs[:3000], y[:3000]).predict_set(probs[3000:]), y[3000:]
        ).mean_size
        for score in (LeastAmbiguousScore(), AdaptiveScore(), TopKScore())
    ]
    assert sizes[0] == min(sizes)


def test_p_values_above_alpha_are_the_set():
    probs, y = world(500)
    sets = SplitConformal(0.15).fit(probs[:300], y[:300])
    assert (sets.predict_set(probs[300:]) == (sets.p_values(probs[300:]) > 0.15)).all()
    each = ClassConditionalConformal(0.15).fit(probs[:300], y[:300])
    assert (each.predict_set(probs[300:]) == (each.p_values(probs[300:]) > 0.15)).all()


def test_the_unregularised_adaptive_score_of_the_least_probable_class_is_one():
    scores = AdaptiveScore(randomized=False)(np.array([[0.5, 0.3, 0.2]]), np.random.default_rng(0))
    assert_allclose(scores, [[0.5, 0.8, 1.0]])
    plain = RegularizedAdaptiveScore(0.1, 1, randomized=False)(np.array([[0.5, 0.3, 0.2]]), np.random.default_rng(0))
    assert_allclose(plain, [[0.5, 0.9, 1.2]])


def test_class_conditional_sets_cover_the_rare_class():
    rng = np.random.default_rng(0)
    y = (rng.random(6000) < 0.1).astype(int)
    p = 1 / (1 + np.exp(-(2 * y - 3 + rng.normal(size=6000))))
    probs = np.c_[1 - p, p]
    rare = y[3000:] == 1
    plain = SplitConformal(0.1).fit(probs[:3000], y[:3000]).predict_set(probs[3000:])
    each = ClassConditionalConformal(0.1).fit(probs[:3000], y[:3000]).predict_set(probs[3000:])
    assert plain[rare, 1].mean() < 0.7 < 0.85 < each[rare, 1].mean()


def test_a_class_without_calibration_rows_stands_in_every_set():
    probs, y = world(300)
    rows = y != 2
    each = ClassConditionalConformal(0.1).fit(probs[rows], y[rows])
    assert each.predict_set(probs)[:, 2].all() and (each.p_values(probs)[:, 2] == 1).all()


def test_group_conditional_thresholds_are_those_of_each_group_alone():
    probs, y = world(400)
    groups = np.array(["a", "b"])[np.arange(400) % 2]
    both = GroupConditionalConformal(0.1).fit(probs, y, groups)
    assert both.thresholds_["b"] == SplitConformal(0.1).fit(probs[1::2], y[1::2]).threshold_
    assert both.predict_set(probs[:4], groups[:4]).shape == (4, 4)


def test_a_group_never_seen_is_refused():
    probs, y = world(50)
    both = GroupConditionalConformal(0.1).fit(probs, y, np.zeros(50, int))
    with pytest.raises(BadInput, match="no calibration row has group '7'"):
        both.predict_set(probs[:1], [7])
    with pytest.raises(BadInput, match="mixes kinds"):
        both.fit(probs, y, [None, "a"] * 25)
    with pytest.raises(BadInput, match="groups holds NaN"):
        both.fit(probs, y, [float("nan"), 1.0] * 25)
    with pytest.raises(BadInput, match="groups are missing"):
        both.predict_set(probs[:1])


def test_rows_with_unknown_labels_change_nothing():
    probs, y = world(100)
    more = np.r_[probs, probs[:20]]
    assert SplitConformal().fit(more, np.r_[y, np.full(20, -1)]).threshold_ == SplitConformal().fit(probs, y).threshold_


def test_coverage_by_size_adds_up_to_coverage():
    probs, y = world(1000)
    sets = SplitConformal(0.1).fit(probs[:500], y[:500]).predict_set(probs[500:])
    by_size = size_stratified_coverage(sets, y[500:])
    count = np.bincount(sets.sum(axis=1))
    total = sum(count[size] * by_size[size].estimate for size in by_size) / 500
    assert_allclose(total, set_quality(sets, y[500:]).coverage.estimate)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda p, y: SplitConformal(0), "alpha is"),
        (lambda p, y: SplitConformal(True), "alpha is"),
        (lambda p, y: SplitConformal().predict_set(p), "not fitted"),
        (lambda p, y: SplitConformal().fit(p, np.full(len(p), -1)), "no calibration row"),
        (lambda p, y: SplitConformal().fit(p, y[:-1]), "rows but"),
        (lambda p, y: SplitConformal().fit(p, y).predict_set(p[:, :2] / p[:, :2].sum(1, keepdims=True)), "2 columns"),
        (lambda p, y: SplitConformal().fit(p * np.nan, y), "NaN"),
        (lambda p, y: set_quality([[1, 0]], [5]), "holds 5"),
        (lambda p, y: conformal_threshold([], 0.1), "no calibration scores"),
    ],
)
def test_bad_input_is_one_line(call, says):
    with pytest.raises(BadInput, match=says):
        call(*world(30))
