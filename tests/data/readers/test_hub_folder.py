"""Folders of Parquet files as a hub hands them out."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelwright.data.load import load_dataset
from labelwright.data.readers import read_source
from labelwright.errors import BadInput

FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "topic": {"names": ["sport", "war", "art"], "_type": "ClassLabel"},
}
CLASSES = "dataset_info:\n  features:\n  - name: topic\n    dtype:\n      class_label:\n        names:\n"
CLASSES += "          '0': sport\n          '1': war\n          '2': art\n"


def shard(folder, name, start, n=3, *, named=True):
    table = pa.table({"text": [f"row {start + i}" for i in range(n)], "topic": [(start + i) % 3 for i in range(n)]})
    if named:
        meta = {b"huggingface": json.dumps({"info": {"features": FEATURES}}).encode()}
        table = table.replace_schema_metadata(meta)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / name)


def card(folder, yaml):
    folder.mkdir(exist_ok=True)
    (folder / "README.md").write_text(f"---\n{yaml}---\n# News\n")


def texts_and_splits(folder):
    table = read_source(folder).table
    splits = table["split"].to_pylist() if "split" in table.column_names else None
    return [int(text.split()[1]) for text in table["text"].to_pylist()], splits


def test_shards_come_in_order_with_their_split_and_named_classes(tmp_path):
    shard(tmp_path, "data/test-00000-of-00001.parquet", 6)
    shard(tmp_path, "data/train-00001-of-00002.parquet", 3)
    shard(tmp_path, "data/train-00000-of-00002.parquet", 0)
    assert texts_and_splits(tmp_path) == (list(range(9)), ["train"] * 6 + ["test"] * 3)
    dataset = load_dataset(tmp_path)
    assert dataset.plan.label == "topic"
    assert dataset.plan.split == "split"
    assert dataset.given[:3] == ("sport", "war", "art")


@pytest.mark.parametrize(
    "names",
    [
        ("train.parquet", "validation.parquet"),
        ("train/0000.parquet", "validation/0000.parquet"),
        ("plain/train/0000.parquet", "plain/validation/0000.parquet"),
        ("train-00000-of-00001-0f3a.parquet", "validation-00000-of-00001-9b.parquet"),
    ],
)
def test_splits_are_read_off_names_of_files_and_folders(tmp_path, names):
    for start, name in zip((0, 3), names, strict=True):
        shard(tmp_path, name, start)
    assert texts_and_splits(tmp_path) == (list(range(6)), ["train"] * 3 + ["validation"] * 3)


def test_one_split_needs_no_column(tmp_path):
    shard(tmp_path, "data/train-00000-of-00001.parquet", 0)
    assert texts_and_splits(tmp_path) == ([0, 1, 2], None)


def test_the_card_names_splits_and_classes_where_files_do_not(tmp_path):
    shard(tmp_path, "a.parquet", 0, named=False)
    shard(tmp_path, "more/b.parquet", 3, named=False)
    configs = "configs:\n- config_name: default\n  data_files:\n  - split: seen\n    path: a.parquet\n"
    card(tmp_path, f"{CLASSES}{configs}  - split: unseen\n    path: more/*\n")
    assert texts_and_splits(tmp_path) == (list(range(6)), ["seen"] * 3 + ["unseen"] * 3)
    assert load_dataset(tmp_path).given[1] == "war"


def test_of_several_configurations_the_default_one_is_read_or_one_is_named(tmp_path):
    shard(tmp_path, "en/train-00000-of-00001.parquet", 0)
    shard(tmp_path, "de/train-00000-of-00001.parquet", 3)
    with pytest.raises(BadInput, match=r"holds several data sets: 'de', 'en'\. Fix: give one, such as de"):
        read_source(tmp_path)
    configs = "configs:\n- config_name: en\n  data_files: en/*.parquet\n- config_name: de\n  data_files: de/*.parquet\n"
    card(tmp_path, configs)
    with pytest.raises(BadInput, match="holds several configurations: 'en', 'de'"):
        read_source(tmp_path)
    card(tmp_path, configs.replace("- config_name: de", "- default: true\n  config_name: de"))
    assert texts_and_splits(tmp_path)[0] == [3, 4, 5]
    assert texts_and_splits(tmp_path / "en")[0] == [0, 1, 2]


def test_a_missing_shard_a_damaged_one_and_a_broken_card_are_told(tmp_path):
    shard(tmp_path, "data/train-00000-of-00002.parquet", 0)
    with pytest.raises(BadInput, match=r"'data/train-00001-of-00002\.parquet' is missing"):
        read_source(tmp_path)
    (tmp_path / "data/train-00001-of-00002.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(BadInput, match=r"'data/train-00001-of-00002\.parquet' cannot be read as Parquet"):
        read_source(tmp_path)
    card(tmp_path, "a: [\n")
    with pytest.raises(BadInput, match=r"the YAML of README\.md cannot be read"):
        read_source(tmp_path)


def test_a_pattern_of_the_card_without_files_is_told(tmp_path):
    shard(tmp_path, "data/train-00000-of-00001.parquet", 0)
    card(tmp_path, "configs:\n- config_name: default\n  data_files:\n  - split: test\n    path: data/test-*\n")
    with pytest.raises(BadInput, match=r"no file matches 'data/test-\*', which README.md names for the split 'test'"):
        read_source(tmp_path)


def test_tables_that_belong_to_no_split_are_still_to_be_named(tmp_path):
    shard(tmp_path, "customers.parquet", 0)
    shard(tmp_path, "orders.parquet", 3)
    with pytest.raises(BadInput, match="is a folder of tables"):
        read_source(tmp_path)
