"""Images that cannot be read are told of once, by what they are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from labelwright import Audit
from labelwright.errors import BadInput


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for row in range(60):
        pixels = (60 * rng.random((12, 12, 3))).astype(np.uint8)
        pixels[..., row % 2] += 120
        folder = tmp_path / f"class{row % 2}"
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{row}.png")
    return tmp_path


def test_broken_images_are_neither_near_duplicates_nor_outliers_nor_wrong_labels(photos):
    for number in range(4):
        (photos / "class0" / f"broken{number}.png").write_bytes(b"no image %d" % number)
    issues = Audit(photos, jobs=1).run().issues
    found = issues.filter(issues.column("is_issue"))
    broken = {row for row, kind in zip(*(found.column(c).to_pylist() for c in ("row", "kind")), strict=True)
              if kind == "unreadable_image"}  # fmt: skip
    assert len(broken) == 4
    about_them = {kind for row, kind in zip(*(found.column(c).to_pylist() for c in ("row", "kind")), strict=True)
                  if row in broken}  # fmt: skip
    assert about_them <= {"unreadable_image"}


def test_where_no_image_can_be_read_nothing_is_judged(photos):
    for path in photos.rglob("*.png"):
        path.write_bytes(path.name.encode())
    with pytest.raises(BadInput, match=r"none of 60 images can be read; the first: "):
        Audit(photos, jobs=1).run()
