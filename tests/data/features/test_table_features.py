from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.features.column_encoders import CategoryEncoder, NumericEncoder
from labelwright.data.features.table import table_features
from labelwright.data.features.times import DateEncoder, parsed_times
from labelwright.errors import BadInput


def numeric_block(values):
    return NumericEncoder.learned(values).of_values(values)


def category_block(cells):
    return CategoryEncoder.learned(cells).of_cells(cells)


def date_block(column):
    return DateEncoder.learned(column).of_times(column)


def test_numbers_in_text_equal_numbers():
    as_text = pa.table({"x": [str(v / 3) for v in range(50)]})
    as_numbers = pa.table({"x": [v / 3 for v in range(50)]})
    assert_allclose(table_features(as_text)[0], table_features(as_numbers)[0], atol=1e-6)


def test_every_column_has_the_same_weight():
    rng = np.random.default_rng(0)
    table = pa.table(
        {"small": rng.normal(size=200), "large": 1e6 * rng.normal(size=200), "kind": rng.choice(list("abc"), 200)}
    )
    X, _ = table_features(table)
    assert_allclose((X**2).sum(axis=1).mean(), 3, rtol=1e-4)


def test_a_missing_number_is_the_median_with_a_mark():
    block = numeric_block(np.array([0.0, 1.0, 2.0, np.nan]))
    assert block[3, 0] == block[1, 0] == 0
    assert_array_equal(block[:, -1], [0, 0, 0, 1])


def test_an_outlier_does_not_squeeze_the_others():
    block = numeric_block(np.array([*range(100), 1e12], float))
    assert block[:, 0].max() == 10
    assert block[75, 0] - block[25, 0] == pytest.approx(1)


def test_infinite_numbers_count_as_missing():
    assert np.isfinite(numeric_block(np.array([1.0, 2.0, np.inf, -np.inf, 3.0]))).all()


def test_each_row_has_one_category_and_missing_is_one():
    block = category_block(pa.chunked_array([["a", "b", None, "?", " a ", "NA"]]))
    assert_array_equal(block.sum(axis=1), 1)
    assert_array_equal(block[:, -1], [0, 0, 1, 1, 0, 1])
    assert_array_equal(block[0], block[4])


def test_many_categories_take_a_bounded_number_of_columns():
    block = category_block(pa.chunked_array([[f"v{i}" for i in range(5000)]]))
    assert block.shape[1] < 100
    assert_array_equal(block.sum(axis=1), 1)


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-01-31", "2024-02-01", None],
        ["31/01/2024", "01/02/2024", ""],
        ["01/31/2024", "02/01/2024", "never"],
        [datetime.date(2024, 1, 31), datetime.date(2024, 2, 1), None],
        [datetime.datetime(2024, 1, 31), datetime.datetime(2024, 2, 1), None],
    ],
)
def test_dates_are_read_in_the_usual_forms(cells):
    times, _ = parsed_times(pa.chunked_array([cells]))
    assert times[:2].tolist() == [datetime.datetime(2024, 1, 31), datetime.datetime(2024, 2, 1)]
    assert np.isnat(times[2])


def test_december_and_january_are_neighbors():
    block = date_block(pa.chunked_array([["2023-12-15", "2024-01-15", "2024-06-15"]]))
    month = block[:, -8:-6]
    assert np.linalg.norm(month[0] - month[1]) < np.linalg.norm(month[0] - month[2])


def test_columns_that_do_not_vary_are_left_out_and_named():
    X, notes = table_features(pa.table({"same": ["x"] * 4, "none": pa.nulls(4, pa.string()), "n": [1, 2, 3, 4]}))
    assert "'same'" in notes[-1]
    assert "'none'" in notes[-1]
    assert len(X) == 4


def test_a_table_without_anything_that_varies_is_refused():
    with pytest.raises(BadInput, match="no column varies"):
        table_features(pa.table({"same": ["x"] * 4}))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_tables_are_finite(n):
    table = pa.table({"a": list(range(n)), "b": [f"k{i}" for i in range(n)], "c": [True] * n})
    if n == 1:
        with pytest.raises(BadInput):
            table_features(table)
    else:
        assert np.isfinite(table_features(table)[0]).all()


def test_the_order_of_rows_only_permutes_the_vectors():
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=60), "c": rng.choice(list("abcd"), 60)})
    order = rng.permutation(60)
    assert_allclose(table_features(table.take(order))[0], table_features(table)[0][order], atol=1e-5)
