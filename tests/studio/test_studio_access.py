"""Who reaches the studio, from where, and what a role may do: each through the API."""

from __future__ import annotations

import pytest

from labelwright.errors import BadInput
from labelwright.studio.guard import HEADERS, Origins
from labelwright.studio.logins import add_user, change_user
from labelwright.studio.rights import ACTIONS, RIGHTS
from labelwright.studio.serve import Bind, check_bind
from studio_world import HOST, Browser, fresh_studio

PASSWORD = "correct horse battery"
# Each action, and a request that needs it. 404 and 422 mean that the door was open.
REQUESTS = {
    "see": ("get", "/api/overview", None),
    "review": ("post", "/api/marks", {"row": 0, "marked": True}),
    "revert": ("post", "/api/reverts", {"user_id": 1, "since": 0}),
    "export": ("get", "/api/export/decisions", None),
}


@pytest.fixture(scope="module")
def people_of(ticket_audit, tmp_path_factory):
    """A project with an account for each role; made once, since hashing passwords is slow on purpose."""
    studio = fresh_studio(ticket_audit, tmp_path_factory.mktemp("people"))
    with studio.database.write() as connection:
        for role in RIGHTS:
            add_user(connection, role, role, PASSWORD)
    yield studio, {role: Browser(studio, with_entry=False).log_in(role, PASSWORD) for role in RIGHTS}
    studio.close()


@pytest.mark.parametrize("action", REQUESTS)
def test_every_role_may_do_what_its_row_of_the_table_says_and_nothing_else(people_of, action):
    people = people_of[1]
    method, path, body = REQUESTS[action]
    for role, browser in people.items():
        answer = browser.get(path) if method == "get" else browser.post(path, body)
        assert (answer.status_code != 403) == (action in RIGHTS[role]), (role, answer.text)


def test_every_right_is_an_action():
    assert set().union(*RIGHTS.values()) == set(ACTIONS)


@pytest.mark.parametrize("path", ["/api/overview", "/api/items/0", "/api/items/0/image", "/api/export/decisions"])
def test_nobody_sees_anything_without_a_session(studio, path):
    assert Browser(studio).get(path).status_code == 401


def test_the_link_works_once(studio):
    browser = Browser(studio)
    token = browser.entry.text
    assert browser.get(f"/enter?token={token}").status_code == 303
    assert browser.get(f"/enter?token={token}").status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(studio):
    browser = Browser(studio)
    cookie = browser.get(f"/enter?token={browser.entry.text}").headers["set-cookie"].lower()
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
        change_user(connection, "reviewer", active=False)
    assert people["reviewer"].get("/api/me").status_code == 401
