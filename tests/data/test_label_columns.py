"""Label columns: which task they ask for, and the numbers they become."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from labelwright.data.labels import class_order, read_classes
from labelwright.data.load import load_dataset
from labelwright.data.tasks import read_task
from labelwright.errors import BadInput


def _load(labels, **asked):
    return load_dataset({"x": np.arange(len(labels)) * 1.5, "y": labels}, label="y", **asked)


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (["a", "b"] * 20, "classification"),
        ([0, 1] * 20, "classification"),
        (list(range(30)) * 10, "classification"),
        ([True, False] * 20, "classification"),
        ([f"{k:03d}" for k in range(200)] * 3, "classification"),
        ([1.0, 2.0, 3.0] * 20, "classification"),
        ([0.5, 1.5] * 20, "classification"),
        (np.linspace(0, 1, 60).tolist(), "regression"),
        ([str(k * 1.25) for k in range(60)], "regression"),
        ([k * k for k in range(60)], "regression"),
        (["a|b", "b|c", "a", "c|a"] * 10, "multilabel"),
        (["a; b", "b; c", "a", "c; a"] * 10, "multilabel"),
        (["['a', 'b']", "[]", "['b']", "['a']"] * 10, "multilabel"),
        ([["a"], ["a", "b"], [], ["b"]] * 10, "multilabel"),
        (["AC/DC; live", "Queen", "Abba"] * 10, "classification"),
        (["x|y", "z", "w"] * 10, "classification"),
    ],
)
def test_the_task_follows_from_the_label_column(labels, task):
    assert _load(labels).plan.task == task


def test_a_zero_one_matrix_is_multilabel():
    Y = np.eye(4, dtype=np.uint8)[[0, 1, 2, 3, 0]]
    assert_array_equal(_load(Y).labels, Y)


def test_the_task_can_be_said():
    assert _load(list(range(40)) * 10, task="regression").plan.task == "regression"
    assert _load([k * k for k in range(60)] * 2, task="classification").plan.task == "classification"


def test_empty_null_and_nan_are_unlabelled():
    dataset = _load(["a", "b", "", " ", None, "NaN", "null"])
    assert dataset.labels.tolist() == [0, 1, -1, -1, -1, -1, -1]


def test_a_class_called_null_is_a_class_when_named():
    dataset = _load(["a", "null", "NULL"], classes=["a", "null"])
    assert dataset.labels.tolist() == [0, 1, -1]


def test_minus_one_beside_class_numbers_is_unlabelled():
    assert _load([-1, 0, 1, 2] * 5).space.names == ("0", "1", "2")
    assert _load([-1, 0, 1] * 5).space.names == ("-1", "0", "1")


def test_whole_numbers_are_ordered_by_value():
    assert class_order(["10", "9", "b"]) == ("10", "9", "b")
    assert class_order(["10", "9", "01", "1"]) == ("01", "1", "9", "10")


def test_class_names_are_not_trimmed_or_folded():
    assert _load(["Cat", "cat", "cat "]).space.names == ("Cat", "cat", "cat ")


def test_given_classes_set_the_order_and_may_be_empty():
    dataset = _load(["a", "b", "a"], classes="b,c,a")
    assert dataset.space.names == ("b", "c", "a")
    assert dataset.labels.tolist() == [2, 0, 2]


def test_classes_come_from_a_file_of_lines_or_json(tmp_path):
    (tmp_path / "lines.txt").write_text("b\n\na, with comma\n", encoding="utf-8")
    (tmp_path / "list.json").write_text('["b", "a"]', encoding="utf-8")
    assert read_classes(tmp_path / "lines.txt") == ("b", "a, with comma")
    assert read_classes(str(tmp_path / "list.json")) == ("b", "a")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("a,,b", "holds an empty name"),
        ("a,b,a", "'a' more than once"),
        ("missing.txt", "there is no such file of class names"),
        ([], "holds an empty name"),
    ],
)
def test_a_wrong_list_of_classes_is_refused(classes, message):
    with pytest.raises(BadInput, match=message):
        read_classes(classes)


def test_an_unknown_label_is_named_with_its_line_and_a_near_class(tmp_path):
    path = tmp_path / "pets.csv"
    path.write_text("x,y\n1.5,cat\n2.5,dgo\n3.5,dog\n")
    with pytest.raises(BadInput) as caught:
        load_dataset(path, label="y", classes="cat,dog")
    assert str(caught.value).startswith(
        "pets.csv line 3 (row 1), column 'y': 1 label is not among the 2 classes: 'dgo'"
    )
    assert "did you mean 'dog'" in str(caught.value)


def test_one_class_is_refused():
    with pytest.raises(BadInput, match=r"every label is 'a', so there is nothing to tell apart"):
        _load(["a", "a", None])


def test_an_empty_label_column_is_refused():
    for labels in ([None, None], ["", " "], [float("nan")] * 2):
        with pytest.raises(BadInput, match="the label column 'y' is empty"):
            _load(labels)


def test_a_label_for_nearly_every_row_is_refused_as_free_text():
    with pytest.raises(BadInput, match="has 200 distinct values in 200 rows"):
        _load([f"some words {k}" for k in range(200)])


def test_tags_become_a_matrix_with_unknown_rows():
    dataset = _load(["a|b", None, "c | a", "b"], task="multilabel")
    assert dataset.space.names == ("a", "b", "c")
    assert dataset.labels.tolist() == [[1, 1, 0], [-1, -1, -1], [1, 0, 1], [0, 1, 0]]
    assert dataset.given == ("a|b", None, "c|a", "b")


def test_an_empty_list_of_tags_says_that_none_holds():
    assert _load([["a"], [], None]).labels.tolist() == [[1], [0], [-1]]


def test_an_unknown_tag_is_refused_with_its_row():
    with pytest.raises(BadInput, match=r"row 1, column 'y': the tags 'z' are not among the 2 classes"):
        _load([["a"], ["b", "z"]], classes=["a", "b"])


def test_a_broken_list_of_tags_is_refused():
    with pytest.raises(BadInput, match=r"row 1, column 'y': '\[__import__.* is no list of tags"):
        _load(["['a', 'b']", "[__import__('os')]"])


def test_regression_keeps_gaps_as_nan():
    labels = [*np.linspace(0, 1, 60).tolist(), None]
    assert_array_equal(_load(labels).labels, np.array(labels, dtype=float))


def test_an_infinite_regression_label_is_refused():
    with pytest.raises(BadInput, match="row 3, column 'y': the label is infinite"):
        _load([0.1, 0.2, 0.3, float("inf"), *np.linspace(1, 2, 40).tolist()])


def test_vectors_of_other_numbers_are_no_labels():
    with pytest.raises(BadInput, match="holds vectors of numbers other than 0 and 1"):
        _load(np.full((5, 3), 0.5))


def test_a_matrix_and_its_class_names_must_fit():
    with pytest.raises(BadInput, match="is 4 classes wide but 2 are named"):
        _load(np.eye(4, dtype=int), classes="a,b")


def test_the_reason_for_the_task_is_said():
    dataset = _load(np.linspace(0, 1, 60).tolist())
    assert read_task(dataset.source, "y").why == "it holds 60 distinct numbers with fractions"
