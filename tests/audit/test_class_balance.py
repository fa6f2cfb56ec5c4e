import numpy as np
import pytest

from labelwright.audit.class_balance import AbsentClasses, ClassImbalance
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace

ABC = LabelSpace(("a", "b", "c"))


def test_a_class_below_a_tenth_of_the_even_share_is_flagged():
    labels = np.repeat([0, 1, 2], [500, 490, 10])
    assert ClassImbalance().score(labels, ABC).is_issue.tolist() == [False, False, True]


def test_the_score_is_the_share_over_the_even_share():
    assert np.allclose(ClassImbalance().score([0] * 3 + [1], LabelSpace(("a", "b"))).score, [1.0, 0.5])


def test_even_classes_raise_no_alarm():
    assert ClassImbalance().score(np.tile([0, 1, 2], 30), ABC).n_issues == 0


def test_a_class_that_no_row_has_is_told():
    assert ClassImbalance().score([0, 1], ABC).reason[2] == "'c' is a class but no row has it"


def test_tags_count_each_class_of_a_row():
    tags = np.zeros((400, 3), dtype=np.int8)
    tags[:, 0], tags[:300, 1], tags[:5, 2] = 1, 1, 1
    assert ClassImbalance().score(tags, ABC).is_issue.tolist() == [False, False, True]


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_no_labels_give_no_issue(labels):
    assert ClassImbalance().score(labels, ABC).n_issues == 0


def test_one_class_is_not_imbalanced():
    assert ClassImbalance().score([0, 0], LabelSpace(("a",))).n_issues == 0


def test_labels_outside_the_space_are_refused_by_row():
    with pytest.raises(BadInput, match="row 1: label 7 is outside"):
        ClassImbalance().score([0, 7], ABC)


def test_labels_that_are_no_integers_are_refused():
    with pytest.raises(BadInput, match="dtype float64"):
        ClassImbalance().score([0.0, 1.0], ABC)


def test_a_class_missing_from_a_split_is_named():
    s = AbsentClasses().score([0, 1, 0, -1], ABC, ["train", "train", "test", "test"])
    assert (s.given, s.part) == (["b"], ["test"])
    assert s.reason == ["'b' has 1 row elsewhere but none in split 'test'"]


def test_splits_without_labels_lack_no_class():
    assert len(AbsentClasses().score([0, 1, -1], ABC, ["train", "train", "test"])) == 0


def test_rows_without_a_split_count_for_none():
    assert len(AbsentClasses().score([0, 1, 1], ABC, ["train", "train", None])) == 0


def test_hostile_class_and_split_names_arrive_inert():
    s = AbsentClasses().score([0, 1], LabelSpace(("\x1b[1m", "::error::")), ["\u202etrain", "test"])
    assert all(mark not in reason for reason in s.reason for mark in "\x1b\u202e")


def test_tags_may_lack_a_class_in_a_split():
    tags = np.array([[1, 1, 0], [1, 0, 0], [1, -1, 0]])
    s = AbsentClasses().score(tags, ABC, ["train", "train", "test"])
    assert (s.given, s.part) == (["b"], ["test"])
