"""Tags: class scores, pooling, flags class by class [P071]."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import (
    ExponentialAverage,
    MeanOfWorst,
    MultiLabelIssues,
    SoftMin,
    compute_confident_joint,
    find_label_issues,
    get_label_quality_scores,
    multilabel_class_flags,
    multilabel_class_scores,
    multilabel_find_label_issues,
    multilabel_label_quality_scores,
    multilabel_quality_scores,
    pool_class_scores,
)
from labelwright.audit.multilabel_quality import mean, minimum
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace


def world(seed=0, n=200, n_classes=4):
    rng = np.random.default_rng(seed)
    truth = rng.random((n, n_classes)) < 0.4
    tags = (truth ^ (rng.random(truth.shape) < 0.05)).astype(np.int8)
    probs = np.clip(np.where(truth, 0.8, 0.2) + rng.normal(0, 0.15, truth.shape), 0.01, 0.99)
    return tags, probs, [np.flatnonzero(row).tolist() for row in tags]


def test_the_moving_average_ends_at_the_worst_tag():
    assert_allclose(pool_class_scores([[0.9, 0.3, 0.9]], ExponentialAverage(0.8)), [0.42])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_alpha_one_is_the_minimum_and_alpha_zero_the_maximum(scores):
    row = np.array([scores])
    assert_allclose(ExponentialAverage(1.0)(row), [min(scores)])
    assert_allclose(ExponentialAverage(0.0)(row), [max(scores)])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_every_pooling_lies_between_the_worst_and_the_best_tag(scores):
    row = np.array([scores])
    for pool in (
        ExponentialAverage(),
        ExponentialAverage(None),
        SoftMin(),
        MeanOfWorst(2),
        MeanOfWorst(),
        mean,
        minimum,
    ):
        assert min(scores) - 1e-9 <= pool(row)[0] <= max(scores) + 1e-9


def test_one_class_is_the_self_confidence_of_the_binary_problem():
    tags, probs, _ = world(n_classes=1)
    pair = np.stack([1 - probs[:, 0], probs[:, 0]], axis=1)
    assert_allclose(multilabel_quality_scores(tags, probs), get_label_quality_scores(tags[:, 0], pair))


def test_an_unknown_tag_is_never_suspect():
    scores = multilabel_class_scores(np.array([[1, -1]]), np.array([[0.9, 0.0]]))
    assert_allclose(scores, [[0.9, 1.0]])
    tags, probs, _ = world()
    tags[:50, 2] = -1
    assert not multilabel_class_flags(tags, probs)[:50, 2].any()


def test_each_class_is_flagged_as_its_own_binary_problem():
    tags, probs, _ = world()
    flags = multilabel_class_flags(tags, probs)
    for k in range(tags.shape[1]):
        pair = np.stack([1 - probs[:, k], probs[:, k]], axis=1)
        assert_array_equal(flags[:, k], find_label_issues(tags[:, k], pair))


def test_lists_and_matrices_of_tags_are_the_same():
    tags, probs, lists = world()
    assert_array_equal(multilabel_find_label_issues(lists, probs), multilabel_find_label_issues(tags, probs))


def test_findings_name_the_tag_and_what_to_do():
    tags, probs, _ = world()
    scores = MultiLabelIssues().score(tags, probs, LabelSpace(("a", "b", "c", "d")))
    row, part = scores.rows[0], scores.part[0]
    k = "abcd".index(part)
    assert scores.level == "part" and scores.given[0] == ("yes" if tags[row, k] else "no")
    assert scores.suggested[0] != scores.given[0] and f"'{part}'" in scores.reason[0]


def test_a_row_is_an_issue_when_one_of_its_tags_is():
    tags, probs, _ = world()
    space = LabelSpace(("a", "b", "c", "d"))
    rows = MultiLabelIssues().row_scores(tags, probs, space)
    assert_array_equal(rows.is_issue, multilabel_class_flags(tags, probs).any(axis=1))
    assert rows.reason[int(rows.is_issue.argmax())].startswith("probably")


def test_a_class_nobody_has_and_no_rows_are_no_crash():
    tags, probs, _ = world()
    tags[:, 1] = 0
    assert multilabel_class_flags(tags, probs).shape == tags.shape
    assert len(multilabel_quality_scores(np.empty((0, 3), int), np.empty((0, 3)))) == 0


@pytest.mark.parametrize(
    ("tags", "words"), [([[0], [7]], "tag 7"), ([["a"], [0]], "lists of class numbers"), ([[0]], "1 rows")]
)
def test_bad_tags_are_named(tags, words):
    with pytest.raises(BadInput, match=words):
        multilabel_quality_scores(tags, [[0.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize("seed", range(4))
def test_multilabel_results_equal_cleanlab(seed):
    issues = pytest.importorskip("cleanlab.multilabel_classification.filter")
    rank = pytest.importorskip("cleanlab.multilabel_classification.rank")
    count = pytest.importorskip("cleanlab.count")
    _, probs, lists = world(seed)
    assert_array_equal(multilabel_find_label_issues(lists, probs), issues.find_label_issues(lists, probs, n_jobs=1))
    assert_allclose(multilabel_label_quality_scores(lists, probs), rank.get_label_quality_scores(lists, probs))
    assert_array_equal(
        compute_confident_joint(lists, probs, multi_label=True),
        count.compute_confident_joint(lists, probs, multi_label=True),
    )
