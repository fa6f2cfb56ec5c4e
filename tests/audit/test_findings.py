import numpy as np
import pytest

from labelwright.audit.findings import SCHEMA, merge_scores
from labelwright.audit.scores import Scores

IDS = np.array(["a", "b", "c"])


def scored(kind="label", score=(0.9, 0.1, 0.5), issue=(False, True, False), **more):
    return Scores(kind, "row", np.array(score, float), np.array(issue), rows=np.arange(3), **more)


def test_no_scores_give_an_empty_table_of_the_schema():
    assert merge_scores([], IDS).schema == SCHEMA
    assert merge_scores([Scores.none("label", "row")], IDS).num_rows == 0


def test_label_scores_list_every_row_worst_first():
    assert merge_scores([scored()], IDS)["row"].to_pylist() == [1, 2, 0]


def test_other_kinds_list_issues_only():
    assert merge_scores([scored("outlier")], IDS)["id"].to_pylist() == ["b"]


def test_a_finding_about_no_row_has_no_row_and_no_id():
    scores = Scores("null", "column", np.zeros(1), np.ones(1, bool), column=["age"], reason=["all empty"])
    row = merge_scores([scores], IDS).to_pylist()[0]
    assert (row["row"], row["id"], row["column"], row["reason"]) == (None, None, "age", "all empty")


def test_minus_one_becomes_null_in_pairs():
    scores = Scores(
        "near_duplicate", "pair", np.zeros(1), np.ones(1, bool), rows=np.array([2]), other_rows=np.array([-1])
    )
    row = merge_scores([scores], IDS).to_pylist()[0]
    assert (row["id"], row["other_row"]) == ("c", None)


@pytest.mark.parametrize("bad", [np.array([2.0]), np.array([np.nan]), np.array([-0.1])])
def test_scores_outside_zero_to_one_are_refused(bad):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Scores("label", "row", bad, np.ones(1, bool))
