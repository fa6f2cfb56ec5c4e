"""Folders in the layout of Hugging Face `save_to_disk`."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from labelwright.data.load import load_dataset
from labelwright.errors import BadInput

FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "topic": {"names": ["sport", "war", "art"], "_type": "ClassLabel"},
}


def _save(folder, rows, features=FEATURES, in_schema=False):
    folder.mkdir(parents=True)
    table = pa.table(rows)
    if in_schema:
        meta = json.dumps({"info": {"features": features}}).encode()
        table = table.replace_schema_metadata({b"huggingface": meta})
    with pa.ipc.new_stream(folder / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps({} if in_schema else {"features": features}))
    return folder


ROWS = {"text": ["a long text on war", "a text on sports now", "nothing"], "topic": [1, 0, -1]}


@pytest.mark.parametrize("in_schema", [False, True])
def test_class_numbers_become_names_and_the_label_is_found(tmp_path, in_schema):
    dataset = load_dataset(_save(tmp_path / "news", ROWS, in_schema=in_schema))
    assert dataset.plan.label == "topic"
    assert dataset.given == ("war", "sport", None)
    assert dataset.space.names == ("sport", "war", "art")
    assert dataset.labels.tolist() == [1, 0, -1]


def test_splits_are_joined_and_named(tmp_path):
    for split in ("train", "test"):
        _save(tmp_path / "news" / split, ROWS)
    (tmp_path / "news" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    dataset = load_dataset(tmp_path / "news")
    assert dataset.plan.split == "split"
    assert dataset.column("split").to_pylist() == ["train"] * 3 + ["test"] * 3


def test_lists_of_class_numbers_become_tags(tmp_path):
    features = {"topic": {"feature": FEATURES["topic"], "_type": "Sequence"}}
    dataset = load_dataset(_save(tmp_path / "news", {"topic": [[0, 2], [], [1]], "x": [1.0, 2.0, 4.0]}, features))
    assert dataset.plan.task == "multilabel"
    assert dataset.labels.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_image_cells_are_recognised(tmp_path):
    images = [{"bytes": b"\x89PNG1", "path": "a.png"}, {"bytes": b"\x89PNG2", "path": None}] * 2
    dataset = load_dataset(_save(tmp_path / "pets", {"image": images, "topic": [0, 1, 1, 0]}))
    assert dataset.plan.image == "image"
    assert dataset.ids[2] == dataset.ids[0] + "-2"


def test_a_file_outside_the_folder_is_refused(tmp_path):
    folder = _save(tmp_path / "news", ROWS)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../../etc/passwd"}]}))
    with pytest.raises(BadInput, match="outside of itself"):
        load_dataset(folder)


def test_a_missing_data_file_is_named(tmp_path):
    folder = _save(tmp_path / "news", ROWS)
    (folder / "data-00000-of-00001.arrow").unlink()
    with pytest.raises(BadInput, match=r"data-00000-of-00001.arrow' cannot be read"):
        load_dataset(folder)


def test_a_class_number_without_a_name_is_refused(tmp_path):
    with pytest.raises(BadInput, match="holds class number 7 but names 3 classes"):
        load_dataset(_save(tmp_path / "news", {"text": ["a"], "topic": [7]}))
