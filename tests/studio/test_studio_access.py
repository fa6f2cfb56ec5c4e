"""Who reaches the studio, from where, and what a role may do: each through the API."""

from __future__ import annotations

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select, update
from starlette.exceptions import HTTPException

from labelwright.errors import BadInput
from labelwright.studio import api, guard, logins
from labelwright.studio import tables as t
from labelwright.studio.app import create_app
from labelwright.studio.group_decisions import decide_each
from labelwright.studio.guard import HEADERS, Origins
from labelwright.studio.login_limits import LoginLimits, limits_of
from labelwright.studio.logins import add_user, change_user, hashed_password, new_entry
from labelwright.studio.rights import ACTIONS, RIGHTS
from labelwright.studio.serve import Bind, check_bind
from studio_world import HOST, Browser, Turns, fresh_studio

PASSWORD = "correct horse battery"
# For each action requests that need it. 404, 409 and 422 mean that the door was open.
REQUESTS = [
    ("see", "get", "/api/overview", None),
    ("see", "get", "/api/queue", None),
    ("see", "get", "/api/items/0", None),
    ("see", "get", "/api/groups", None),
    ("see", "get", "/api/history", None),
    ("see", "get", "/api/explore/confusion", None),
    ("see", "get", "/api/explore/map", None),
    ("see", "get", "/api/explore/copies", None),
    ("see", "get", "/api/explore/slices", None),
    ("see", "get", "/api/jobs", None),
    ("see", "get", "/api/class-changes", None),
    ("see", "get", "/review", None),
    ("see", "get", "/fragments/item/0", None),
    ("review", "post", "/api/marks", {"row": 0, "marked": True}),
    ("review", "post", "/api/decisions", {"row": 999_999, "verdict": "keep", "version": 0}),
    ("review", "post", "/api/decisions/999999/undo", None),
    ("review", "post", "/api/batches", {"given": "[0]", "suggested": "[0]", "verdict": "relabel"}),
    ("review", "post", "/api/batches/00000000-0000-0000-0000-000000000000/undo", None),
    ("review", "post", "/api/neighbourhoods/accept", {"number": 999_999}),
    ("review", "post", "/api/settle", {"rows": [{"row": 999_999, "verdict": "keep", "version": 0}]}),
    ("annotate", "post", "/api/annotation/next", None),
    ("annotate", "post", "/api/annotation/999999/answer", {"label": "billing"}),
    ("annotate", "post", "/api/annotation/999999/skip", None),
    ("annotate", "get", "/api/annotation/guidelines", None),
    ("annotate", "get", "/annotate", None),
    ("adjudicate", "get", "/api/annotation/disagreements", None),
    ("adjudicate", "post", "/api/annotation/accept-agreed", None),
    ("adjudicate", "get", "/adjudicate", None),
    ("revert", "post", "/api/reverts", {"user_id": 999, "since": 0}),
    ("revert", "post", "/api/decisions/999999/revert", None),
    ("retrain", "post", "/api/jobs/cancel", None),
    ("export", "get", "/api/export/decisions", None),
    ("export", "post", "/api/export/data", {"name": "../x"}),
    ("export", "get", "/api/export/decisions.csv", None),
    ("export", "get", "/api/export/label-studio", None),
    ("export", "get", "/api/export/coco", None),
    ("export", "get", "/export", None),
    ("manage", "get", "/api/annotation/plan", None),
    ("manage", "get", "/api/annotation/agreement", None),
    ("manage", "post", "/api/annotation/rows", {"rows": [999_999]}),
    ("manage", "post", "/api/annotation/gold", {"answers": {"999999": "billing"}}),
    ("manage", "post", "/api/annotation/guidelines", {"text": "Look twice."}),
    ("manage", "get", "/api/classes/merge-preview?source=a&into=b", None),
    ("manage", "post", "/api/classes", {"name": "a|b"}),
    ("manage", "post", "/api/classes/rename", {"old": "no such", "new": "x"}),
    ("manage", "post", "/api/classes/merge", {"source": "no such", "into": "x"}),
    ("manage", "post", "/api/class-changes/999999/take-back", None),
    ("manage", "get", "/api/export/report", None),
    ("manage", "get", "/api/users", None),
    ("manage", "post", "/api/users", {"name": "x", "role": "none", "password": "long enough 1"}),
    ("manage", "get", "/team", None),
]


