"""Requests made up from the description of the interface: nothing breaks, and every answer is one that it describes."""

from __future__ import annotations

import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from studio_world import HOST, Browser, fresh_studio  # noqa: E402

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
SETTINGS = settings(
    max_examples=10,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
NOT_TRIED = ("/api/logout", "/api/jobs", "/api/export/report/mended")  # these end the session or start a process


@pytest.fixture(scope="module")
def browser_of_all(ticket_audit, tmp_path_factory):
    """A browser of the owner, on one project that all requests change."""
    studio = fresh_studio(ticket_audit, tmp_path_factory.mktemp("described"))
    yield Browser(studio).enter()
    studio.close()


def test_whatever_is_sent_the_answer_is_one_that_is_described(browser_of_all):
    browser = browser_of_all
    description = schemathesis.openapi.from_asgi("/openapi.json", browser.app, headers={"Host": HOST})
    sent = {
        "headers": {"Host": HOST, "Origin": f"http://{HOST}", "X-CSRF-Token": browser.csrf},
        "cookies": dict(browser.client.cookies),
    }
    tried = set()
    for found in description.exclude(path=list(NOT_TRIED)).get_all_operations():
        operation = found.ok()

        @settings(SETTINGS)
        @given(case=operation.as_strategy())
        def answered(case):
            answer = case.call(**sent)
            case.validate_response(answer, checks=CHECKS)
            assert answer.status_code != 401

        answered()
        tried.add(operation.path)
    assert len(tried) > 30


# What a generator seldom finds: each once broke something, or could.
ODD = [
    ("get", "/api/items/99999999999999999999", None),
    ("get", "/api/queue?given=abc", None),
    ("get", "/api/queue?rows=1,,2", None),
    ("get", "/groups/rows?given=abc&suggested=%5B99%5D", None),
    ("get", "/groups/rows?given=%5B%5B1%5D%5D&suggested=%7B%7D", None),
    ("get", "/review?given=" + "%5B" * 3000 + "&suggested=1", None),
    ("get", "/history?before=99999999999999999999", None),
    ("post", "/api/batches", {"given": "{}", "suggested": "[true]", "verdict": "relabel"}),
    ("post", "/api/decisions", {"row": 2**70, "verdict": "keep", "version": 0}),
    ("post", "/api/decisions", {"row": 0, "verdict": "keep", "version": 0, "note": "\0"}),
    ("post", "/api/annotation/rows", {"rows": [123456]}),
    ("post", "/api/annotation/gold", {"answers": {"123456": "billing"}}),
    ("post", "/api/annotation/rows", {"rows": list(range(10_001))}),
    ("post", "/api/users", {"name": "a\u202eb", "role": "viewer", "password": "long enough 1"}),
    ("post", "/api/classes", {"name": "a|b"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ODD)
def test_odd_requests_are_refused_in_one_line(browser_of_all, method, path, body):
    answer = browser_of_all.get(path) if method == "get" else browser_of_all.post(path, body)
    assert answer.status_code == 422 or (answer.status_code == 200 and answer.json()["length"] == 0)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"row": ' + b"9" * 5000 + b"}", b'{"note": "\\ud800"}', b"\xff\xfe"]
)
def test_bodies_that_break_parsers_are_refused(browser_of_all, body):
    headers = {"X-CSRF-Token": browser_of_all.csrf, "Content-Type": "application/json"}
    answer = browser_of_all.client.post("/api/decisions", content=body, headers=headers)
    assert answer.status_code in (400, 422)
