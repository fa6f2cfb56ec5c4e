"""Transition matrices: rows = truth, columns = observed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare

from labelwright.errors import BadInput
from labelwright.noise.draws import coins, draw_by_row, draw_each
from labelwright.noise.matrix_error import matched_transition_error, transition_error
from labelwright.noise.transition import TransitionMatrix

rates = st.floats(0, 1)
sizes = st.integers(2, 7)


@given(rates, sizes)
def test_symmetric_noise_has_its_rate_and_treats_classes_alike(rate, k):
    t = TransitionMatrix.symmetric(rate, k)
    assert_allclose(t.noise_rate(), rate, atol=1e-12)
    assert_array_equal(t.matrix[::-1, ::-1], t.matrix)


@given(rates, sizes)
def test_uniform_replacement_is_symmetric_noise_of_its_effective_rate(rate, k):
    expected = TransitionMatrix.symmetric(rate * (k - 1) / k, k).matrix
    assert_allclose(TransitionMatrix.uniform_replacement(rate, k).matrix, expected, atol=1e-12)


@pytest.mark.parametrize("make", [TransitionMatrix.symmetric, TransitionMatrix.pairflip])
def test_rate_zero_is_exactly_the_identity(make):
    assert make(0.0, 5) == TransitionMatrix.identity(5)


def test_full_pairflip_is_a_cyclic_shift():
    labels = np.random.default_rng(0).integers(0, 7, 1000)
    assert_array_equal(TransitionMatrix.pairflip(1.0, 7).apply(labels, seed=0), (labels + 1) % 7)


def test_full_symmetric_noise_never_keeps_a_label():
    labels = np.random.default_rng(0).integers(0, 3, 100_000)
    assert (TransitionMatrix.symmetric(1.0, 3).apply(labels, seed=1) != labels).all()


def test_pairs_put_the_rest_on_the_diagonal():
    t = TransitionMatrix.from_pairs({(2, 0): 0.3, (2, 1): 0.7}, 3)
    assert_array_equal(t.matrix, [[1, 0, 0], [0, 1, 0], [0.3, 0.7, 0]])


def test_unknown_labels_stay_unknown():
    observed = TransitionMatrix.symmetric(1.0, 2).apply([-1, 0, -1], seed=0)
    assert observed.tolist() == [-1, 1, -1]
    assert observed.dtype == np.int32


def test_draws_follow_the_rows():
    t = TransitionMatrix.random(0.6, 5, seed=0)
    labels = np.repeat(np.arange(5), 20_000)
    observed = t.apply(labels, seed=1)
    for k in range(5):
        counts = np.bincount(observed[labels == k], minlength=5)
        assert chisquare(counts, t.matrix[k] * counts.sum()).pvalue > 1e-4


def test_counts_of_an_applied_matrix_give_it_back():
    t = TransitionMatrix.random(0.7, 4, seed=3)
    labels = np.random.default_rng(0).integers(0, 4, 400_000)
    assert transition_error(TransitionMatrix.from_labels(labels, t.apply(labels, seed=2), 4), t) < 0.01


def test_a_class_without_rows_is_taken_as_noise_free():
    assert_array_equal(TransitionMatrix.from_counts([[1, 3], [0, 0]]).matrix, [[0.25, 0.75], [0, 1]])
    assert_array_equal(TransitionMatrix.from_counts([[1, 3], [0, 0]], smoothing=1).matrix[1], [0.5, 0.5])


@given(st.integers(0, 1000), sizes)
def test_posterior_turns_the_observed_prior_back_into_the_prior(seed, k):
    rng = np.random.default_rng(seed)
    t, prior = TransitionMatrix.random(0.7, k, rng), rng.dirichlet(np.ones(k))
    posterior = t.posterior(prior)
    assert_allclose(posterior.sum(axis=0), 1)
    assert_allclose(posterior @ t.observed_prior(prior), prior, atol=1e-12)


def test_posterior_of_noise_free_labels_is_the_label():
    assert_array_equal(TransitionMatrix.identity(3).posterior([0.5, 0.3, 0.2]), np.eye(3))


def test_a_class_never_observed_keeps_the_prior():
    t = TransitionMatrix(np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert_array_equal(t.posterior([0.3, 0.7]), [[0.3, 0.3], [0.7, 0.7]])


def test_the_inverse_undoes_the_matrix():
    t = TransitionMatrix.random(0.8, 6, seed=0)
    assert_allclose(t.inverse() @ np.asarray(t), np.eye(6), atol=1e-12)


def test_a_singular_matrix_says_that_classes_cannot_be_told_apart():
    with pytest.raises(BadInput, match="cannot be told apart"):
        TransitionMatrix.uniform_replacement(1.0, 3).inverse()


def test_condition_number_of_symmetric_noise_has_a_closed_form():
    rate, k = 0.3, 5
    assert_allclose(TransitionMatrix.symmetric(rate, k).condition_number, 1 / (1 - rate * k / (k - 1)))


def test_two_pairflips_in_a_row_compose():
    twice = TransitionMatrix.pairflip(1.0, 4) @ TransitionMatrix.pairflip(1.0, 4)
    assert_array_equal(twice.apply([0, 1, 2, 3], seed=0), [2, 3, 0, 1])


@given(st.integers(0, 500), sizes, st.floats(0, 1), st.floats(0, 1))
def test_random_matrices_are_valid_whatever_is_asked(seed, k, diagonal, sparsity):
    t = TransitionMatrix.random(diagonal, k, seed, sparsity)
    assert_allclose(t.matrix.sum(axis=1), 1)
    assert t == TransitionMatrix.random(diagonal, k, seed, sparsity)


def test_random_matrices_hit_the_diagonal_and_the_sparsity():
    t = TransitionMatrix.random(0.7, 300, seed=0, sparsity=0.8)
    assert abs(np.diag(t.matrix).mean() - 0.7) < 0.01
    assert abs((t.matrix == 0).mean() - 0.8) < 0.01


def test_a_matrix_is_read_only_and_hashable():
    t = TransitionMatrix.identity(2)
    with pytest.raises(ValueError, match="read-only"):
        t.matrix[0, 0] = 0
    assert len({t, TransitionMatrix.identity(2)}) == 1


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0.5, 0.6], [0, 1]], "row 0: the transition matrix must have rows"),
        ([[1.5, -0.5], [0, 1]], "sum to 1"),
        ([[1.0, 0.0]], "shape"),
        ([[np.nan, 1.0], [0, 1]], "NaN"),
        (np.empty((0, 0)), "shape"),
    ],
)
def test_what_is_no_transition_matrix_is_refused(matrix, message):
    with pytest.raises(BadInput, match=message):
        TransitionMatrix(np.array(matrix))


def test_impossible_constructions_are_refused():
    with pytest.raises(BadInput, match=r"rate is '1\.5'"):
        TransitionMatrix.symmetric(1.5, 3)
    with pytest.raises(BadInput, match="rate is 'nan'"):
        TransitionMatrix.pairflip(float("nan"), 3)
    with pytest.raises(BadInput, match=r"rate is '0\.1'"):
        TransitionMatrix.symmetric("0.1", 3)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="whole number"):
        TransitionMatrix.symmetric(0.1, 2.5)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="at least 2"):
        TransitionMatrix.symmetric(0.1, 1)
    with pytest.raises(BadInput, match="class 0"):
        TransitionMatrix.from_pairs({(0, 1): 0.6, (0, 2): 0.6}, 3)
    with pytest.raises(BadInput, match="not a pair"):
        TransitionMatrix.from_pairs({(0, 0): 0.6}, 3)
    with pytest.raises(BadInput, match="labels holds 9"):
        TransitionMatrix.identity(3).apply([9], seed=0)


def test_swapped_hidden_classes_cost_nothing_after_matching():
    t = TransitionMatrix.random(0.6, 5, seed=0).matrix
    order = np.array([3, 1, 4, 0, 2])
    found = matched_transition_error(t[order], t)
    assert found.error == 0
    assert_array_equal(order[found.order], np.arange(5))


def test_matching_never_raises_the_error():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = TransitionMatrix.random(0.3, 4, rng), TransitionMatrix.random(0.3, 4, rng)
        assert matched_transition_error(a, b).error <= transition_error(a, b) + 1e-12


def test_error_is_zero_to_itself_and_two_when_nothing_overlaps():
    assert transition_error(np.eye(3), np.eye(3)) == 0
    assert transition_error(np.roll(np.eye(3), 1, axis=1), np.eye(3)) == 2


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_coins_fall_on_rising_positions_in_range(seed, rate):
    found = coins(500, rate, np.random.default_rng(seed))
    assert (np.diff(found) > 0).all()
    assert not len(found) or (found[0] >= 0 and found[-1] < 500)


@pytest.mark.parametrize("rate", [1e-9, 0.001, 0.19, 0.21, 0.7])
def test_coins_have_the_right_mean_and_spread(rate):
    rng = np.random.default_rng(0)
    n, repeats = 20_000, 200
    heads = np.array([len(coins(n, rate, rng)) for _ in range(repeats)])
    sd = np.sqrt(n * rate * (1 - rate))
    assert abs(heads.mean() - n * rate) < 4 * sd / np.sqrt(repeats) + 1e-3
    assert rate < 1e-6 or 0.8 < heads.std() / sd < 1.2


def test_coins_of_low_rate_are_spread_evenly():
    found = coins(1_000_000, 0.01, np.random.default_rng(0))
    assert chisquare(np.bincount(found * 20 // 1_000_000, minlength=20)).pvalue > 1e-4


def test_coins_of_rate_one_and_zero_are_certain():
    rng = np.random.default_rng(0)
    assert_array_equal(coins(5, 1.0, rng), np.arange(5))
    assert len(coins(5, 0.0, rng)) == 0


def test_a_column_without_probability_is_never_drawn():
    rng = np.random.default_rng(0)
    table = np.array([[0, 0.5, 0, 0.5, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0.1] * 3 + [0.7, 0]])
    row = rng.integers(0, 4, 200_000)
    assert (table[row, draw_by_row(table, row, rng)] > 0).all()
    assert (table[row, draw_each(table[row], rng)] > 0).all()


def test_the_highest_and_lowest_random_numbers_stay_within_their_row():
    class Extreme:
        def __init__(self, u):
            self.u = u

        def random(self, n):
            return np.full(n, self.u)

    table = np.eye(1000)
    row = np.arange(1000)
    for u in (0.0, 1 - 2**-53):
        assert_array_equal(draw_by_row(table, row, Extreme(u)), row)
        assert_array_equal(draw_each(table, Extreme(u)), row)
