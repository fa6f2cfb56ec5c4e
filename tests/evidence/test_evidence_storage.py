"""Parquet: every type comes back equal; what is damaged or hostile is refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.errors import BadInput
from labelwright.evidence import (
    Bags,
    Candidates,
    Hard,
    LabelSpace,
    Mixed,
    Pairs,
    Reals,
    Soft,
    Tags,
    Votes,
    load_evidence,
    load_label_space,
    save_evidence,
)
from labelwright.evidence.storage import KEY

INF = np.inf
EXAMPLES = {
    "hard": Hard([0, -1, 2], 3),
    "soft": Soft([[0.25, 0.75], [0, 0]], prior=[0.5, 0.5]),
    "shares": Soft([[0.25, 0.75]], n_votes=[4]),
    "candidates": Candidates.from_sets([[0, 2], [1]], 3),
    "complementary": Candidates.complementary([1, -1], 3),
    "votes": Votes([0, 1], [1, 0], [1, -1], 4, 2, 3, [1.0, 0.5], [np.nan, 2.5]),
    "real votes": Votes([0], [0], [2.5], 1, 1, None),
    "tags": Tags.from_dense([[1, 0, -1], [0, 0, 0]]),
    "counts": Bags.counts([0, 0, -1, 1], [1, 0], n_classes=3),
    "soft counts": Bags.soft([0, 0], [0.0, -1.0, -INF], n_bags=1, target=0),
    "no bags": Bags.counts([-1, -1], []),
    "pairs": Pairs([0, 1], [1, 2], [0, 2], 3, 2, [0.9, 1.0]),
    "reals": Reals([[1.0, 1.0], [-INF, 2.0], [-INF, INF]], [3, -1, -1]),
    "mixed": Mixed((Hard([1], 2), Bags.counts([0, 0], [1])), ([2], [0, 1]), 3),
    "empty": Hard([], 2),
    "no votes": Votes([], [], [], 5, 2, 2),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_type_comes_back_equal(name, tmp_path):
    save_evidence(EXAMPLES[name], tmp_path / "e.parquet")
    back = load_evidence(tmp_path / "e.parquet")
    assert type(back) is type(EXAMPLES[name])
    assert back == EXAMPLES[name]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-1, 4), max_size=30))
def test_any_labels_come_back_equal(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("trip") / "e.parquet"
    save_evidence(Hard(labels, 5), path)
    assert load_evidence(path) == Hard(labels, 5)


def test_class_names_travel_beside_the_evidence(tmp_path):
    space = LabelSpace(("Ünïcode", "[/billing]", "\x1b[31mred"))
    save_evidence(EXAMPLES["hard"], tmp_path / "e.parquet", space=space)
    assert load_label_space(tmp_path / "e.parquet") == space


def test_without_names_there_is_no_space(tmp_path):
    save_evidence(EXAMPLES["hard"], tmp_path / "e.parquet")
    assert load_label_space(tmp_path / "e.parquet") is None


def test_different_evidence_is_not_equal():
    assert Hard([0], 2) != Hard([1], 2) and Hard([0], 2) != Hard([0], 3) and Hard([0], 2) != EXAMPLES["votes"]


def refused(path, match):
    with pytest.raises(BadInput, match=match) as caught:
        load_evidence(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
def test_a_file_cut_short_is_refused_in_one_line(tmp_path, share):
    path = tmp_path / "e.parquet"
    save_evidence(EXAMPLES["votes"], path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(path, "damaged or was not written by labelwright")


def test_a_missing_file_is_named(tmp_path):
    refused(tmp_path / "none.parquet", "none.parquet': there is no such file")


def test_another_parquet_file_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "e.parquet")
    refused(tmp_path / "e.parquet", "holds no labelwright evidence")


def altered(tmp_path, change, columns=None):
    path = tmp_path / "e.parquet"
    save_evidence(EXAMPLES["hard"], path)
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[KEY])
    change(about)
    table = table if columns is None else pa.table(columns)
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(about)}), path)
    return path


HOSTILE = {
    "unknown type": lambda a: a["evidence"].update(type="os.system"),
    "missing column": lambda a: a["evidence"]["arrays"]["labels"].update(column="nope"),
    "wrong shape": lambda a: a["evidence"]["arrays"]["labels"].update(shape=[7]),
    "guessed shape": lambda a: a["evidence"]["arrays"]["labels"].update(shape=[-1]),
    "text shape": lambda a: a["evidence"]["arrays"]["labels"].update(shape="x"),
    "object dtype": lambda a: a["evidence"]["arrays"]["labels"].update(dtype="object"),
    "text scalar": lambda a: a["evidence"]["scalars"].update(n_classes="3"),
    "huge scalar": lambda a: a["evidence"]["scalars"].update(n_classes=10**30),
    "unknown field": lambda a: a["evidence"]["scalars"].update(__class__=1),
    "missing field": lambda a: a["evidence"]["scalars"].clear(),
    "too few classes": lambda a: a["evidence"]["scalars"].update(n_classes=1),
    "no evidence": lambda a: a.update(evidence=None),
    "a list": lambda a: a.update(evidence=[]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_metadata_is_refused_in_one_line(tmp_path, name):
    path = altered(tmp_path, HOSTILE[name])
    if name == "huge scalar":
        assert len(load_evidence(path)) == 3
    else:
        refused(path, "damaged|not valid")


def test_another_schema_version_is_named(tmp_path):
    refused(altered(tmp_path, lambda a: a.update(schema_version=99)), "schema_version '99'")


def test_columns_with_nulls_or_text_are_refused(tmp_path):
    holes = pa.array([[0, None, 2]], pa.large_list(pa.int32()))
    refused(altered(tmp_path, lambda a: None, {"labels": holes}), "holds nulls")
    text = pa.array([["a", "b", "c"]], pa.large_list(pa.string()))
    refused(altered(tmp_path, lambda a: None, {"labels": text}), "damaged")
    flat = pa.array([0, 1, 2], pa.int32())
    refused(altered(tmp_path, lambda a: None, {"labels": flat}), "damaged")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="the file cannot be written"):
        save_evidence(EXAMPLES["hard"], tmp_path / "file" / "e.parquet")


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "e.parquet"
    save_evidence(EXAMPLES["hard"], path)
    monkeypatch.setattr(pq, "write_table", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_evidence(EXAMPLES["soft"], path)
    assert load_evidence(path) == EXAMPLES["hard"]
    assert [p.name for p in tmp_path.iterdir()] == ["e.parquet"]
