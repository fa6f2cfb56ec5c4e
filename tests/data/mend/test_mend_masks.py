"""Regions of masks: only the pixels of a decision change, in masks of every kind."""

import numpy as np
import pytest
from PIL import Image

from labelwright.data.mend import MendOptions, apply_decisions
from labelwright.errors import BadInput

OPTIONS = MendOptions(task="segmentation", classes="sky,car,void")
MASK = np.array([[0, 1, 1], [0, 1, 2]], np.uint8)


def decide(*rows):
    full = [(*row, None)[:3] for row in rows]
    return {name: [row[k] for row in full] for k, name in enumerate(("id", "decision", "label"))}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "m").mkdir()
    Image.fromarray(MASK).save(tmp_path / "m/a.png", compress_level=1)
    np.save(tmp_path / "m/b.npy", MASK.astype(np.int64))
    Image.fromarray(MASK.astype(np.uint16)).save(tmp_path / "m/c.png")
    (tmp_path / "m/notes.txt").write_text("as they are")
    return tmp_path / "m"


def mend(folder, *rows, out="new"):
    apply_decisions(decide(*rows), folder, folder.with_name(out), OPTIONS)
    return folder.with_name(out)


def read(path):
    return np.load(path) if path.suffix == ".npy" else np.asarray(Image.open(path))


@pytest.mark.parametrize("name", ["a.png", "b.npy", "c.png"])
def test_the_pixels_of_a_box_get_another_class_and_the_type_stays(folder, name):
    new = mend(folder, (f"{name}#1,0,1,1:car", "relabel", "sky"))
    assert read(new / name).tolist() == [[0, 0, 1], [0, 0, 2]]
    assert read(new / name).dtype == read(folder / name).dtype
    others = {"a.png", "b.npy", "c.png", "notes.txt"} - {name}
    assert all((new / other).read_bytes() == (folder / other).read_bytes() for other in others)


def test_runs_name_single_pixels(folder):
    new = mend(folder, ("a.png#1,0,2,1:car~1.1", "relabel", "void"))
    assert read(new / "a.png").tolist() == [[0, 1, 2], [0, 1, 2]]


def test_without_names_void_is_255_however_few_classes_there_are(tmp_path):
    (tmp_path / "m").mkdir()
    np.save(tmp_path / "m/a.npy", np.array([[0, 1, 1], [0, 1, 255]], np.uint8))
    decisions = decide(("a.npy#0,0,0,1:0", "relabel", "void"), ("a.npy#0,0,2,1:void", "relabel", "1"))
    apply_decisions(decisions, tmp_path / "m", tmp_path / "new", MendOptions(task="segmentation"))
    assert read(tmp_path / "new/a.npy").tolist() == [[255, 1, 1], [255, 1, 1]]


def test_two_decisions_speak_of_the_mask_as_it_was(folder):
    new = mend(folder, ("a.png#0,0,2,1:car", "relabel", "sky"), ("a.png#0,0,2,1:sky", "relabel", "car"))
    assert read(new / "a.png").tolist() == [[1, 0, 0], [1, 0, 2]]


def test_a_rejected_mask_is_put_aside(folder):
    new = mend(folder, ("b.npy", "reject"))
    assert (new / "_rejected/b.npy").is_file() and not (new / "b.npy").exists()


def test_an_array_changes_in_the_bytes_of_its_pixels_alone(tmp_path):
    np.save(tmp_path / "m.npy", np.stack([MASK, MASK]))
    decisions = decide(("1#1,0,1,1:car", "relabel", "sky"))
    apply_decisions(decisions, tmp_path / "m.npy", tmp_path / "new.npy", OPTIONS)
    old, new = (np.frombuffer((tmp_path / name).read_bytes(), np.uint8) for name in ("m.npy", "new.npy"))
    assert np.count_nonzero(old != new) == 2
    assert np.load(tmp_path / "new.npy")[1].tolist() == [[0, 0, 1], [0, 0, 2]]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("a.png#1,0,9,1:car", "relabel", "sky"), "3 x 2 pixels"),
        (("a.png#0,0,1,1:cat", "relabel", "sky"), "'cat' is not a class"),
        (("a.png#0,0,1,1:car", "relabel", "dog"), "'dog' is not a class"),
        (("a.png#0,0,1,1:car", "reject"), "every pixel has a class"),
        (("a.png", "relabel", "car"), "no label of its own"),
        (("z.png#0,0,1,1:car", "relabel", "sky"), "there is no row"),
        (("a.png#all", "relabel", "sky"), "is no region"),
    ],
)
def test_decisions_that_do_not_fit_write_nothing(folder, row, words):
    with pytest.raises(BadInput, match=words):
        mend(folder, row)
    assert not folder.with_name("new").exists()
