"""The studio in a real browser: found, mended by keys, undone, exported; two people at once; on a phone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

pytest.importorskip("playwright", reason="browser tests need playwright")

from browser_world import CHROMIUM, PASSWORD, WITHOUT_BROWSER, launch, log_in, press, stored, until, watched
from labelwright.data.demo import write_demo
from labelwright.studio import tables as t
from labelwright.studio.annotation import Plan, add_rows, set_plan, standing_votes
from labelwright.studio.decisions import Choice, decide, mark
from labelwright.studio.group_decisions import decide_together, undo_together
from labelwright.studio.logins import add_user
from labelwright.studio.queues import Queue
from labelwright.studio.queues import page as page_of
from labelwright.studio.studio import open_studio
from listening_studio import Server

pytestmark = WITHOUT_BROWSER


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
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
    problems = []
    opened = watched(chromium.new_page(), problems)
    opened.goto(server.url(f"/enter?token={server.entry}"))
    yield opened
    opened.close()
    assert problems == []


@pytest.fixture(scope="module")
def demo(chromium, tmp_path_factory):
    """The first 2500 messages of the demo, opened as the demo's last line says, and a page on its overview."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABELWRIGHT_CACHE", str(folder / "cache"))
        whole = write_demo("sms", folder).path
        data = folder / "messages.csv"
        data.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:2501]))
        studio = open_studio(data, label="label", jobs=1)
    server, problems = Server(studio), []
    page = watched(chromium.new_page(), problems)
    page.goto(server.url(f"/enter?token={server.entry}"))
    yield page, server, data, studio
    page.close()
    server.stop()
    studio.close()
    assert problems == []


