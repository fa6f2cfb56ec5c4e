from itertools import permutations

import numpy as np
import pytest

from labelwright.audit.valuation import KnnShapley, knn_shapley_values
from labelwright.errors import BadInput

RNG = np.random.default_rng(0)


def utility(rows, x, y, tx, ty, k):
    """Return the share of right votes among the k nearest of some rows, by the definition."""
    total = 0.0
    for point, label in zip(tx, ty, strict=True):
        nearest = sorted(rows, key=lambda i: ((x[i] - point) ** 2).sum())[:k]
        total += sum(y[i] == label for i in nearest) / k
    return total / len(tx)


def world(n=6, t=3):
    return RNG.normal(size=(n, 2)), RNG.integers(0, 2, n), RNG.normal(size=(t, 2)), RNG.integers(0, 2, t)


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_values_equal_the_shapley_values_over_all_orders(k):
    x, y, tx, ty = world()
    values = np.zeros(6)
    for order in permutations(range(6)):
        worth = [utility(order[:i], x, y, tx, ty, k) for i in range(7)]
        values[list(order)] += np.diff(worth)
    assert np.allclose(knn_shapley_values(x, y, tx, ty, k=k), values / 720, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_values_add_up_to_the_utility_of_all_rows(k):
    x, y, tx, ty = world(40, 7)
    assert np.isclose(knn_shapley_values(x, y, tx, ty, k=k).sum(), utility(range(40), x, y, tx, ty, k))


def test_a_row_that_is_its_own_test_is_left_out_of_it():
    x, y, *_ = world(8)
    own = np.arange(8)
    each = [knn_shapley_values(np.delete(x, i, 0), np.delete(y, i), x[i : i + 1], y[i : i + 1], k=2) for i in range(8)]
    expected = np.mean([np.insert(v, i, 0.0) for i, v in enumerate(each)], axis=0)
    assert np.allclose(knn_shapley_values(x, y, x, y, k=2, skip=own), expected)


def test_permuting_rows_permutes_values():
    x, y, tx, ty = world(30, 5)
    order = RNG.permutation(30)
    assert np.allclose(knn_shapley_values(x[order], y[order], tx, ty), knn_shapley_values(x, y, tx, ty)[order])


def clusters(n=200, wrong=6):
    y = np.arange(n) % 3
    x = np.random.default_rng(1).normal(size=(n, 4))
    x[np.arange(n), y] += 12
    given = y.copy()
    given[:wrong] = (given[:wrong] + 1) % 3
    return x, given


def test_wrong_labels_are_the_harmful_rows():
    s = KnnShapley().score(*clusters())
    found = np.flatnonzero(s.is_issue)
    assert len(found) >= 5 and found.max() < 6
    assert set(np.argsort(s.score)[:6].tolist()) == set(range(6))
    assert "worse with this row than without" in s.reason[found[0]]


def test_clean_clusters_have_no_harmful_row():
    assert KnnShapley().score(*clusters(wrong=0)).n_issues == 0


def test_unlabelled_rows_are_not_valued():
    x, y = clusters()
    y[::2] = -1
    assert KnnShapley().score(x, y).rows.tolist() == list(range(1, 200, 2))


def test_a_part_of_the_rows_as_tests_finds_the_same_harm_for_the_same_seed():
    x, y = clusters(600, 5)
    a, b = (KnnShapley(max_test_rows=200).score(x, y, seed=1) for _ in range(2))
    assert (a.score == b.score).all() and a.is_issue[:5].mean() >= 0.8


@pytest.mark.parametrize("labels", [[], [0], [0, 0, 0], [-1, -1]])
def test_one_class_or_nothing_has_no_values(labels):
    assert len(KnnShapley().score(np.zeros((len(labels), 2)), np.array(labels, dtype=int))) == 0


def test_identical_rows_of_two_classes_are_valued_without_a_crash():
    s = KnnShapley().score(np.ones((30, 2)), np.arange(30) % 2)
    assert np.isfinite(s.score).all()


def test_features_with_nan_are_refused():
    with pytest.raises(BadInput, match="row 0"):
        KnnShapley().score([[np.nan], [0.0]], [0, 1])


def test_widths_that_differ_are_refused():
    with pytest.raises(BadInput, match="width 1 and 2"):
        knn_shapley_values([[0.0]], [0], [[0.0, 1.0]], [0])


def test_blank_rows_are_nobodys_neighbours_by_cosine():
    x, given = clusters(wrong=0)
    x[:9] = 0
    assert KnnShapley().score(x, given).n_issues == 0


def test_cosine_values_are_those_of_scaled_rows():
    x, y, tx, ty = world(20, 4)
    lengths = RNG.random((20, 1)) + 0.5
    assert np.allclose(
        knn_shapley_values(x * lengths, y, tx, ty, metric="cosine"),
        knn_shapley_values(
            x / np.linalg.norm(x, axis=1)[:, None], y, tx / np.linalg.norm(tx, axis=1)[:, None], ty, metric="euclidean"
        ),
    )
