"""Folders of images: one folder a class."""

from __future__ import annotations

import pytest
from PIL import Image

from labelwright.data.load import load_dataset
from labelwright.data.readers.dispatch import read_source
from labelwright.errors import BadInput


@pytest.fixture
def folder(tmp_path):
    def _folder(*names):
        for k, name in enumerate(names):
            path = tmp_path / "pets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".png":
                Image.new("RGB", (4, 4), (k, 2 * k, 90)).save(path)
            else:
                path.write_text("not an image")
        return tmp_path / "pets"

    return _folder


def test_the_folder_names_the_class(folder):
    table = read_source(folder("dog/b.png", "cat/a.png", "cat/c.png")).table
    assert table.to_pylist() == [
        {"path": "cat/a.png", "label": "cat"},
        {"path": "cat/c.png", "label": "cat"},
        {"path": "dog/b.png", "label": "dog"},
    ]


def test_splits_and_nesting_are_kept(folder):
    table = read_source(folder("train/big/cat/a.png", "test/dog/b.png")).table
    assert table.column("split").to_pylist() == ["test", "train"]
    assert table.column("label").to_pylist() == ["dog", "big/cat"]


def test_the_label_and_the_image_column_are_inferred(folder):
    dataset = load_dataset(folder("cat/a.png", "dog/b.png", "loose.png"))
    assert (dataset.plan.label, dataset.plan.image, dataset.plan.modality) == ("label", "path", "image")
    assert dataset.given == ("cat", "dog", None)


def test_ids_follow_the_bytes_not_the_folder(folder):
    root = folder("cat/a.png", "dog/b.png")
    before = dict(
        zip(*(load_dataset(root).source.table.column("path").to_pylist(), load_dataset(root).ids), strict=True)
    )
    (root / "cat/a.png").rename(root / "dog/z.png")
    (root / "dog/b.png").rename(root / "cat/y.png")
    after = load_dataset(root)
    assert dict(zip(after.source.table.column("path").to_pylist(), after.ids, strict=True)) == {
        "cat/y.png": before["dog/b.png"],
        "dog/z.png": before["cat/a.png"],
    }


def test_hidden_files_and_other_files_are_named(folder):
    details = read_source(folder("cat/a.png", "cat/.hidden.png", "readme.txt", "dog/b.png")).details
    assert details == {"hidden": "1 hidden: 'cat/.hidden.png'", "ignored": "1 that are no images: 'readme.txt'"}


def test_images_that_were_rejected_are_no_class(folder):
    source = read_source(folder("train/cat/a.png", "test/dog/b.png", "_rejected/train/cat/c.png"))
    assert sorted(source.table.column("label").to_pylist()) == ["cat", "dog"]
    assert source.details["hidden"] == "1 hidden: '_rejected'"


def test_a_link_out_of_the_folder_is_refused(folder, tmp_path):
    root = folder("cat/a.png", "dog/b.png")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (root / "cat/link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(BadInput, match=r"the link 'cat/link.png' leads out of the folder"):
        read_source(root)


def test_a_link_out_of_the_folder_is_followed_below_the_root_given(folder, tmp_path):
    root = folder("cat/a.png", "dog/b.png")
    (tmp_path / "other.png").write_bytes((root / "cat/a.png").read_bytes())
    (root / "cat/link.png").symlink_to(tmp_path / "other.png")
    source = read_source(root, tmp_path)
    assert source.table.column("path").to_pylist() == ["pets/cat/a.png", "pets/cat/link.png", "pets/dog/b.png"]
    assert source.table.column("label").to_pylist() == ["cat", "cat", "dog"]
    assert all((source.root / name).exists() for name in source.table.column("path").to_pylist())


def test_classes_may_be_called_train_and_test(folder):
    assert read_source(folder("train/a.png", "test/b.png")).table.column("label").to_pylist() == ["test", "train"]


def test_a_linked_circle_ends(folder):
    root = folder("cat/a.png", "dog/b.png")
    (root / "cat/again").symlink_to(root)
    assert len(read_source(root)) == 2


def test_a_folder_without_images_is_refused(folder):
    with pytest.raises(BadInput, match="holds no images"):
        read_source(folder("cat/a.doc"))


def test_images_in_no_class_folder_are_refused_as_labels(folder):
    with pytest.raises(BadInput, match="the images lie in no class folders"):
        load_dataset(folder("a.png", "b.png"))
