from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from labelwright.data.dataset import Source
from labelwright.data.features import patches
from labelwright.data.features.patches import image_features
from labelwright.data.images import ImageRows
from labelwright.errors import BadInput


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def rows_of(cells, tmp_path):
    return ImageRows(Source(pa.table({"i": pa.array(cells, pa.binary())}), tmp_path / "x", "parquet", tmp_path), "i")


def stripes(n=60, side=32):
    """Half of the images are striped across, half along; phase and noise differ."""
    rng = np.random.default_rng(0)
    line = np.arange(side)
    wave = [127 + 100 * np.sin(line * 1.2 + rng.uniform(0, 6)) for _ in range(n)]
    grids = [np.tile(w, (side, 1)) if i % 2 else np.tile(w, (side, 1)).T for i, w in enumerate(wave)]
    return [np.clip(g[:, :, None] + rng.normal(size=(side, side, 3)) * 10, 0, 255).astype(np.uint8) for g in grids]


def test_directions_of_stripes_are_told_apart_linearly(tmp_path):
    X, notes = image_features(rows_of([png(p) for p in stripes()], tmp_path))
    kind = np.arange(60) % 2
    direction = X[kind == 0].mean(axis=0) - X[kind == 1].mean(axis=0)
    assert ((X @ direction > 0) == (kind == 0)).mean() > 0.95
    assert "patches" in notes[0]


def test_threads_and_blocks_do_not_change_a_bit(tmp_path):
    rows = rows_of([png(p) for p in stripes()], tmp_path)
    assert image_features(rows, jobs=1)[0].tobytes() == image_features(rows, jobs=2)[0].tobytes()


def test_more_images_than_the_sample_are_encoded_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(patches, "SAMPLE", 25)
    cells = [png(p) for p in stripes()]
    X, _ = image_features(rows_of([*cells, cells[0]], tmp_path))
    assert_allclose(X[0], X[60], rtol=1e-3, atol=1e-3 * np.abs(X).max())


def test_an_unreadable_image_is_a_row_of_zeros_and_is_counted(tmp_path):
    X, notes = image_features(rows_of([*(png(p) for p in stripes(20)), b"no image", None], tmp_path))
    assert_array_equal(X[20:], 0)
    assert (X[:20] != 0).any(axis=1).all()
    assert "2 image(s)" in notes[1]


@pytest.mark.parametrize("sizes", [[(1, 1), (1, 500), (640, 3)], [(200, 150), (90, 300), (33, 31)]])
def test_images_of_any_size_are_encoded(tmp_path, sizes):
    rng = np.random.default_rng(0)
    cells = [png(rng.integers(0, 255, (*size, 3), dtype=np.uint8)) for size in sizes]
    X, _ = image_features(rows_of(cells, tmp_path))
    assert np.isfinite(X).all()


@pytest.mark.parametrize("cells", [[], [png(np.zeros((32, 32, 3), np.uint8))] * 3])
def test_nothing_to_learn_from_is_no_crash(tmp_path, cells):
    X, _ = image_features(rows_of(cells, tmp_path))
    assert len(X) == len(cells)
    assert np.isfinite(X).all()


def test_where_no_image_can_be_read_there_are_no_features(tmp_path):
    with pytest.raises(BadInput, match="none of 1 images can be read; the first: "):
        image_features(rows_of([b"bad"], tmp_path))
