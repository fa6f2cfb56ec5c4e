"""Folders of Parquet files of a hub: decided rows change in their file, the card keeps count, the rest is copied."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelwright.data.load import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.mend.datasets import apply_to_dataset
from labelwright.errors import BadInput

FEATURES = {
    "n": {"dtype": "int64", "_type": "Value"},
    "topic": {"names": ["sport", "war", "art"], "_type": "ClassLabel"},
}
CARD = """---
license: mit
dataset_info:
  splits:
  - {name: train, num_examples: 6, num_bytes: 99}
  - name: "test"
    num_examples:   3 # three
---
# News, num_examples: 6
"""
OPTIONS = MendOptions(label="topic", id="n")


@pytest.fixture
def news(tmp_path):
    folder = tmp_path / "news"
    (folder / "data").mkdir(parents=True)
    meta = {b"huggingface": json.dumps({"info": {"features": FEATURES}}).encode()}
    for name, start in (("train-00000-of-00002", 0), ("train-00001-of-00002", 3), ("test-00000-of-00001", 6)):
        rows = list(range(start, start + 3))
        table = pa.table({"n": rows, "topic": [r % 3 for r in rows]}).replace_schema_metadata(meta)
        pq.write_table(table, folder / f"data/{name}.parquet")
    (folder / "README.md").write_text(CARD)
    return folder


def test_numbers_of_classes_change_in_the_file_that_holds_the_row(news, tmp_path):
    decisions = {"id": ["4", "7"], "decision": ["relabel", "reject"], "label": ["art", None]}
    done = apply_decisions(decisions, news, tmp_path / "new", OPTIONS)
    new = tmp_path / "new"
    assert pq.read_table(new / "data/train-00001-of-00002.parquet")["topic"].to_pylist() == [0, 2, 2]
    assert pq.read_table(new / "data/test-00000-of-00001.parquet")["n"].to_pylist() == [6, 8]
    schema = pq.read_schema(news / "data/train-00001-of-00002.parquet")
    assert pq.read_schema(new / "data/train-00001-of-00002.parquet").equals(schema, check_metadata=True)
    same = "data/train-00000-of-00002.parquet"
    assert (new / same).read_bytes() == (news / same).read_bytes()
    assert done.counts["relabelled"] == done.counts["rejected"] == 1


def test_the_card_counts_the_rows_that_are_left_and_keeps_every_other_byte(news, tmp_path):
    decisions = {"id": ["0", "1", "7"], "decision": ["reject"] * 3}
    apply_decisions(decisions, news, tmp_path / "new", OPTIONS)
    new = (tmp_path / "new" / "README.md").read_text()
    assert new == CARD.replace("train, num_examples: 6", "train, num_examples: 4").replace("  3 # three", "  2 # three")


def test_the_card_stays_where_no_row_goes(news, tmp_path):
    apply_decisions({"id": ["4"], "decision": ["relabel"], "label": ["art"]}, news, tmp_path / "new", OPTIONS)
    assert (tmp_path / "new" / "README.md").read_bytes() == (news / "README.md").read_bytes()


def test_a_loaded_folder_is_mended_by_the_names_of_its_rows(news, tmp_path):
    dataset = load_dataset(news)
    row = dataset.given.index("war")
    decisions = {"id": [dataset.ids[row]], "decision": ["relabel"], "label": ["art"]}
    apply_to_dataset(dataset, decisions, tmp_path / "new", MendOptions())
    mended = load_dataset(tmp_path / "new")
    assert mended.given[row] == "art"
    assert mended.ids.tolist() == dataset.ids.tolist()


def test_a_class_that_the_files_do_not_list_is_refused(news, tmp_path):
    decisions = {"id": ["4"], "decision": ["relabel"], "label": ["music"]}
    with pytest.raises(BadInput, match="'music' is not a class, and the data set lists its classes"):
        apply_decisions(decisions, news, tmp_path / "new", OPTIONS)
