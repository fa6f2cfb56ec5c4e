"""Errors of numbers, and by how rare a number was in training [P153]."""

from __future__ import annotations

import numpy as np
import pytest

from labelwright.errors import BadInput
from labelwright.metrics import regression_errors, shot_regression_errors


def test_the_three_means_of_known_errors():
    errors = regression_errors([0.0, 0.0, 0.0], [1.0, -2.0, 4.0])
    assert (errors.mae, errors.rmse, errors.gm) == pytest.approx((7 / 3, np.sqrt(7), 2.0))


def test_one_exact_prediction_makes_the_geometric_mean_zero():
    assert regression_errors([1.0, 2.0], [1.0, 5.0]).gm == 0


def test_groups_add_up_to_the_total():
    rng = np.random.default_rng(0)
    trained, truth, said = rng.exponential(4, 2000), rng.uniform(0, 30, 300), rng.uniform(0, 30, 300)
    errors = shot_regression_errors(truth, said, trained)
    groups = (errors.many, errors.medium, errors.few)
    assert min(g.n for g in groups) > 0
    assert sum(g.n for g in groups) == 300
    assert sum(g.n * g.mae for g in groups) / 300 == pytest.approx(errors.total.mae)
    assert errors.total == regression_errors(truth, said)


def test_a_number_never_seen_in_training_belongs_to_the_few():
    errors = shot_regression_errors([-5.0, 3.5, 99.0], [0.0, 0.0, 0.0], [3.2] * 100)
    assert (errors.many.n, errors.few.n) == (1, 2)
    assert shot_regression_errors([1.0], [1.0], []).few.n == 1


def test_without_rows_every_error_is_nan():
    assert np.isnan(regression_errors([], []).mae)


@pytest.mark.parametrize(
    "truth, said, settings",
    [
        ([1.0], [1.0, 2.0], {}),
        ([np.nan], [1.0], {}),
        ([1.0], [1.0], {"bin_width": 0.0}),
        ([1.0], [1.0], {"few": 0}),
        ([1.0], [1.0], {"few": 30, "many": 20}),
        (["a"], [1.0], {}),
    ],
)
def test_what_does_not_fit_is_refused(truth, said, settings):
    with pytest.raises(BadInput):
        shot_regression_errors(truth, said, [1.0], **settings)
