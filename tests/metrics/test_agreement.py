"""Kappas and Krippendorff's alpha."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.metrics import cohen_kappa_score

from labelwright.errors import BadInput
from labelwright.metrics.agreement import (
    cohen_kappa,
    fleiss_kappa,
    interval_scale,
    krippendorff_alpha,
    krippendorff_alpha_interval,
    linear_weights,
    nominal_scale,
    ordinal_scale,
    quadratic_weights,
    votes_of,
)
from labelwright.metrics.intervals import bootstrap

# Krippendorff's published example: four observers, twelve units, missing entries.
PUBLISHED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, -1, -1, -1],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, -1, 3],
        [-1, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, -1],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, -1],
    ]
).T

ratings = st.lists(st.lists(st.sampled_from([-1, 0, 1, 2, 3]), min_size=3, max_size=3), min_size=2, max_size=8).map(
    np.array
)


def _brute_alpha(matrix, difference):
    units = [[v for v in row if v >= 0] for row in matrix]
    units = [u for u in units if len(u) > 1]
    pooled = [v for u in units for v in u]
    n = len(pooled)
    if not n:
        return np.nan
    counts = {v: pooled.count(v) for v in set(pooled)}
    observed = sum(difference(a, b, counts) / (len(u) - 1) for u in units for a in u for b in u) / n
    expected = sum(difference(a, b, counts) for a in pooled for b in pooled) / (n * (n - 1))
    return 1 - observed / expected if expected > 0 else np.nan


def _ordinal_difference(a, b, counts):
    low, high = min(a, b), max(a, b)
    return (sum(c for v, c in counts.items() if low <= v <= high) - (counts[a] + counts[b]) / 2) ** 2


BRUTE = {
    nominal_scale: lambda a, b, counts: float(a != b),
    interval_scale: lambda a, b, counts: float(a - b) ** 2,
    ordinal_scale: _ordinal_difference,
}


@pytest.mark.parametrize(
    ("scale", "expected"), [(nominal_scale, 0.743), (ordinal_scale, 0.815), (interval_scale, 0.849)]
)
def test_alpha_reproduces_the_published_example(scale, expected):
    assert round(krippendorff_alpha(*votes_of(PUBLISHED), scale), 3) == expected


@pytest.mark.parametrize("scale", list(BRUTE))
@given(matrix=ratings)
def test_alpha_equals_the_sum_over_all_pairs(scale, matrix):
    assert_allclose(krippendorff_alpha(*votes_of(matrix), scale), _brute_alpha(matrix, BRUTE[scale]), atol=1e-9)


@pytest.mark.parametrize("scale", list(BRUTE))
def test_perfect_agreement_is_one(scale):
    assert krippendorff_alpha([4, 4, 9, 9, 9], [0, 0, 2, 2, 2], scale) == 1.0


def test_interval_alpha_ignores_shift_and_scale():
    rng = np.random.default_rng(0)
    rows, values = np.repeat(np.arange(20), 3), rng.normal(size=60)
    expected = krippendorff_alpha(rows, values, interval_scale)
    assert_allclose(krippendorff_alpha(rows, 1e6 - 7 * values, interval_scale), expected, rtol=1e-9)


def test_ordinal_alpha_ignores_the_spacing_of_values():
    rows, values = votes_of(PUBLISHED)
    assert krippendorff_alpha(rows, values, ordinal_scale) == krippendorff_alpha(rows, values**3, ordinal_scale)


def test_renaming_classes_leaves_nominal_alpha_alone():
    rows, values = votes_of(PUBLISHED)
    renamed = np.array([0, 9, 4, 10**12, 7, 5])[values.astype(int)]
    assert krippendorff_alpha(rows, renamed) == krippendorff_alpha(rows, values)


def test_rows_with_a_single_vote_do_not_count():
    assert krippendorff_alpha([0, 0, 1, 1, 2], [0, 1, 1, 1, 0]) == krippendorff_alpha([0, 0, 1, 1], [0, 1, 1, 1])


def test_alpha_is_nan_where_nothing_can_disagree():
    assert np.isnan(krippendorff_alpha([0, 0, 1, 1], [3, 3, 3, 3]))
    assert np.isnan(krippendorff_alpha([], []))
    assert np.isnan(krippendorff_alpha([0, 0, 1, 1], [0.1] * 4, interval_scale))
    assert np.isnan(krippendorff_alpha_interval([0, 1], [1, 1], seed=0, n=5).low)


def test_weighting_a_row_twice_equals_copying_it():
    rows, values = votes_of(PUBLISHED)
    copied = np.r_[rows, np.full((rows == 5).sum(), 99)], np.r_[values, values[rows == 5]]
    units = np.unique(rows[np.isin(rows, np.flatnonzero(np.bincount(rows) > 1))])
    unit, size = np.searchsorted(units, rows[np.isin(rows, units)]), np.bincount(rows)[units]
    weight = 1.0 + (units == 5)
    for scale in BRUTE:
        observed, expected = scale(unit, values[np.isin(rows, units)], size)(weight)
        assert_allclose(1 - observed / expected, krippendorff_alpha(*copied, scale), rtol=1e-12)


def test_alpha_interval_is_around_the_estimate_and_repeats():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    values = np.where(rng.random((300, 3)) < 0.8, truth[:, None], rng.integers(0, 3, (300, 3)))
    first = krippendorff_alpha_interval(*votes_of(values), seed=0, n=200)
    assert first == krippendorff_alpha_interval(*votes_of(values), seed=0, n=200)
    assert first.low < first.estimate == krippendorff_alpha(*votes_of(values)) < first.high
    assert 0.02 < first.high - first.low < 0.2


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=30))
def test_cohen_kappa_equals_that_of_scikit_learn(pairs):
    a, b = np.array(pairs).T
    if len(set(a) | set(b)) < 2:
        return
    assert_allclose(cohen_kappa(a, b), cohen_kappa_score(a, b), atol=1e-12)
    labels = range(4)
    for weights, name in ((linear_weights(4), "linear"), (quadratic_weights(4), "quadratic")):
        expected = cohen_kappa_score(a, b, labels=labels, weights=name)
        assert_allclose(cohen_kappa(a, b, weights), expected, atol=1e-12)


def test_cohen_kappa_of_independent_raters_is_zero():
    a, b = np.divmod(np.arange(9), 3)
    assert_allclose(cohen_kappa(a, b), 0, atol=1e-15)


def test_kappa_needs_no_dense_class_numbers():
    assert cohen_kappa([10**12, 3, 3], [10**12, 3, 10**12]) == cohen_kappa([1, 0, 0], [1, 0, 1])


def test_weights_of_one_are_plain_kappa():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3, (2, 50))
    assert_allclose(cohen_kappa(a, b, 1 - np.eye(3)), cohen_kappa(a, b))


def test_unknown_labels_are_left_out_of_kappa():
    assert cohen_kappa([0, 0, 1, 1, -1], [0, 0, 1, 0, 1]) == 0.5
    assert np.isnan(cohen_kappa([-1], [0]))


def test_fleiss_kappa_reproduces_the_published_example():
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert round(fleiss_kappa(counts), 3) == 0.210


def test_fleiss_kappa_takes_a_bootstrap():
    counts = np.random.default_rng(0).multinomial(5, [0.6, 0.4], size=40)
    found = bootstrap(fleiss_kappa, [counts], seed=0, n=50)
    assert found.low <= found.estimate <= found.high


def test_fleiss_kappa_without_shared_rows_is_nan():
    assert np.isnan(fleiss_kappa([[1, 0], [0, 1]]))


def test_wrong_arguments_are_named():
    with pytest.raises(BadInput, match="values are not class numbers: 'cat'"):
        krippendorff_alpha([0, 0], ["cat", "dog"])
    with pytest.raises(BadInput, match="rows has 2 rows but values has 3"):
        krippendorff_alpha([0, 0], [1, 1, 1])
    with pytest.raises(BadInput, match="diagonal"):
        cohen_kappa([0, 1], [0, 1], np.ones((2, 2)))
    with pytest.raises(BadInput, match="whole numbers"):
        fleiss_kappa([[0.5, 1.5]])


def test_float_nan_means_no_answer():
    rows, values = votes_of(np.array([[1.0, np.nan], [2.0, 3.5]]))
    assert (rows.tolist(), values.tolist()) == ([0, 1, 1], [1.0, 2.0, 3.5])
    assert np.isnan(krippendorff_alpha([0, 0], [np.nan, 1.0], interval_scale))
