from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.data.dataset import Dataset, Plan, Source
from labelwright.data.features.build import build_features
from labelwright.data.matrices import dense_column
from labelwright.errors import BadInput
from labelwright.evidence.space import LabelSpace

X = np.arange(6, dtype=np.float32).reshape(3, 2)


def dataset(tmp_path, table=None, **plan):
    table = table if table is not None else pa.table({"key": ["c", "a", "b"], "label": ["x", "y", "x"]})
    given = tuple(table["label"].to_pylist())
    ids = np.array(["c", "a", "b"])
    settings = {"modality": "none", "label": "label", "id": "key", **plan}
    source = Source(table, tmp_path / "data.csv", "csv", tmp_path)
    space = LabelSpace.of(given)
    return Dataset(source, Plan("classification", **settings), space.encode(given), given, space, ids)


def test_npy_and_npz_are_taken_in_the_order_of_the_rows(tmp_path):
    np.save(tmp_path / "f.npy", X.astype(np.float16))
    np.savez(tmp_path / "f.npz", features=X, other=np.zeros(3))
    for name in ("f.npy", "f.npz"):
        found = build_features(dataset(tmp_path), spec=str(tmp_path / name))
        assert_array_equal(found.matrix, X)
        assert found.matrix.dtype == np.float32
        assert found.name == name
        assert "in the order of the rows" in found.notes[0]


def test_parquet_and_npz_with_ids_are_joined(tmp_path):
    pq.write_table(
        pa.table({"key": ["a", "b", "c", "unused"], "u": [2.0, 4, 0, 9], "v": [3, 5, 1, 9]}), tmp_path / "f.parquet"
    )
    np.savez(tmp_path / "f.npz", ids=np.array(["b", "c", "a"]), X=X[[2, 0, 1]])
    for name in ("f.parquet", "f.npz"):
        found = build_features(dataset(tmp_path), spec=str(tmp_path / name))
        assert_array_equal(found.matrix, X)
        assert "joined by id" in found.notes[0]


def test_a_parquet_column_of_lists_is_one_vector_a_row(tmp_path):
    pq.write_table(
        pa.table({"id": ["b", "a", "c"], "vector": [[4.0, 5.0], [2.0, 3.0], [0.0, 1.0]]}), tmp_path / "f.parquet"
    )
    assert_array_equal(build_features(dataset(tmp_path), spec=str(tmp_path / "f.parquet")).matrix, X)


def test_feature_columns_are_passed_on(tmp_path):
    field, column = dense_column("vec", X)
    table = pa.table(
        [pa.array(["c", "a", "b"]), pa.array(["x", "y", "x"]), pa.array(["7", "8", "9"]), column],
        schema=pa.schema([("key", pa.string()), ("label", pa.string()), ("n", pa.string()), field]),
    )
    data = dataset(tmp_path, table, modality="features", feature_columns=("n", "vec"))
    assert_array_equal(build_features(data).matrix, np.column_stack([[7, 8, 9], X]))


def save(path, name):
    target = path / name
    if name == "short.npy":
        np.save(target, X[:2])
    elif name == "nan.npy":
        np.save(target, np.where(X == 3, np.nan, X))
    elif name == "text.npy":
        np.save(target, np.array([["a"], ["b"], ["c"]]))
    elif name == "pickle.npy":
        np.save(target, np.array([{}, {}, {}], dtype=object), allow_pickle=True)
    elif name == "two.npz":
        np.savez(target, a=X, b=X)
    elif name == "twice.npz":
        np.savez(target, ids=np.array(["a", "a", "b"]), X=X)
    elif name == "lacks.npz":
        np.savez(target, ids=np.array(["a", "b", "z"]), X=X)
    elif name == "words.parquet":
        pq.write_table(pa.table({"id": ["a", "b", "c"], "w": ["u", "v", "w"]}), target)
    elif name != "gone.npy":
        target.write_bytes(b"not what the suffix says")
    return str(target)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short.npy", "2 rows and the data has 3"),
        ("nan.npy", "nan.npy row 1"),
        ("text.npy", "type <U1"),
        ("pickle.npy", "cannot be read"),
        ("two.npz", "2 of its arrays are matrices"),
        ("twice.npz", "'a' stands there more than once"),
        ("lacks.npz", r"lacks 1 of the 3 ids of the data \('c'\)"),
        ("words.parquet", "'w' holds no numbers"),
        ("junk.npy", "cannot be read"),
        ("junk.npz", "cannot be read"),
        ("junk.parquet", "cannot be read"),
        ("junk.csv", "no known kind"),
        ("gone.npy", "no features file"),
    ],
)
def test_a_file_that_does_not_fit_is_one_clear_line(tmp_path, name, words):
    with pytest.raises(BadInput, match=words):
        build_features(dataset(tmp_path), spec=save(tmp_path, name))


def test_a_wide_sparse_column_is_projected_and_a_narrow_one_kept():
    from scipy.sparse import random_array

    from labelwright.data.features.given import dense_rows

    wide = random_array((40, 5000), density=0.01, rng=np.random.default_rng(0), format="csr")
    assert_allclose(np.linalg.norm(dense_rows(wide), axis=1), np.linalg.norm(wide.toarray(), axis=1), rtol=1e-3)
    assert dense_rows(wide).shape[1] <= 40
    assert_array_equal(dense_rows(wide[:, :100]), wide[:, :100].toarray())
