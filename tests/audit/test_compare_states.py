"""Two states of a data set, joined: what happened to rows, to findings, and what only the model changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.audit.compare import AuditState, RowChange, compare_states
from labelwright.audit.compare.comparison import TABLE
from labelwright.audit.compare.rows import numbered
from labelwright.data.load import load_dataset
from labelwright.errors import BadInput
from state_world import MAIL, about_columns, edited, pairs, world


def rows_of(labels_texts, id=None):
    texts, labels = zip(*labels_texts, strict=True)
    return AuditState.of_dataset(load_dataset({"text": list(texts), "label": list(labels)}, label="label", id=id))


def test_a_state_held_against_itself_has_no_change():
    state = world(MAIL, wrong=[1])
    comparison = compare_states(state, state)
    assert comparison.row_counts()["unchanged"] == len(MAIL)
    assert comparison.issue_counts() == {
        "label": {"new": 0, "resolved": 0, "persisting": 1, "flipped_on": 0, "flipped_off": 0}
    }


def test_each_change_of_a_row_with_an_id_has_its_word():
    new = [
        *edited(b=(None, "ham"), c=("call your father", "spam"), d=("free tune", None))[1:],
        ("f", "new here", "ham"),
    ]
    counts = compare_states(world(MAIL), world(new)).row_counts()
    assert counts == {
        "added": 1,
        "gone": 1,
        "edited": 2,
        "edited_and_relabelled": 1,
        "relabelled": 1,
        "unchanged": 1,
    }


def test_rows_may_stand_in_another_order():
    assert not compare_states(world(MAIL), world(MAIL[::-1])).rows.any_change


def test_without_an_id_an_edited_row_is_one_gone_and_one_added_and_that_is_said():
    comparison = compare_states(world(MAIL, id=None), world(edited(c=("call your father", None)), id=None))
    counts = comparison.row_counts()
    assert (counts["added"], counts["gone"], counts["edited"]) == (1, 1, 0)
    assert any("--id" in note for note in comparison.notes)


def test_dropping_one_of_two_copies_relabels_nothing():
    old = rows_of([("same", "ham"), ("same", "spam"), ("other", "ham")])
    new = rows_of([("same", "spam"), ("other", "ham")])
    counts = compare_states(old, new).row_counts()
    assert (counts["gone"], counts["relabelled"], counts["unchanged"]) == (1, 0, 2)


def test_the_columns_that_differ_are_named():
    comparison = compare_states(world(MAIL, size=list("12345")), world(MAIL, size=list("12945")))
    assert comparison.rows.edited_columns == {2: ("size",)}


def test_a_new_column_edits_no_row_and_is_said():
    comparison = compare_states(world(MAIL, id=None), world(MAIL, id=None, size=list("12345")))
    assert comparison.row_counts()["unchanged"] == len(MAIL)
    assert any("'size'" in note for note in comparison.notes)


def test_a_label_error_on_a_relabelled_row_is_new():
    comparison = compare_states(world(MAIL), world(edited(b=(None, "ham")), wrong=[1]))
    assert comparison.issue_counts()["label"]["new"] == 1


def test_a_label_error_on_an_untouched_row_is_flipped_by_the_model_only():
    comparison = compare_states(world(MAIL, wrong=[0]), world(edited(b=(None, "ham")), wrong=[2]))
    assert comparison.issue_counts()["label"] == {
        "new": 0,
        "resolved": 0,
        "persisting": 0,
        "flipped_on": 1,
        "flipped_off": 1,
    }


def test_a_finding_of_a_row_that_is_gone_is_resolved():
    comparison = compare_states(world(MAIL, wrong=[4]), world(MAIL[:4]))
    assert comparison.issue_counts()["label"]["resolved"] == 1


def test_a_duplicate_of_an_added_row_is_new_though_the_pair_is_listed_under_the_old_row():
    old, new = world(MAIL), world([("z", "meet me at noon", "ham"), *MAIL], [pairs("exact_duplicate", [(1, 0)])])
    assert compare_states(old, new).issue_counts()["exact_duplicate"]["new"] == 1


def test_a_duplicate_persists_when_the_rows_move():
    old = world(MAIL, [pairs("near_duplicate", [(3, 1)])])
    new = world([("z", "hello", "ham"), *MAIL], [pairs("near_duplicate", [(4, 2)])])
    counts = compare_states(old, new).issue_counts()["near_duplicate"]
    assert (counts["persisting"], counts["new"], counts["resolved"]) == (1, 0, 0)


def test_a_finding_about_a_column_is_new_when_the_data_changed_and_a_flip_when_not():
    leak = about_columns("leaking_column", ["text"])
    assert compare_states(world(MAIL), world(MAIL, [leak])).issue_counts()["leaking_column"]["flipped_on"] == 1
    assert compare_states(world(MAIL), world(MAIL[:4], [leak])).issue_counts()["leaking_column"]["new"] == 1


def test_the_table_has_every_changed_row_and_every_issue():
    old, new = world(MAIL, wrong=[0, 1]), world(edited(b=(None, "ham"), c=("x y z", None))[:4], wrong=[1, 2])
    comparison = compare_states(old, new)
    table, rows = comparison.table(), comparison.row_counts()
    assert table.schema == TABLE
    about = table["about"].to_pylist()
    assert about.count("row") == rows["added"] + rows["gone"] + rows["edited"] + rows["relabelled"]
    assert about.count("issue") == sum(sum(of.values()) for of in comparison.issue_counts().values())


def test_rows_named_in_different_ways_are_refused_with_the_remedy():
    with pytest.raises(BadInput, match="--id id"):
        compare_states(world(MAIL), world(MAIL, id=None))


def test_any_column_that_names_rows_can_join_them():
    old, new = world(MAIL, id=None, key=list("vwxyz")), world(MAIL, key=list("vwxyz"))
    assert compare_states(old, new, id="key").row_counts()["unchanged"] == len(MAIL)


def test_a_column_that_does_not_name_rows_is_refused():
    with pytest.raises(BadInput, match="'ham' names rows"):
        compare_states(world(MAIL), world(MAIL), id="label")
    with pytest.raises(BadInput, match="did you mean 'text'"):
        compare_states(world(MAIL), world(MAIL), id="txt")


def test_audits_made_in_different_ways_are_told():
    other = replace(world(MAIL), settings={"seed": 1})
    assert any("seed" in note for note in compare_states(world(MAIL), other).notes)


def test_rows_alone_can_be_compared():
    comparison = compare_states(rows_of([("a b", "x"), ("c d", "y")]), rows_of([("a b", "x"), ("e f", "y")]))
    assert comparison.issue_counts() is None
    assert comparison.to_dict()["issues"] is None


@given(
    st.lists(st.tuples(st.sampled_from(["p q", "r s", "t u"]), st.sampled_from("xy")), min_size=2, max_size=12),
    st.data(),
)
def test_old_and_new_rows_are_counted_once_each(rows, data):
    rows = [*rows, ("v w", "x"), ("v w", "y")]  # data need two classes
    kept = [row for row in rows[:-2] if data.draw(st.booleans())] + rows[-2:]
    counts = compare_states(rows_of(rows), rows_of(kept)).row_counts()
    still = counts["edited"] + counts["relabelled"] + counts["unchanged"]
    assert still + counts["gone"] == len(rows) and still + counts["added"] == len(kept)
    assert (counts["added"], counts["relabelled"]) == (0, 0)


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_numbers_are_unique_a_side_and_meet_as_often_as_both_sides_hold_them(old, new):
    a, b = numbered(np.array(old, dtype=np.int64), np.array(new, dtype=np.int64))
    assert len(set(a)) == len(old) and len(set(b)) == len(new)
    assert len(set(a) & set(b)) == sum(min(old.count(v), new.count(v)) for v in set(old))


def test_a_changed_row_is_never_unchanged_on_the_other_side():
    rows = compare_states(world(MAIL), world(edited(b=(None, "ham"))[:4])).rows
    assert rows.change_of_old().tolist() == [0, RowChange.RELABELLED, 0, 0, RowChange.GONE]


def test_two_data_sets_without_a_common_row_are_questioned():
    others = [(name.upper(), text, label) for name, text, label in MAIL]
    assert any("same data?" in note for note in compare_states(world(MAIL), world(others)).notes)
