"""Folders of Hugging Face `datasets`: decided rows change, everything else is copied."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from labelwright.data import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.readers.columnar import arrow_table
from labelwright.errors import BadInput

FEATURES = {
    "n": {"dtype": "int64", "_type": "Value"},
    "topic": {"names": ["sport", "war", "art"], "_type": "ClassLabel"},
}


def save(folder, start, n=4):
    """Write one split in two Arrow files, as `save_to_disk` lays them out."""
    folder.mkdir(parents=True)
    files = []
    for shard in range(2):
        rows = range(start + shard * n // 2, start + (shard + 1) * n // 2)
        table = pa.table({"n": list(rows), "topic": [r % 3 for r in rows]})
        meta = json.dumps({"info": {"features": FEATURES}}).encode()
        table = table.replace_schema_metadata({b"huggingface": meta})
        files.append({"filename": f"data-{shard:05d}-of-00002.arrow"})
        with pa.ipc.new_stream(folder / files[-1]["filename"], table.schema) as writer:
            writer.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": files, "_fingerprint": "old", "_split": folder.name}))
    info = {"features": FEATURES, "splits": {folder.name: {"num_examples": n}}}
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))


@pytest.fixture
def news(tmp_path):
    folder = tmp_path / "news"
    save(folder / "train", 0)
    save(folder / "test", 10)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    return folder


def test_numbers_of_classes_change_in_the_file_that_holds_the_row(news, tmp_path):
    decisions = {"id": ["11", "13"], "decision": ["relabel", "reject"], "label": ["art", None]}
    apply_decisions(decisions, news, tmp_path / "new", MendOptions(label="topic", id="n"))
    new = tmp_path / "new"
    assert arrow_table(new / "test/data-00000-of-00002.arrow")["topic"].to_pylist() == [1, 2]
    assert arrow_table(new / "test/data-00001-of-00002.arrow")["n"].to_pylist() == [12]
    schema = arrow_table(news / "test/data-00000-of-00002.arrow").schema
    assert arrow_table(new / "test/data-00000-of-00002.arrow").schema.equals(schema, check_metadata=True)
    for name in ("data-00000-of-00002.arrow", "data-00001-of-00002.arrow", "state.json", "dataset_info.json"):
        assert (new / "train" / name).read_bytes() == (news / "train" / name).read_bytes()


def test_a_changed_split_gets_a_new_fingerprint_and_the_right_count(news, tmp_path):
    decisions = {"id": ["13"], "decision": ["reject"]}
    apply_decisions(decisions, news, tmp_path / "new", MendOptions(label="topic", id="n"))
    state = json.loads((tmp_path / "new/test/state.json").read_text())
    assert state["_fingerprint"] not in ("old", None)
    info = json.loads((tmp_path / "new/test/dataset_info.json").read_text())
    assert info["splits"]["test"]["num_examples"] == 3
    assert len(load_dataset(tmp_path / "new", label="topic")) == 7


def test_a_class_that_the_data_set_does_not_list_is_refused(news, tmp_path):
    decisions = {"id": ["13"], "decision": ["relabel"], "label": ["love"]}
    options = MendOptions(label="topic", id="n", new_classes=("love",))
    with pytest.raises(BadInput, match="the data set lists its classes"):
        apply_decisions(decisions, news, tmp_path / "new", options)
