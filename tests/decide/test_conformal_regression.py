"""Intervals for numbers: coverage as promised, identities between the kinds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.decide import (
    ConformalizedQuantileRegression,
    CrossConformalRegression,
    SplitConformalRegression,
)
from labelwright.errors import BadInput


def world(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.1, 2, n)
    return x, 3 * x + x * rng.normal(size=n)


def covered(intervals, y):
    return ((intervals[:, 0] <= y) & (y <= intervals[:, 1])).mean()


def test_split_intervals_cover_as_promised_and_difficulty_makes_them_fit():
    x, y = world(4000)
    plain = SplitConformalRegression(0.1).fit(3 * x[:2000], y[:2000]).predict_interval(3 * x[2000:])
    scaled = (
        SplitConformalRegression(0.1).fit(3 * x[:2000], y[:2000], x[:2000]).predict_interval(3 * x[2000:], x[2000:])
    )
    assert covered(plain, y[2000:]) > 0.88 and covered(scaled, y[2000:]) > 0.88
    easy = x[2000:] < 0.5
    assert covered(plain[easy], y[2000:][easy]) > 0.99 > covered(scaled[easy], y[2000:][easy])


def test_quantiles_that_are_the_prediction_twice_give_split_intervals():
    x, y = world(200)
    guess = np.c_[3 * x, 3 * x]
    cqr = ConformalizedQuantileRegression(0.1).fit(guess[:100], y[:100]).predict_interval(guess[100:])
    assert_allclose(cqr, SplitConformalRegression(0.1).fit(3 * x[:100], y[:100]).predict_interval(3 * x[100:]))


def test_quantiles_that_are_too_wide_are_narrowed():
    x, y = world(2000)
    wide = np.c_[3 * x - 9 * x, 3 * x + 9 * x]
    cqr = ConformalizedQuantileRegression(0.2).fit(wide[:1000], y[:1000])
    assert cqr.widening_ < 0 and 0.76 < covered(cqr.predict_interval(wide[1000:]), y[1000:]) < 0.84


def test_folds_whose_models_agree_give_split_intervals():
    x, y = world(99)
    cross = CrossConformalRegression(0.1).fit(3 * x, y, np.arange(99) % 3).predict_interval(np.tile([1.0, 2.0], (3, 1)))
    assert_allclose(cross, SplitConformalRegression(0.1).fit(3 * x, y).predict_interval([1.0, 2.0]))


def test_too_few_rows_give_the_whole_line():
    assert SplitConformalRegression(0.1).fit([0.0], [1.0]).predict_interval([5.0]).tolist() == [[-np.inf, np.inf]]
    wide = ConformalizedQuantileRegression(0.1).fit([[0.0, 1.0]], [1.0]).predict_interval([[0.0, 1.0]])
    assert wide.tolist() == [[-np.inf, np.inf]]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: SplitConformalRegression(2), "alpha is"),
        (lambda: SplitConformalRegression().fit([], []), "no calibration scores"),
        (lambda: SplitConformalRegression().fit([1.0], [1.0], [0.0]), "above 0"),
        (lambda: SplitConformalRegression().fit([1.0], [1.0], [1.0]).predict_interval([1.0]), "to both"),
        (lambda: ConformalizedQuantileRegression().fit([[2.0, 1.0]], [1.0]), "above the upper"),
        (lambda: ConformalizedQuantileRegression().fit([[2.0]], [1.0]), "1 columns"),
        (lambda: CrossConformalRegression().fit([1.0], [1.0], [0.5]), "number the folds"),
        (lambda: CrossConformalRegression().fit([1.0] * 2, [1.0] * 2, [0, 1]).predict_interval([[1.0]]), "1 models"),
    ],
)
def test_wrong_numbers_are_refused(call, says):
    with pytest.raises(BadInput, match=says):
        call()
