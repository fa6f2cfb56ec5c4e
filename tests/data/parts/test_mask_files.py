"""Masks and the names of their regions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from labelwright.data.parts.mask_files import load_masks
from labelwright.data.parts.regions import LONGEST, read_region, region_name
from labelwright.errors import BadInput

pixels = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 999)).map(
    lambda t: np.random.default_rng(t[2]).random(t[:2]) < 0.4
)


@given(pixels)
def test_the_name_of_a_region_means_its_very_pixels(chosen):
    if not chosen.any():
        return
    region = read_region(region_name(chosen, "a:b"), "")
    assert region.kind == "a:b"
    assert (region.pixels(np.zeros(chosen.shape, int), 0) == chosen).all()


def test_a_region_of_too_many_runs_is_named_by_its_box():
    board = np.indices((200, 200)).sum(axis=0) % 2 == 0
    name = region_name(board, "x")
    assert name == "0,0,199,199:x" and len(name) < LONGEST
    assert read_region(name, "").pixels(board.astype(int), 1).sum() == board.sum()


@pytest.mark.parametrize("part", ["", "1,2,3:x", "5,5,1,9:x", "0,0,1,1:x~0.99", "0,0,99999999,99999999:x", "0"])
def test_what_names_no_region_is_refused(part):
    with pytest.raises(BadInput):
        read_region(part, "line 2")


def save(folder, **masks):
    for name, values in masks.items():
        Image.fromarray(np.asarray(values)).save(folder / f"{name}.png")


def test_without_names_a_class_is_its_number_and_255_is_none(tmp_path):
    save(tmp_path, a=np.array([[0, 2], [255, 0]], np.uint8))
    data = load_masks(tmp_path)
    assert data.space.names == ("0", "1", "2")
    assert data.parts[0].tolist() == [[0, 2], [-1, 0]]
    assert data.labels.tolist() == [[1, 0, 1]]


def test_names_give_every_number_its_class_and_void_is_none(tmp_path):
    save(tmp_path, a=np.array([[0, 1], [2, 2]], np.uint8))
    data = load_masks(tmp_path, classes="sky,Void,car")
    assert data.space.names == ("sky", "car")
    assert data.parts[0].tolist() == [[0, -1], [1, 1]]
    assert data.parts.code_of(1) == 2


def test_masks_of_many_kinds_are_read(tmp_path):
    values = np.array([[0, 1], [1, 0]])
    save(tmp_path, a=values.astype(np.uint8), b=values.astype(bool), c=(values * 300).astype(np.uint16))
    np.save(tmp_path / "d.npy", values)
    data = load_masks(tmp_path)
    assert [data.parts[i].tolist() for i in (0, 1, 3)] == [values.tolist()] * 3
    assert data.parts[2].max() == 300 and len(data.space) == 301


def test_an_image_belongs_to_the_mask_of_its_name(tmp_path):
    (tmp_path / "m/x").mkdir(parents=True)
    (tmp_path / "i/x").mkdir(parents=True)
    save(tmp_path / "m", a_mask=np.zeros((2, 2), np.uint8))
    save(tmp_path / "m/x", a=np.zeros((2, 2), np.uint8))
    Image.new("RGB", (2, 2)).save(tmp_path / "i/a.jpg")
    Image.new("RGB", (2, 2)).save(tmp_path / "i/x/a.jpg")
    assert load_masks(tmp_path / "m", images=tmp_path / "i").parts.images == ("a.jpg", "x/a.jpg")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 2, 3), np.uint8), "not of class numbers"),
        (np.full((2, 2), 9, np.uint8), "holds the number 9, but 2 classes are named"),
    ],
)
def test_pictures_that_are_no_masks_are_refused(tmp_path, values, words):
    save(tmp_path, a=values)
    with pytest.raises(BadInput, match=words):
        load_masks(tmp_path, classes="a,b")


def test_a_broken_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(BadInput, match="cannot be read as a mask"):
        load_masks(tmp_path)
