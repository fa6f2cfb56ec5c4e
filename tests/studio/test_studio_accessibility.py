"""No page has a serious or critical violation of WCAG 2.2 AA, in light and in dark, by axe."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="browser tests need playwright")

from listening_studio import Server

CHROMIUM = os.environ.get("LABELWRIGHT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
AXE = find_spec("axe_playwright_python")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(AXE is None, reason="axe comes with the package axe-playwright-python"),
]
PAGES = ("/", "/review", "/review?kind=check", "/groups", "/explore", "/copies", "/retrain", "/annotate", "/adjudicate",
         "/history", "/export", "/team", "/nothing-here")  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_seriously_hard_to_use(studio, scheme):
    from playwright.sync_api import sync_playwright

    axe = (Path(AXE.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    server, found = Server(studio), []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(color_scheme=scheme)
            page.goto(server.url(f"/enter?token={server.entry.text}"))
            for path in PAGES:
                page.goto(server.url(path))
                page.wait_for_timeout(150)
                page.evaluate(axe)
                result = page.evaluate(f"axe.run({{runOnly: {RULES}}})")
                assert len(result["passes"]) > 5, path
                grave = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
                found += [(path, one["id"], one["nodes"][0]["html"][:200]) for one in grave]
            browser.close()
    finally:
        server.stop()
    assert found == []
