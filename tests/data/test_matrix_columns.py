"""Matrices in the columns of a table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from labelwright.data.matrices import column_matrix, dense_column, image_shape, with_fixed_sizes
from labelwright.errors import BadInput


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=4, max_side=4), elements=st.floats(-9, 9)))
def test_a_matrix_of_any_shape_comes_back(values):
    field, column = dense_column("X", values)
    assert_array_equal(column_matrix(pa.table([column], schema=pa.schema([field])), "X"), values)


def test_a_slice_of_several_chunks_comes_back():
    values = np.arange(24.0).reshape(8, 3)
    field, column = dense_column("X", values)
    table = pa.table([column], schema=pa.schema([field]))
    joined = pa.concat_tables([table.slice(5), table.slice(1, 2)])
    assert_array_equal(column_matrix(joined, "X"), values[[5, 6, 7, 1, 2]])


def test_a_missing_vector_is_refused():
    table = pa.table({"X": pa.array([[1.0, 2.0], None], pa.list_(pa.float64(), 2))})
    with pytest.raises(BadInput, match="column 'X' has no vector in 1 of 2 rows"):
        column_matrix(table, "X")


def test_lists_that_may_be_tags_stay_lists():
    table = pa.table({"t": [[1, 2], [3, 4]], "v": [[1, 2, 3], [4, 5, 6]], "r": [[1.0], [1.0, 2.0]]})
    kinds = [pa.types.is_fixed_size_list(field.type) for field in with_fixed_sizes(table).schema]
    assert kinds == [False, True, False]


def test_only_uint8_stacks_are_images():
    assert image_shape(dense_column("i", np.zeros((2, 5, 4), np.uint8))[0]) == (5, 4)
    assert image_shape(dense_column("i", np.zeros((2, 5, 4, 3), np.uint8))[0]) == (5, 4, 3)
    assert image_shape(dense_column("i", np.zeros((2, 5, 4), np.float32))[0]) is None
    assert image_shape(dense_column("i", np.zeros((2, 5), np.uint8))[0]) is None
