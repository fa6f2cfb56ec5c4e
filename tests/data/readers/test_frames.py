"""Data frames in memory."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from labelwright.data.load import load_dataset
from labelwright.data.readers.frames import from_frame
from labelwright.errors import BadInput

COLUMNS = {"text": ["a", "b", None], "n": [1, 2, 3], "label": ["x", "y", "x"]}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(COLUMNS),
        pl.DataFrame(COLUMNS),
        pl.LazyFrame(COLUMNS),
        pa.table(COLUMNS),
        pa.RecordBatch.from_pydict(COLUMNS),
        COLUMNS,
    ],
    ids=["pandas", "polars", "lazy", "arrow", "batch", "dict"],
)
def test_every_kind_of_frame_gives_the_same_rows_and_ids(frame):
    dataset = load_dataset(frame, label="label", text=["text"])
    assert dataset.source.table.to_pydict() == COLUMNS
    assert dataset.ids.tolist() == load_dataset(COLUMNS, label="label").ids.tolist()


def test_categories_are_read_as_their_values():
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5], "label": pd.Categorical(["b", "a", "b"])})
    assert load_dataset(frame, label="label").given == ("b", "a", "b")


def test_integers_that_a_gap_turned_into_floats_keep_their_names():
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5, 4.5], "label": [1, 2, None, 1]})
    assert load_dataset(frame, label="label").given == ("1", "2", None, "1")


def test_mixed_objects_become_text():
    table = from_frame(pd.DataFrame({"a": [1, "b", None, dt.date(2024, 1, 2)], "y": [1, 2, 3, 4]})).table
    assert table.column("a").to_pylist() == ["1", "b", None, "2024-01-02"]


def test_a_matrix_in_a_dict_becomes_vectors():
    table = from_frame({"X": np.ones((3, 4)), "y": [1, 2, 3]}).table
    assert table.schema.field("X").type.list_size == 4


def test_columns_of_different_length_are_refused():
    with pytest.raises(BadInput, match="the columns differ in length"):
        from_frame({"a": [1, 2], "b": [1]})


@pytest.mark.parametrize("thing", [3, object(), None])
def test_what_is_no_frame_is_refused(thing):
    with pytest.raises(BadInput, match="cannot read a"):
        from_frame(thing)


def test_an_empty_frame_is_refused():
    with pytest.raises(BadInput, match="holds no rows"):
        from_frame(pd.DataFrame({"a": []}))
