"""No page has a serious or critical violation of WCAG 2.2 AA, in light and in dark, by axe."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import pytest

pytest.importorskip("playwright", reason="browser tests need playwright")

from browser_world import WITHOUT_BROWSER, launch
from labelwright.data.cache import Cache
from labelwright.facade import Audit
from labelwright.studio import tables as t
from labelwright.studio.database import insert_row
from labelwright.studio.decisions import Choice, decide
from labelwright.studio.group_decisions import decide_together, undo_together
from labelwright.studio.grouped import groups
from listening_studio import Server
from parts_world import write_coco, write_masks, write_sentences
from studio_world import fresh_studio

AXE = find_spec("axe_playwright_python")
pytestmark = [
    WITHOUT_BROWSER,
    pytest.mark.skipif(AXE is None, reason="axe comes with the package axe-playwright-python"),
]
PAGES = ("/", "/review", "/review?kind=check", "/groups", "/explore", "/copies", "/retrain", "/annotate", "/adjudicate",
         "/history", "/export", "/team", "/nothing-here")  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(server, scheme, paths):
    """Return the serious and critical violations of some pages: path, rule, element."""
    from playwright.sync_api import sync_playwright

    axe, found = (Path(AXE.origin).parent / "axe.min.js").read_text(encoding="utf-8"), []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(color_scheme=scheme)
        page.goto(server.url(f"/enter?token={server.entry}"))
        for path in paths:
            page.goto(server.url(path))
            page.wait_for_timeout(150)
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true;")
            page.wait_for_timeout(100)
            page.evaluate(axe)
            result = page.evaluate(f"axe.run({{runOnly: {RULES}}})")
            assert len(result["passes"]) > 5, path
            grave = [one for one in result["violations"] if one["impact"] in ("serious", "critical")]
            found += [(path, one["id"], one["nodes"][0]["html"][:200]) for one in grave]
        browser.close()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_seriously_hard_to_use(studio, scheme):
    with studio.database.write() as connection:
        decide(connection, Choice(0, "relabel", 0, "login", note="why"), studio.local_user)
        batch = decide_together(connection, range(1, 5), "reject", None, studio.local_user)
        undo_together(connection, batch, studio.local_user)
        group = groups(connection)[0]
        insert_row(connection, t.job, kind="report", state="failed", done=0.0, about=json.dumps({"problem": "why"}),
                   user_id=studio.local_user, started_at=0.0)  # fmt: skip
    pair = urlencode({"given": group["given"], "suggested": group["suggested"]})
    server = Server(studio)
    try:
        assert violations(server, scheme, (*PAGES, f"/groups/rows?{pair}")) == []
    finally:
        server.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("task", ["token", "detection", "segmentation"])
def test_no_page_of_rows_with_parts_is_seriously_hard_to_use(tmp_path, scheme, task):
    if task == "token":
        write_sentences(tmp_path / "data.conll", n=40)
        audit = Audit(tmp_path / "data.conll", task="token", jobs=1, cache=Cache(tmp_path / "cache"))
    elif task == "segmentation":
        write_masks(tmp_path / "m", n=6)
        audit = Audit(tmp_path / "m/masks", task=task, images=tmp_path / "m/images", jobs=1,
                      cache=Cache(tmp_path / "cache"))  # fmt: skip
    else:
        write_coco(tmp_path / "boxes", n=8)
        audit = Audit(tmp_path / "boxes/shapes.json", task=task, images=tmp_path / "boxes/images",
                      predictions=tmp_path / "boxes/results.json", jobs=1, cache=Cache(tmp_path / "cache"))  # fmt: skip
    studio = fresh_studio(audit.run().result, tmp_path)
    server = Server(studio)
    try:
        assert violations(server, scheme, ("/review", "/review?kind=all")) == []
    finally:
        server.stop()
        studio.close()
