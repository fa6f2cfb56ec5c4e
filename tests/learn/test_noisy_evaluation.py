"""Accuracy under wrong test labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.errors import BadInput
from labelwright.learn.evaluation import accuracy_under_noise, checked_accuracy, corrected_accuracy


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000))
def test_the_corrected_accuracy_is_exact_where_errors_are_independent(k, seed):
    rng = np.random.default_rng(seed)
    A = rng.dirichlet(np.ones(k * k)).reshape(k, k)
    T = 0.6 * np.eye(k) + 0.4 * rng.dirichlet(np.ones(k), size=k)
    assert_allclose(corrected_accuracy(A @ T, T), np.trace(A), atol=1e-9)


def test_without_noise_the_corrected_accuracy_is_the_agreement():
    counts = np.array([[40, 3], [7, 50]])
    assert_allclose(corrected_accuracy(counts, np.eye(2)), 0.9)


def noise_of(T, prior):
    joint = prior[:, None] * T
    return NoiseEstimate(joint, T, 1 - np.trace(joint), 0.0, 1.0)


def test_the_truth_lies_in_the_interval_and_agreement_does_not():
    rng = np.random.default_rng(0)
    T = np.array([[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.3, 0.0, 0.7]])
    truth = rng.integers(3, size=3000)
    predicted = np.where(rng.random(3000) < 0.9, truth, (truth + 1 + rng.integers(2, size=3000)) % 3)
    given_labels = np.array([rng.choice(3, p=T[k]) for k in truth])
    found = accuracy_under_noise(predicted, given_labels, noise_of(T, np.full(3, 1 / 3)))
    right = (predicted == truth).mean()
    assert right not in found.agreement
    assert right in found.corrected
    assert found.corrected.estimate == pytest.approx(right, abs=0.02)


def test_labels_that_do_not_tell_two_classes_apart_give_no_corrected_figure():
    T = np.array([[0.51, 0.49], [0.49, 0.51]])
    found = accuracy_under_noise([0, 1] * 20, [0, 1] * 20, noise_of(T, np.full(2, 0.5)))
    assert found.corrected is None
    assert "hardly tell them apart" in found.why_not


def test_rows_without_a_label_do_not_count():
    found = accuracy_under_noise([0, 1, 1], [0, 1, -1], None)
    assert (found.n, found.agreement.estimate) == (2, 1.0)
    with pytest.raises(BadInput, match="no row has both"):
        accuracy_under_noise([0], [-1], None)


def test_checked_rows_have_the_exact_binomial_interval():
    interval, n = checked_accuracy(np.zeros(10, int), np.r_[np.zeros(9, int), -1])
    assert n == 9
    assert interval.high == 1.0
    assert_allclose(interval.low, 0.025 ** (1 / 9))


def test_where_everything_agrees_the_interval_still_has_width():
    labels = np.arange(40) % 2
    found = accuracy_under_noise(labels, labels, noise_of(np.eye(2), np.full(2, 0.5)))
    assert found.corrected.estimate == found.corrected.high == 1
    assert 0.85 < found.corrected.low < 0.99
