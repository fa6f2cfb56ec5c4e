from types import SimpleNamespace

import numpy as np
import pytest

from labelwright.audit.row_order import RowOrder
from labelwright.errors import BadInput


def neighbors(x, k=10):
    """Return the k nearest other rows of each row by brute force."""
    d = np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(d, np.inf)
    indices = np.argsort(d, axis=1, kind="stable")[:, : min(k, len(x) - 1)]
    return SimpleNamespace(indices=indices, distances=np.take_along_axis(d, indices, axis=1).astype(np.float32))


def test_rows_sorted_by_label_are_told():
    s = RowOrder().score(labels=np.repeat([0, 1, 2], 100))
    assert s.is_issue.tolist() == [True] and s.part == ["labels"]
    assert "the file is sorted or grouped by label" in s.reason[0]


def test_a_drift_of_the_features_is_told():
    x = np.random.default_rng(0).normal(size=(300, 3))
    x[:, 0] += np.arange(300) / 60
    s = RowOrder().score(neighbors(x))
    assert s.is_issue.tolist() == [True] and s.part == ["features"]


def test_shuffled_rows_raise_hardly_an_alarm():
    rng = np.random.default_rng(1)
    alarms = 0
    for seed in range(20):
        x = rng.normal(size=(120, 3))
        alarms += RowOrder().score(neighbors(x), labels=rng.integers(0, 3, 120), seed=seed).n_issues
    assert alarms <= 1  # one in a hundred is expected


def test_false_alarms_without_a_least_effect_stay_below_alpha():
    rng = np.random.default_rng(2)
    rule = RowOrder(alpha=0.1, permutations=39, min_effect=-1.0)
    alarms = sum(rule.score(labels=rng.integers(0, 2, 60), seed=i).n_issues for i in range(200))
    assert alarms <= 0.1 * 200 + 3 * np.sqrt(200 * 0.1 * 0.9)


def test_two_tests_double_the_p_value():
    x = np.random.default_rng(0).normal(size=(100, 2))
    labels = np.repeat([0, 1], 50)
    one = RowOrder().score(labels=labels).score[0]
    assert np.isclose(RowOrder().score(neighbors(x), labels=labels).score[0], 2 * one)


def test_the_same_seed_gives_the_same_scores():
    x = np.random.default_rng(0).normal(size=(100, 2))
    a, b = (RowOrder().score(neighbors(x), labels=np.arange(100) % 3, seed=5).score for _ in range(2))
    assert (a == b).all()


def test_alternating_labels_are_not_grouped():
    assert RowOrder().score(labels=np.tile([0, 1], 100)).n_issues == 0


@pytest.mark.parametrize("labels", [[], [0], [0] * 100, [-1] * 100])
def test_too_little_to_test_gives_nothing(labels):
    assert len(RowOrder().score(labels=np.array(labels, dtype=int))) == 0


def test_unlabelled_rows_are_skipped():
    labels = np.full(400, -1)
    labels[::2] = np.repeat([0, 1], 100)
    assert RowOrder().score(labels=labels).n_issues == 1


def test_identical_rows_are_judged_by_their_graph_without_a_crash():
    assert np.isfinite(RowOrder().score(neighbors(np.ones((40, 2)))).score).all()


def test_too_few_permutations_are_refused():
    with pytest.raises(BadInput, match="99 permutations"):
        RowOrder(permutations=99).score(labels=np.zeros(3, dtype=int))
