"""Pixels of masks that a person paints: what they become, what is refused, and that `apply` makes them true."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete

from labelwright.data.cache import Cache
from labelwright.data.parts.regions import LONGEST, read_region, region_name, region_names
from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.studio import tables as t
from labelwright.studio.part_rows import VOID_PIXEL
from parts_world import CLASSES, WRONG_BOX, WRONG_MASK, write_masks
from studio_world import Browser, fresh_studio

SKY, DISC, VOID = 0, 1, 2  # the numbers in the files


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("painted")
    write_masks(folder)
    exif = Image.Exif()
    exif[0x0112] = 6
    for at in (0, 1):  # the image of one mask is to be turned; masks of 32 x 20 can tell
        for kind in ("masks", "images"):
            path = folder / kind / f"a/{at:02d}.png"
            with Image.open(path) as image:
                cut = image.crop((0, 0, 32, 20))
            cut.save(path, **({"exif": exif} if kind == "images" and at == 1 else {}))
    return Audit(folder / "masks", task="segmentation", images=folder / "images", classes=CLASSES, jobs=1,
                 cache=Cache(folder / "cache")).run().result  # fmt: skip


@pytest.fixture
def browser(audit, tmp_path):
    studio = fresh_studio(audit, tmp_path)
    yield Browser(studio).enter()
    studio.close()


def runs(pixels):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels.ravel().astype(np.int8), [2]])))
    return ".".join(np.base_repr(length, 36).lower() for length in np.diff(np.concatenate([[0], edges])).tolist())


def box(shape, left, top, right, bottom):
    pixels = np.zeros(shape, dtype=bool)
    pixels[top:bottom, left:right] = True
    return pixels


def paint(browser, row, pixels, label):
    return browser.post("/api/parts/painted", {"row": row, "label": label, "runs": runs(pixels)})


def mended(browser, audit, row):
    assert browser.post("/api/export/data", {"name": "new"}).status_code == 201
    out = browser.app.state.studio.folder / "exports" / "new" / audit.dataset.parts.names[row]
    return np.asarray(Image.open(out))


def test_what_is_painted_is_in_the_mended_mask_and_nothing_else_changes(browser, audit):
    given = audit.dataset.parts.values(3)
    pixels = box(given.shape, 10, 8, 24, 30)
    assert {SKY, DISC, VOID} == set(np.unique(given[pixels]).tolist())
    assert paint(browser, 3, pixels, "disc").status_code == 201
    assert np.array_equal(mended(browser, audit, 3), np.where(pixels, DISC, given))


def test_a_stroke_is_one_line_of_the_history_with_one_way_back(browser, audit):
    batch = paint(browser, 3, box((32, 32), 10, 8, 24, 30), "disc").json()["batch"]
    assert len({event["batch"] for event in browser.get("/api/history").json()}) == 1
    assert browser.post(f"/api/batches/{batch}/undo").status_code == 201
    assert np.array_equal(mended(browser, audit, 3), audit.dataset.parts.values(3))


def test_the_mask_that_is_shown_holds_what_is_decided(browser, audit):
    def shown():
        image = Image.open(io.BytesIO(browser.get("/api/parts/mask/3").content))
        return np.asarray(image).astype(int)

    given = audit.dataset.parts[3]
    first = shown()
    assert np.array_equal(first[:, :, 0] + 256 * first[:, :, 1], np.where(given < 0, 0xFFFF, given))
    assert not first[:, :, 2].any()
    pixels = box((32, 32), 0, 0, 6, 6)
    assert paint(browser, 3, pixels, "disc").status_code == 201
    after = shown()
    assert np.array_equal(after[:, :, 2] == 255, pixels) and (after[:6, :6, 0] == DISC).all()


def test_pixels_that_are_decided_on_are_taken_back_first(browser):
    assert paint(browser, 3, box((32, 32), 0, 0, 6, 6), "disc").status_code == 201
    refused = paint(browser, 3, box((32, 32), 5, 5, 9, 9), "disc")
    assert refused.status_code == 422 and "take that back first" in refused.json()["problem"]
    assert paint(browser, 3, box((32, 32), 6, 0, 9, 6), "disc").status_code == 201


def test_a_suggestion_for_painted_pixels_is_refused(browser, audit):
    left, top, right, bottom = WRONG_BOX
    kinds = audit.dataset.parts[WRONG_MASK]
    region = box(kinds.shape, left, top, right + 1, bottom + 1) & (kinds == 0)
    given = {"row": WRONG_MASK, "part": region_name(region, "sky"), "label": "disc"}
    assert paint(browser, WRONG_MASK, box((32, 32), left, top, left + 2, top + 2), "disc").status_code == 201
    refused = browser.post("/api/parts", given)
    assert refused.status_code == 422 and "is about the same" in refused.json()["problem"]


def test_on_a_turned_image_is_painted_what_is_seen(browser, audit):
    given = audit.dataset.parts.values(1)
    assert given.shape == (20, 32)
    view = browser.get("/api/items/1").json()["figure"]["view"]
    assert view == [20, 32]
    seen = box((32, 20), 0, 0, 3, 2)  # upright: three pixels right of the upper left corner, two down
    assert paint(browser, 1, seen, "disc").status_code == 201
    assert np.array_equal(mended(browser, audit, 1) != given, np.rot90(seen) & (given != DISC))


def test_void_is_painted_shown_and_written_as_a_class_is(browser, audit):
    given = audit.dataset.parts.values(3)
    pixels = box(given.shape, 10, 8, 24, 30)
    assert paint(browser, 3, pixels, "void").status_code == 201
    shown = np.asarray(Image.open(io.BytesIO(browser.get("/api/parts/mask/3").content))).astype(int)
    assert (shown[:, :, 0] + 256 * shown[:, :, 1] == VOID_PIXEL).tolist() == (pixels | (given == VOID)).tolist()
    told = browser.get("/api/export/decisions").json()
    assert set(told["label"]) == {"void"} and not any(":void" in name for name in told["id"])
    assert np.array_equal(mended(browser, audit, 3), np.where(pixels, VOID, given))


def test_void_pixels_get_a_class_and_void_over_void_is_refused(browser, audit):
    given = audit.dataset.parts.values(3)
    assert paint(browser, 3, given == VOID, "void").status_code == 422
    assert paint(browser, 3, given == VOID, "disc").status_code == 201
    assert np.array_equal(mended(browser, audit, 3), np.where(given == VOID, DISC, given))


def test_the_page_offers_void_last_with_the_number_that_the_mask_has_for_it(browser):
    view = browser.get("/api/items/3").json()
    assert (view["may_mark"], view["kinds"]) == (["sky", "disc", "void"], [SKY, DISC, VOID_PIXEL])


def test_a_doubted_region_may_turn_out_to_be_void(browser, audit):
    given = audit.dataset.parts.values(3)
    region = box(given.shape, 0, 0, 4, 4)
    said = {"row": 3, "part": region_name(region, "sky"), "label": "void"}
    assert browser.post("/api/parts", said).status_code == 201
    assert np.array_equal(mended(browser, audit, 3), np.where(region, VOID, given))


def test_a_project_from_before_void_could_be_chosen_learns_it(audit, tmp_path):
    studio = fresh_studio(audit, tmp_path)
    with studio.database.write() as connection:
        connection.execute(delete(t.label_class).where(t.label_class.c.name == "void"))
    studio.close()
    studio = fresh_studio(audit, tmp_path)
    browser = Browser(studio).enter()
    assert browser.get("/api/items/3").json()["may_mark"] == ["sky", "disc", "void"]
    studio.close()


def test_masks_without_void_offer_none(tmp_path):
    write_masks(tmp_path)
    for path in (tmp_path / "masks").rglob("*.png"):
        Image.fromarray(np.minimum(np.asarray(Image.open(path)), 1)).save(path)
    audit = Audit(tmp_path / "masks", task="segmentation", classes="sky,disc", jobs=1, cache=Cache(tmp_path / "cache"))
    studio = fresh_studio(audit.run().result, tmp_path)
    browser = Browser(studio).enter()
    assert browser.get("/api/items/3").json()["may_mark"] == ["sky", "disc"]
    assert paint(browser, 3, box((32, 32), 0, 0, 3, 3), "void").status_code == 422
    studio.close()


def test_two_kinds_of_void_are_told_apart_in_the_mended_mask(tmp_path):
    write_masks(tmp_path)
    named = "sky,disc,Void,unlabeled"
    path = tmp_path / "masks/a/03.png"
    given = np.array(Image.open(path))
    given[:4, :4] = 3
    Image.fromarray(given).save(path)
    audit = Audit(tmp_path / "masks", task="segmentation", classes=named, jobs=1, cache=Cache(tmp_path / "cache"))
    result = audit.run().result
    studio = fresh_studio(result, tmp_path)
    browser = Browser(studio).enter()
    assert paint(browser, 3, (given >= 2) | box((32, 32), 0, 0, 6, 6), "disc").status_code == 201
    assert paint(browser, 3, box((32, 32), 20, 0, 22, 2), "Void").status_code == 201
    wanted = np.where((given >= 2) | box((32, 32), 0, 0, 6, 6), DISC, given)
    wanted[:2, 20:22] = 2
    assert np.array_equal(mended(browser, result, 3), wanted)
    studio.close()


def test_the_classes_of_masks_are_named_with_the_data_alone(browser):
    for path, body in (("rename", {"old": "sky", "new": "air"}), ("", {"name": "tree"})):
        refused = browser.post(f"/api/classes/{path}".rstrip("/"), body)
        assert refused.status_code == 422 and "--classes" in refused.json()["problem"]
    page = browser.get("/team").text
    assert "/api/classes/merge" in page and "/api/classes/rename" not in page


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"runs": "0.1", "label": "no such class"}, "no such class"),
        ({"runs": "0", "label": "disc"}, "no pixel is painted"),
        ({"runs": "0.9999", "label": "disc"}, "do not fit"),
        ({"runs": "0.x!", "label": "disc"}, "are none"),
        ({"runs": "٣", "label": "disc"}, "are none"),
    ],
)
def test_what_cannot_be_painted_is_refused_and_leaves_nothing(browser, given, problem):
    refused = browser.post("/api/parts/painted", {"row": 3, **given})
    assert refused.status_code == 422 and problem in refused.json()["problem"]
    assert browser.get("/api/history").json() == []


def test_painting_a_class_over_itself_is_refused(browser, audit):
    refused = paint(browser, 3, audit.dataset.parts[3] == DISC, "disc")
    assert refused.status_code == 422 and "already" in refused.json()["problem"]


def test_only_regions_that_lie_in_the_mask_are_marked(browser):
    of_other_data = ("0,0,40,1:sky", "30,0,33,1:sky~0.1", "1-2", "new:1,1,5,5", "0,0,31,31:cat")
    for part in ("0,0,1,1:disc", "3,3,1,1:sky", *of_other_data):
        assert browser.post("/api/parts", {"row": 3, "part": part, "label": "disc"}).status_code == 422, part
    assert browser.post("/api/parts", {"row": 3, "part": "0,0,1,1:sky", "label": "disc"}).status_code == 201


def test_rows_without_masks_are_not_painted(ticket_audit, tmp_path):
    studio = fresh_studio(ticket_audit, tmp_path)
    browser = Browser(studio).enter()
    assert browser.post("/api/parts/painted", {"row": 0, "label": "login", "runs": "0.1"}).status_code == 422
    assert browser.get("/api/parts/mask/0").status_code == 422
    studio.close()


def test_names_of_many_pixels_hold_exactly_these():
    pixels = np.random.default_rng(0).random((150, 120)) < 0.5
    names = region_names(pixels, "road")
    assert len(names) > 1 and all("~" in name and len(name) < LONGEST + 40 for name in names)
    mask = np.zeros(pixels.shape, dtype=int)
    total = sum(read_region(name, "").pixels(mask, 0).astype(int) for name in names)
    assert np.array_equal(total, pixels.astype(int))
    assert region_names(np.zeros((3, 3), bool), "road") == []


def test_regions_overlap_where_they_share_a_pixel():
    pixels = np.eye(4, dtype=bool)
    one, other = region_name(pixels, "a"), region_name(~pixels, "a")
    whole = "0,0,3,3:a"
    assert not read_region(one, "").overlaps(read_region(other, ""))
    assert read_region(one, "").overlaps(read_region(whole, "")) and read_region(whole, "").overlaps(
        read_region(one, "")
    )
    assert not read_region(one, "").overlaps(read_region(one.replace(":a", ":b"), ""))
    assert not read_region(one, "").overlaps(read_region("4,4,5,5:a", ""))
    assert not read_region(one, "").overlaps(read_region("2,0,3,1:a", ""))


def test_runs_that_are_no_numbers_are_refused():
    with pytest.raises(BadInput, match="no region"):
        read_region("0,0,1,1:a~!", "")
