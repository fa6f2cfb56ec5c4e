from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.covering import d2_sampling, k_center_greedy, kmeans_plus_plus
from labelwright.errors import BadInput


def brute(X, n, covered, first=None):
    """Greedy k-centre with every distance measured at every step."""
    X = np.asarray(X, np.float64)
    D = ((X[:, None] - X[None]) ** 2).sum(-1)
    taken, free = list(covered), np.ones(len(X), bool)
    free[taken] = False
    out = []
    for _ in range(n):
        least = D[:, taken].min(axis=1) if taken else None
        row = first if least is None else int(np.where(free, least, -1).argmax())
        out.append(row)
        taken.append(row)
        free[row] = False
    return np.array(out, np.int64), np.sqrt(D[:, taken].min(axis=1, initial=np.inf))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.integers(1, 3), st.integers(0, 2**31), st.integers(0, 3))
def test_the_lazy_search_takes_the_rows_of_the_full_one_ties_included(n, d, seed, m):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 5, (n, d)).astype(np.float32)  # many ties and copies
    covered = rng.permutation(n)[: min(m, n - 1)]
    size = int(rng.integers(0, n - len(covered) + 1))
    found = k_center_greedy(X, size, covered=covered, first=None if len(covered) else 0)
    rows, distance = brute(X, size, covered, first=0)
    assert_array_equal(found.rows, rows)
    if len(covered) + size:
        assert_allclose(found.distance, distance, atol=1e-5)


def test_the_result_does_not_depend_on_the_number_of_threads():
    X = np.random.default_rng(0).normal(size=(20_000, 8)).astype(np.float32)
    one, two = k_center_greedy(X, 40), k_center_greedy(X, 40, jobs=2)
    assert_array_equal(one.rows, two.rows)
    assert_array_equal(one.distance, two.distance)


def test_greedy_covering_is_within_twice_the_radius_of_well_separated_blobs():
    rng = np.random.default_rng(1)
    X = np.repeat(np.eye(6) * 50, 20, axis=0) + rng.uniform(-0.5, 0.5, (120, 6))
    found = k_center_greedy(X, 6)
    assert sorted(row // 20 for row in found.rows.tolist()) == list(range(6))
    assert found.distance.max() < 3


def test_radii_of_greedy_covering_never_rise():
    X = np.random.default_rng(2).normal(size=(300, 4))
    radius = k_center_greedy(X, 50, covered=[0]).radius
    assert (np.diff(radius) <= 1e-6).all()


def test_k_means_plus_plus_takes_each_of_well_separated_points_once():
    X = np.repeat([[0.0], [100.0], [200.0]], 5, axis=0)
    for seed in range(20):
        rows = kmeans_plus_plus(X, 3, seed)
        assert sorted(X[rows].ravel()) == [0, 100, 200]


def test_seeding_draws_in_proportion_to_squared_distances():
    X, seconds = np.array([[0.0], [1.0], [2.0]]), []
    for seed in range(4000):
        seconds.append(kmeans_plus_plus(X, 2, seed, first=0)[1])
    assert abs(np.mean(np.array(seconds) == 2) - 0.8) < 0.03


def test_copies_are_drawn_when_nothing_else_is_left():
    assert sorted(kmeans_plus_plus([[1.0]] * 4, 4, 0).tolist()) == [0, 1, 2, 3]
    assert sorted(d2_sampling(3, 9, lambda row: np.zeros(3), 0).tolist()) == [0, 1, 2]


@pytest.mark.parametrize(
    "call",
    [
        lambda: k_center_greedy([[np.nan]], 1),
        lambda: k_center_greedy([[1.0]], -1),
        lambda: k_center_greedy([[1.0]], 1, covered=[3]),
        lambda: k_center_greedy([[1.0], [2.0]], 1, candidates=[True]),
        lambda: k_center_greedy([[1.0], [2.0]], 1, first=7),
        lambda: kmeans_plus_plus([[1.0]], -2, 0),
    ],
)
def test_bad_input_is_one_line(call):
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_nothing_asked_is_nothing_taken():
    assert len(k_center_greedy(np.empty((0, 3)), 5).rows) == 0
    assert len(k_center_greedy([[1.0]], 0).rows) == 0