@pytest.mark.slow
def test_ten_labels_are_mended_one_is_taken_back_and_nine_rows_of_the_file_differ(demo):
    page, server, data, studio = demo
    page.click("text=Review suspect labels")
    changed = []
    while len(changed) < 10:
        until(page, "document.querySelector('article.item, #item .empty') !== null")
        if page.locator("article.item").count() == 0:  # no suspect label is left: go on with random rows
            page.click("nav >> text=Check")
            continue
        shown = page.inner_text(".chip.given bdi")
        changed.append(page.get_attribute("article.item", "data-row"))
        page.keyboard.press("c")
        page.fill("#class-search", {"ham": "spam", "spam": "ham"}[shown])
        press(page, "Enter")
    stored(page, 10)
    page.keyboard.press("u")
    until(page, f"document.querySelector('article.item')?.dataset.row === '{changed[-1]}'")
    page.goto(server.url("/retrain"))
    page.click("text=Train now")
    page.wait_for_selector("text=Too few checked rows to tell", timeout=60_000)
    page.goto(server.url("/export"))
    page.click("text=Write the copy")
    until(page, "document.querySelector('#told').textContent.includes('exports')")
    (out,) = [path for path in (studio.folder / "exports").iterdir() if not path.name.endswith("manifest.csv")]
    old, new = data.read_bytes().splitlines(keepends=True), out.read_bytes().splitlines(keepends=True)
    differ = [row for row, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    lines = studio.audit.dataset.source.line_numbers - 1  # of a message on several lines the first one has the label
    assert differ == sorted(lines[int(row)] for row in changed[:-1])


def test_a_decision_outlives_a_lost_connection_and_a_closed_page(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.wait_for_timeout(300)
    page.route("**/api/decisions", lambda route: route.abort())
    press(page, "k")
    until(page, "document.querySelector('#told').textContent.includes('kept in this browser')")
    page.unroute("**/api/decisions")
    page.context.pages[-1].goto(server.url("/"))
    stored(page, 1)


def test_unsent_decisions_outlive_the_end_of_the_browser(server, tmp_path):
    # A browser with a folder of its own, closed while the studio cannot be reached, and started again.
    def opened(playwright):
        return playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"), executable_path=CHROMIUM, args=["--no-sandbox"]
        )

    def work(playwright):
        context = opened(playwright)
        page = context.pages[0]
        page.goto(server.url(f"/enter?token={server.entry}"))
        page.goto(server.url("/review?kind=all"))
        page.wait_for_selector("article.item")
        page.wait_for_timeout(300)
        page.route("**/api/decisions", lambda route: route.abort())
        rows = [page.get_attribute("article.item", "data-row")]
        press(page, "k")
        rows.append(page.get_attribute("article.item", "data-row"))
        press(page, "r")
        until(page, "document.querySelector('#told').textContent.includes('kept in this browser')")
        context.close()
        context = opened(playwright)
        page = context.pages[0]
        page.goto(server.url("/"))
        events = stored(page, 2)
        context.close()
        return rows, events

    with ThreadPoolExecutor(1) as beside:  # the other browser of this file holds this thread
        rows, events = beside.submit(_with_playwright, work).result(60)
    assert {(str(event["row"]), event["verdict"]) for event in events} == {(rows[0], "keep"), (rows[1], "reject")}


def _with_playwright(work):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return work(playwright)


@pytest.fixture
def server_with_accounts(studio):
    with studio.database.write() as connection:
        for name, role in (("ann", "reviewer"), ("bo", "reviewer"), ("cy", "annotator"), ("di", "annotator")):
            add_user(connection, name, role, PASSWORD)
    running = Server(studio, with_link=False)
    yield running
    running.stop()


def test_two_people_at_once_and_the_second_is_told(chromium, server_with_accounts):
    server = server_with_accounts
    ann, bo = (log_in(chromium, server, name) for name in ("ann", "bo"))
    for opened in (ann, bo):
        opened.goto(server.url("/review?kind=all"))
        opened.wait_for_selector("article.item")
    assert ann.get_attribute("article.item", "data-row") == bo.get_attribute("article.item", "data-row")
    press(ann, "r")
    stored(ann, 1)
    press(bo, "k")
    until(bo, "document.querySelector('#told').textContent.includes('ann')")
    (event,) = ann.evaluate("fetch('/api/history').then((answer) => answer.json())")
    assert (event["who"], event["verdict"]) == ("ann", "reject")
    for opened in (ann, bo):
        opened.context.close()


def test_two_annotate_a_third_settles_and_the_votes_stay(chromium, server_with_accounts, studio):
    server = server_with_accounts
    with studio.database.write() as connection:
        add_rows(connection, [0])
        set_plan(connection, Plan(overlap=2, gold_every=0))
    names = studio.audit.dataset.space.names
    for person, name in (("cy", names[0]), ("di", names[1])):
        page = log_in(chromium, server, person)
        page.wait_for_selector("#choices button")
        assert page.url == server.url("/annotate") and page.locator(".chip").count() == 0
        page.keyboard.press(str(names.index(name) + 1))
        page.wait_for_selector("#nothing:not([hidden])")
        page.context.close()
    ann = log_in(chromium, server, "ann")
    ann.goto(server.url("/adjudicate"))
    shown = ann.inner_text("main")
    assert "cy" not in shown.split() and "di" not in shown.split()
    assert {f"{name} · 1" for name in names[:2]} <= set(ann.locator("[data-settle] button").all_inner_texts())
    ann.click(f"[data-settle] button:has-text('{names[1]}')")
    until(ann, "document.querySelector('[data-settle]') === null")
    item = ann.evaluate("fetch('/api/items/0').then((answer) => answer.json())")
    assert item["label"] == names[1] and item["verdict"] is not None
    with studio.database.read() as connection:
        assert sorted(user for _, user, *_ in standing_votes(connection)) == sorted(
            connection.scalars(select(t.user.c.id).where(t.user.c.name.in_(("cy", "di"))))
        )
    ann.context.close()


def fill_everything(studio):
    """Leave something to see on every page: decisions, an action with its undo, votes, a note, a mark."""
    with studio.database.write() as connection:
        rows = [entry["row"] for entry in page_of(connection, Queue("all"), limit=30)]
        for row in rows[:8]:
            decide(
                connection, Choice(row, "relabel", 0, "login", note="a note of some length on why"), studio.local_user
            )
        batch = decide_together(connection, rows[8:20], "reject", None, studio.local_user)
        undo_together(connection, batch, studio.local_user)
        mark(connection, rows[21], True)
        add_rows(connection, rows[20:24])
        set_plan(connection, Plan(overlap=1, gold_every=0))


EVERY_PAGE = ("/", "/review", "/review?kind=check", "/review?kind=marked", "/groups", "/copies", "/explore", "/retrain",
              "/annotate", "/adjudicate", "/team", "/history", "/export", "/nothing-here")  # fmt: skip


LONG_NAMES = ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "x" * 200,
              "تصنيف طويل جدا للرسائل الواردة من العملاء الكرام الذين يكتبون كثيرا")  # fmt: skip


@pytest.mark.parametrize("long_names", [False, True])
def test_a_phone_scrolls_in_one_direction_and_every_control_is_in_reach(page, server, studio, long_names):
    fill_everything(studio)
    if long_names:
        classes = page.evaluate("ask('/api/classes').then((answer) => answer.json())")
        for known, name in zip(classes, LONG_NAMES, strict=True):
            page.evaluate("([old, name]) => send('/api/classes/rename', { old, new: name })", [known["name"], name])
    group = page.evaluate("fetch('/api/groups').then((answer) => answer.json())")[0]
    pair = urlencode({"given": group["given"], "suggested": group["suggested"]})
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (*EVERY_PAGE, f"/groups/rows?{pair}"):
        page.goto(server.url(path))
        page.wait_for_timeout(150)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, (path, wide)
        assert page.evaluate(OUT_OF_REACH) == [], path
        if path in ("/groups", "/history"):  # no name, however long, pushes numbers and buttons out of sight
            widest = page.evaluate(
                "Math.max(...[...document.querySelectorAll('.scroll')].map((one) => one.scrollWidth))"
            )
            assert widest <= 460, (path, widest)


