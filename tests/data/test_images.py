from __future__ import annotations

import io
import os
import stat
import struct
import zlib

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from labelwright.data import image_files
from labelwright.data.dataset import Source
from labelwright.data.image_files import UnreadableImage, decode, safe_path
from labelwright.data.images import ImageRows
from labelwright.data.matrices import dense_column
from labelwright.errors import BadInput


def encoded(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


RED = Image.new("RGB", (8, 6), (200, 10, 10))


def rows_of(cells, root, kind=None):
    return ImageRows(Source(pa.table({"image": pa.array(cells, kind)}), root / "data.csv", "csv", root), "image")


def test_paths_bytes_and_structs_give_the_same_image(tmp_path):
    raw = encoded(RED)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").write_bytes(raw)
    for cell in ("sub/a.png", raw, {"bytes": raw, "path": None}, {"bytes": None, "path": "sub/a.png"}):
        image = rows_of([cell], tmp_path).open(0)
        assert image.mode == "RGB"
        assert image.tobytes() == RED.tobytes()


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3), (3, 5, 7), (5, 4, 1), (5, 4, 4)])
def test_stacks_of_raw_pixels_are_images(tmp_path, shape):
    pixels = np.random.default_rng(0).integers(0, 255, (2, *shape), dtype=np.uint8)
    field, column = dense_column("image", pixels)
    table = pa.table([column], schema=pa.schema([field]))
    image = ImageRows(Source(table, tmp_path / "x.npz", "npz", tmp_path), "image").open(1)
    assert image.size == ((7, 5) if shape[0] == 3 else (4, 5))
    if shape == (5, 4, 3):
        assert_array_equal(np.asarray(image), pixels[1])


@pytest.mark.parametrize(
    "name", ["../outside.png", "sub/../../outside.png", "/etc/passwd", "link.png", "dir/outside.png", "..\\outside.png"]
)
def test_a_path_out_of_the_folder_is_refused(tmp_path, name):
    (tmp_path / "outside.png").write_bytes(encoded(RED))
    root = tmp_path / "root"
    root.mkdir()
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    (root / "dir").symlink_to(tmp_path)
    with pytest.raises(UnreadableImage, match="leads out of the data's folder"):
        rows_of([name], root).open(0)


def test_a_link_that_stays_inside_is_followed(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(RED))
    (tmp_path / "b.png").symlink_to("a.png")
    assert rows_of(["b.png"], tmp_path).open(0).size == (8, 6)


def test_a_loop_of_links_is_no_crash(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert rows_of(["a"], tmp_path).unreadable()


def test_an_absolute_path_below_the_root_is_allowed(tmp_path):
    assert safe_path(tmp_path, str(tmp_path / "a.png")) == tmp_path.resolve() / "a.png"


def bomb(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bomb(100_000, 100_000), "decompression bomb"),
        (bomb(2**31 - 1, 2**31 - 1), "bomb"),
        (encoded(RED)[:40], "cut short|damaged"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:600], "cut short"),
        (b"hello", "no image of a known format"),
        (SVG, "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "no image"),
        (b"", "empty"),
        (None, "empty"),
    ],
)
def test_what_gives_no_image_gives_a_reason(tmp_path, data, reason):
    rows = rows_of([encoded(RED), data], tmp_path, pa.binary())
    ((row, why),) = rows.unreadable()
    assert row == 1
    with pytest.raises(UnreadableImage, match=reason):
        rows.open(1)
    assert why in str(UnreadableImage(why))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_random_bytes_behind_a_true_header_never_crash():
    rng = np.random.default_rng(0)
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        good = encoded(Image.effect_noise((20, 20), 60).convert("RGB"), form)
        for _ in range(40):
            raw = bytearray(good)
            for at in rng.integers(4, len(raw), 6):
                raw[at] = rng.integers(256)
            try:
                assert decode(bytes(raw)).mode == "RGB"
            except UnreadableImage as reason:
                assert reason.problem


