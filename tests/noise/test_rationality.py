"""The generalization gap in three parts, and what becomes of corrupted labels [P084]."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from labelwright.errors import BadInput
from labelwright.noise import (
    TransitionMatrix,
    corruption_probe,
    deviation_complexity,
    memorization_bound,
    probe_accuracies,
    rrm_decomposition,
    tight_memorization_bound,
)
from labelwright.noise.simulate_labels import class_conditional_noise


def nearest(X, y):
    """One nearest neighbour on a line."""
    return lambda rows: y[np.abs(rows[:, None] - X[None, :]).argmin(axis=1)]


def majority(X, y):
    return lambda rows: np.full(len(rows), np.bincount(y).argmax())


def world(n: int = 300, k: int = 4, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.permutation(n).astype(float)
    return x, (x * k // n).astype(int), x + 0.3, (x * k // n).astype(int)


def test_one_neighbour_remembers_every_label():
    x, y, x_test, z = world()
    r = rrm_decomposition(nearest, x, y, x_test, z, 4, rate=0.2)
    assert (r.train, r.changed_train) == (1.0, 0.0)
    assert_allclose(r.noisy_train, 1 - r.changed, atol=1e-12)
    assert_allclose(r.memorization_gap, 1 - r.changed, atol=1e-12)


def test_a_constant_predictor_does_not_memorise():
    x, y = np.arange(300.0), np.zeros(300, int)
    r = rrm_decomposition(majority, x, y, x, y, 3, rate=0.1)
    assert r.memorization_gap == 0.0
    assert r.information.pooled < 1e-12


@given(st.integers(0, 200), st.floats(0.02, 1.0), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_the_three_terms_sum_to_the_gap_and_the_direct_bound_holds(seed, rate, k):
    rng = np.random.default_rng(seed)
    x, y, x_test, z = world(80, k, seed)

    def half_remembers(X, labels):
        kept = rng.random(len(labels)) < 0.5
        memory = dict(zip(X[kept].tolist(), labels[kept].tolist(), strict=True))
        return lambda rows: np.array([memory.get(float(r), 0) for r in rows])

    r = rrm_decomposition(half_remembers, x, y, x_test, z, k, rate=rate, repeats=3, seed=seed)
    assert_allclose(sum(r.terms), r.generalization_gap, atol=1e-12)
    assert r.generalization_gap <= r.robustness_gap + r.memorization_gap + r.rationality_gap + 1e-12
    for information in (r.information.binary, r.information.pooled):
        assert abs(r.terms[1]) <= tight_memorization_bound(information, r.changed) + 1e-9


@given(st.integers(0, 300), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_the_binary_pair_tells_no_more_than_the_classes(seed, k):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, 50)
    found = deviation_complexity(rng.integers(0, k, (2, 50)), truth, rng.integers(0, k, (2, 50)), k)
    assert 0 <= found.binary <= found.pooled + 1e-12
    assert found.pooled <= np.log(k) + 1e-12 and found.n == 100


def test_repeating_the_noise_tells_all_of_it():
    rng = np.random.default_rng(0)
    truth, labels = rng.integers(0, 3, 400), rng.integers(0, 3, (2, 400))
    counts = np.bincount(((labels - truth) % 3).ravel(), minlength=3) / 800
    found = deviation_complexity(labels, truth, labels, 3)
    assert_allclose(found.pooled, -(counts * np.log(counts)).sum(), atol=1e-12)


def test_the_theorem_is_wider_than_the_direct_bound():
    assert memorization_bound(0.02, 0.25) == pytest.approx(0.4)
    assert tight_memorization_bound(0.02, 0.25) == pytest.approx(0.2)


def test_enough_labels_are_changed():
    x, y, x_test, z = world(100)
    assert rrm_decomposition(nearest, x, y, x_test, z, 4, rate=0.05).repeats == 20


def test_the_probe_tells_four_accuracies():
    found = probe_accuracies([1, 0, 1, 2], [0, 0, 1, 1], [1, 1, 1, 1], [0, 0], [0, 1])
    assert (found.remembered, found.recovered, found.untouched, found.test) == (0.5, 0.5, 0.5, 0.5)
    assert found.training_accuracy(0.5) == 0.5


def test_the_probe_takes_any_noise_and_any_model():
    class Model:
        def __init__(self, y):
            self.y = y

        def predict(self, X):
            return self.y[: len(X)]

    noise = TransitionMatrix.pairflip(0.5, 3)
    probe = corruption_probe(
        lambda X, y: Model(y),
        np.zeros(60),
        np.arange(60) % 3,
        np.zeros(5),
        [0] * 5,
        3,
        0.5,
        0,
        corrupt=lambda y, seed: class_conditional_noise(y, noise, seed),
    )
    assert set(((probe.given - probe.truth) % 3).tolist()) == {0, 1}
    assert probe.accuracies().remembered == 1.0


def test_the_report_says_who_memorises():
    x, y, x_test, z = world()
    report = rrm_decomposition(nearest, x, y, x_test, z, 4, rate=0.2).to_report()
    assert report.verdict.startswith("The model memorises: it answers 0 % of the rows with a corrupted label rightly")
    json.loads(report.to_json())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rrm_decomposition(majority, [0.0], [0], [0.0], [0], 2, rate=0.0), "corrupt some labels"),
        (lambda: rrm_decomposition(majority, np.zeros(2), [0, -1], [0.0], [0], 2), "unknown"),
        (lambda: rrm_decomposition(lambda X, y: lambda r: 0, np.zeros(9), [0] * 9, [0.0], [0], 2), "shape"),
        (lambda: rrm_decomposition(majority, np.zeros(2), [0, 1], [0.0], [0], 2, rate=1e-9, repeats=1), "no label was"),
        (lambda: deviation_complexity([[0]], [0, 1], [[0, 1]], 2), "shape"),
        (lambda: memorization_bound(-1, 0.1), "information"),
        (lambda: memorization_bound(1, 0.0), "rate"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()