@pytest.fixture(scope="module")
def people_of(ticket_audit, tmp_path_factory):
    """A project with an account for each role; made once, since hashing passwords is slow on purpose."""
    studio = fresh_studio(ticket_audit, tmp_path_factory.mktemp("people"))
    with studio.database.write() as connection:
        for role in RIGHTS:
            add_user(connection, role, role, PASSWORD)
    yield studio, {role: Browser(studio, with_entry=False).log_in(role, PASSWORD) for role in RIGHTS}
    studio.close()


@pytest.mark.parametrize("role", RIGHTS)
@pytest.mark.parametrize(("action", "method", "path", "body"), REQUESTS)
def test_every_role_may_do_what_its_row_of_the_table_says_and_nothing_else(people_of, role, action, method, path, body):
    browser = people_of[1][role]
    answer = browser.get(path) if method == "get" else browser.post(path, body)
    assert answer.status_code != 401 and answer.status_code < 500, answer.text
    assert (answer.status_code != 403) == (action in RIGHTS[role]), answer.text


def test_every_action_of_the_table_is_tried():
    assert {action for action, *_ in REQUESTS} == set(ACTIONS)


def test_every_right_is_an_action():
    assert set().union(*RIGHTS.values()) == set(ACTIONS)


@pytest.mark.parametrize("path", ["/api/overview", "/api/items/0", "/api/items/0/image", "/api/export/decisions"])
def test_nobody_sees_anything_without_a_session(studio, path):
    assert Browser(studio).get(path).status_code == 401


def test_the_link_works_once(studio):
    browser = Browser(studio)
    token = browser.entry
    assert browser.get(f"/enter?token={token}").status_code == 303
    assert browser.get(f"/enter?token={token}").status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(studio):
    browser = Browser(studio)
    cookie = browser.get(f"/enter?token={browser.entry}").headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9999", "127.0.0.1.evil.example:8137", ""])
