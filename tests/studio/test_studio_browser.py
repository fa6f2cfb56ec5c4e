"""The studio in a real browser: found, mended by keys, undone, exported; two people at once; on a phone."""

from __future__ import annotations

import os
import shutil
import time

import pytest

pytest.importorskip("playwright", reason="browser tests need playwright")

from labelwright.studio.logins import add_user
from listening_studio import Server

CHROMIUM = os.environ.get("LABELWRIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def server(studio):
    running = Server(studio)
    yield running
    running.stop()


@pytest.fixture
def page(chromium, server):
    """A page that came in by the link; an error of its script, or what its rules refuse, fails the test."""
    opened = chromium.new_page()
    problems = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    refused = lambda message: message.type == "error" and "Content Security Policy" in message.text  # noqa: E731
    opened.on("console", lambda message: problems.append(message.text) if refused(message) else None)
    opened.goto(server.url(f"/enter?token={server.entry.text}"))
    yield opened
    opened.close()
    assert problems == []


def until(page, expression):
    """Wait until an expression is true in the page (whose rules forbid the browser's own way of waiting)."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if page.evaluate(expression):
            return
        time.sleep(0.02)
    raise AssertionError(f"never true: {expression}")


def press(page, key):
    """Press a key of the review and wait for the next row."""
    before = page.get_attribute("article.item", "data-row")
    page.keyboard.press(key)
    until(page, f"document.querySelector('article.item')?.dataset.row !== '{before}'")


def stored(page, number):
    """Wait until the server has stored so many decisions."""
    until(page, "JSON.parse(localStorage.getItem('labelwright-unsent') ?? '[]').length === 0")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        events = page.evaluate("fetch('/api/history?limit=1000').then((answer) => answer.json())")
        if sum(event["undoes"] is None for event in events) == number:
            return events
        time.sleep(0.05)
    raise AssertionError(f"{number} decisions were not stored")


def test_labels_are_mended_by_keys_and_one_is_taken_back(page, server, studio):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    for _ in range(4):
        page.keyboard.press("c")
        shown = page.inner_text(".chip.given bdi")
        other = next(name for name in studio.audit.dataset.space.names if name != shown)
        page.fill("#class-search", other)
        press(page, "Enter")
    stored(page, 4)
    page.keyboard.press("u")
    until(page, "document.querySelector('#told').textContent !== ''")
    page.goto(server.url("/export"))
    page.click("text=Write the copy")
    until(page, "document.querySelector('#told').textContent.includes('exports')")
    (out,) = [path for path in (studio.folder / "exports").iterdir() if not path.name.endswith("manifest.csv")]
    old = studio.audit.dataset.source.path.read_text(encoding="utf-8").splitlines()
    new = out.read_text(encoding="utf-8").splitlines()
    assert sum(a != b for a, b in zip(old, new, strict=True)) == 3


def test_a_decision_outlives_a_lost_connection_and_a_closed_page(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.wait_for_timeout(300)
    page.route("**/api/decisions", lambda route: route.abort())
    press(page, "k")
    until(page, "document.querySelector('#told').textContent.includes('wait for the connection')")
    page.unroute("**/api/decisions")
    page.context.pages[-1].goto(server.url("/"))
    stored(page, 1)


@pytest.fixture
def server_with_accounts(studio):
    with studio.database.write() as connection:
        for name in ("ann", "bo"):
            add_user(connection, name, "reviewer", PASSWORD)
    running = Server(studio, with_link=False)
    yield running
    running.stop()


def test_two_people_at_once_and_the_second_is_told(chromium, server_with_accounts):
    server, pages = server_with_accounts, []
    for name in ("ann", "bo"):
        opened = chromium.new_context().new_page()
        opened.goto(server.url("/login"))
        opened.fill("[name=name]", name)
        opened.fill("[name=password]", PASSWORD)
        opened.click("main button")
        opened.wait_for_url(server.url("/"))
        opened.goto(server.url("/review?kind=all"))
        opened.wait_for_selector("article.item")
        pages.append(opened)
    ann, bo = pages
    assert ann.get_attribute("article.item", "data-row") == bo.get_attribute("article.item", "data-row")
    press(ann, "r")
    stored(ann, 1)
    press(bo, "k")
    until(bo, "document.querySelector('#told').textContent.includes('ann')")
    for opened in pages:
        opened.context.close()


def test_a_phone_scrolls_in_one_direction_only(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/", "/review", "/groups", "/explore", "/annotate", "/team", "/history", "/export"):
        page.goto(server.url(path))
        page.wait_for_timeout(200)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, (path, wide)


def test_keys_can_be_switched_off_and_changed(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.click("details.keys summary")
    page.uncheck("#keys-on")
    before = page.get_attribute("article.item", "data-row")
    page.keyboard.press("k")
    page.wait_for_timeout(300)
    assert page.get_attribute("article.item", "data-row") == before
    page.check("#keys-on")
    page.locator("#key-list input").first.fill("x")
    page.locator("#key-list input").first.press("Tab")
    page.click("h1")
    press(page, "x")
    stored(page, 1)


def test_the_next_row_is_there_within_a_tenth_of_a_second(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.wait_for_timeout(1000)
    took = page.evaluate(
        """async () => {
            const times = [];
            for (let i = 0; i < 3; i++) {
                const row = document.querySelector("article.item").dataset.row;
                const start = performance.now();
                document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "s", bubbles: true }));
                while (document.querySelector("article.item").dataset.row === row) {
                    await new Promise(requestAnimationFrame);
                }
                times.push(performance.now() - start);
                await new Promise((done) => setTimeout(done, 400));
            }
            return Math.min(...times);
        }"""
    )
    assert took < 100
