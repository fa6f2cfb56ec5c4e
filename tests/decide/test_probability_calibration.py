"""Calibrated probabilities and answers with a bounded error."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from labelwright.decide import IsotonicCalibration, SelectiveRisk, TemperatureScaling, VectorScaling
from labelwright.decide.contract import Abstainer, Calibrator
from labelwright.errors import BadInput
from labelwright.metrics import confidence_and_correct, expected_calibration_error, log_loss


def overconfident(n=4000, k=3, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, k)) * 1.5
    y = (softmax(z, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return softmax(3 * z, axis=1), y


@pytest.mark.parametrize("calibrator", [TemperatureScaling(), VectorScaling(), IsotonicCalibration()])
def test_calibration_lowers_the_error_on_new_rows(calibrator):
    probs, y = overconfident()
    after = calibrator.fit(probs[:2000], y[:2000]).calibrate(probs[2000:])
    before_error, after_error = (
        expected_calibration_error(*confidence_and_correct(p, y[2000:])) for p in (probs[2000:], after)
    )
    assert isinstance(calibrator, Calibrator)
    assert_allclose(after.sum(axis=1), 1)
    assert after_error < before_error / 3


def test_the_temperature_of_logits_three_times_too_large_is_three():
    probs, y = overconfident(20_000)
    assert abs(TemperatureScaling().fit(probs, y).temperature_ - 3) < 0.1


def test_temperature_keeps_the_most_probable_class():
    probs, y = overconfident(500)
    assert (TemperatureScaling().fit(probs, y).calibrate(probs).argmax(1) == probs.argmax(1)).all()


def test_vector_scaling_is_no_worse_than_temperature_where_it_was_fitted():
    probs, y = overconfident(500)
    with_vector = VectorScaling(ridge=0).fit(probs, y).calibrate(probs)
    assert log_loss(with_vector, y) <= log_loss(TemperatureScaling().fit(probs, y).calibrate(probs), y) + 1e-9


def test_permuting_classes_permutes_vector_scaling():
    probs, y = overconfident(400)
    order = np.array([2, 0, 1])
    turned = VectorScaling().fit(probs[:, order], np.argsort(order)[y]).calibrate(probs[:, order])
    assert_allclose(turned, VectorScaling().fit(probs, y).calibrate(probs)[:, order], atol=1e-5)


def test_isotonic_curves_that_all_say_zero_leave_the_model():
    isotonic = IsotonicCalibration().fit([[0.9, 0.1], [0.1, 0.9]], [1, 0])
    assert_allclose(isotonic.calibrate([[0.5, 0.5]]).sum(), 1)


def test_one_class_alone_is_calibrated_without_a_fault():
    probs = np.array([[0.7, 0.3]] * 5)
    for calibrator in (TemperatureScaling(), VectorScaling(), IsotonicCalibration()):
        assert np.isfinite(calibrator.fit(probs, [0] * 5).calibrate(probs)).all()


def test_the_risk_among_answers_is_kept_in_nine_of_ten_draws():
    broken = 0
    for seed in range(200):
        probs, y = overconfident(2400, seed=seed)
        selective = SelectiveRisk(risk=0.1, delta=0.1).fit(probs[:400], y[:400])
        answered = ~selective.abstain(probs[400:])
        if answered.any():
            broken += (probs[400:].argmax(1) != y[400:])[answered].mean() > 0.1 + 2 * np.sqrt(0.09 / answered.sum())
    assert isinstance(selective, Abstainer)
    assert broken <= 0.1 * 200 + 2 * np.sqrt(200 * 0.09)


def test_where_nothing_can_be_promised_every_row_is_left_to_a_person():
    selective = SelectiveRisk(risk=0.01).fit([[0.9, 0.1]] * 20, [0] * 20)
    assert selective.threshold_ == np.inf and selective.coverage_ == 0
    assert selective.abstain([[1.0, 0.0]]).all()


def test_a_perfect_model_with_many_rows_answers_everything():
    selective = SelectiveRisk(risk=0.05).fit([[0.9, 0.1]] * 500, [0] * 500)
    assert selective.coverage_ == 1.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: SelectiveRisk(risk=1),
        lambda: SelectiveRisk(steps=0),
        lambda: VectorScaling(ridge=-1),
        lambda: TemperatureScaling().calibrate([[0.5, 0.5]]),
        lambda: IsotonicCalibration().fit([[0.5, 0.6]], [0]),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(BadInput):
        call()