def test_another_host_name_reaches_nothing(browser, host):
    assert browser.get("/api/overview", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8137", "http://127.0.0.1:81"])
def test_another_origin_changes_nothing(browser, origin):
    assert browser.post("/api/marks", {"row": 0, "marked": True}, Origin=origin).status_code == 403


def test_a_change_without_the_pages_token_is_refused(browser):
    assert browser.post("/api/marks", {"row": 0, "marked": True}, **{"X-CSRF-Token": "guess"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/login", "/static/studio.js", "/api/overview", "/nothing"])
def test_every_answer_carries_the_headers_that_keep_pages_apart(browser, path):
    answer = browser.get(path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "access-control-allow-origin" not in answer.headers


def test_no_page_has_script_or_style_inline(browser):
    for path in ("/", "/review", "/groups", "/history", "/export", "/login"):
        page = browser.get(path).text
        assert "<script>" not in page and " style=" not in page and "onclick" not in page, path


def test_passwords_cannot_be_tried_by_the_thousand(studio):
    with studio.database.write() as connection:
        add_user(connection, "ann", "reviewer", PASSWORD)
    browser = Browser(studio, with_entry=False)
    answers = [
        browser.client.post("/login", data={"name": "ann", "password": f"wrong {k}"}).status_code for k in range(7)
    ]
    assert answers == [403] * 5 + [429] * 2


def test_the_last_owner_stays(studio):
    with pytest.raises(BadInput, match="'me' is the only owner"), studio.database.write() as connection:
        change_user(connection, "me", role="viewer")


def test_passwords_are_looked_at_one_after_the_other(monkeypatch):
    turns = Turns()
    monkeypatch.setattr(logins, "_HASHER", SimpleNamespace(hash=turns.take))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(hashed_password, [PASSWORD] * 6))
    assert (turns.taken, turns.most) == (6, 1)


def test_short_passwords_are_refused(studio):
    with pytest.raises(BadInput, match="fewer than 10 characters"), studio.database.write() as connection:
        add_user(connection, "ann", "reviewer", "short")


@pytest.mark.parametrize(
    ("bind", "with_logins", "message"),
    [
        (Bind("0.0.0.0"), False, "nobody has a login. Fix: labelwright studio user add"),
        (Bind("0.0.0.0"), True, "without TLS. Fix: --tls-cert FILE --tls-key FILE, or --behind-proxy"),
        (Bind(behind_proxy=True, public_url="https://x.org"), False, "nobody has a login"),
        (Bind(behind_proxy=True), True, "go together"),
        (Bind(public_url="ftp://x", behind_proxy=True), True, "is no address"),
    ],
)
def test_what_others_could_reach_is_refused_with_the_line_to_type(bind, with_logins, message):
    with pytest.raises(BadInput, match=message):
        check_bind(bind, with_logins=with_logins)


def test_loopback_needs_nothing():
    check_bind(Bind(), with_logins=False)
    check_bind(Bind("::1"), with_logins=False)


def test_behind_a_proxy_only_the_public_name_counts():
    origins = Origins.of("127.0.0.1", 8137, public_url="https://labels.example.org/")
    assert origins.hosts == {"labels.example.org"}
    assert HOST not in origins.hosts


def test_an_account_switched_off_is_out_at_once(people_of):
    studio, people = people_of
    with studio.database.write() as connection:
        change_user(connection, "viewer", active=False)
    assert people["viewer"].get("/api/me").status_code == 401


def two_reviewers(studio):
    """Return browsers of two reviewers."""
    with studio.database.write() as connection:
        for name in ("ann", "bo"):
            add_user(connection, name, "reviewer", PASSWORD)
    return [Browser(studio, with_entry=False).log_in(name, PASSWORD) for name in ("ann", "bo")]


def test_nobody_takes_back_what_somebody_else_decided(studio):
    ann, bo = two_reviewers(studio)
    decision = {"row": 0, "verdict": "keep", "version": 0}
    event = ann.post("/api/decisions", decision | {"client_key": "k"}).json()["event"]
    with studio.database.write() as connection:
        owner = connection.scalar(select(t.user.c.id).where(t.user.c.name == "ann"))
        batch = decide_each(connection, {1: "[0]", 2: "[0]"}, owner)
    assert bo.post(f"/api/decisions/{event}/undo").status_code == 403
    assert bo.post(f"/api/batches/{batch}/undo").status_code == 403
    assert bo.post("/api/decisions", decision | {"client_key": "k"}).status_code == 422  # not told that it was stored
    assert ann.post(f"/api/decisions/{event}/undo").status_code == 201
    assert ann.post(f"/api/batches/{batch}/undo").json() == {"rows": 2}


def test_a_login_ends_the_session_that_the_browser_brought_along(studio):
    (ann, _) = two_reviewers(studio)
    before = dict(ann.client.cookies)
    ann.log_in("ann", PASSWORD)
    assert ann.client.cookies["labelwright_session"] != before["labelwright_session"]
    ann.client.cookies.set("labelwright_session", before["labelwright_session"])
    other = Browser(studio, with_entry=False)
    other.client.cookies.set("labelwright_session", before["labelwright_session"])
    assert other.get("/api/me").status_code == 401


def test_a_logout_ends_the_session_for_whoever_kept_the_cookie(studio):
    (ann, _) = two_reviewers(studio)
    kept = ann.client.cookies["labelwright_session"]
    assert ann.post("/api/logout").status_code == 204
    ann.client.cookies.set("labelwright_session", kept)
    assert ann.get("/api/me").status_code == 401


def test_a_flood_of_wrong_passwords_does_not_lock_out_a_browser_that_was_in_before(studio):
    (ann, _) = two_reviewers(studio)
    ann.post("/api/logout")
    flood = Browser(studio, with_entry=False)
    codes = [flood.client.post("/login", data={"name": "ann", "password": "wrong"}).status_code for _ in range(30)]
    assert codes[-1] == 429
    assert ann.client.post("/login", data={"name": "ann", "password": PASSWORD}).status_code == 303


def test_tries_count_before_the_password_is_looked_at(studio):
    limits = LoginLimits(studio.database)
    assert [limits.begin({"a": 2}) for _ in range(3)] == [True, True, False]


def test_other_names_do_not_wipe_a_count_out_that_is_still_asked_for(studio):
    limits = LoginLimits(studio.database)
    for k in range(60):
        limits.begin({f"other {k}": 2} | ({"a place": 50} if k % 15 == 0 else {}))
    assert not limits.begin({"a place": 4}) and limits.begin({"a place": 5})


def test_an_own_account_does_not_wipe_out_failures(studio):
    limits = LoginLimits(studio.database)
    for _ in range(4):
        limits.begin({"address": 5})
    limits.begin({"address": 5})
    limits.succeeded(["address"])
    assert [limits.begin({"address": 5}) for _ in range(2)] == [True, False]


def test_tries_are_forgotten_after_five_minutes_and_after_a_clock_went_wrong(studio):
    limits = LoginLimits(studio.database)
    for shift in (-301.0, 400.0):
        assert [limits.begin({"a": 1}) for _ in range(2)] == [True, False]
        with studio.database.write() as connection:
            connection.execute(update(t.login_try).values(at=t.login_try.c.at + shift))
    assert limits.begin({"b": 1})
    with studio.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.login_try)) == 1


def test_the_table_of_tries_tells_no_name_and_no_address(studio):
    LoginLimits(studio.database).begin(limits_of("ann", "192.0.2.7", None))
    with studio.database.read() as connection:
        keys = connection.scalars(select(t.login_try.c.key)).all()
    assert len(keys) == 3 and all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)


