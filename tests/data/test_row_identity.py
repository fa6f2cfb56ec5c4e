"""Row identity: the id column, or a hash of the content."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.data.load import load_dataset
from labelwright.errors import BadInput

ROWS = {"text": ["a", "b", "a", "a"], "n": [1, 2, 1, 1], "y": ["p", "q", "q", "p"]}


def _ids(columns, **asked):
    return load_dataset(columns, label="y", **asked).ids.tolist()


def test_the_id_column_is_taken_as_text():
    assert _ids({**ROWS, "key": [10, 20, 30, 40]}, id="key") == ["10", "20", "30", "40"]


def test_an_id_that_names_two_rows_is_refused_with_the_rows():
    with pytest.raises(BadInput, match=r"row 2, column 'key': '10' names rows 0, 2\. Fix: make the ids unique"):
        _ids({**ROWS, "key": [10, 20, 10, 40]}, id="key")


def test_an_empty_id_is_refused_with_the_line(tmp_path):
    (tmp_path / "t.csv").write_text("key,x,y\n1,a b,p\n,c d,q\n")
    with pytest.raises(BadInput, match=r"t.csv line 3 \(row 1\), column 'key': no id in 1 row"):
        load_dataset(tmp_path / "t.csv", label="y", id="key")


def test_rows_of_equal_content_are_counted():
    ids = _ids(ROWS)
    assert ids[2:] == [f"{ids[0]}-2", f"{ids[0]}-3"]
    assert len(set(ids)) == 4


def test_mending_a_label_keeps_the_id():
    assert _ids(ROWS) == _ids({**ROWS, "y": ["q", "p", "p", "q"]})


def test_the_order_of_columns_does_not_matter():
    assert _ids(ROWS) == _ids({"y": ROWS["y"], "n": ROWS["n"], "text": ROWS["text"]})


def test_a_csv_and_a_frame_of_the_same_cells_have_the_same_ids(tmp_path):
    (tmp_path / "t.csv").write_text("text,n,y\na,1,p\nb,2,q\na,1,q\na,1,p\n")
    assert load_dataset(tmp_path / "t.csv", label="y").ids.tolist() == _ids(ROWS)


def test_columns_that_an_earlier_run_wrote_do_not_count():
    assert _ids({**ROWS, "labelwright_weight": [0.5] * 4}) == _ids(ROWS)


def test_an_index_that_pandas_wrote_does_not_count(tmp_path):
    (tmp_path / "t.csv").write_text(",text,n,y\n5,a,1,p\n6,b,2,q\n7,a,1,q\n8,a,1,p\n")
    assert load_dataset(tmp_path / "t.csv", label="y").ids.tolist() == _ids(ROWS)


def test_ids_are_the_same_on_every_machine():
    assert _ids(ROWS)[0] == "5cbc67e6a34bc76d87062685f0243d79"


def test_vectors_count_by_their_values():
    X = np.arange(6.0).reshape(3, 2)
    first = _ids({"X": X, "y": ["p", "q", "p"]})
    assert first == _ids({"X": X.copy(order="F"), "y": ["p", "q", "q"]})
    assert first[:2] == _ids({"X": X[:2], "y": ["p", "q"]})


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=2, max_size=8))
def test_rows_share_a_hash_exactly_when_their_cells_are_equal(rows):
    rows = [(a.replace("\ud800", ""), b) for a, b in rows]
    columns = {"a": [a for a, _ in rows], "b": [b for _, b in rows], "y": [str(k % 2) for k in range(len(rows))]}
    hashes = [name.split("-")[0] for name in _ids(columns, task="classification", text=["a"])]
    assert len(set(hashes)) == len(set(rows))
