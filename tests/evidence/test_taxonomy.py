"""Taxonomies: leaves, ancestors, distances, coarse labels; and metrics over classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.errors import BadInput
from labelwright.evidence import LabelSpace, Metric, Taxonomy

TREE = Taxonomy.from_edges([("cat", "animal"), ("dog", "animal"), ("animal", "thing"), ("rose", "thing")])


@st.composite
def forests(draw):
    parents = [-1] + [draw(st.integers(-1, i - 1)) for i in range(1, draw(st.integers(1, 12)))]
    return Taxonomy(tuple(f"n{i}" for i in range(len(parents))), tuple(parents))


def test_leaves_are_the_classes():
    assert TREE.leaf_names == ("cat", "dog", "rose")


def test_a_coarse_label_becomes_its_leaves():
    assert TREE.candidates("animal") == ("cat", "dog")
    assert TREE.candidates("thing") == ("cat", "dog", "rose")
    assert TREE.candidates("rose") == ("rose",)


def test_the_lowest_common_ancestor_is_found():
    assert TREE.lca("cat", "dog") == "animal"
    assert TREE.lca("cat", "rose") == "thing"
    assert TREE.lca("cat", "animal") == "animal"


def test_different_roots_share_no_ancestor():
    assert Taxonomy(("a", "b"), (-1, -1)).lca("a", "b") is None


def test_distances_count_edges():
    assert TREE.distance("cat", "dog") == 2
    assert TREE.distance("cat", "rose") == 3
    assert TREE.distance("cat", "cat") == 0


@settings(max_examples=40, deadline=None)
@given(forests())
def test_distance_is_depths_minus_twice_the_depth_of_the_lca(tree):
    for a in tree.names:
        for b in tree.names:
            meet = tree.lca(a, b)
            depth = [int(tree.depths[tree.node(x)]) for x in (a, b)]
            shared = -1 if meet is None else int(tree.depths[tree.node(meet)])
            assert tree.distance(a, b) == sum(depth) - 2 * shared


@settings(max_examples=40, deadline=None)
@given(forests())
def test_masks_of_children_make_up_their_parent(tree):
    for node in range(len(tree)):
        children = [i for i, p in enumerate(tree.parents) if p == node]
        if children:
            assert_array_equal(tree.leaf_masks[children].sum(axis=0), tree.leaf_masks[node])


@settings(max_examples=40, deadline=None)
@given(forests(), st.integers(0, 4))
def test_a_level_covers_every_class_once(tree, level):
    assert_allclose(tree.transition(tree.at_level(level)).sum(axis=1), 1)


def test_dotted_paths_make_a_tree():
    tree = Taxonomy.from_paths(["a.b", "a.c", "d"])
    assert tree.leaf_names == ("a.b", "a.c", "d")
    assert tree.ancestors("a.b") == ("a.b", "a")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Taxonomy(("a", "b"), (1, 0)), "runs in a circle through 'a', 'b'"),
        (lambda: Taxonomy(("a",), (3,)), "parent 3 is no node"),
        (lambda: Taxonomy(("a", "a"), (-1, -1)), "more than once"),
        (lambda: Taxonomy(("a",), ()), "1 names and 0 parents"),
        (lambda: Taxonomy.from_edges([("a", "b"), ("a", "c")]), "'a' has two parents: 'b', 'c'"),
        (lambda: TREE.candidates("anmal"), "'anmal' is not in the taxonomy. Fix: did you mean 'animal'"),
        (lambda: TREE.transition([TREE.node("cat")]), "do not cover class 'dog' exactly once"),
    ],
)
def test_bad_taxonomies_are_one_clear_line(make, message):
    with pytest.raises(BadInput, match=message):
        make()


SPACE = LabelSpace(("low", "mid", "high"))


def test_ordered_classes_are_their_steps_apart():
    assert_array_equal(Metric.ordinal(SPACE).distances, [[0, 1, 2], [1, 0, 1], [2, 1, 0]])


def test_classes_on_a_circle_go_the_short_way():
    assert_array_equal(Metric.circular(LabelSpace(tuple("abcd"))).distances[0], [0, 1, 2, 1])


def test_names_are_their_edits_apart():
    assert_array_equal(Metric.from_names(LabelSpace(("cat", "cut", "cart"))).distances[0], [0, 1, 1])


def test_a_taxonomy_gives_its_tree_distance():
    assert_array_equal(Metric.from_taxonomy(TREE).distances, [[0, 2, 3], [2, 0, 3], [3, 3, 0]])


def test_the_discrete_metric_costs_the_probability_of_being_wrong():
    q = np.array([[0.2, 0.5, 0.3]])
    assert_allclose(Metric.discrete(SPACE).expected_cost(q), 1 - q)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((2, 2)), "the space 3 classes"),
        (np.array([[0, 1, 5], [1, 0, 1], [5, 1, 0.0]]), "'low' to 'high' is 5, over 'mid' only 2"),
        (np.array([[0, 1, 1], [2, 0, 1], [1, 1, 0.0]]), "not symmetric"),
        (np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0.0]]), "not positive"),
        (np.full((3, 3), np.nan), "NaN or infinite"),
    ],
)
def test_what_is_no_metric_is_refused(table, message):
    with pytest.raises(BadInput, match=message):
        Metric(SPACE, table)
