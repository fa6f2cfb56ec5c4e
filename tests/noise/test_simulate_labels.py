"""Wrong class labels."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.noise.simulate_labels import (
    annotator_dependent_noise,
    class_conditional_noise,
    instance_dependent_noise,
    pairflip_noise,
    symmetric_noise,
    uniform_replacement_noise,
)
from labelwright.noise.transition import TransitionMatrix

N, K = 50_000, 5
Y = np.random.default_rng(0).integers(0, K, N)
X = np.random.default_rng(1).normal(size=(N, 4))

BY_RATE = {
    "symmetric": lambda rate, seed: symmetric_noise(Y, rate, K, seed),
    "pairflip": lambda rate, seed: pairflip_noise(Y, rate, K, seed),
    "instance_dependent": lambda rate, seed: instance_dependent_noise(Y, X, rate, K, seed),
    "annotator_dependent": lambda rate, seed: annotator_dependent_noise(Y, X, [rate, rate], K, seed),
}


@pytest.mark.parametrize("kind", list(BY_RATE))
def test_rate_zero_changes_nothing(kind):
    found = BY_RATE[kind](0.0, 0)
    assert (found.realised_rate, len(found.changed), found.kind) == (0.0, 0, kind)
    assert_array_equal(found.labels.reshape(N, -1)[:, 0], Y)


@pytest.mark.parametrize("kind", list(BY_RATE))
def test_rate_one_changes_everything(kind):
    found = BY_RATE[kind](1.0, 0)
    assert found.realised_rate == 1.0
    assert_array_equal(found.changed, np.arange(N))


@pytest.mark.parametrize("kind", list(BY_RATE))
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.45, 0.9])
def test_the_realised_rate_matches_the_requested_one(kind, rate):
    found = BY_RATE[kind](rate, 3)
    assert found.requested_rate == pytest.approx(rate)
    assert abs(found.realised_rate - rate) < 4.5 * np.sqrt(rate * (1 - rate) / N)


@pytest.mark.parametrize("kind", list(BY_RATE))
def test_the_record_lists_exactly_the_changed_rows(kind):
    found = BY_RATE[kind](0.3, 4)
    wrong = (found.labels.reshape(N, -1) != Y[:, None]).any(axis=1)
    assert_array_equal(found.changed, np.flatnonzero(wrong))
    assert found.seed == 4


@pytest.mark.parametrize("kind", list(BY_RATE))
def test_the_same_seed_gives_the_same_labels_and_another_seed_others(kind):
    first = BY_RATE[kind](0.3, 5).labels
    assert_array_equal(first, BY_RATE[kind](0.3, 5).labels)
    assert (first != BY_RATE[kind](0.3, 6).labels).any()


def test_uniform_replacement_requests_its_effective_rate():
    found = uniform_replacement_noise(Y, 0.5, K, seed=0)
    assert found.requested_rate == pytest.approx(0.4)
    assert abs(found.realised_rate - 0.4) < 0.01


def test_class_conditional_noise_requests_the_mean_over_the_classes_there():
    t = TransitionMatrix.from_pairs({(0, 1): 1.0}, 3)
    found = class_conditional_noise([0, 2, 2, 2, -1], t, seed=0)
    assert (found.requested_rate, found.realised_rate) == (0.25, 0.25)
    assert found.labels.tolist() == [1, 2, 2, 2, -1]


def test_flip_probabilities_have_the_rate_as_mean_and_stay_around_it():
    for rate in (0.05, 0.3, 0.95):
        flips = instance_dependent_noise(Y, X, rate, K, seed=0).flip_probs
        assert flips is not None
        reach = min(rate, 1 - rate)
        assert abs(flips.mean() - rate) < 0.003
        assert (np.abs(flips - rate) <= reach + 1e-12).all()


def test_no_spread_gives_every_row_the_same_chance():
    flips = instance_dependent_noise(Y, X, 0.3, K, seed=0, spread=0.0).flip_probs
    assert flips is not None
    assert_array_equal(flips, np.full(N, 0.3))


def test_far_features_decide_the_wrong_class():
    x = 1e6 * X
    found = instance_dependent_noise(Y, np.repeat(x[::2], 2, axis=0), 1.0, K, seed=0).labels
    same = Y[::2] == Y[1::2]
    assert_array_equal(found[::2][same], found[1::2][same])


def test_zero_features_spread_the_wrong_labels_evenly():
    found = instance_dependent_noise(Y, np.zeros((N, 2)), 1.0, K, seed=0)
    shares = np.bincount(found.labels[Y == 0], minlength=K)[1:] / (Y == 0).sum()
    assert_allclose(shares, 0.25, atol=0.02)


def test_annotators_differ_in_rate_and_in_errors():
    found = annotator_dependent_noise(Y, X, [0.1, 0.4], K, seed=0)
    wrong = found.labels != Y[:, None]
    assert_allclose(wrong.mean(axis=0), [0.1, 0.4], atol=0.01)
    both = wrong.all(axis=1)
    assert (found.labels[both, 0] == found.labels[both, 1]).mean() < 0.6
    assert found.realised_rate == pytest.approx(wrong.mean())


def test_unknown_labels_are_left_alone_and_not_counted():
    for found in (symmetric_noise([-1, 0], 1.0, 2, 0), instance_dependent_noise([-1, 0], [[0.0], [1.0]], 1.0, 2, 0)):
        assert found.labels.tolist() == [-1, 1]
        assert found.realised_rate == 1.0


def test_no_rows_are_no_error():
    found = symmetric_noise([], 0.3, 2, seed=0)
    assert (len(found.labels), found.requested_rate) == (0, pytest.approx(0.3))
    assert np.isnan(found.realised_rate)
    assert len(instance_dependent_noise([], np.empty((0, 2)), 0.3, 2, seed=0).labels) == 0


def test_a_generator_is_taken_and_moves_on():
    rng = np.random.default_rng(0)
    first, second = symmetric_noise(Y, 0.3, K, rng), symmetric_noise(Y, 0.3, K, rng)
    assert first.seed is None
    assert (first.labels != second.labels).any()


def test_two_corruptions_with_one_seed_are_independent():
    symmetric, flipped = symmetric_noise(Y, 0.5, K, seed=0), pairflip_noise(Y, 0.5, K, seed=0)
    instance = instance_dependent_noise(Y, X, 0.5, K, seed=0)
    assert abs(np.isin(instance.changed, symmetric.changed).mean() - 0.5) < 0.02
    assert abs(np.isin(instance.changed, flipped.changed).mean() - 0.5) < 0.02


def test_data_drawn_from_the_same_seed_does_not_steer_the_noise():
    u = np.random.default_rng(0).random(N)
    changed = symmetric_noise(Y, 0.5, K, seed=0).changed
    assert abs(u[changed].mean() - 0.5) < 0.01


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match="features has 1 rows but labels has 2"):
        instance_dependent_noise([0, 1], [[1.0]], 0.1, 2, 0)
    with pytest.raises(BadInput, match="features holds NaN"):
        instance_dependent_noise([0], [[np.nan]], 0.1, 2, 0)
    with pytest.raises(BadInput, match="no annotator"):
        annotator_dependent_noise([0], [[1.0]], [], 2, 0)
    with pytest.raises(BadInput, match="not class numbers"):
        symmetric_noise(["cat"], 0.1, 2, 0)
    with pytest.raises(BadInput, match="seed"):
        symmetric_noise([0], 0.1, 2, None)  # type: ignore[arg-type]


def test_a_million_labels_take_about_a_second():
    y = np.random.default_rng(0).integers(0, 10, 1_000_000)
    start = time.process_time()
    found = symmetric_noise(y, 0.2, 10, seed=0)
    assert time.process_time() - start < 2
    assert abs(found.realised_rate - 0.2) < 0.002
