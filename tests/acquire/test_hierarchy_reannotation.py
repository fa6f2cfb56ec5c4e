"""P175: reannotation by distance in a tree of labels."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from labelwright.acquire import HierarchyReannotation, Pool, expected_distance, label_tree_distance, novelty_overlap
from labelwright.errors import BadInput

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join), min_size=2, max_size=8, unique=True
)


def by_search(labels):
    """Distances of labels by breadth-first search in the tree that hangs all first parts on one root."""
    edges = {"": set()}
    for label in labels:
        path = [""] + (
            [label] if label == "none" else [".".join(label.split(".")[: i + 1]) for i in range(label.count(".") + 1)]
        )
        for a, b in pairwise(path):
            edges.setdefault(a, set()).add(b)
            edges.setdefault(b, set()).add(a)
    found = np.zeros((len(labels), len(labels)))
    for i, start in enumerate(labels):
        away, queue = {start: 0}, deque([start])
        while queue:
            here = queue.popleft()
            for there in edges[here] - set(away):
                away[there] = away[here] + 1
                queue.append(there)
        found[i] = [away[label] for label in labels]
    return found


@settings(max_examples=80, deadline=None)
@given(PATHS, st.booleans())
def test_the_distance_is_that_of_a_search_and_a_metric_p175(labels, with_none):
    labels = [*labels, "none"] if with_none else labels
    d = label_tree_distance(labels)
    assert_array_equal(d, by_search(labels))
    assert_array_equal(d, d.T)
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :].transpose(0, 2, 1) + 1e-9).all()


def test_in_a_star_the_ranking_is_the_order_of_ties_p175():
    star = label_tree_distance(["a", "b", "c"])
    assert_array_equal(star, 2 * (1 - np.eye(3)))
    probs = np.array([[0.3, 0.4, 0.3], [0.0, 0.9, 0.1], [0.9, 0.1, 0.0]])
    pool = Pool(pred_probs=probs, labels=[0, 0, 0], candidates=np.ones(3, bool))
    assert_array_equal(HierarchyReannotation(star).select(pool, 3, 0).rows, [1, 0])


def test_far_comes_first_and_siblings_first_turns_it_round_p175():
    far = label_tree_distance(["a.x", "a.y", "b.z"])
    probs = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    pool = Pool(pred_probs=probs, labels=[0, 0, 0], candidates=np.ones(3, bool))
    assert_array_equal(HierarchyReannotation(far).select(pool, 9, 0).rows, [1, 0])
    assert_array_equal(HierarchyReannotation(far, siblings_first=True).select(pool, 9, 0).rows, [0, 1])


def test_several_models_add_their_distances_p175():
    far = label_tree_distance(["a.x", "a.y", "b.z"])
    models = [np.eye(3)[[1, 0]], np.eye(3)[[2, 0]]]
    assert_array_equal(expected_distance([0, 0], models, far), [far[0, 1] + far[0, 2], 0])
    pool = Pool(draws=np.stack(models), labels=[0, 0], candidates=np.ones(2, bool))
    assert_array_equal(HierarchyReannotation(far).select(pool, 5, 0).rows, [0])


def test_rows_that_may_not_be_asked_about_stay_out_p175():
    pool = Pool(pred_probs=np.eye(2)[[1, 1]], labels=[0, 0], candidates=[True, False])
    assert_array_equal(HierarchyReannotation(label_tree_distance(["a", "b"])).select(pool, 5, 0).rows, [0])


def test_novelty_is_the_share_that_the_reference_left_out_p175():
    assert novelty_overlap([1, 2, 3, 4], [4, 9]) == 0.75
    assert np.isnan(novelty_overlap([], [1]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: label_tree_distance(["a", "a"]),
        lambda: HierarchyReannotation(np.zeros((2, 3))),
        lambda: expected_distance([5], [np.eye(2)[[0]]], np.zeros((2, 2))),
    ],
)
def test_bad_input_is_one_line_p175(call):
    with pytest.raises(BadInput) as caught:
        call()
    assert "\n" not in str(caught.value)
