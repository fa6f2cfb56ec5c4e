"""Spans marked, boxes drawn and tags ticked in a real browser."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright", reason="browser tests need playwright")

from browser_world import WITHOUT_BROWSER, launch, press, stored, until, watched
from labelwright.data.cache import Cache
from labelwright.facade import Audit
from listening_studio import Server
from parts_world import CLASSES, PATCH, write_coco, write_masks, write_sentences, write_turned
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


def painted_pixels(page):
    return int(page.inner_text("#painted").split(" ")[0].replace(",", ""))


def opened_canvas(page_of, tmp_path):
    write_masks(tmp_path / "m")
    page, server = page_of(tmp_path / "m/masks", task="segmentation", images=tmp_path / "m/images", classes=CLASSES)
    page.goto(server.url("/review?kind=all&rows=3"))
    page.click("#paint summary")
    until(page, "document.querySelector('#painted')?.textContent.startsWith('0 ')")
    page.select_option(".paintform [name=label]", "disc")
    page.fill(".paintform [name=brush]", "3")
    return page, server


def test_pixels_are_painted_with_a_brush_rubbed_out_stored_and_taken_back(page_of, tmp_path):
    page, _ = opened_canvas(page_of, tmp_path)

    def drag(*points):
        page.evaluate("document.querySelector('#paint canvas').scrollIntoView({ behavior: 'instant' })")
        place = page.locator("#paint canvas").bounding_box()
        one = min(place["width"], place["height"]) / 32
        for k, (x, y) in enumerate(points):
            page.mouse.move(place["x"] + (x + 0.5) * one, place["y"] + (y + 0.5) * one)
            if k == 0:
                page.mouse.down()
        page.mouse.up()

    drag((2, 2), (6, 2))
    until(page, "document.querySelector('#painted').textContent.startsWith('21 ')")
    page.check(".paintform [name=mode][value='0']")
    drag((2, 2), (2, 3))
    until(page, "!document.querySelector('#painted').textContent.startsWith('21 ')")
    left = painted_pixels(page)
    assert 0 < left < 21
    page.click(".paintform button:not([type=button])")
    until(page, "document.querySelector('#told').textContent.includes('disc')")
    done = changes(page)
    assert done["label"] == ["disc"] and done["id"][0].startswith("a/03.png#") and ":sky~" in done["id"][0]
    lengths = [int(run, 36) for run in done["id"][0].partition("~")[2].split(".")]
    assert sum(lengths[1::2]) == left
    page.keyboard.press("u")
    until(page, "document.querySelector('#told').textContent === 'Taken back'")
    assert changes(page)["id"] == []


def test_pixels_are_painted_by_keys_alone_and_no_letter_decides_meanwhile(page_of, tmp_path):
    page, _ = opened_canvas(page_of, tmp_path)
    page.focus("#paint canvas")
    for _ in range(15):
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("k")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")
    until(page, "document.querySelector('#painted').textContent === '12 pixels painted; at column 2, row 1: sky'")
    assert changes(page)["id"] == []
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#told').textContent.includes('disc')")
    assert changes(page)["label"] == ["disc"] and changes(page)["id"][0].startswith("a/03.png#0,0,")


def test_void_is_chosen_by_its_key_striped_in_the_legend_and_painted_again_and_again(page_of, tmp_path):
    page, _ = opened_canvas(page_of, tmp_path)
    shown = page.locator(".swatches li")
    assert [text.split() for text in shown.all_inner_texts()] == [
        ["sky", "1"], ["disc", "2"], ["void", "(no", "class)", "0"]]  # fmt: skip
    assert page.locator(".swatches .swatch.void").count() == 1
    page.focus("#paint canvas")
    page.keyboard.press("0")
    assert page.input_value(".paintform [name=label]") == "void"
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#told').textContent === 'Saved: void (no class)'")
    until(page, "document.activeElement === document.querySelector('#paint canvas')")
    until(page, "document.querySelector('#painted').textContent.endsWith(': void (no class) (decided)')")
    assert changes(page)["label"] == ["void"]
    page.keyboard.press("1")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    until(page, "!document.querySelector('#painted').textContent.startsWith('0 ')")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#told').textContent === 'Saved: sky'")
    assert sorted(set(changes(page)["label"])) == ["sky", "void"]


def test_what_is_painted_outlives_folding_the_editor(page_of, tmp_path):
    page, _ = opened_canvas(page_of, tmp_path)
    page.focus("#paint canvas")
    page.keyboard.press("Space")
    until(page, "!document.querySelector('#painted').textContent.startsWith('0 ')")
    before = painted_pixels(page)
    page.click("#paint summary")
    page.click("#paint summary")
    page.focus("#paint canvas")
    page.keyboard.press("ArrowLeft")
    until(page, "document.querySelector('#painted').textContent.includes('column 15')")
    assert painted_pixels(page) == before


def test_why_a_mask_cannot_be_shown_is_said(page_of, tmp_path):
    write_masks(tmp_path / "m")
    page, server = page_of(tmp_path / "m/masks", task="segmentation", images=tmp_path / "m/images", classes=CLASSES)
    page.goto(server.url("/review?kind=all&rows=3"))
    page.wait_for_selector("#paint")
    page.route("**/api/parts/mask/3", lambda route: route.fulfill(status=401, json={"problem": "Log in first."}))
    page.click("#paint summary")
    until(page, "document.querySelector('#told').textContent === 'Cannot be shown: Log in first. Log in'")
