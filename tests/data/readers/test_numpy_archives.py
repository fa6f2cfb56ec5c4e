"""NumPy archives: arrays with one entry a row, never a pickle."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import random as random_sparse

from labelwright.data.matrices import class_names, column_matrix, image_shape
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput


@pytest.fixture
def save(tmp_path):
    def _save(**arrays):
        path = tmp_path / "rows.npz"
        np.savez(path, **arrays)
        return path

    return _save


def test_a_matrix_comes_back(save):
    X = np.arange(12, dtype=np.float32).reshape(4, 3)
    table = read_source(save(X=X, y=np.arange(4))).table
    assert_array_equal(column_matrix(table, "X"), X)


def test_sparse_parts_come_back_as_one_sparse_matrix(save):
    X = random_sparse(30, 17, 0.2, format="csr", random_state=0)
    parts = {"X_data": X.data, "X_indices": X.indices, "X_indptr": X.indptr, "X_shape": np.array(X.shape)}
    table = read_source(save(**parts, y=np.arange(30))).table
    assert (column_matrix(table, "X") != X).nnz == 0
    assert (column_matrix(table.slice(5, 9), "X") != X[5:14]).nnz == 0


def test_images_keep_their_shape(save):
    images = np.random.default_rng(0).integers(0, 255, (5, 8, 6, 3), dtype=np.uint8)
    table = read_source(save(images=images, y=np.arange(5))).table
    assert image_shape(table.schema.field("images")) == (8, 6, 3)
    assert_array_equal(column_matrix(table, "images"), images)


def test_class_names_go_to_the_columns_that_count_through_them(save):
    table = read_source(save(X=np.ones((6, 2)), y=np.arange(6) % 3, label_names=np.array(["a", "b", "c"]))).table
    assert class_names(table.schema.field("y")) == ("a", "b", "c")
    assert class_names(table.schema.field("X")) is None


def test_arrays_of_other_lengths_are_named_as_ignored(save):
    source = read_source(save(X=np.ones((6, 2)), y=np.arange(6), edges=np.ones((9, 2)), rate=np.array(3)))
    assert source.table.column_names == ["X", "y"]
    assert "'edges', 'rate'" in source.details["ignored"]


def test_big_endian_and_bytes_are_read(save):
    table = read_source(save(X=np.ones((3, 2), dtype=">f8"), y=np.array([b"a", b"b", b"a"]))).table
    assert table.column("y").to_pylist() == ["a", "b", "a"]


def test_a_pickle_is_never_opened(save):
    with pytest.raises(BadInput, match="pickled objects, which can run code when opened"):
        read_source(save(X=np.ones((3, 2)), y=np.array(["a", None, {}], dtype=object)))


def test_two_lengths_with_equal_right_are_refused(save):
    with pytest.raises(BadInput, match="so the number of rows is not clear"):
        read_source(save(X_train=np.ones((6, 2)), X_test=np.ones((4, 2))))


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("X_indices", np.array([0, 9, 1])),
        ("X_indptr", np.array([0, 2, 1, 3])),
        ("X_indptr", np.array([0, 1])),
        ("X_data", np.array([1.0])),
        ("X_shape", np.array([3.5, 4.0])),
    ],
)
def test_sparse_parts_that_do_not_fit_are_refused(save, part, value):
    parts = {
        "X_data": np.ones(3),
        "X_indices": np.array([0, 1, 2]),
        "X_indptr": np.array([0, 1, 2, 3]),
        "X_shape": np.array([3, 4]),
    }
    with pytest.raises(BadInput, match="sparse matrix 'X'"):
        read_source(save(**(parts | {part: value})))
