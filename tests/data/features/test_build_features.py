from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from labelwright.data.cache import Cache
from labelwright.data.dataset import Dataset, IgnoredColumn, Plan, Source
from labelwright.data.features.build import build_features
from labelwright.errors import BadInput, MissingExtra
from labelwright.evidence.space import LabelSpace


def dataset(tmp_path, modality, **plan):
    columns = {
        "text": ["red apple pie", "blue sky above", "red apples", "blue skies"],
        "age": [20, 30, 40, 50],
        "town": ["a", "b", "a", "b"],
        "leak": ["yes", "no", "yes", "no"],
        "label": ["x", "y", "x", "y"],
    }
    source = Source(pa.table(columns), tmp_path / "data.csv", "csv", tmp_path)
    space = LabelSpace(("x", "y"))
    given = tuple(columns["label"])
    settings = Plan("classification", modality, "label", **plan)
    return Dataset(source, settings, space.encode(given), given, space, np.arange(4).astype(str))


def test_text_columns_give_text_features(tmp_path):
    found = build_features(dataset(tmp_path, "text", text=("text",)))
    assert found.name == "text"
    assert len(found) == 4


def test_a_table_uses_every_column_but_the_label_and_those_set_aside(tmp_path):
    plan = {"ignored": (IgnoredColumn("leak", "it gives the label away"), IgnoredColumn("text", "free text"))}
    all_columns = build_features(dataset(tmp_path, "table", **plan))
    named = build_features(dataset(tmp_path, "table", feature_columns=("age", "town")))
    assert all_columns.matrix.tobytes() == named.matrix.tobytes()


@pytest.mark.parametrize("modality", ["text", "table"])
def test_the_cache_gives_back_the_same_matrix_and_notes(tmp_path, modality):
    data, cache = dataset(tmp_path, modality, text=("text",)), Cache(tmp_path / "cache")
    first, again = (build_features(data, cache=cache) for _ in range(2))
    assert first.matrix.tobytes() == again.matrix.tobytes() == build_features(data).matrix.tobytes()
    assert first.notes == again.notes != ()
    assert cache.size()[0] == 2


def test_nothing_to_build_from_is_said(tmp_path):
    with pytest.raises(BadInput, match="nothing to build features from"):
        build_features(dataset(tmp_path, "none"))


def test_minilm_needs_text(tmp_path):
    with pytest.raises(BadInput, match="no text column"):
        build_features(dataset(tmp_path, "table"), spec="minilm")


def test_minilm_without_its_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("labelwright.data.features.minilm.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"labelwright\[text\]"):
        build_features(dataset(tmp_path, "text", text=("text",)), spec="minilm")


def test_built_in_features_load_no_torch(tmp_path):
    code = (
        "import sys; from labelwright.data.features import text_features; text_features(['a b', 'b c'])\n"
        "import labelwright.data.crossval, labelwright.data.probes, labelwright.data.images\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_efficientnet_needs_images(tmp_path):
    with pytest.raises(BadInput, match="no image column"):
        build_features(dataset(tmp_path, "text", text=("text",)), spec="efficientnet")
