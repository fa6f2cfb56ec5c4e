"""A real browser for tests, and how they wait and press in it."""

from __future__ import annotations

import os
import shutil
import time

import pytest

CHROMIUM = os.environ.get("LABELWRIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
WITHOUT_BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
PASSWORD = "correct horse battery"


def launch(playwright):
    """Return a browser that has just started."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


def watched(page, problems):
    """Return a page whose script errors, and whatever its rules refuse, are added to `problems`."""
    page.on("pageerror", lambda error: problems.append(str(error)))
    refused = lambda message: message.type == "error" and "Content Security Policy" in message.text  # noqa: E731
    page.on("console", lambda message: problems.append(message.text) if refused(message) else None)
    return page


def log_in(browser, server, name):
    """Return a page of a person with an account, in a context of its own."""
    page = browser.new_context().new_page()
    page.goto(server.url("/login"))
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(lambda url: not url.endswith("/login"))
    return page


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
    until(page, "outbox.read().length === 0")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        events = page.evaluate("fetch('/api/history?limit=1000').then((answer) => answer.json())")
        if sum(event["undoes"] is None for event in events) == number:
            return events
        time.sleep(0.05)
    raise AssertionError(f"{number} decisions were not stored")
