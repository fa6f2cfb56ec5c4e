"""What a column holds, told from its cells."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from labelwright.data.column_types import cell_texts, numbers, profile_column


def _column(values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


def _kind(values, name="column"):
    return profile_column(pa.table({name: values}), name).kind


def test_text_stays_as_written():
    assert cell_texts(_column(["007", " NA ", "1.0", None])).to_pylist() == ["007", " NA ", "1.0", None]


def test_whole_floats_lose_their_point_and_others_keep_it():
    assert cell_texts(_column([1.0, None, 3.0, float("nan")])).to_pylist() == ["1", None, "3", None]
    assert cell_texts(_column([1.0, 2.5])).to_pylist() == ["1", "2.5"]


def test_a_single_precision_number_is_spelt_short():
    assert cell_texts(_column([0.1, 2.5], pa.float32())).to_pylist() == ["0.1", "2.5"]


def test_booleans_are_spelt_as_in_python():
    assert cell_texts(_column([True, False, None])).to_pylist() == ["True", "False", None]


def test_markers_of_missing_numbers_are_nan():
    assert_array_equal(numbers(_column(["1", " 2.5 ", "?", "NA", "", None])), [1, 2.5, *[np.nan] * 4])


def test_one_word_among_numbers_makes_no_number():
    assert numbers(_column(["1", "two"])) is None


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-01-31", "2024-02-01"],
        ["2024-01-31T09:30:00Z", "2024-02-01 10:00:00.5+02:00"],
        ["31.1.2024", "1.2.2024"],
        ["01/31/2024 9:30 AM", "02/01/24 10:00 PM"],
        ["31 January 2024", "1 Feb 2024"],
        ["09:30", "10:15:30"],
    ],
)
def test_dates_are_recognised(cells):
    assert _kind(cells * 10) == "date"


def test_numbers_in_text_are_numbers():
    assert _kind([f"{k % 13}.5" for k in range(60)]) == "number"


def test_few_words_that_repeat_are_categories():
    assert _kind(["red", "light blue"] * 30) == "category"


def test_images_are_known_by_their_first_bytes():
    assert _kind([b"\x89PNG...", b"\xff\xd8\xff..."]) == "image"
    assert _kind([b"abc", b"def"]) == "other"


def test_an_identifier_needs_many_values():
    assert _kind([k % 3 for k in range(60)], "group_id") == "number"
    assert _kind([(k * 7919) % 1009 for k in range(60)], "group_id") == "identifier"
