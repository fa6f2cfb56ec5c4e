"""Which column is which: long tables, wide tables, and what is said about the guesses."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from consensus.vote_worlds import crowd
from labelwright.consensus import aggregate, aggregate_file, read_vote_file
from labelwright.errors import BadInput

LONG = [["item", "worker_id", "answer"], ["a", "x", "cat"], ["a", "y", "dog"], ["b", "x", "cat"], ["b", "y", ""]]
WIDE = [["doc", "text", "r1", "r2"], ["a", "one", "cat", "dog"], ["b", "two", "cat", ""], ["c", "six", "dog", "cat"]]


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_columns_of_a_long_table_are_known_by_their_names_and_said(tmp_path):
    read = read_vote_file(write(tmp_path / "v.csv", LONG))
    assert (read.task, read.annotator, read.label, read.form) == ("item", "worker_id", "answer", "long table")
    assert read.notes == ("columns: task = 'item', annotator = 'worker_id', label = 'answer'",)


def test_named_columns_are_taken_without_a_word(tmp_path):
    path = write(tmp_path / "v.csv", LONG)
    read = read_vote_file(path, task="worker_id", annotator="item", label="answer")
    assert (read.task, read.annotator, read.notes) == ("worker_id", "item", ())


def test_the_one_column_that_is_left_takes_the_one_role_that_is_left(tmp_path):
    rows = [["item", "worker", "mood"], *LONG[1:]]
    assert read_vote_file(write(tmp_path / "v.csv", rows)).label == "mood"


def test_a_wide_table_becomes_one_row_a_vote(tmp_path):
    read = read_vote_file(write(tmp_path / "w.csv", WIDE))
    assert read.form == "wide table" and read.table.num_rows == 6
    assert read.notes[0] == "one column an annotator: 'r1', 'r2'" and "1 empty cells are no votes" in read.notes
    votes = read.table.to_pylist()
    assert {"task": "c", "annotator": "r2", "label": "cat"} in votes


def test_a_wide_table_and_its_long_form_give_the_same_labels(tmp_path):
    votes, _ = crowd(n=60)
    table = votes.to_matrix()
    names = np.array(["no", "yes", ""])
    wide = [["task", *(f"r{j}" for j in range(5))], *([f"t{i}", *names[row]] for i, row in enumerate(table))]
    long = [["task", "annotator", "label"]] + [
        [f"t{i}", f"r{j}", names[table[i, j]]] for j in range(5) for i in range(60)
    ]
    one, _ = aggregate_file(write(tmp_path / "w.csv", wide))
    two, _ = aggregate_file(write(tmp_path / "l.csv", long))
    assert one.labels.equals(two.labels) and one.annotators.equals(two.annotators)


def test_annotator_columns_may_be_named_with_commas(tmp_path):
    path = write(tmp_path / "w.csv", [["doc", "ann, jr", "bob"], ["a", "cat", "dog"], ["b", "cat", "cat"]])
    read = read_vote_file(path, annotator=["bob", "ann, jr"], task="doc")
    assert read.table["annotator"].to_pylist()[:1] == ["bob"]
    with pytest.raises(BadInput, match="no column 'ann'"):
        aggregate_file(path, annotator="ann, jr, bob", task="doc")


def test_known_labels_are_never_used_unasked(tmp_path):
    rows = [[*row, extra] for row, extra in zip(LONG, ["truth", "cat", "cat", "dog", "dog"], strict=True)]
    path = write(tmp_path / "v.csv", rows)
    read = read_vote_file(path)
    assert read.gold is None and any("--gold truth" in note for note in read.notes)
    result, _ = aggregate_file(path, gold="truth")
    assert result.labels["label"].to_pylist() == ["cat", "dog"] and result.checked is not None


def test_a_label_may_mean_no_answer(tmp_path):
    rows = [["task", "annotator", "label"], ["a", "x", "1"], ["a", "y", "-1"], ["b", "x", "0"], ["b", "y", "-1"]]
    path = write(tmp_path / "v.csv", rows)
    assert any("--abstain -1" in note for note in read_vote_file(path).notes)
    read = read_vote_file(path, abstain=["-1"])
    result = aggregate(read.table)
    assert result.classes == ("0", "1") and result.annotators["n_votes"].to_pylist() == [2, 0]


def test_times_are_read_where_a_column_is_named_so(tmp_path):
    rows = [[*row, extra] for row, extra in zip(LONG, ["lead_time", "3", "5", "x", ""], strict=True)]
    result, _ = aggregate_file(write(tmp_path / "v.csv", rows))
    assert result.annotators["median_seconds"].to_pylist() == [3.0, 5.0]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([["p", "q", "r"], ["a", "b", "c"]], {}, "name them: --task COLUMN --annotator COLUMN --label COLUMN"),
        (LONG, {"label": "anser"}, "did you mean 'answer'"),
        (LONG, {"question": "mood"}, "this file is none"),
        (LONG, {"predictions": True}, "this file is none"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_the_options_that_name_it(tmp_path, rows, options, message):
    with pytest.raises(BadInput, match=message):
        read_vote_file(write(tmp_path / "v.csv", rows), **options)


def test_pseudonyms_leave_no_name_anywhere(tmp_path):
    rows = [["doc", "Ann Smith", "Bob Jones"], ["a", "cat", "dog"], ["b", "cat", "cat"], ["c", "dog", "dog"]]
    result, about = aggregate_file(write(tmp_path / "w.csv", rows), pseudonyms=True)
    assert result.sources == ("annotator 1", "annotator 2")
    assert not any("Ann" in note or "Bob" in note for note in (*about.notes, *result.notes))
