import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.audit.equal_rows import row_groups, text_groups


@given(st.lists(st.text(max_size=3)))
def test_texts_share_a_group_exactly_when_they_are_equal(texts):
    g = row_groups(texts)
    assert [[a == b for b in texts] for a in texts] == (g[:, None] == g[None, :]).tolist()


@given(st.lists(st.tuples(st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.0, 0.5])), min_size=1, max_size=30))
def test_rows_of_a_matrix_share_a_group_exactly_when_they_are_equal(rows):
    g = row_groups(np.array(rows, dtype=np.float32))
    assert [[a == b for b in rows] for a in rows] == (g[:, None] == g[None, :]).tolist()


def test_no_two_of_many_near_numbers_collide():
    x = np.stack(np.meshgrid(np.arange(600.0), np.arange(600.0)), axis=-1).reshape(-1, 2).astype(np.float32)
    assert row_groups(x).max() == len(x) - 1


def test_tables_compare_all_columns_and_nulls_equal_nulls():
    t = pa.table({"a": ["x", "x", None, None, "x"], "b": [1.0, 2.0, None, None, 1.0]})
    assert row_groups(t).tolist() == [0, 1, 2, 2, 0]


def test_a_list_column_and_a_chunked_column_are_taken():
    t = pa.table({"a": pa.chunked_array([[[1, 2]], [[1, 2], [3]]])})
    assert row_groups(t).tolist() == [0, 0, 1]
    assert row_groups(pa.chunked_array([["p"], ["q", "p"]])).tolist() == [0, 1, 0]


def test_bytes_and_dictionaries_are_taken():
    assert row_groups([b"\x00", b"\x01", b"\x00"]).tolist() == [0, 1, 0]
    assert row_groups(pa.array(["u", "v", "u"]).dictionary_encode()).tolist() == [0, 1, 0]


@pytest.mark.parametrize("empty", [[], np.empty((0, 3)), pa.table({"a": pa.array([], pa.string())})])
def test_nothing_has_no_groups(empty):
    assert len(row_groups(empty)) == 0


def test_texts_are_alike_but_for_case_unicode_form_punctuation_and_space():
    assert text_groups(["Ｃａｆé ok!", "café,  OK", "cafe ok", " \n", None, "?!"]).tolist() == [0, 0, 1, -1, -1, -1]


def test_half_characters_and_mixed_types_are_taken():
    assert row_groups(["\ud800", "x", "\ud800"]).tolist() == [0, 1, 0]
    assert text_groups(["\ud800", "x", "X"]).tolist() == [0, 1, 1]
    assert row_groups([1, "1", 1.0, None]).tolist() == [0, 1, 2, 3]
