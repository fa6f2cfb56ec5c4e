"""Bags of labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.noise.simulate_bags import (
    bags_by_value,
    count_labels,
    mixed_bags,
    noisy_counts,
    permuted_labels,
    random_bags,
)

N = 6000
Y = np.random.default_rng(0).integers(0, 3, N)


@given(st.integers(0, 200), st.integers(1, 20), st.integers(0, 99))
def test_random_bags_are_full_but_for_the_last(n, size, seed):
    sizes = np.bincount(random_bags(n, size, seed))
    assert sizes.sum() == n
    assert (sizes[:-1] == size).all()


def test_bags_of_one_row_count_the_label_itself():
    bag = random_bags(N, 1, seed=0)
    assert_array_equal(count_labels(Y, bag, 3).counts[bag], np.eye(3)[Y])


def test_one_bag_of_all_rows_counts_the_classes():
    assert_array_equal(count_labels(Y, np.zeros(N, dtype=int), 3).counts, [np.bincount(Y)])


def test_counts_add_up_to_sizes_and_proportions_to_one():
    found = count_labels(Y, random_bags(N, 7, seed=0), 3)
    assert_array_equal(found.counts.sum(axis=1), found.sizes)
    assert_allclose(found.proportions.sum(axis=1), 1)
    assert_array_equal(found.any, found.counts > 0)


def test_bags_by_class_are_pure():
    found = count_labels(Y, bags_by_value(Y), 3)
    assert_array_equal(found.counts, np.diag(np.bincount(Y)))


def test_bags_by_value_take_names():
    assert bags_by_value(["b", "a", "b"]).tolist() == [1, 0, 1]


@given(st.integers(0, 60), st.integers(1, 9), st.integers(0, 99), st.sampled_from([0.01, 1.0, 100.0]))
def test_mixed_bags_use_every_row_once_and_are_full_but_for_the_last(n, size, seed, alpha):
    bag = mixed_bags(Y[:n], size, 3, seed, alpha)
    sizes = np.bincount(bag, minlength=-(-n // size))
    assert sizes.sum() == n == len(bag)
    assert (sizes[:-1] == size).all()


def test_mixed_bags_differ_more_than_random_ones_and_less_with_large_alpha():
    def spread(bag):
        return count_labels(Y, bag, 3).proportions.std(axis=0).mean()

    mixed, even = mixed_bags(Y, 10, 3, seed=0), mixed_bags(Y, 10, 3, seed=0, alpha=1e6)
    assert spread(mixed) > 1.3 * spread(random_bags(N, 10, seed=0))
    assert spread(even) < 1.2 * spread(random_bags(N, 10, seed=0))


def test_noisy_counts_are_wrong_at_exactly_the_rate_recorded():
    y = (Y == 0).astype(int)
    true = count_labels(y, random_bags(N, 3, seed=0), 2)
    found = noisy_counts(true, 0.3, seed=1)
    wrong = found.counts[:, 1] != true.counts[:, 1]
    assert found.realised_rate == wrong.mean()
    assert abs(wrong.mean() - 0.3) < 0.04
    assert_array_equal(found.changed, np.flatnonzero(wrong))
    assert_array_equal(found.counts.sum(axis=1), true.sizes)
    assert found.counts.min() >= 0


def test_wrong_counts_fall_off_by_the_decay_on_both_sides():
    y = np.tile([1, 1, 0, 0, 0], 20_000)
    true = count_labels(y, np.repeat(np.arange(20_000), 5), 2)
    found = noisy_counts(true, 1.0, seed=0, decay=0.5).counts[:, 1]
    expected = np.array([0.25, 0.5, 0, 0.5, 0.25, 0.125])
    assert_allclose(np.bincount(found, minlength=6) / 20_000, expected / expected.sum(), atol=0.015)


def test_no_noise_leaves_the_counts_alone():
    true = count_labels(Y > 0, random_bags(N, 5, seed=0), 2)
    assert_array_equal(noisy_counts(true, 0.0, seed=0).counts, true.counts)


def test_permuting_keeps_the_count_of_every_bag():
    bag = random_bags(N, 5, seed=0)
    found = permuted_labels(Y, bag, seed=1)
    assert_array_equal(count_labels(found.labels, bag, 3).counts, count_labels(Y, bag, 3).counts)
    assert abs(found.realised_rate - found.requested_rate) < 0.02
    assert_array_equal(found.changed, np.flatnonzero(found.labels != Y))


def test_permuting_pure_bags_changes_nothing():
    found = permuted_labels(Y, Y, seed=0)
    assert (found.requested_rate, found.realised_rate) == (0.0, 0.0)


def test_every_order_inside_a_bag_is_equally_likely():
    found = permuted_labels(np.tile([0, 1, 2], 30_000), np.repeat(np.arange(30_000), 3), seed=0)
    _, counts = np.unique(found.labels.reshape(-1, 3), axis=0, return_counts=True)
    assert_allclose(counts / 30_000, 1 / 6, atol=0.01)


def test_rows_of_unknown_class_are_in_a_bag_but_in_no_count():
    found = count_labels([-1, 1], [0, 0], 2)
    assert (found.sizes.tolist(), found.counts.tolist()) == ([2], [[0, 1]])


def test_no_rows_make_no_bags():
    assert count_labels([], [], 2).counts.shape == (0, 2)
    assert np.isnan(permuted_labels([], [], 0).realised_rate)


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match="size of 1 or more"):
        random_bags(3, 0, 0)
    with pytest.raises(BadInput, match="row 1: bag holds a negative number"):
        count_labels([0, 0], [0, -1], 2)
    with pytest.raises(BadInput, match="labels has 1 rows but bag has 2"):
        count_labels([0], [0, 1], 2)
    with pytest.raises(BadInput, match="two classes"):
        noisy_counts(count_labels(Y, Y, 3), 0.1, 0)
