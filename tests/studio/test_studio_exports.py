"""What leaves a studio: decisions, tasks for other tools, the reports."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter
from functools import partial

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from labelwright.data.cache import Cache
from labelwright.data.load import load_dataset
from labelwright.data.mend.decisions import read_decisions
from labelwright.errors import BadInput
from labelwright.facade import Audit
from labelwright.studio import tables as t
from labelwright.studio.database import insert_row
from labelwright.studio.explore import _fifths
from labelwright.studio.export_tasks import coco, label_studio_tasks
from labelwright.studio.jobs import FAILED, Jobs, jobs
from labelwright.studio.mended_report import FILE, draw_report, prepare_report
from studio_world import Browser, fresh_studio


def decide(browser, row, verdict, label=None, **more):
    sent = {"row": row, "verdict": verdict, "label": label, "version": 0, **more}
    assert browser.post("/api/decisions", sent).status_code == 201


def table(browser, asked=""):
    answer = browser.get(f"/api/export/decisions.csv{asked}")
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_table_is_faithful_and_safe_for_spreadsheets_on_request(browser):
    notes = {1: "=1+1", 2: "+44", 3: "-x", 4: "@SUM(A1)", 5: "plain, with\na line", 6: "-3,5", 7: 'a "quote"'}
    for row, note in notes.items():
        decide(browser, row, "keep", note=note)
    assert [one["note"] for one in table(browser)] == list(notes.values())
    safe = [one["note"] for one in table(browser, "?spreadsheet_safe=true")]
    assert safe[:4] == ["'=1+1", "+44", "'-x", "'@SUM(A1)"] and safe[5:] == ["-3,5", 'a "quote"']
    assert [one["id"] for one in table(browser, "?spreadsheet_safe=true")] == [one["id"] for one in table(browser)]


def test_the_table_goes_back_through_apply(browser, studio, tmp_path):
    decide(browser, 3, "relabel", "login", note="=HYPERLINK()")
    decide(browser, 4, "reject")
    file = tmp_path / "decisions.csv"
    file.write_text(browser.get("/api/export/decisions.csv").text, encoding="utf-8")
    Audit(studio.audit.dataset.source.path, label="topic", id="ticket").apply(
        read_decisions(file), tmp_path / "new.csv"
    )
    name = studio.audit.dataset.ids[3]
    new = {one["ticket"]: one["topic"] for one in csv.DictReader((tmp_path / "new.csv").open(encoding="utf-8"))}
    assert new[name] == "login" and studio.audit.dataset.ids[4] not in new


def test_a_copy_for_spreadsheets_has_no_formula_and_an_ordinary_one_is_faithful(tmp_path):
    path = tmp_path / "cells.csv"
    rows = [f"{k},{'=1+1' if k == 7 else f'word {k % 5} of {k % 7}'},{'ab'[k % 2]}" for k in range(60)]
    path.write_text("id,text,kind\n" + "\n".join(rows) + "\n", encoding="utf-8")
    studio = fresh_studio(
        Audit(path, label="kind", id="id", jobs=1, cache=Cache(tmp_path / "c")).run().result, tmp_path
    )
    browser = Browser(studio).enter()
    decide(browser, 3, "relabel", "a")
    made = {}
    for name, safe in (("plain.csv", False), ("safe.csv", True)):
        done = browser.post("/api/export/data", {"name": name, "spreadsheet_safe": safe})
        assert done.status_code == 201, done.text
        made[name] = (studio.folder / "exports" / name).read_text(encoding="utf-8").splitlines()
    old = path.read_text(encoding="utf-8").splitlines()
    assert [k for k, (a, b) in enumerate(zip(old, made["plain.csv"], strict=True)) if a != b] == [4]
    assert [k for k, (a, b) in enumerate(zip(old, made["safe.csv"], strict=True)) if a != b] == [4, 8]
    assert made["safe.csv"][8] == "7,'=1+1,b"
    assert 'name="spreadsheet_safe"' in browser.get("/export").text
    studio.close()


def test_tasks_for_label_studio_hold_each_row_with_its_label_now(browser, studio):
    decide(browser, 3, "relabel", "login")
    decide(browser, 4, "reject")
    tasks = browser.get("/api/export/label-studio").json()
    dataset = studio.audit.dataset
    assert len(tasks) == len(dataset) - 1
    by_name = {task["data"]["labelwright_id"]: task for task in tasks}
    assert str(dataset.ids[4]) not in by_name
    task = by_name[str(dataset.ids[3])]
    assert task["data"]["body"] == dataset.column("body")[3].as_py()
    (result,) = task["annotations"][0]["result"]
    assert result["value"] == {"choices": ["login"]} and result["to_name"] in task["data"]


def test_tasks_come_back_as_the_labels_that_they_hold(browser, tmp_path):
    decide(browser, 3, "relabel", "login")
    path = tmp_path / "tasks.json"
    path.write_text(browser.get("/api/export/label-studio").text, encoding="utf-8")
    found = {task["data"]["labelwright_id"]: task["annotations"][0]["result"][0]["value"]["choices"][0]
             for task in json.loads(path.read_text(encoding="utf-8"))}  # fmt: skip
    assert len(found) == 240 and set(found.values()) == {"billing", "login", "delivery"}


@pytest.fixture
def numbers(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=80)
    frame = {"id": [str(k) for k in range(80)], "x": x.tolist(), "y": (3 * x).tolist()}
    path = tmp_path / "numbers.csv"
    lines = [f"{k},{a:.3f},{b:.3f}" for k, a, b in zip(frame["id"], frame["x"], frame["y"], strict=True)]
    path.write_text("id,x,y\n" + "\n".join(lines) + "\n", encoding="utf-8")
    audit = Audit(path, label="y", id="id", task="regression", jobs=1, cache=Cache(tmp_path / "cache")).run().result
    studio = fresh_studio(audit, tmp_path)
    yield studio
    studio.close()


def test_a_number_goes_out_as_it_was_decided_to_its_last_digit(numbers):
    browser = Browser(numbers).enter()
    for row, value in ((5, 5345076.65), (6, 3.0), (7, 0.1 + 0.2)):
        decide(browser, row, "relabel", value)
    assert browser.get("/api/export/decisions").json()["label"] == ["5345076.65", "3", "0.30000000000000004"]
    assert browser.get("/api/items/5").json()["label"] == "5345076.65"
    assert browser.post("/api/export/data", {"name": "new.csv"}).status_code == 201
    lines = (numbers.folder / "exports/new.csv").read_text(encoding="utf-8").splitlines()
    assert lines[6].endswith(",5345076.65")


def test_on_the_map_numbers_are_fifths_of_their_range(numbers):
    with numbers.database.read() as connection:
        codes, names = _fifths({told.label for told in connection.execute(select(t.item.c.label))})
    assert len(names) == 5 and sorted(Counter(codes.values())) == [0, 1, 2, 3, 4]
    assert set(Counter(codes.values()).values()) <= {15, 16}
    assert _fifths({"7.0"}) == ({"7.0": 0}, ["7"]) and _fifths(set()) == ({}, [])


def test_data_without_features_have_no_empty_map_and_numbers_no_classes_to_confuse(numbers):
    page = Browser(numbers).enter().get("/explore").text
    assert 'id="map"' not in page and "map.js" not in page and 'class="matrix"' not in page


def test_values_are_numbers_in_tasks_and_no_coco(numbers):
    browser = Browser(numbers).enter()
    decide(browser, 5, "relabel", 12.25)
    with numbers.database.read() as connection:
        task = label_studio_tasks(connection, numbers.audit.dataset)[5]
        with pytest.raises(BadInput, match="COCO holds images with classes"):
            coco(connection, numbers.audit.dataset)
    assert task["annotations"][0]["result"][0]["value"] == {"number": 12.25}
    assert browser.get("/api/export/coco").status_code == 422


def test_images_become_coco_with_their_classes_now(tmp_path):
    rng = np.random.default_rng(0)
    for name, low in (("cats", 0), ("dogs", 128)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for k in range(12):
            pixels = rng.integers(low, low + 120, size=(16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{k}.png")
    audit = Audit(tmp_path / "pets", jobs=1, cache=Cache(tmp_path / "cache")).run().result
    studio = fresh_studio(audit, tmp_path)
    browser = Browser(studio).enter()
    given = browser.get("/api/items/0").json()["given"]
    decide(browser, 0, "relabel", "dogs" if given == "cats" else "cats")
    decide(browser, 1, "reject")
    found = browser.get("/api/export/coco").json()
    names = {one["id"]: one["name"] for one in found["categories"]}
    classes = {one["image_id"]: names[one["category_id"]] for one in found["annotations"]}
    assert len(found["images"]) == 23 and 1 not in classes
    assert classes[0] != given and all((tmp_path / "pets" / one["file_name"]).is_file() for one in found["images"])
    studio.close()


def test_the_report_of_the_labels_as_given_says_so(browser):
    decide(browser, 3, "relabel", "login")
    answer = browser.get("/api/export/report")
    assert answer.status_code == 200 and "report-as-given.html" in answer.headers["content-disposition"]


def test_the_report_of_the_mended_labels_is_drawn_from_them(browser, studio, monkeypatch, tmp_path):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))
    assert browser.get("/api/export/report/mended").status_code == 404
    before = studio.audit.summary["counts"]["label"]
    for entry in browser.get("/api/queue?limit=100").json()["rows"]:
        suggestion = browser.get(f"/api/items/{entry['row']}").json()["suggestion"]
        decide(browser, entry["row"], *(("reject",) if suggestion is None else ("relabel", suggestion)))
    with studio.database.read() as connection:
        work = prepare_report(studio, connection)
    told = draw_report(work)
    assert told["decisions"] == len(work.decided) > 0 and told["suspect"] < before
    assert [path.name for path in (studio.folder / "exports").iterdir()] == [FILE]
    assert not list(studio.folder.glob("report-*"))
    page = browser.get("/api/export/report/mended").text
    assert "made-tickets-mended.csv" in page


def test_a_report_that_cannot_be_drawn_is_said_and_leaves_nothing(studio, browser):
    decide(browser, 3, "reject")
    studio.audit.options.__dict__["pred_probs"] = np.zeros((240, 3))
    try:
        with studio.database.read() as connection, pytest.raises(BadInput, match="belong to all of them"):
            prepare_report(studio, connection)
        answer = browser.post("/api/export/report/mended")
        assert answer.status_code == 422 and "audit it with probabilities of its own" in answer.json()["problem"]
    finally:
        studio.audit.options.__dict__["pred_probs"] = None
    with studio.database.read() as connection:
        assert jobs(connection) == []


def broken(_given):
    raise BadInput("nothing can be drawn")


def test_what_stopped_a_job_is_on_the_page(browser, studio):
    running = Jobs(studio.database)
    running.start("report", partial(prepare_report, studio), broken, studio.local_user)
    deadline = time.monotonic() + 60
    state = "running"
    while state == "running" and time.monotonic() < deadline:
        with studio.database.read() as connection:
            (job,) = jobs(connection, "report")
        state = job["state"]
        time.sleep(0.05)
    assert job["state"] == FAILED
    assert "Not drawn: nothing can be drawn" in browser.get("/export").text
    assert "nothing can be drawn" not in browser.get("/retrain").text


@pytest.mark.parametrize("kind", ["train", "report"])
@pytest.mark.parametrize(
    ("state", "about"),
    [
        ("running", {}),
        ("cancelled", {}),
        ("failed", {"problem": "why"}),
        ("done", {"decisions": 3, "rows": 9, "suspect": 1} | {"checked": 3, "needed": 20, "told": False}),
        ("done", {"decisions": 3, "rows": 9, "suspect": 1} | {"checked": 25, "needed": 20, "told": True}
         | {key: {"right": 20, "accuracy": 0.8, "low": 0.6, "high": 0.9} for key in ("before", "after")}),
    ],
)  # fmt: skip
def test_a_job_in_any_state_is_drawn(browser, studio, kind, state, about):
    with studio.database.write() as connection:
        insert_row(connection, t.job, kind=kind, state=state, done=0.0, about=json.dumps(about),
                   user_id=studio.local_user, started_at=0.0)  # fmt: skip
    for path in ("/retrain", "/export"):
        assert browser.get(path).status_code == 200
    page = browser.get("/retrain" if kind == "train" else "/export").text
    assert "why" not in about.values() or "why" in page


def test_data_in_memory_are_reported_on_too(tmp_path, monkeypatch):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))
    frame = {
        "id": list(map(str, range(60))),
        "size": [k % 2 * 10 + k / 60 for k in range(60)],
        "kind": ["ab"[k % 2] for k in range(60)],
    }
    dataset = load_dataset(frame, label="kind", id="id")
    assert dataset.source.format == "memory"
    audit = Audit(frame, label="kind", id="id", jobs=1, cache=Cache(tmp_path / "c")).run().result
    studio = fresh_studio(audit, tmp_path)
    with studio.database.read() as connection:
        assert draw_report(prepare_report(studio, connection))["decisions"] == 0
    studio.close()
