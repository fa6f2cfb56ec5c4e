"""Pages and the interface for programs, as a browser meets them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from labelwright.studio.pages import strings
from labelwright.studio.queues import Queue, is_hidden, page


def first(studio, kind="review"):
    with studio.database.read() as connection:
        rows = page(connection, Queue(kind))
        return next(row for row in rows if kind == "check" or not is_hidden(connection, row["row"]))


PAGES = ["/", "/review", "/review?kind=check", "/groups", "/explore", "/copies", "/retrain", "/annotate", "/adjudicate",
         "/history", "/export", "/team"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_drawn(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


def test_a_row_shows_its_text_its_labels_and_its_neighbours(browser, studio):
    entry = first(studio)
    shown = browser.get(f"/api/items/{entry['row']}").json()
    assert shown["suggested"] and shown["likeliest"] and shown["nearest"]
    page = browser.get(f"/fragments/item/{entry['row']}").text
    drawn = re.sub(r"</?mark[^>]*>", "", page)
    assert shown["content"]["texts"][0]["text"][:20] in drawn


def test_in_the_random_sample_nothing_sways_the_person_before_the_decision(browser, studio):
    row = first(studio, "check")["row"]
    told = browser.get(f"/api/items/{row}").json()
    assert told["hidden"] and not {"suggested", "score", "likeliest", "findings", "nearest"} & set(told)
    listed = browser.get("/api/queue?kind=check").json()["rows"][0]
    assert not {"suggested", "score", "flagged"} & set(listed)
    decision = {"row": row, "verdict": "keep", "version": 0, "queue": "check"}
    assert browser.post("/api/decisions", decision).status_code == 201
    assert "likeliest" in browser.get(f"/api/items/{row}").json()


def test_the_second_person_is_told_who_was_faster(browser, studio):
    row = first(studio)["row"]
    decision = {"row": row, "verdict": "reject", "version": 0}
    assert browser.post("/api/decisions", decision).status_code == 201
    late = browser.post("/api/decisions", decision | {"verdict": "keep"})
    assert late.status_code == 409
    assert (late.json()["now"]["who"], late.json()["now"]["verdict"]) == ("me", "reject")


def test_the_rest_of_a_group_is_accepted_only_after_its_random_rows(browser):
    group = browser.get("/api/groups").json()[0]
    pair = {"given": group["given"], "suggested": group["suggested"], "verdict": "relabel"}
    refused = browser.post("/api/batches", pair)
    assert refused.status_code == 422
    assert "random rows of this group are decided" in refused.json()["problem"]


def test_bad_requests_are_told_in_one_line(browser):
    answer = browser.post("/api/decisions", {"row": -1, "verdict": "keep", "version": 0})
    assert answer.status_code == 422
    assert "greater than or equal to 0" in answer.json()["problem"]
    assert browser.get("/api/items/999999").status_code == 422
    assert browser.get("/api/queue?kind=nothing").status_code == 422


def test_the_mended_copy_differs_in_the_decided_rows_alone(browser, studio):
    rows = [entry["row"] for entry in browser.get("/api/queue?limit=3").json()["rows"]]
    for row in rows:
        given = browser.get(f"/api/items/{row}").json()["given"]
        label = next(entry["name"] for entry in browser.get("/api/classes").json() if entry["name"] != given)
        browser.post("/api/decisions", {"row": row, "verdict": "relabel", "label": label, "version": 0})
    done = browser.post("/api/export/data", {"name": "mended.csv"}).json()
    old = studio.audit.dataset.source.path.read_text(encoding="utf-8").splitlines()
    new = Path(done["out"]).read_text(encoding="utf-8").splitlines()
    assert sum(a != b for a, b in zip(old, new, strict=True)) == len(rows)
    with Path(done["manifest"]).open(encoding="utf-8", newline="") as file:
        assert [entry["who"] for entry in csv.DictReader(file)].count("me") == len(rows)


def test_an_export_cannot_leave_the_projects_folder(browser, studio):
    assert browser.post("/api/export/data", {"name": "../../outside.csv"}).status_code == 422
    done = browser.post("/api/export/data", {"name": "inside.csv"}).json()
    assert done["out"] == str(studio.folder / "exports" / "inside.csv")


def test_the_team_page_tells_each_kind_of_change(browser):
    for path, body in (("/rename", {"old": "login", "new": "log in"}), ("", {"name": "other"}),
                       ("/merge", {"source": "other", "into": "billing"})):  # fmt: skip
        assert browser.post(f"/api/classes{path}", body).status_code == 201
    change = browser.get("/api/class-changes").json()[0]["id"]
    assert browser.post(f"/api/class-changes/{change}/take-back").status_code == 201
    page = browser.get("/team")
    assert page.status_code == 200
    assert "login → log in" in page.text and page.text.count("other → billing") == 2


def test_every_word_of_the_catalogue_is_a_text():
    def walk(part, at):
        for name, value in part.items():
            if isinstance(value, dict):
                walk(value, f"{at}.{name}")
            else:
                assert isinstance(value, str) and value, f"{at}.{name}"

    walk(strings(), "")
    assert yaml.safe_dump(strings())
