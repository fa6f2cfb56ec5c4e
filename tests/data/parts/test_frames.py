"""Boxes and masks lie where they belong on images that their files say to turn, whichever pixels they are told in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from labelwright.data.image_files import Head, UnreadableImage, decode, head_of
from labelwright.data.load import load_dataset
from labelwright.data.parts.frames import Frame, Frames
from labelwright.data.parts.image_sizes import image_size
from parts_world import PATCH, write_turned

ORIENTATIONS = range(1, 9)
NAN = (float("nan"), float("nan"))


def turned_file(orientation, size=(40, 30), form="JPEG"):
    """Return an image of stored pixels whose file says to turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", size).save(file, form, exif=exif)
    file.seek(0)
    return file


def turned(pixels, orientation):
    """Return stored pixels as Pillow turns them."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    return np.asarray(ImageOps.exif_transpose(Image.open(file)))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pixels_and_boxes_are_turned_as_the_picture_is(orientation):
    stored = np.zeros((30, 40), np.uint8)
    stored[4:11, 25:37] = 255  # no symmetry of the image maps this box onto itself
    frame = Frame(40, 30, orientation)
    shown = turned(stored, orientation)
    assert shown.shape[::-1] == frame.view
    assert np.array_equal(frame.turned(stored), shown) and np.array_equal(frame.unturned(shown), stored)
    ((left, top, right, bottom),) = frame.corners(np.array([[25, 4, 37, 11]])).astype(int)
    assert (shown[top:bottom, left:right] == 255).all() and shown.sum() == 255 * (right - left) * (bottom - top)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_matrix_is_what_turns_corners(orientation):
    frame = Frame(40, 30, orientation)
    a, b, c, d, e, f = frame.matrix
    points = np.array([[25.0, 4.0], [37.0, 11.0]])
    laid = points @ np.array([[a, b], [c, d]]) + (e, f)
    assert frame.corners(points.reshape(1, 4)).tolist() == [[*laid.min(0), *laid.max(0)]]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_head_tells_the_stored_sides_and_how_to_turn_them(orientation, form):
    head = head_of(turned_file(orientation, form=form))
    assert head == (40, 30, orientation)
    assert head.upright == decode(turned_file(orientation, form=form).getvalue()).size


def test_the_head_of_no_image_is_refused(tmp_path):
    with pytest.raises(UnreadableImage, match="damaged"):
        head_of(io.BytesIO(b"no image"))
    with pytest.raises(UnreadableImage, match="no such file"):
        head_of(tmp_path / "gone.png")


def frames(heads, told):
    return Frames(len(heads), lambda row: told[row], lambda row: heads[row])


def test_the_size_beside_the_marks_tells_which_pixels_they_are_told_in():
    head = Head(40, 30, 6)
    assert frames([head], [(40.0, 30.0)]).of(0) == Frame(40.0, 30.0, 6)
    assert frames([head], [(30.0, 40.0)]).of(0) == Frame(30.0, 40.0)
    assert frames([head], [(80.0, 60.0)]).of(0) == Frame(80.0, 60.0, 6)  # the marks of a smaller or larger copy


def test_an_image_that_cannot_tell_goes_with_those_that_can():
    upside_down, square, telling = Head(40, 30, 3), Head(30, 30, 8), Head(40, 30, 6)
    heads, sizes = [upside_down, square, telling], [(40.0, 30.0), (30.0, 30.0)]
    assert [frames(heads, [*sizes, (40.0, 30.0)]).of(row).orientation for row in (0, 1)] == [3, 8]
    assert [frames(heads, [*sizes, (30.0, 40.0)]).of(row).orientation for row in (0, 1)] == [1, 1]
    assert [frames(heads[:2], sizes).of(row).orientation for row in (0, 1)] == [1, 1]


def test_where_no_size_is_told_the_file_tells_it():
    assert frames([Head(40, 30, 6)], [NAN]).of(0) == Frame(30, 40)
    assert frames([Head(40, 30, 6), Head(20, 10, 8)], [NAN, (20.0, 10.0)]).of(0) == Frame(40, 30, 6)
    assert np.isnan(frames([None], [NAN]).of(0).width)
    assert frames([None], [(40.0, 30.0)]).of(0) == Frame(40.0, 30.0)


def test_shares_of_a_yolo_file_are_of_the_sides_of_the_upright_image(tmp_path):
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    (tmp_path / "data.yaml").write_text("names: [dog]\n")
    (tmp_path / "images" / "a.jpg").write_bytes(turned_file(6).getvalue())
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.1\n")
    assert image_size(tmp_path / "images" / "a.jpg") == (30, 40)
    boxes = load_dataset(tmp_path, parts=True).parts.boxes
    assert boxes.sizes.tolist() == [[30, 40]] and boxes.corners.tolist() == [[12, 18, 18, 22]]


@pytest.mark.parametrize("upright", [True, False])
def test_the_report_draws_boxes_on_their_spot_whichever_way_images_are_turned(upright, tmp_path, monkeypatch):
    from labelwright.report.box_figures import BoxFigures, _Canvas

    drawn = []
    monkeypatch.setattr(_Canvas, "box", lambda canvas, corners, *_, **__: drawn.append((canvas, corners)))
    write_turned(tmp_path, upright=upright)
    data = load_dataset(tmp_path / "turned.json", images=tmp_path / "images", parts=True)
    figures = BoxFigures(data, None)
    for row in range(8):
        figures.draw(row, [])
        canvas, corners = drawn.pop()
        image = decode((tmp_path / "images" / data.parts.files[row]).read_bytes())
        assert image.size == canvas._place.view
        patch = np.asarray(image.crop(canvas._place.corners(np.reshape(corners, (1, 4)))[0].astype(int).tolist()))
        assert (patch == (255, 0, 0)).all() and patch.size == PATCH[2] * PATCH[3] * 3
