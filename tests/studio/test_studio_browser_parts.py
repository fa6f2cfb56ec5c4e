"""Spans marked, boxes drawn and tags ticked in a real browser."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="browser tests need playwright")

from browser_world import WITHOUT_BROWSER, launch, press, stored, until, watched
from labelwright.data.cache import Cache
from labelwright.facade import Audit
from listening_studio import Server
from parts_world import PATCH, write_coco, write_sentences, write_turned
from studio_world import fresh_studio

pytestmark = WITHOUT_BROWSER


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page_of(chromium, tmp_path):
    """Open a studio on data; a script error fails the test."""
    open_now, problems = [], []

    def page(data, **options):
        audit = Audit(data, jobs=1, cache=Cache(tmp_path / "cache"), **options).run().result
        studio = fresh_studio(audit, tmp_path)
        server = Server(studio)
        opened = watched(chromium.new_page(), problems)
        opened.goto(server.url(f"/enter?token={server.entry}"))
        open_now.append((opened, server, studio))
        return opened, server

    yield page
    for opened, server, studio in open_now:
        opened.close()
        server.stop()
        studio.close()
    assert problems == []


def changes(page):
    return page.evaluate("fetch('/api/export/decisions').then((answer) => answer.json())")


def test_a_span_is_marked_by_its_first_and_last_word_and_taken_back(page_of, tmp_path):
    write_sentences(tmp_path / "places.conll", n=60)
    page, server = page_of(tmp_path / "places.conll", task="token")
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("[data-token]")
    for number in (1, 2):
        page.click(f"[data-token='{number}']")
    assert page.locator("[data-token][aria-pressed=true]").count() == 2
    page.select_option("form.partform [name=label]", "LOC")
    page.click("form.partform button")
    stored(page, 1)
    assert (changes(page)["id"], changes(page)["label"]) == (["0#1-2"], ["LOC"])
    page.keyboard.press("u")
    until(page, "document.querySelector('#told').textContent === 'Taken back'")
    assert changes(page)["id"] == []


def test_a_box_is_drawn_moved_and_taken_out(page_of, tmp_path):
    write_coco(tmp_path / "boxes", n=8)
    page, server = page_of(tmp_path / "boxes/shapes.json", task="detection", images=tmp_path / "boxes/images")
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("svg.drawn")
    place = page.locator("svg.drawn rect").first.bounding_box()
    page.mouse.move(place["x"] + 3, place["y"] + 3)
    page.mouse.down()
    page.mouse.move(place["x"] + 60, place["y"] + 70)
    page.mouse.up()
    assert float(page.input_value("form.partform [name=width]")) > 2
    page.click("form.partform button:not([data-remove])")
    until(page, "document.querySelectorAll('svg.drawn .dashed').length === 1")
    page.select_option("form.partform [name=box]", "0")
    page.click("form.partform [data-remove]")
    until(page, "document.querySelectorAll('svg.drawn .removed').length === 1")
    page.select_option("form.partform [name=box]", "1")
    page.fill("form.partform [name=width]", "11")
    page.click("form.partform button:not([data-remove])")
    until(page, "document.querySelectorAll('svg.drawn .dashed').length === 2")
    done = dict(zip(changes(page)["id"], changes(page)["decision"], strict=True))
    assert done.pop("100#0") == "reject"
    moved = next(name for name in done if name.startswith("100#1:"))
    assert moved.split(",")[2] == "11" and any(name.startswith("100#new:") for name in done)


def test_a_box_drawn_on_a_turned_image_is_told_in_the_pixels_of_its_data(page_of, tmp_path):
    write_turned(tmp_path / "boxes", upright=False)
    data, images = tmp_path / "boxes/turned.json", tmp_path / "boxes/images"
    page, server = page_of(data, task="detection", images=images)
    for row in range(8):
        page.goto(server.url(f"/review?kind=all&rows={row}"))
        page.wait_for_selector("svg.drawn")
        page.evaluate("document.querySelector('svg.drawn').scrollIntoView({ behavior: 'instant' })")
        place = page.locator("svg.drawn .box rect").bounding_box()
        page.mouse.move(place["x"], place["y"])
        page.mouse.down()
        page.mouse.move(place["x"] + place["width"], place["y"] + place["height"])
        page.mouse.up()
        drawn = [float(page.input_value(f"form.partform [name={side}]")) for side in ("left", "top", "width", "height")]
        assert all(abs(one - told) < 0.8 for one, told in zip(drawn, PATCH, strict=True)), (row, drawn)


def test_tags_are_ticked_by_keys(page_of, tmp_path):
    words = {"red": "rose blood", "blue": "sea sky"}
    lines = [f"{k},{' '.join(words[tag] for tag in tags)},{'|'.join(tags)}"
             for k, tags in enumerate([("red",), ("blue",), ("red", "blue")] * 20)]  # fmt: skip
    (tmp_path / "tags.csv").write_text("id,text,tags\n" + "\n".join(lines) + "\n", encoding="utf-8")
    page, server = page_of(tmp_path / "tags.csv", label="tags", id="id", task="multilabel")
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.keyboard.press("c")
    assert page.locator("#class-list [aria-selected=true]").all_inner_texts() == ["red"]
    page.fill("#class-search", "bl")
    page.keyboard.press("Space")
    assert page.inner_text("#ticked") == "Ticked: red, blue"
    press(page, "Enter")
    stored(page, 1)
    assert changes(page)["label"] == ["blue|red"] or changes(page)["label"] == ["red|blue"]
    page.keyboard.press("c")
    page.fill("#class-search", "blue")
    page.keyboard.press("Space")
    press(page, "Enter")
    stored(page, 2)
    assert changes(page)["label"][1] == ""
