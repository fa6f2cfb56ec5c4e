"""Arithmetic with wrong labels: periodic neurons generalise, others store [P149]."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.noise import (
    corrupted_modular_dataset,
    inverse_participation_ratio,
    periodic_weights,
    periodicity_of_weights,
    training_phase,
)


@given(st.sampled_from([5, 7, 47]), st.floats(0.2, 0.8), st.floats(0, 1), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_table_is_whole_and_only_selected_labels_may_be_wrong(p, fraction, corruption, seed):
    data = corrupted_modular_dataset(p, fraction, corruption, seed)
    assert_array_equal(np.sort(np.concatenate([data.train, data.test])), np.arange(p * p))
    assert_array_equal(data.truth, data.pairs.sum(axis=1) % p)
    assert set(np.flatnonzero(data.changed)) <= set(data.selected)
    assert len(data.selected) == round(corruption * len(data.train))


def test_a_redrawn_label_is_right_once_in_p():
    data = corrupted_modular_dataset(97, 0.9, 1.0, seed=0)
    assert abs(data.changed.mean() - (1 - 1 / 97)) < 0.005


def test_other_operations_have_their_table():
    data = corrupted_modular_dataset(7, 0.5, 0.0, 0, np.multiply)
    assert_array_equal(data.truth, data.pairs.prod(axis=1) % 7)


def test_pairs_become_two_ones():
    data = corrupted_modular_dataset(5, 0.5, 0.0, 0)
    x = data.one_hot([7])  # (1, 2)
    assert np.flatnonzero(x[0]).tolist() == [1, 5 + 2] and x.dtype == np.float32


@pytest.mark.parametrize("frequency", [1, 3, 23])
def test_one_frequency_has_ratio_1(frequency):
    wave = np.cos(2 * np.pi * frequency * np.arange(47) / 47 + 0.7)
    assert_allclose(inverse_participation_ratio([wave]), 1.0, atol=1e-12)


@pytest.mark.parametrize("r", [2, 3])
def test_an_even_mixture_of_frequencies_has_one_over_their_number(r):
    spike = np.zeros(47)
    spike[5] = 1  # all 24 magnitudes are equal
    assert_allclose(inverse_participation_ratio([spike], r), 24.0 ** (1 - r), atol=1e-12)
    assert inverse_participation_ratio([np.zeros(47)]) == [0.0]


def test_scaling_a_row_keeps_its_ratio():
    rows = np.random.default_rng(0).normal(size=(10, 31))
    assert_allclose(inverse_participation_ratio(1e6 * rows), inverse_participation_ratio(rows))


def test_the_analytic_weights_are_right_on_all_pairs_and_wholly_periodic():
    data = corrupted_modular_dataset(47, 0.5, 0.0, seed=0)
    first, second = periodic_weights(47, 400, seed=0)
    answers = ((data.one_hot() @ first.T) ** 2 @ second.T).argmax(axis=1)
    assert_array_equal(answers, data.truth)
    assert_allclose(periodicity_of_weights(first, second), 1.0, atol=1e-12)


def test_accuracies_tell_wrong_labels_from_right_ones():
    data = corrupted_modular_dataset(7, 0.6, 0.5, seed=0)
    found = data.accuracies(data.truth)
    assert (found.remembered, found.recovered, found.untouched, found.test) == (0.0, 1.0, 1.0, 1.0)
    repeats = data.truth.copy()
    repeats[data.train] = data.given
    assert data.accuracies(repeats).remembered == 1.0
    assert_allclose(data.accuracies(repeats).training_accuracy(float(data.changed.mean())), 1.0)


@pytest.mark.parametrize(
    ("train", "test", "phase"),
    [
        (0.978, 0.983, "coexistence"),
        (0.786, 1.0, "partial inversion"),
        (0.654, 1.0, "full inversion"),
        (0.99, 0.2, "memorization"),
        (0.01, 0.01, "forgetting"),
        (0.7, 0.7, "confusion"),
        (0.4, 1.0, "confusion"),
    ],
)
def test_the_published_runs_have_their_phases(train, test, phase):
    assert training_phase(train, test, corruption=0.35, p=97) == phase


def test_without_corruption_a_fit_that_generalises_is_coexistence():
    assert training_phase(1.0, 1.0, corruption=0.0, p=47) == "coexistence"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: corrupted_modular_dataset(1, 0.5, 0, 0), "p is 1"),
        (lambda: corrupted_modular_dataset(5, 1.0, 0, 0), "for training and for testing"),
        (lambda: corrupted_modular_dataset(5, 0.5, 2, 0), "corruption is '2'"),
        (lambda: inverse_participation_ratio([[1.0]], r=1), "r is 1"),
        (lambda: inverse_participation_ratio([[np.nan]]), "NaN"),
        (lambda: periodicity_of_weights(np.ones((3, 4)), np.ones((2, 5))), "shapes"),
        (lambda: training_phase(1.2, 0, 0, 5), "train is '1.2'"),
        (lambda: corrupted_modular_dataset(5, 0.5, 0, 0).accuracies([1, 2]), "one class for each"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()


torch = pytest.importorskip("torch")


def test_pairs_and_one_hot_rows_give_the_same_scores():
    from labelwright.noise import QuadraticMLP

    data, model = corrupted_modular_dataset(7, 0.5, 0.0, 0), QuadraticMLP(7, 20)
    x = torch.tensor(data.one_hot())
    assert_allclose(model(x).detach(), model.of_pairs(torch.tensor(data.pairs)).detach(), atol=1e-6)
    hidden = (x @ model.first.T) ** 2
    assert_allclose(model(x).detach(), (hidden @ model.second.T).detach(), atol=1e-6)


def test_training_is_the_same_for_the_same_seed_and_learns():
    from labelwright.noise import QuadraticMLP, phase_of, train_quadratic_mlp

    data = corrupted_modular_dataset(7, 0.7, 0.0, 0)
    runs = []
    for _ in range(2):
        model = QuadraticMLP(7, 64, seed=1, batch_norm=True)
        runs.append(train_quadratic_mlp(model, data, steps=60, batch_size=16, seed=2))
    assert runs[0] == runs[1] and runs[0][-1] < runs[0][0]
    assert phase_of(model, data) in ("memorization", "coexistence", "confusion", "forgetting")


def test_pruning_silences_neurons_in_a_copy():
    from labelwright.noise import QuadraticMLP, neuron_periodicity, prune_neurons

    model = QuadraticMLP(7, 12)
    before = model.first.detach().clone()
    pruned = prune_neurons(model, np.argsort(neuron_periodicity(model))[:5])
    assert torch.equal(model.first, before)
    assert (pruned.first.abs().sum(dim=1) == 0).sum() == 5
    assert (pruned.second.abs().sum(dim=0) == 0).sum() == 5
    assert set(neuron_periodicity(pruned)[np.argsort(neuron_periodicity(model))[:5]]) == {0.0}
    everything = prune_neurons(model, np.arange(12))
    assert (everything(torch.ones(1, 14)) == 0).all()


def test_the_network_refuses_what_does_not_fit():
    from labelwright.noise import QuadraticMLP, prune_neurons, train_quadratic_mlp

    with pytest.raises(BadInput, match="p is 1"):
        QuadraticMLP(1, 5)
    with pytest.raises(BadInput, match="p = 5, the data for 7"):
        train_quadratic_mlp(QuadraticMLP(5, 4), corrupted_modular_dataset(7, 0.5, 0.0, 0))
    with pytest.raises(BadInput, match="numbers from 0 to 3"):
        prune_neurons(QuadraticMLP(5, 4), [4])