def test_over_tls_the_cookie_is_bound_to_this_host(studio):
    from starlette.testclient import TestClient

    with studio.database.write() as connection:
        entry = new_entry(connection)
    app = create_app(studio, Origins.of("127.0.0.1", 8137, https=True), by_link=True)
    client = TestClient(app, base_url=f"https://{HOST}", follow_redirects=False)
    cookie = client.get(f"/enter?token={entry}").headers["set-cookie"]
    assert cookie.startswith("__Host-") and "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert client.get("/api/me").json()["name"] == "me"


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
])  # fmt: skip
def test_a_page_of_another_origin_reads_nothing(browser, headers):
    assert browser.get("/api/overview", headers=headers).status_code == 403


def test_a_link_on_another_page_may_lead_here(browser):
    assert browser.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}).status_code == 200


def test_bodies_are_bounded_said_or_not(browser):
    def chunks():
        for _ in range(30):
            yield b"x" * 100_000

    headers = {"X-CSRF-Token": browser.csrf, "Content-Type": "application/json"}
    assert browser.client.post("/api/marks", content=b"x" * 2_000_001, headers=headers).status_code == 413
    assert browser.client.post("/api/marks", content=chunks(), headers=headers).status_code == 413


def test_a_body_that_does_not_arrive_is_given_up(monkeypatch):
    monkeypatch.setattr(guard, "LONGEST_BODY", 0.05)

    async def waits_for_ever():
        await asyncio.sleep(60)

    async def ask():
        with pytest.raises(HTTPException) as refused:
            await guard._bounded(waits_for_ever)()
        return refused.value.status_code

    assert asyncio.run(ask()) == 408


def test_a_bug_leaves_one_line_without_details(browser, monkeypatch, caplog):
    def broken(connection):
        raise RuntimeError("secret \x1b[31m of row 7")

    monkeypatch.setattr(api, "overview", broken)
    answer = browser.get("/api/overview")
    assert answer.status_code == 500 and set(answer.json()) == {"problem"}
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "secret" not in answer.text and "secret" not in caplog.text and "\x1b" not in caplog.text
    assert "RuntimeError" in caplog.text and "/api/overview" in caplog.text


