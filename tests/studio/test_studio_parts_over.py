"""Decisions about spans, boxes and regions go over to newer data, and the report of the mended labels is drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from labelwright.cli import run
from labelwright.data.cache import Cache
from labelwright.data.parts.regions import region_name
from labelwright.facade import Audit
from labelwright.studio.export import decisions
from labelwright.studio.mended_report import draw_report, prepare_report
from labelwright.studio.move import sync_project
from labelwright.studio.studio import Studio, existing_database
from parts_world import (
    CLASSES,
    MISSING,
    MOVED,
    SWAPPED,
    WRONG_MASK,
    write_coco,
    write_masks,
    write_sentences,
    write_yolo,
)
from studio_world import Browser, fresh_studio


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))


class Work:
    """A project of data with parts in a folder of its own, and what is done in it."""

    def __init__(self, data, folder, **options):
        self.options = {"jobs": 1, **options}
        audit = Audit(data, cache=Cache(), **self.options).run().result
        folder.mkdir()
        self.studio = fresh_studio(audit, folder)
        self.browser = Browser(self.studio).enter()

    def mark(self, row, part, label=None, verdict="relabel"):
        done = self.browser.post("/api/parts", {"row": row, "part": part, "label": label, "verdict": verdict})
        assert done.status_code == 201, done.text

    def decide(self, row, verdict, label=None):
        version = self.browser.get(f"/api/items/{row}").json()["version"]
        given = {"row": row, "verdict": verdict, "label": label, "version": version}
        done = self.browser.post("/api/decisions", given)
        assert done.status_code == 201, done.text

    def accept_all(self):
        for entry in self.browser.get("/api/queue").json()["rows"]:
            self.decide(entry["row"], "relabel", self.browser.get(f"/api/items/{entry['row']}").json()["suggestion"])

    def mended(self, name):
        assert self.browser.post("/api/export/data", {"name": name}).status_code == 201
        return self.studio.folder / "exports" / name

    def sync(self, data, **options):
        """Carry everything over to newer data; return what went and every decision of the new project by its name."""
        self.studio.close()
        out = self.studio.folder.with_name("newer-studio")
        carried, folder = sync_project(self.studio.folder, data, out, **self.options | options)
        with existing_database(folder).read() as connection:
            return carried, {one.id: (one.decision, one.label) for one in decisions(connection)}


@pytest.fixture
def sentences(tmp_path):
    write_sentences(tmp_path / "places.conll")
    work = Work(tmp_path / "places.conll", tmp_path / "work", task="token")
    work.mark(5, "1-3", "PER")
    work.mark(6, "2-2", "LOC")
    work.decide(7, "keep")
    yield work
    work.studio.close()


def changed(path, out, change):
    """Write a CoNLL file anew, sentence by sentence."""
    blocks = path.read_text(encoding="utf-8").strip("\n").split("\n\n")
    out.write_text("\n\n".join(change(blocks)) + "\n", encoding="utf-8")
    return out


def test_spans_go_along_with_their_sentence_wherever_it_stands_now(sentences, tmp_path):
    newer = changed(tmp_path / "places.conll", tmp_path / "newer.conll", lambda all_: ["Hi\t_\tO\n!\t_\tO", *all_])
    carried, found = sentences.sync(newer)
    assert carried.carried == 3 and carried.already_so == 0
    assert carried.rows["new"] == ["0"] and not carried.rows["gone"] and not carried.rows["label_changed"]
    assert found == {"6#1-3": ("relabel", "PER"), "7#2-2": ("relabel", "LOC"), "8": ("keep", None)}


def test_spans_that_stand_in_the_newer_data_are_true_already(sentences, tmp_path):
    sentences.accept_all()
    carried, found = sentences.sync(sentences.mended("newer.conll"))
    assert carried.already_so == carried.carried - 1 == 5  # the row that was kept is none to be made true
    assert found["5#1-3"] == ("keep", None)


def test_spans_of_other_words_or_tags_are_told_and_left(sentences, tmp_path):
    def change(blocks):
        blocks[5] = blocks[5].replace("in\t", "near\t")
        blocks[6] = blocks[6].replace("in\t_\tO", "in\t_\tB-PER")
        return blocks

    carried, found = sentences.sync(changed(tmp_path / "places.conll", tmp_path / "newer.conll", change))
    assert carried.rows["gone"] == ["5#1-3"] and carried.rows["label_changed"] == ["6#2-2"]
    assert set(found) == {"7"}


@pytest.fixture
def boxes(tmp_path):
    write_coco(tmp_path / "boxes")
    folder = tmp_path / "boxes"
    work = Work(
        folder / "shapes.json", tmp_path / "work", images=folder / "images", predictions=folder / "results.json"
    )
    work.mark(0, "1", verdict="reject")
    work.mark(1, "new:2,3,10.5,20", "square")
    work.mark(3, "0:20,20,15,15", "disc")
    work.mark(4, "1", "square", verdict="keep")
    yield work
    work.studio.close()


def edited(path, out, change):
    content = json.loads(path.read_text())
    content["annotations"] = change(content["annotations"])
    out.write_text(json.dumps(content))
    return out


def test_boxes_are_found_by_their_bounds_whatever_their_number_is(boxes, tmp_path):
    def first_in_every_image(annotations):
        more = [{"id": 1000 + k, "image_id": 100 + k, "category_id": 1, "bbox": [1, 1, 5, 5]} for k in range(16)]
        return more + annotations

    newer = edited(tmp_path / "boxes/shapes.json", tmp_path / "boxes/newer.json", first_in_every_image)
    carried, found = boxes.sync(newer)
    assert carried.carried == 4 and carried.already_so == 0 and sum(carried.counts.values()) == 0
    assert found == {
        "100#2": ("reject", None),
        "101#new:2,3,10.5,20": ("relabel", "square"),
        "103#1:20,20,15,15": ("relabel", "disc"),
        "104#2": ("keep", None),
    }


def test_boxes_that_are_mended_in_the_newer_data_are_true_already(boxes, tmp_path):
    boxes.accept_all()
    newer = boxes.mended("newer.json")
    carried, found = boxes.sync(newer)
    assert carried.carried == 7 and carried.already_so == 6 and sum(carried.counts.values()) == 0
    assert {decision for decision, _ in found.values()} == {"keep"} and len(found) == 6
    assert f"{100 + SWAPPED}#0" in found and f"{100 + MOVED}#0" in found
    assert any(name.startswith(f"{100 + MISSING}#") for name in found) and not any("new" in name for name in found)


def test_boxes_that_changed_elsewhere_are_told_and_left(boxes, tmp_path):
    def change(annotations):
        for one in annotations:
            if one["image_id"] == 103:
                one["category_id"] = 3 - one["category_id"]
            if one["image_id"] == 104:
                one["bbox"][0] += 3
        return annotations

    carried, found = boxes.sync(edited(tmp_path / "boxes/shapes.json", tmp_path / "boxes/newer.json", change))
    assert carried.rows["label_changed"] == ["103#0:20,20,15,15"] and carried.rows["gone"] == ["104#1"]
    assert set(found) == {"100#1", "101#new:2,3,10.5,20"}


def test_a_region_goes_over_while_its_pixels_are_what_people_saw(tmp_path):
    write_masks(tmp_path / "masks")
    folder = tmp_path / "masks"
    options = {"task": "segmentation", "images": folder / "images", "pred_probs": folder / "probs.npy",
               "classes": CLASSES}  # fmt: skip
    results = []
    for k, newer in enumerate(("same", "mended", "painted over")):
        work = Work(folder / "masks", tmp_path / f"work{k}", **options)
        work.accept_all()
        data = {"same": folder / "masks", "mended": work.mended("new")}.get(newer)
        if data is None:
            data = work.mended("other")
            path = data / f"a/{WRONG_MASK:02d}.png"
            with Image.open(path) as image:
                values, palette = np.array(image), image.getpalette()
            values[12, 12] = 2
            image = Image.fromarray(values)
            image.putpalette(palette)
            image.save(path)
        results.append(work.sync(data))
        work.studio.close()
        for file in (tmp_path / "newer-studio").glob("studio.sqlite*"):
            file.unlink()
    (same, found), (mended, kept), (over, none) = results
    assert (same.carried, same.already_so) == (1, 0) and [one for one, _ in found.values()] == ["relabel"]
    assert (mended.carried, mended.already_so) == (1, 1) and kept.popitem()[1] == ("keep", None)
    assert over.carried == 0 and len(over.rows["label_changed"]) == 1 and none == {}


def test_void_that_was_painted_goes_over_and_so_do_classes_painted_over_void(tmp_path):
    write_masks(tmp_path / "m")
    options = {"task": "segmentation", "images": tmp_path / "m/images", "classes": CLASSES}
    values = np.asarray(Image.open(tmp_path / "m/masks/a/03.png"))
    corner = (values == 0) & (np.indices(values.shape).max(axis=0) < 5)
    for k, newer in enumerate(("same", "mended")):
        work = Work(tmp_path / "m/masks", tmp_path / f"work{k}", **options)
        work.mark(3, region_name(corner, "sky"), "void")
        work.mark(3, region_name(values == 2, "void"), "disc")
        data = work.mended("new") if newer == "mended" else tmp_path / "m/masks"
        carried, found = work.sync(data)
        assert (carried.carried, carried.already_so) == (2, 2 * (newer == "mended"))
        labels = {("keep", None)} if newer == "mended" else {("relabel", "void"), ("relabel", "disc")}
        assert set(found.values()) == labels
        for file in (tmp_path / "newer-studio").glob("studio.sqlite*"):
            file.unlink()


def test_the_command_carries_a_project_of_boxes_over_and_the_studio_opens_it(boxes, tmp_path, capsys):
    boxes.studio.close()
    folder = tmp_path / "boxes"
    typed = ["--images", str(folder / "images"), "--predictions", str(folder / "results.json"), "--jobs", "1"]
    newer = edited(folder / "shapes.json", folder / "newer.json", lambda annotations: annotations[1:])
    assert run(["studio", "sync", str(boxes.studio.folder), str(newer), "--task", "detection", *typed]) == 0
    assert "4 decisions were carried over" in capsys.readouterr().out
    audit = Audit(newer, images=folder / "images", predictions=folder / "results.json", jobs=1).run().result
    opened = Studio(audit, existing_database(folder / "newer-studio"), folder / "newer-studio")
    browser = Browser(opened).enter()
    assert {one["id"] for one in browser.get("/api/history").json()} >= {"100#0", "103#0:20,20,15,15"}
    item = browser.get("/api/queue?kind=all&decided=true").json()["rows"]
    assert {entry["name"] for entry in item} >= {"100#0"}
    opened.close()


@pytest.mark.parametrize("kind", ["token", "coco", "yolo", "masks"])
def test_the_report_of_the_mended_parts_finds_less(kind, tmp_path):
    folder = tmp_path / kind
    write = {"coco": write_coco, "yolo": write_yolo, "masks": write_masks}
    write_sentences(tmp_path / "places.conll") if kind == "token" else write[kind](folder)
    data, options = {
        "token": (tmp_path / "places.conll", {"task": "token"}),
        "coco": (folder / "shapes.json", {"images": folder / "images", "predictions": folder / "results.json"}),
        "yolo": (folder / "data", {"predictions": folder / "said"}),
        "masks": (folder / "masks", {"task": "segmentation", "images": folder / "images", "classes": CLASSES,
                                     "pred_probs": folder / "probs.npy"}),
    }[kind]  # fmt: skip
    work = Work(data, tmp_path / "work", **options)
    before = work.studio.audit.summary["counts"]["label"]
    work.accept_all()
    if kind == "coco":
        work.mark(1, "new:2,3,10,20", "square")
        work.mark(1, "1", verdict="reject")  # a box that goes leaves all images there, as the predictions need
    with work.studio.database.read() as connection:
        told = draw_report(prepare_report(work.studio, connection))
    assert told["suspect"] < before and told["rows"] == len(work.studio.audit.dataset)
    page = work.browser.get("/api/export/report/mended").text
    assert "-mended" in page and ("<img" in page or kind == "token")
    work.studio.close()
