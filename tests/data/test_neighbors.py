from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.neighbors import nearest_neighbors, neighbor_graph
from labelwright.errors import BadInput


def brute(X, k, metric):
    """Every distance in float64, then the k least by (distance, row)."""
    X = np.asarray(X, np.float32).astype(np.float64)
    if metric == "euclidean":
        D = np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1))
    else:
        norm = np.linalg.norm(X, axis=1)
        unit = (X / np.where(norm > 0, norm, 1)[:, None]).astype(np.float32).astype(np.float64)
        D = 0.5 * ((unit[:, None] - unit[None]) ** 2).sum(-1)
        zero = norm == 0
        D[zero ^ zero[:, None]] = 1
    np.fill_diagonal(D, np.inf)
    order = np.argsort(D, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(D, order, axis=1)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("shape", [(7, 3), (300, 5), (2100, 17)])
def test_neighbors_are_those_of_every_pair_measured(metric, shape):
    X = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = nearest_neighbors(X, 6, metric=metric)
    order, distance = brute(X, 6, metric)
    assert_array_equal(found.indices, order)
    assert_allclose(found.distances, distance, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(1, 4), st.integers(1, 50), st.integers(0, 2**31), st.booleans())
def test_ties_go_to_the_earlier_row(n, d, k, seed, cosine):
    metric = "cosine" if cosine else "euclidean"
    X = np.random.default_rng(seed).integers(0, 3, size=(n, d)).astype(float)
    if cosine:
        X = np.eye(3)[X[:, 0].astype(int)]  # angles of 0 and 90 degrees only, so that ties are exact
    found = nearest_neighbors(X, k, metric=metric)
    order, distance = brute(X, min(k, n - 1), metric)
    assert_array_equal(found.indices, order)
    assert_allclose(found.distances, distance, atol=1e-6)


def test_a_row_is_never_its_own_neighbor_even_among_copies():
    found = nearest_neighbors(np.ones((50, 4)), 49)
    assert all(set(row) == set(range(50)) - {i} for i, row in enumerate(found.indices.tolist()))
    assert (found.distances == 0).all()


def test_threads_do_not_change_a_bit():
    X = np.random.default_rng(1).normal(size=(1500, 40)).astype(np.float32)
    one, two = nearest_neighbors(X, 9, jobs=1), nearest_neighbors(X, 9, jobs=2)
    assert one.indices.tobytes() == two.indices.tobytes()
    assert one.distances.tobytes() == two.distances.tobytes()


def test_a_great_offset_does_not_blur_euclidean_neighbors():
    X = (1e4 + np.random.default_rng(2).normal(size=(400, 8))).astype(np.float32)
    assert_array_equal(nearest_neighbors(X, 5, metric="euclidean").indices, brute(X, 5, "euclidean")[0])


def test_numbers_near_the_ends_of_float32_neither_overflow_nor_vanish():
    X = np.random.default_rng(3).normal(size=(60, 4))
    for scale in (1e30, 1e-30):
        found = nearest_neighbors(X * scale, 3, metric="euclidean")
        assert_array_equal(found.indices, brute(X, 3, "euclidean")[0])


def test_one_far_row_does_not_hide_the_others():
    X = np.random.default_rng(4).normal(size=(300, 6))
    X[7] = 1e6
    assert_array_equal(nearest_neighbors(X, 3, metric="euclidean").indices, brute(X, 3, "euclidean")[0])


def test_a_zero_row_is_at_cosine_distance_one_of_others_and_zero_of_another_zero_row():
    found = nearest_neighbors([[0.0, 0], [1, 0], [0, 0], [1, 1]], 3)
    assert_array_equal(found.indices[0], [2, 1, 3])
    assert_array_equal(found.distances[0], [0, 1, 1])


@pytest.mark.parametrize("n", [0, 1])
def test_no_other_row_means_no_neighbor(n):
    assert nearest_neighbors(np.zeros((n, 3)), 5).indices.shape == (n, 0)


def test_k_is_cut_to_the_number_of_other_rows():
    assert nearest_neighbors(np.eye(3), 10).k == 2


@pytest.mark.parametrize(
    ("X", "k", "metric", "words"),
    [
        ([[0.0], [np.nan]], 1, "cosine", "row 1"),
        ([[np.inf], [0.0]], 1, "cosine", "row 0"),
        ([[1e300], [0.0]], 1, "euclidean", "beyond float32"),
        ([1.0, 2.0], 1, "cosine", "dimension"),
        ([["a"], ["b"]], 1, "cosine", "not a matrix of numbers"),
        ([[0.0], [1.0]], 0, "cosine", "at least 1"),
        ([[0.0], [1.0]], 1, "manhattan", "'manhattan'"),
    ],
)
def test_bad_features_are_named(X, k, metric, words):
    with pytest.raises(BadInput, match=words):
        nearest_neighbors(X, k, metric=metric)


def test_the_graph_has_k_edges_a_row_and_keeps_zero_distances():
    found = nearest_neighbors(np.ones((4, 2)), 2)
    graph = neighbor_graph(found)
    assert graph.nnz == 8
    assert graph.has_sorted_indices
    assert_array_equal(neighbor_graph(found, weights="connectivity").sum(axis=1), [2, 2, 2, 2])


def test_the_symmetric_graph_equals_its_transpose():
    found = nearest_neighbors(np.random.default_rng(5).normal(size=(80, 3)), 4, metric="euclidean")
    graph = neighbor_graph(found, symmetric=True).toarray()
    assert_array_equal(graph, graph.T)
    assert ((graph > 0) >= (neighbor_graph(found).toarray() > 0)).all()


def test_rows_without_features_are_all_the_same():
    assert nearest_neighbors(np.zeros((5, 0)), 2).indices[0].tolist() == [1, 2]


def test_the_nearest_of_many_are_those_asked_for_alone():
    X = np.random.default_rng(0).normal(size=(80, 5)).astype(np.float32)
    few, many = nearest_neighbors(X, 4), nearest_neighbors(X, 30).nearest(4)
    assert np.array_equal(few.indices, many.indices)
    assert np.array_equal(few.distances, many.distances)
