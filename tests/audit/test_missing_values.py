import numpy as np
import pyarrow as pa
import pytest

from labelwright.audit.missing_values import MissingColumns, MissingRows, empty_cells
from labelwright.errors import BadInput


def test_null_nan_and_blank_text_are_empty():
    assert empty_cells(pa.chunked_array([["x", None, " \t", ""]])).tolist() == [False, True, True, True]
    assert empty_cells(pa.chunked_array([[1.0, float("nan"), None]])).tolist() == [False, True, True]


def test_a_row_with_most_cells_empty_is_flagged():
    t = pa.table({"a": ["x", None, None], "b": [1, None, None], "c": [1.0, 2.0, None]})
    s = MissingRows().score(t)
    assert s.is_issue.tolist() == [False, True, True]
    assert s.reason == [None, "2 of 3 input cells are empty", "every input cell of the row is empty"]


def test_only_the_columns_named_count():
    t = pa.table({"a": ["x"], "b": pa.array([None], pa.string())})
    assert MissingRows().score(t, ["a"]).n_issues == 0


def test_full_tables_raise_no_alarm():
    t = pa.table({"a": np.arange(9), "b": list("abcdefghi")})
    assert MissingRows().score(t).n_issues == 0 and MissingColumns().score(t).n_issues == 0


def test_a_few_empty_cells_are_no_issue_of_a_column():
    t = pa.table({"a": [None] * 4 + [1] * 96})
    assert MissingColumns().score(t).is_issue.tolist() == [False]


def test_a_column_with_many_empty_cells_is_told_with_its_share():
    t = pa.table({"age": [None] * 300 + [1] * 700})
    assert MissingColumns().score(t).reason == ["300 of 1,000 cells of column 'age' are empty (30.0 %)"]


def test_an_empty_column_is_told():
    t = pa.table({"x": pa.nulls(3)})
    assert MissingColumns().score(t).reason == ["every cell of column 'x' is empty"]


def test_words_for_missing_are_seen_through():
    t = pa.table({"work": ["?"] * 4 + ["clerk"] * 96})
    s = MissingColumns().score(t)
    assert s.reason == ["4 of 100 cells of column 'work' hold '?', which reads like a missing value"]


def test_ordinary_words_are_values():
    t = pa.table({"w": ["none", "no", "0", "-1", "unknown"] * 20})
    assert MissingColumns().score(t).n_issues == 0


def test_an_absent_column_is_refused_with_a_near_name():
    with pytest.raises(BadInput, match="did you mean 'topic'"):
        MissingRows().score(pa.table({"topic": ["a"]}), ["topik"])


def test_no_rows_and_no_columns_give_nothing():
    assert len(MissingRows().score(pa.table({"a": pa.array([], pa.string())}))) == 0
    assert len(MissingColumns().score(pa.table({"a": [1]}), [])) == 0


def test_a_hostile_column_name_arrives_inert():
    assert "\x1b" not in MissingColumns().score(pa.table({"\x1b[31m": pa.nulls(3)})).reason[0]


def test_categories_are_looked_into():
    column = pa.chunked_array([pa.array(["x", " ", None, "?", "?", "?"]).dictionary_encode()])
    assert empty_cells(column).tolist() == [False, True, True, False, False, False]
    assert MissingColumns().score(pa.table({"c": column})).n_issues == 1