@pytest.mark.parametrize(
    "url", ["http://labels.example.org", "https://", "https://a@b", "https://x.org/path", "https://x:y"]
)
def test_a_public_address_is_a_host_with_tls(url):
    with pytest.raises(BadInput, match=r"is no address|is without TLS"):
        check_bind(Bind(behind_proxy=True, public_url=url), with_logins=True)


def test_every_address_with_tls_needs_the_one_that_browsers_use(tmp_path):
    for name in ("cert", "key"):
        (tmp_path / name).touch()
    bind = {"tls_cert": tmp_path / "cert", "tls_key": tmp_path / "key"}
    with pytest.raises(BadInput, match="--public-url https://HOST:8137"):
        check_bind(Bind("0.0.0.0", **bind), with_logins=True)
    named = Bind("0.0.0.0", public_url="https://labels.example.org:8137", **bind)
    check_bind(named, with_logins=True)
    assert named.origins().hosts == {"labels.example.org:8137"}


def test_what_the_model_says_of_a_row_that_waits_in_the_random_sample_is_nowhere(browser, studio):
    i = t.item.c
    with studio.database.write() as connection:
        row = connection.scalar(select(i.row).where(i.flagged).order_by(i.score))
        connection.execute(update(t.item).values(check_place=None))
        connection.execute(update(t.item).where(i.row == row).values(check_place=0))
        told = connection.execute(select(t.item).where(i.row == row)).one()
        pair = {"given": told.given, "suggested": told.suggested}
    for query in ("kind=review", "kind=review&decided=true", "kind=all&finding=label", f"kind=review&rows={row}"):
        assert row not in [one["row"] for one in browser.get(f"/api/queue?{query}&limit=500").json()["rows"]], query
    (listed,) = browser.get(f"/api/queue?kind=all&rows={row}").json()["rows"]
    assert listed["suggested"] is listed["score"] is listed["flagged"] is None
    total = sum(group["total"] for group in browser.get("/api/groups").json())
    cells = sum(cell["number"] for cell in browser.get("/api/explore/confusion").json()["cells"])
    suspect = sum(one["suspect"] for one in browser.get("/api/explore/slices").json())
    flagged = browser.get("/api/overview").json()["progress"]["flagged"]
    assert total == cells == suspect == flagged
    found = browser.get("/api/explore/map").json()
    assert not found["suspect"][found["rows"].index(row)]
    assert row not in [one["row"] for one in browser.get("/api/queue", params=pair).json()["rows"]]
    for other in range(240):
        view = browser.get(f"/api/items/{other}").json()
        assert row not in [near["row"] for near in view.get("nearest", [])]
        assert row not in [finding["other_row"] for finding in view.get("findings", [])]


def test_a_decision_made_after_the_suggestion_was_open_does_not_count_as_blind(browser, studio):
    row = browser.get("/api/queue?kind=check").json()["rows"][0]["row"]
    first = browser.post("/api/decisions", {"row": row, "verdict": "keep", "version": 0}).json()
    assert browser.get("/api/overview").json()["noise_checked"]["of"] == 1
    browser.post(f"/api/decisions/{first['event']}/undo")
    browser.post("/api/decisions", {"row": row, "verdict": "reject", "version": 2})
    assert browser.get("/api/overview").json()["noise_checked"]["of"] == 0


def test_a_login_ended_by_another_program_is_out_after_two_seconds(studio, monkeypatch):
    ann, _ = two_reviewers(studio)
    assert ann.get("/api/me").status_code == 200
    with studio.database.write() as connection:  # as another program does: nothing here is told
        connection.execute(update(t.user).where(t.user.c.name == "ann").values(active=False))
    later = time.monotonic() + logins.KNOWN_SECONDS
    monkeypatch.setattr(logins.time, "monotonic", lambda: later)
    assert ann.get("/api/me").status_code == 401