@pytest.mark.parametrize(
    ("image", "form", "expected"),
    [
        (Image.new("L", (3, 2), 100), "PNG", (100, 100, 100)),
        (Image.new("1", (3, 2), 1), "PNG", (255, 255, 255)),
        (Image.new("CMYK", (3, 2), (0, 0, 0, 0)), "TIFF", (255, 255, 255)),
        (Image.new("RGBA", (3, 2), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("LA", (3, 2), (0, 128)), "PNG", (127, 127, 127)),
        (RED.convert("P"), "PNG", None),
        (Image.fromarray(np.full((2, 3), 65535, np.uint16)), "PNG", (255, 255, 255)),
        (Image.fromarray(np.full((2, 3), 32896, np.uint16)), "PNG", (128, 128, 128)),
        (Image.fromarray(np.array([[0, 1, 2]] * 2, np.float32)), "TIFF", (0, 0, 0)),
    ],
)
def test_every_mode_becomes_rgb(image, form, expected):
    rgb = decode(encoded(image, form))
    assert rgb.mode == "RGB"
    if expected:
        assert rgb.getpixel((0, 0)) == expected


def test_the_orientation_tag_is_obeyed():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(Image.new("RGB", (8, 6)), "JPEG", exif=exif)).size == (6, 8)


def test_the_stored_size_and_mode_are_told(tmp_path):
    assert rows_of([encoded(RED.convert("L"))], tmp_path).original(0) == (8, 6, "L")


def test_a_thumbnail_is_a_small_png_without_metadata(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    rows = rows_of([encoded(Image.new("RGB", (400, 200)), "JPEG", exif=exif), encoded(RED)], tmp_path)
    small = rows.thumbnail_png(0, 96)
    assert Image.open(io.BytesIO(small)).size == (96, 48)
    assert b"secret" not in small
    assert Image.open(io.BytesIO(rows.thumbnail_png(1, 96))).size == (8, 6)


@pytest.mark.parametrize("jobs", [1, 2])
def test_images_come_in_the_order_of_the_rows_with_reasons_in_place(tmp_path, jobs):
    cells = [encoded(Image.new("L", (2, 2), i % 256)) if i % 7 else b"bad" for i in range(300)]
    seen = list(rows_of(cells, tmp_path, pa.binary()).map(lambda image: image.getpixel((0, 0))[0], jobs=jobs))
    assert all(isinstance(v, UnreadableImage) if i % 7 == 0 else v == i % 256 for i, v in enumerate(seen))
    assert list(rows_of(cells, tmp_path).map(lambda image: image.size[0], rows=[5, 1], jobs=jobs)) == [2, 2]


def test_the_same_bytes_have_the_same_hash_and_no_bytes_have_none(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(RED))
    (tmp_path / "b.png").write_bytes(encoded(RED))
    one, two, absent = rows_of(["a.png", "b.png", "gone.png"], tmp_path).content_hashes()
    assert one == two != None  # noqa: E711
    assert absent is None


def test_the_fingerprint_follows_the_files(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(RED))
    before = rows_of(["a.png"], tmp_path).fingerprint()
    assert rows_of(["a.png"], tmp_path).fingerprint() == before
    (tmp_path / "a.png").write_bytes(encoded(Image.new("RGB", (9, 9))))
    assert rows_of(["a.png"], tmp_path).fingerprint() != before


def test_a_file_that_is_too_large_or_no_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "MAX_BYTES", 10)
    (tmp_path / "a.png").write_bytes(encoded(RED))
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    reasons = dict(rows_of(["a.png", "folder", "pipe", "a\0b", "x" * 5000], tmp_path).unreadable())
    assert len(reasons) == 5
    assert "larger" in reasons[0]


def test_a_column_that_holds_no_images_is_refused(tmp_path):
    table = pa.table({"image": [1.5, 2.5], "picture": ["a", "b"]})
    source = Source(table, tmp_path / "d.csv", "csv", tmp_path)
    with pytest.raises(BadInput, match="holds no images"):
        ImageRows(source, "image")
    with pytest.raises(BadInput, match="'picture'"):
        ImageRows(source, "pictures")


def test_an_error_names_the_row_and_the_column(tmp_path):
    with pytest.raises(UnreadableImage, match=r"data.csv row 1, column 'image': there is no such file"):
        rows_of([None, "gone.png"], tmp_path).open(1)


def test_a_photo_may_come_smaller_when_little_is_asked_but_its_stored_size_is_told(tmp_path):
    rows = rows_of([encoded(Image.new("RGB", (1600, 800)), "JPEG"), encoded(RED)], tmp_path)
    assert rows.open(0, at_least=64).size[1] in range(64, 200)
    assert rows.open(0).size == (1600, 800)
    assert rows.open(1, at_least=64).size == (8, 6)
    assert rows.original(0) == (1600, 800, "RGB")
