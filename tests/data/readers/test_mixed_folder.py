"""Folders that hold Parquet files and images: which of the two are the data."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelwright.data.load import load_dataset
from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.data.readers import read_source
from labelwright.errors import BadInput

SHARD = "data/train-00000-of-00001.parquet"


def png(shade):
    out = io.BytesIO()
    Image.new("L", (4, 4), shade).save(out, "PNG")
    return out.getvalue()


def encoded(n=6):
    cells = [{"bytes": png(40 * i), "path": f"{i}.png"} for i in range(n)]
    return pa.table({"image": cells, "label": ["cat", "dog"] * (n // 2)})


def plain(n=6):
    return pa.table({"text": [f"row {i}" for i in range(n)], "label": ["cat", "dog"] * (n // 2)})


@pytest.fixture
def folder(tmp_path):
    def _folder(tables, images):
        for name, content in [*tables.items(), *((name, png(9)) for name in images)]:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                (tmp_path / name).write_bytes(content)
            else:
                pq.write_table(content, tmp_path / name)
        (tmp_path / "README.md").write_text("# Pets\nNo YAML here.\n")
        return tmp_path

    return _folder


CLASSES = ["cat/1.png", "cat/2.png", "dog/3.png"]


@pytest.mark.parametrize(
    "images", [[], ["preview.png"], ["assets/a.png", "assets/b.png"], ["train/a.png", ".git/x/y.png"]]
)
@pytest.mark.parametrize("name", [SHARD, "train-00000-of-00001.parquet", "train.parquet", "train/0000.parquet"])
def test_a_preview_or_one_folder_of_images_leaves_parquet_files_the_data(folder, name, images):
    source = read_source(folder({name: plain()}, images))
    assert (source.format, len(source)) == ("hub", 6)


def test_images_in_a_column_are_what_an_audit_looks_at(folder):
    path = folder({SHARD: encoded()}, ["assets/preview.png"])
    dataset = load_dataset(path, label="label")
    assert (dataset.source.format, dataset.plan.modality, dataset.plan.image) == ("hub", "image", "image")


def test_such_a_folder_is_mended_and_its_preview_copied(folder, tmp_path_factory):
    path = folder({SHARD: encoded()}, ["assets/preview.png"])
    out = tmp_path_factory.mktemp("mended") / "new"
    ids = load_dataset(path, label="label").ids
    apply_decisions({"id": [ids[0]], "decision": ["relabel"], "label": ["dog"]}, path, out, MendOptions(label="label"))
    assert read_source(out).table["label"].to_pylist()[:2] == ["dog", "dog"]
    assert (out / "assets/preview.png").read_bytes() == png(9)


@pytest.mark.parametrize("name", ["train.parquet", "train/0000.parquet", "features.parquet", "meta/test.parquet"])
@pytest.mark.parametrize("above", ["", "train/"])
def test_a_folder_of_classes_stays_one_whatever_table_lies_in_it(folder, name, above):
    source = read_source(folder({name: plain()}, [above + image for image in CLASSES]))
    assert (source.format, len(source)) == ("image_folder", 3)
    assert source.table["label"].to_pylist() == ["cat", "cat", "dog"]


@pytest.mark.parametrize(
    ("tables", "fix"),
    [
        ({SHARD: plain()}, "name the folder of one, such as .*/data"),
        ({"train.parquet": encoded()}, "move one of the two elsewhere"),
        ({"test-00000-of-00001.parquet": plain()}, "move one of the two elsewhere"),
    ],
)
def test_classes_of_images_beside_the_files_of_a_hub_cannot_be_told_apart(folder, tables, fix):
    path = folder(tables, CLASSES)
    with pytest.raises(BadInput, match=rf"\('cat', 'dog'\) and Parquet files .*cannot be told\. Fix: {fix}"):
        read_source(path)


def test_the_folder_that_the_message_names_can_be_read(folder):
    path = folder({SHARD: plain()}, CLASSES)
    assert read_source(path / "data").format == "hub"


def test_yaml_settles_it(folder):
    path = folder({SHARD: plain()}, CLASSES)
    (path / "README.md").write_text("---\nlicense: mit\n---\n# Pets\n")
    assert read_source(path).format == "hub"
