from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from labelwright.data.duplicates import exact_duplicate_groups, near_duplicate_groups
from labelwright.data.neighbors import nearest_neighbors
from labelwright.errors import BadInput


def components(X, threshold):
    D = np.sqrt(((X[:, None] - X[None]) ** 2).sum(-1))
    linked = np.less_equal(D, threshold)
    group = np.arange(len(X))
    for i, j in zip(*np.argwhere(linked).T, strict=True):
        group[group == group[j]] = group[i]
    return group


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.floats(0.01, 2), st.integers(0, 2**31))
def test_near_duplicate_groups_are_the_components_over_all_pairs(n, threshold, seed):
    X = np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32).astype(np.float64)
    found, truth = near_duplicate_groups(X, threshold, metric="euclidean"), components(X, threshold)
    _, inverse, count = np.unique(truth, return_inverse=True, return_counts=True)
    assert_array_equal(found >= 0, count[inverse] > 1)
    together = (found[:, None] == found) & (found >= 0)
    assert_array_equal(together, (truth[:, None] == truth) & (count[inverse] > 1))


def test_known_neighbors_give_the_same_groups():
    X = np.random.default_rng(6).normal(size=(200, 2))
    known = nearest_neighbors(X, 1, metric="euclidean")
    assert_array_equal(
        near_duplicate_groups(X, 0.3, metric="euclidean", neighbors=known),
        near_duplicate_groups(X, 0.3, metric="euclidean"),
    )


def test_neighbors_of_other_features_are_refused():
    with pytest.raises(BadInput, match="not computed from these"):
        near_duplicate_groups(np.eye(3), 0.1, neighbors=nearest_neighbors(np.eye(4), 1))


def test_exact_duplicates_are_the_same_bytes_and_none_is_alone():
    assert exact_duplicate_groups(["a", b"a", "a", None, None, "b", "b"]).tolist() == [0, -1, 0, -1, -1, 1, 1]
    assert exact_duplicate_groups(np.array([[1, 2], [3, 4], [1, 2]])).tolist() == [0, -1, 0]
    assert exact_duplicate_groups([]).tolist() == []