# Controls that lie beyond the edge, unless they are in a part that scrolls by itself.
OUT_OF_REACH = """[...document.querySelectorAll("main :is(a, button, input, select), header :is(a, button)")]
    .filter((one) => one.offsetParent !== null && !one.closest(".scroll, dialog"))
    .filter((one) => { const at = one.getBoundingClientRect(); return at.left < 0 || at.right > innerWidth + 1; })
    .map((one) => one.outerHTML.slice(0, 120))"""


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


def waits(page, status, problem):
    """Let the server refuse decisions as it does when a session is over, until the page is told otherwise."""
    page.route("**/api/decisions", lambda route: route.fulfill(status=status, json={"problem": problem}))


def test_a_decision_of_a_session_that_is_over_is_kept_and_stored_after_the_next_login(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    waits(page, 401, "Nobody is logged in here.")
    press(page, "k")
    until(page, "document.querySelector('#told a[href=\"/login\"]') !== null")
    assert "1 not stored yet, kept in this browser: Nobody is logged in here." in page.inner_text("#told")
    assert page.evaluate("outbox.read().length") == 1
    page.unroute("**/api/decisions")
    page.goto(server.url("/"))
    stored(page, 1)


def test_unsent_decisions_of_another_project_or_person_are_not_sent(page, server):
    page.goto(server.url("/"))
    page.evaluate("""localStorage.setItem('labelwright-unsent another project 1', JSON.stringify(
        [{ row: 0, verdict: 'keep', label: null, version: 0, client_key: crypto.randomUUID() }]))""")
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    press(page, "k")
    assert len(stored(page, 1)) == 1
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('labelwright-unsent ')).length") == 2


def test_a_key_pressed_while_the_next_row_is_on_its_way_decides_nothing(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.wait_for_timeout(300)
    page.evaluate("""() => {
      review.ahead.clear();
      const ask = window.fetch;
      window.fetch = async (path, options) => {
        if (path.startsWith("/fragments/")) await new Promise((go) => setTimeout(go, 400));
        return ask(path, options);
      };
    }""")
    before = page.get_attribute("article.item", "data-row")
    for _ in range(5):
        page.keyboard.press("k")
    until(page, f"document.querySelector('article.item').dataset.row !== '{before}'")
    assert [str(event["row"]) for event in stored(page, 1)] == [before]


def test_a_key_that_is_held_down_decides_one_row(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.wait_for_timeout(300)
    page.keyboard.down("k")
    for _ in range(5):
        page.keyboard.down("k")  # what a keyboard repeats
        page.wait_for_timeout(100)
    page.keyboard.up("k")
    assert len(stored(page, 1)) == 1


def test_a_row_that_cannot_be_fetched_is_asked_for_again(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    page.route("**/fragments/item/*", lambda route: route.abort())
    page.evaluate("review.ahead.clear()")
    page.keyboard.press("s")
    page.wait_for_selector("#item [data-act=retry]")
    assert "Cannot be shown: The studio cannot be reached." in page.inner_text("#told")
    page.keyboard.press("k")  # of no row
    page.unroute("**/fragments/item/*")
    page.click("#item [data-act=retry]")
    page.wait_for_selector("article.item")
    assert stored(page, 0) == []


def test_while_a_decision_waits_nothing_else_is_taken_back(page, server):
    page.goto(server.url("/review?kind=all"))
    page.wait_for_selector("article.item")
    press(page, "k")
    stored(page, 1)
    waits(page, 503, "The database is busy.")
    press(page, "r")
    page.keyboard.press("u")
    until(page, "document.querySelector('#told').textContent.includes('kept in this browser')")
    page.unroute("**/api/decisions")
    assert [event["verdict"] for event in stored(page, 2)] == ["reject", "keep"]


def test_two_keys_cannot_be_the_same(page, server):
    page.goto(server.url("/review?kind=all"))
    page.click("details.keys:last-of-type summary")
    page.fill("#key-list input >> nth=0", "r")
    page.keyboard.press("Tab")
    assert "R is the key of: Reject" in page.inner_text("#told")
    assert page.input_value("#key-list input >> nth=0") == "k"


def test_who_presses_twice_or_loses_the_connection_answers_each_row_once(chromium, server_with_accounts, studio):
    with studio.database.write() as connection:
        add_rows(connection, range(5))
    page = log_in(chromium, server_with_accounts, "cy")
    page.wait_for_selector("#choices button")
    answers = []
    page.on("request", lambda request: answers.append(request.url) if request.url.endswith("/answer") else None)
    page.route("**/answer", lambda route: route.abort())
    page.keyboard.press("1")
    until(page, "document.querySelector('#told').textContent === 'Not stored: The studio cannot be reached.'")
    page.unroute("**/answer")
    page.evaluate("for (let k = 0; k < 3; k += 1) document.querySelector('#choices button').click()")
    until(page, "document.querySelector('#done-count').textContent === '1'")
    assert len(answers) == 2 and len(set(answers)) == 1
    page.context.close()
