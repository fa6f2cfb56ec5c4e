import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageFilter

from labelwright.audit.image_measures import measure, measure_images
from labelwright.audit.image_properties import UnreadableImages, score_images
from labelwright.data.dataset import Source
from labelwright.data.images import ImageRows

RNG = np.random.default_rng(0)


def photo(side=40):
    """Return a coloured image with soft shapes and sharp grain, as photographs have."""
    coarse = Image.fromarray(RNG.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize((side, side))
    grain = RNG.normal(0, 25, (side, side, 1))
    return Image.fromarray(np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8))


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def scores(cells, jobs=1):
    source = Source(pa.table({"image": pa.array(cells, pa.binary())}), Path("x.parquet"), "parquet", Path())
    return {s.kind: s for s in score_images(measure_images(ImageRows(source, "image"), jobs=jobs))}


CLEAN = [png(photo()) for _ in range(60)]
PLANTED = {
    "dark": png(photo().point(lambda v: v // 8)),
    "light": png(photo().point(lambda v: 250 + v // 64)),
    "blurry": png(photo().filter(ImageFilter.GaussianBlur(4))),
    "low_information": png(Image.new("RGB", (40, 40), (90, 140, 60))),
    "odd_size": png(photo(200)),
    "odd_aspect_ratio": png(photo(64).resize((160, 12))),
    "grayscale": png(photo().convert("L")),
    "unreadable_image": b"\x89PNG but not really",
}


def test_ordinary_photographs_raise_no_alarm():
    assert {kind: s.n_issues for kind, s in scores(CLEAN).items()} == dict.fromkeys(PLANTED, 0)


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_fault_is_found_with_a_reason(kind):
    s = scores([*CLEAN, PLANTED[kind]])[kind]
    assert np.flatnonzero(s.is_issue).tolist() == [60]
    assert s.reason[60] and s.score[60] <= 0.5 and s.score.argmin() == 60


@pytest.mark.parametrize("kind", [k for k in PLANTED if k != "unreadable_image"])
def test_what_most_images_are_like_is_no_oddity(kind):
    assert not scores([PLANTED[kind]] * 10 + CLEAN[:3])[kind].is_issue[:10].any()


def test_every_unreadable_image_is_listed():
    assert scores([b"", b"x", None, CLEAN[0]])["unreadable_image"].is_issue.tolist() == [True, True, True, False]


def test_no_images_give_no_issues():
    assert all(s.n_issues == 0 for s in scores([]).values())


def test_one_and_identical_images_are_ordinary():
    assert all(s.n_issues == 0 for s in scores([CLEAN[0]]).values())
    assert all(s.n_issues == 0 for s in scores([CLEAN[0]] * 9).values())


def test_jobs_change_nothing():
    one, two = scores(CLEAN[:20]), scores(CLEAN[:20], jobs=2)
    assert all((one[kind].score == two[kind].score).all() for kind in one)


def test_a_flat_image_measures_as_its_own_grey():
    width, height, bright, dark, mean, contrast, _, entropy, colour = measure(Image.new("RGB", (8, 4), (51, 51, 51)))
    assert (width, height) == (8, 4)
    assert np.allclose([bright, dark, mean], 0.2, atol=1e-5) and contrast < 1e-5 and entropy == 0 and colour == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (2, 2)])
def test_tiny_images_are_measured_without_a_crash(size):
    assert np.isfinite(measure(Image.new("RGB", size))[:6]).all()


def test_the_reason_why_an_image_is_unreadable_arrives_inert():
    properties = measure_images(
        ImageRows(Source(pa.table({"p": ["\x1b[31m.png"]}), Path("x.csv"), "csv", Path("/nowhere")), "p")
    )
    assert "\x1b" not in UnreadableImages().score(properties).reason[0]
