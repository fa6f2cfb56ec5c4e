"""Encoders learned in training give the same vectors again, from memory and from disk."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from PIL import Image

pytest.importorskip("safetensors")

from labelwright.data.features import FittedFeatures, build_features, fit_features
from labelwright.data.features.column_encoders import CategoryEncoder, VectorEncoder
from labelwright.data.features.table import fit_table
from labelwright.data.features.times import DateEncoder
from labelwright.data.load import load_dataset
from labelwright.errors import BadInput


def text_data(n=40):
    words = ["grün apple", "blue sky", "日本 lunch"]
    return {"text": [f"{words[i % 3]} number {i % 7} of many" for i in range(n)], "label": ["a", "b"] * (n // 2)}


def table_data(n=40):
    rng = np.random.default_rng(0)
    return {
        "age": rng.normal(size=n).tolist(),
        "town": [["Zürich", "東京", None, "Aix"][i % 4] for i in range(n)],
        "opened": [f"1{i % 9}/0{1 + i % 8}/2020" for i in range(n)],
        "flag": [i % 3 == 0 for i in range(n)],
        "note": [f"a rather long remark number {i} on the {['cat', 'dog'][i % 2]}" for i in range(n)],
        "label": ["a", "b"] * (n // 2),
    }


def vector_data(n=40):
    return {"x": np.random.default_rng(0).normal(size=(n, 3)).tolist(), "y": [1.5, 2.5] * (n // 2)}


def dataset_of(kind, folder):
    if kind == "text":
        return load_dataset(text_data(), label="label")
    if kind == "table":
        columns = ("age", "town", "opened", "flag", "note")
        return load_dataset(table_data(), label="label", feature_columns=columns)
    if kind == "columns":
        return load_dataset({**vector_data(), "label": ["a", "b"] * 20}, label="label", feature_columns=("x", "y"))
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir()
        for i in range(6):
            Image.fromarray(rng.integers(0, 255, (20, 20, 3), np.uint8)).save(folder / name / f"{i}.png")
    (folder / "dog" / "torn.png").write_bytes(b"\x89PNG no more")
    return load_dataset(folder)


@pytest.mark.parametrize("kind", ["text", "table", "columns", "patches"])
def test_the_training_rows_get_their_training_features_again(kind, tmp_path):
    (tmp_path / "data").mkdir()
    data = dataset_of(kind, tmp_path / "data")
    fitted, features = fit_features(data)
    assert fitted.kind == kind
    assert_array_equal(features.matrix, build_features(data).matrix)
    assert_array_equal(fitted.transform(data).matrix, features.matrix)
    fitted.save(tmp_path)
    assert_array_equal(FittedFeatures.load(tmp_path).transform(data).matrix, features.matrix)


@pytest.mark.parametrize("kind", ["text", "table", "columns"])
def test_the_vector_of_a_row_does_not_depend_on_the_others(kind, tmp_path):
    data = dataset_of(kind, tmp_path)
    fitted, features = fit_features(data)
    few = load_dataset(data.source.table.slice(4, 3).append_column("label2", [["a", "b", "a"]]), label="label2",
                       feature_columns=() if kind == "text" else fitted.columns,
                       text=fitted.columns if kind == "text" else ())  # fmt: skip
    assert_array_equal(fitted.transform(few).matrix, features.matrix[4:7])


def test_a_category_never_seen_is_hashed_and_finite():
    encoder, _, _ = fit_table(pa.table({"town": ["a", "b", "a", "c"], "n": [1, 2, 3, 4]}))
    again = encoder.transform(pa.table({"n": [None, 9], "extra": [1, 2], "town": ["new ☃", None]}))
    assert np.isfinite(again).all()
    assert again.shape[1] == encoder.transform(pa.table({"town": ["a"], "n": [1]})).shape[1]


def test_numbers_that_are_categories_are_known_however_they_are_written():
    encoder = CategoryEncoder.learned(pa.chunked_array([["0", "1", "1"]]), numeric=True)
    assert_array_equal(
        encoder.of_cells(pa.chunked_array([["0.0", "1.0"]])), encoder.of_cells(pa.chunked_array([["0", "1"]]))
    )


def test_further_dates_are_read_as_the_first_ones_were():
    encoder = DateEncoder.learned(pa.chunked_array([["31/01/2024", "05/02/2024"]]))
    day = encoder.of_times(pa.chunked_array([["03/02/2024"]]))
    assert_array_equal(day, encoder.of_times(pa.chunked_array([["05/02/2024", "03/02/2024"]]))[1:])
    american = DateEncoder.learned(pa.chunked_array([["01/31/2024", "02/05/2024"]]))
    assert not np.array_equal(day[0, -8:], american.of_times(pa.chunked_array([["03/02/2024"]]))[0, -8:])


def test_a_word_among_numbers_is_refused_with_its_row():
    encoder, _, _ = fit_table(pa.table({"n": [1, 2, 3, 4]}))
    with pytest.raises(BadInput, match="'many' is no number"):
        encoder.transform(pa.table({"n": ["1", "many"]}))


def test_a_column_empty_in_all_further_rows_is_missing_not_wrong():
    encoder, _, _ = fit_table(pa.table({"n": [1.0, 2.0, 3.0, None]}))
    assert_array_equal(
        encoder.transform(pa.table({"n": pa.nulls(2, pa.string())})), encoder.transform(pa.table({"n": [None, "NA"]}))
    )


def test_a_missing_column_is_named_with_what_is_near():
    fitted, _ = fit_features(dataset_of("table", None))
    data = table_data()
    data["tovn"] = data.pop("town")
    with pytest.raises(BadInput, match=r"'town'.*did you mean 'tovn'"):
        fitted.transform(load_dataset(data, label="label"))


def test_a_wide_sparse_column_keeps_its_axes():
    wide = sp.random_array((30, 5000), density=0.01, rng=np.random.default_rng(0), format="csr", dtype=np.float32)
    encoder = VectorEncoder.learned(wide)
    again = VectorEncoder.restored(encoder.facts(), encoder.arrays())
    assert_array_equal(again.of_matrix(wide[:3], "x"), encoder.of_matrix(wide, "x")[:3])
    with pytest.raises(BadInput, match="in training it held 5000"):
        encoder.of_matrix(wide[:, :4000], "x")


def test_features_of_another_version_or_broken_are_refused(tmp_path):
    fitted, _ = fit_features(dataset_of("text", None))
    fitted.save(tmp_path)
    facts = json.loads((tmp_path / "features.json").read_text())
    (tmp_path / "features.json").write_text(json.dumps({**facts, "schema_version": 99}))
    with pytest.raises(BadInput, match="version 99"):
        FittedFeatures.load(tmp_path)
    fitted.save(tmp_path)
    whole = (tmp_path / "features.safetensors").read_bytes()
    (tmp_path / "features.safetensors").write_bytes(whole[:-9])
    with pytest.raises(BadInput, match="cannot be read"):
        FittedFeatures.load(tmp_path)


def test_vectors_from_a_file_are_asked_for_again(tmp_path):
    data = load_dataset(text_data(), label="label")
    np.save(tmp_path / "v.npy", np.eye(40, 3, dtype=np.float32))
    fitted, _ = fit_features(data, spec=str(tmp_path / "v.npy"))
    with pytest.raises(BadInput, match="--features"):
        fitted.transform(data)
    assert fitted.transform(data, given=tmp_path / "v.npy").matrix.shape == (40, 3)
    np.save(tmp_path / "w.npy", np.eye(40, 4, dtype=np.float32))
    with pytest.raises(BadInput, match="had 3"):
        fitted.transform(data, given=tmp_path / "w.npy")
