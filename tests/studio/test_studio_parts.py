"""Labels that belong to parts of rows: seen, corrected, and made true in the data."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from labelwright.data.cache import Cache
from labelwright.data.load import load_dataset
from labelwright.facade import Audit
from labelwright.studio.part_rows import PartRows
from labelwright.studio.pictures import Pictures
from parts_world import (
    CLASSES,
    MISSING,
    MOVED,
    PATCH,
    SWAPPED,
    WRONG,
    WRONG_MASK,
    write_coco,
    write_masks,
    write_sentences,
    write_turned,
)
from studio_world import Browser, fresh_studio

PAGES = ("/", "/review", "/groups", "/explore", "/copies", "/retrain", "/annotate", "/adjudicate", "/history",
         "/export", "/team")  # fmt: skip


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """Audits of tagged sentences, boxes and masks with known errors."""
    folder = tmp_path_factory.mktemp("parts")
    write_sentences(folder / "places.conll")
    write_coco(folder / "boxes")
    write_masks(folder / "masks")
    boxes, masks = folder / "boxes", folder / "masks"
    made = {
        "token": Audit(folder / "places.conll", task="token", jobs=1, cache=Cache(folder / "c")),
        "detection": Audit(boxes / "shapes.json", task="detection", images=boxes / "images",
                           predictions=boxes / "results.json", jobs=1, cache=Cache(folder / "c")),
        "segmentation": Audit(masks / "masks", task="segmentation", images=masks / "images",
                              pred_probs=masks / "probs.npy", classes=CLASSES, jobs=1, cache=Cache(folder / "c")),
    }  # fmt: skip
    return {task: audit.run().result for task, audit in made.items()}


@pytest.fixture
def browser_of(audits, tmp_path):
    """Open the studio on one of the audits."""
    opened = []

    def browser(task):
        studio = fresh_studio(audits[task], tmp_path)
        opened.append(studio)
        return Browser(studio).enter()

    yield browser
    for studio in opened:
        studio.close()


def queue(browser):
    return browser.get("/api/queue").json()["rows"]


def decide(browser, row, verdict, label=None):
    version = browser.get(f"/api/items/{row}").json()["version"]
    return browser.post("/api/decisions", {"row": row, "verdict": verdict, "label": label, "version": version})


def mark(browser, row, part, label=None, verdict="relabel"):
    return browser.post("/api/parts", {"row": row, "part": part, "label": label, "verdict": verdict})


def mended(browser, name):
    done = browser.post("/api/export/data", {"name": name})
    assert done.status_code == 201, done.text
    return browser.app.state.studio.folder / "exports" / name


def accept_all(browser):
    for entry in queue(browser):
        item = browser.get(f"/api/items/{entry['row']}").json()
        assert decide(browser, entry["row"], "relabel", item["suggestion"]).status_code == 201


def test_wrong_tags_are_seen_and_put_right(browser_of, audits):
    browser = browser_of("token")
    entries = queue(browser)
    assert {entry["name"].partition("-")[0] for entry in entries} == {f"{row}#{part}" for row, part in WRONG.items()}
    item = browser.get(f"/api/items/{entries[0]['row']}").json()
    (doubted,) = [token for token in item["figure"]["tokens"] if token["at"]]
    assert str(doubted["number"]) == item["part"].partition("-")[0] and item["part_given"] == (doubted["tag"] or "O")
    accept_all(browser)
    old = audits["token"].dataset.source.path.read_text(encoding="utf-8").splitlines()
    new = mended(browser, "new.conll").read_text(encoding="utf-8").splitlines()
    differ = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert len(differ) == 3 and all(a.rsplit("\t", 1)[0] == b.rsplit("\t", 1)[0] for a, b in differ)


def test_a_span_that_a_person_marks_gets_its_tags(browser_of, audits):
    browser = browser_of("token")
    assert mark(browser, 5, "1-3", "PER").status_code == 201
    new = load_dataset(mended(browser, "new.conll"), task="token", parts=True)
    start = int(new.parts.offsets[5])
    tags = new.space.decode(new.labels[start : start + 5])
    assert tags[1:4] == ["B-PER", "I-PER", "I-PER"]
    assert browser.get("/api/history").json()[0]["id"] == "5#1-3"


def test_parts_that_overlap_are_decided_once(browser_of):
    browser = browser_of("token")
    event = mark(browser, 5, "1-3", "PER").json()["event"]
    refused = mark(browser, 5, "3-4", "LOC")
    assert refused.status_code == 422 and "1-3" in refused.json()["problem"]
    assert browser.post(f"/api/decisions/{event}/undo").status_code == 201
    assert mark(browser, 5, "3-4", "LOC").status_code == 201


@pytest.mark.parametrize("part", ["", "9", "3-1", "0-99", "new:1,1,5,5", "1-1;2", "٣-٣"])
def test_what_is_no_span_is_refused(browser_of, part):
    browser = browser_of("token")
    assert mark(browser, 5, part, "PER").status_code == 422
    assert browser.get("/api/history").json() == []


def test_boxes_get_their_class_place_and_fellows(browser_of):
    browser = browser_of("detection")
    names = {entry["name"].partition(":")[0] for entry in queue(browser)}
    assert names == {f"{100 + SWAPPED}#0", f"{100 + MOVED}#0", f"{100 + MISSING}#new"}
    accept_all(browser)
    assert mark(browser, 0, "1", verdict="reject").status_code == 201
    assert mark(browser, 1, "new:2,3,10.5,20", "square").status_code == 201
    assert mark(browser, 3, "0:20,20,15,15", "disc").status_code == 201
    new = json.loads(mended(browser, "new.json").read_text(encoding="utf-8"))
    boxes = {}
    for one in new["annotations"]:
        boxes.setdefault(one["image_id"] - 100, []).append((one["category_id"], [round(x, 1) for x in one["bbox"]]))
    assert len(boxes[0]) == 1 and len(boxes[MISSING]) == 2
    assert (2, [2, 3, 10.5, 20]) in boxes[1] and (1, [20, 20, 15, 15]) in boxes[3]
    assert boxes[MOVED][0][1][0] == pytest.approx(8 + MOVED % 7 + 0.5)


def test_a_box_is_decided_under_one_name(browser_of):
    browser = browser_of("detection")
    moved = next(entry for entry in queue(browser) if entry["name"].startswith(f"{100 + MOVED}#0:"))
    assert mark(browser, moved["row"], "0", verdict="reject").status_code == 201
    assert decide(browser, moved["row"], "relabel", "disc").status_code == 422
    assert decide(browser, moved["row"], "keep").status_code == 201


@pytest.mark.parametrize(
    "part", ["7", "new:1,1,0,5", "new:-1,1,5,5", "new:90,80,50,50", "new:nan,1,5,5", "new:1,1,5", "9:1,1,5,5", "1-2"]
)
def test_what_is_no_box_is_refused(browser_of, part):
    assert mark(browser_of("detection"), 0, part, "disc").status_code == 422


def test_a_region_of_a_mask_is_seen_and_mended(browser_of, audits):
    browser = browser_of("segmentation")
    (entry,) = queue(browser)
    item = browser.get(f"/api/items/{entry['row']}").json()
    assert item["figure"]["path"].startswith("M") and item["part_given"] == "sky"
    assert not item["may_reject"] and item["may_mark"] == ["sky", "disc", "void"]
    accept_all(browser)
    out = mended(browser, "new")
    held = audits["segmentation"].dataset.parts
    changed = [
        name for name in held.names if np.any(np.asarray(Image.open(out / name)) != held.values(held.names.index(name)))
    ]
    assert changed == [held.names[WRONG_MASK]]


@pytest.mark.parametrize("task", ["token", "detection", "segmentation"])
def test_every_page_and_every_row_is_drawn(browser_of, task):
    browser = browser_of(task)
    for path in PAGES:
        assert browser.get(path).status_code == 200, path
    for entry in [*queue(browser), *browser.get("/api/queue?kind=all&limit=4").json()["rows"]]:
        drawn = browser.get(f"/fragments/item/{entry['row']}")
        assert drawn.status_code == 200 and ("data-token" in drawn.text or "<svg" in drawn.text)
    if task != "token":
        assert browser.get(f"/api/items/{queue(browser)[0]['row']}/image").headers["content-type"] == "image/png"


@pytest.mark.parametrize("task", ["token", "detection", "segmentation"])
def test_what_cannot_be_made_true_is_refused(browser_of, task):
    browser = browser_of(task)
    row = queue(browser)[0]["row"]
    assert decide(browser, row, "relabel", "no such class").status_code == 422
    assert decide(browser, 0, "relabel", browser.get("/api/classes").json()[0]["name"]).status_code == 422
    assert browser.post("/api/annotation/rows", {"rows": [0]}).status_code == 422
    assert browser.get("/api/export/label-studio").status_code == 422
    settled = {"rows": [{"row": row, "verdict": "relabel", "version": 0, "label": "no such class"}]}
    assert browser.post("/api/settle", settled).status_code == 422
    assert browser.get("/api/history").json() == []
    assert decide(browser, 0, "reject").status_code == 201
    assert decide(browser, 1, "keep").status_code == 201
    mended(browser, {"token": "new.conll", "detection": "new.json"}.get(task, "new"))


def test_rows_whose_names_hold_the_mark_of_parts_are_told_apart(audits):
    from dataclasses import replace

    dataset = replace(audits["token"].dataset, ids=np.array(["a", "a#1", "b"]))
    parts = PartRows(dataset)
    assert [parts.place(name) for name in ("a", "a#1", "a#1#2", "b#1,2,3,4:x#y")] == [
        (0, None), (1, None), (1, "2"), (2, "1,2,3,4:x#y"),
    ]  # fmt: skip


def test_data_without_parts_have_none_marked(browser):
    assert mark(browser, 0, "0-1", "billing").status_code == 422


@pytest.mark.parametrize("upright", [True, False])
def test_a_box_lies_on_its_spot_of_a_turned_image(upright, tmp_path):
    write_turned(tmp_path, upright=upright)
    options = {"images": tmp_path / "images", "jobs": 1, "cache": Cache(tmp_path / "cache")}
    studio = fresh_studio(Audit(tmp_path / "turned.json", **options).run().result, tmp_path)
    browser = Browser(studio).enter()
    for row in range(8):
        figure = browser.get(f"/api/items/{row}").json()["figure"]
        shown = Image.open(io.BytesIO(browser.get(f"/api/items/{row}/image?size=1024").content)).convert("RGB")
        assert list(shown.size) == figure["view"]
        (box,) = figure["boxes"]
        a, b, c, d, e, f = map(float, (figure["turn"] or "1 0 0 1 0 0").split())
        x, y = (np.array([box[side], box[side] + box[long]])
                for side, long in (("left", "width"), ("top", "height")))  # fmt: skip
        across, down = np.sort(a * x + c * y + e).astype(int), np.sort(b * x + d * y + f).astype(int)
        patch = np.asarray(shown.crop((across[0], down[0], across[1], down[1])))
        assert (patch == (255, 0, 0)).all() and patch.size == PATCH[2] * PATCH[3] * 3
        assert box["text_at"] == [across[0], down[0]]
    studio.close()


@pytest.mark.parametrize("turned", [False, True])
def test_a_mask_lies_as_its_image_where_that_is_turned(turned, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 6)).save(tmp_path / "images/a.png", exif=exif)
    mask = np.zeros((6, 8), np.uint8)
    mask[0, 1] = 1
    Image.fromarray(np.rot90(mask, -1) if turned else mask).save(tmp_path / "masks/a.png")
    data = load_dataset(tmp_path / "masks", task="segmentation", images=tmp_path / "images", parts=True)
    frame = PartRows(data, Pictures(SimpleNamespace(dataset=data)).head).frame(0)
    assert frame.view == (6, 8) and frame.orientation == (1 if turned else 6)
    assert np.array_equal(frame.turned(data.parts.values(0)), np.rot90(mask, -1))


@pytest.mark.parametrize("task", ["token", "detection", "segmentation"])
def test_what_is_for_whole_rows_alone_is_not_offered_where_rows_have_parts(browser_of, task):
    browser = browser_of(task)
    page = browser.get("/").text
    for nowhere in ('href="/annotate"', 'href="/adjudicate"', 'href="/review?kind=check"'):
        assert nowhere not in page
    assert "checked by people" not in page
    explore = browser.get("/explore").text
    assert 'href="/retrain"' not in explore and ('id="map"' in explore) == ("/static/map.js" in explore)
    team = browser.get("/team").text
    assert "/api/annotation/plan" not in team and "/api/users" in team
