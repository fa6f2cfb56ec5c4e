"""Groups that are decided together: pairs of labels, neighbourhoods, copies; and tags that are ticked."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from labelwright.errors import BadInput
from labelwright.studio import neighbourhoods as rooms
from labelwright.studio.grouped import Neighbourhood, group_rows, sample_state
from labelwright.studio.neighbourhoods import Neighbourhoods, nearest_means
from studio_world import Browser


def of_points(points, issues=None):
    features = None if points is None else SimpleNamespace(matrix=points)
    return Neighbourhoods(SimpleNamespace(features=features, options=SimpleNamespace(seed=0), issues=issues))


def version(browser, row):
    return browser.get(f"/api/items/{row}").json()["version"]


def check_sample(browser, group_page):
    """Decide the random rows of a group as the page names them; accept what is suggested."""
    rows = group_page.split("rows=")[1].split('"')[0].split("%2C")
    for row in rows:
        sent = {"row": int(row), "verdict": "relabel", "version": version(browser, row)}
        sent["label"] = browser.get(f"/api/items/{row}").json()["suggestion"]
        assert browser.post("/api/decisions", sent).status_code == 201
    return len(rows)


def test_rows_far_apart_are_in_different_neighbourhoods():
    points = np.repeat([[0.0, 0.0], [100.0, 100.0]], 40, axis=0).astype(np.float32)
    numbers = nearest_means(points, seed=3)
    assert len(set(numbers[:40])) == len(set(numbers[40:])) == 1 and numbers[0] != numbers[40]


@pytest.mark.parametrize("n", [0, 1])
def test_one_row_has_no_neighbourhood(n):
    assert nearest_means(np.zeros((n, 3), np.float32), seed=0).shape == (0,)


def test_neighbourhoods_are_the_same_each_time_and_hold_every_row():
    points = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    first = of_points(points).of_row
    assert first.shape == (500,) and np.array_equal(first, of_points(points).of_row)


def test_data_without_features_have_none():
    assert len(of_points(None).of_row) == 0


def test_a_request_waits_for_a_moment_only(browser, monkeypatch):
    go_on = threading.Event()
    monkeypatch.setattr(rooms, "nearest_means", lambda matrix, seed: go_on.wait(20) and np.zeros(len(matrix), np.int64))
    try:
        for path, status in (("/groups", 200), ("/api/neighbourhoods", 503), ("/groups/near?number=0", 503)):
            start = time.monotonic()
            answer = browser.get(path)
            assert answer.status_code == status and time.monotonic() - start < 5
        assert "They stand here in a few seconds" in browser.get("/groups").text
    finally:
        go_on.set()
    browser.app.state.neighbourhoods.found(20)
    assert browser.get("/api/neighbourhoods").status_code == 200


def test_what_is_listed_of_a_neighbourhood_is_what_its_rows_say(browser, studio):
    near = browser.app.state.neighbourhoods
    near.found(20)
    listed = browser.get("/api/neighbourhoods").json()
    assert sum(one["total"] for one in listed) > 0
    with studio.database.read() as connection:
        for one in listed:
            group = near.group(one["number"])
            assert isinstance(group, Neighbourhood)
            state = sample_state(connection, group)
            assert state == {name: one[name] for name in state}
            assert one["left"] == len(group_rows(connection, group))
            assert one["total"] == len(group_rows(connection, group, decided=True))
            assert one["rows"] == int((near.of_row == one["number"]).sum())


def test_the_rest_of_a_neighbourhood_is_accepted_after_its_random_rows_and_taken_back(browser, studio, monkeypatch):
    monkeypatch.setattr("labelwright.studio.grouped.CHECKED_FIRST", 2)
    monkeypatch.setattr(rooms, "nearest_means", lambda matrix, seed: np.zeros(len(matrix), np.int64))
    assert browser.post("/api/neighbourhoods/accept", {"number": 0}).status_code == 422
    left = browser.get("/api/neighbourhoods").json()[0]["left"]
    assert check_sample(browser, browser.get("/groups/near?number=0").text) == 2
    done = browser.post("/api/neighbourhoods/accept", {"number": 0}).json()
    assert done["rows"] == left - 2
    page = browser.get("/groups/near?number=0").text
    assert f"Take all {left - 2} back" in page
    assert browser.post(f"/api/batches/{done['batch']}/undo").json() == {"rows": left - 2}
    assert browser.get("/api/neighbourhoods").json()[0]["left"] == left - 2


def test_a_neighbourhood_that_is_not_there_is_said(browser):
    assert browser.get("/groups/near?number=99999").status_code == 422
    assert "no neighbourhood" in browser.post("/api/neighbourhoods/accept", {"number": 99999}).json()["problem"]
    with pytest.raises(BadInput, match="no neighbourhood 5"):
        of_points(np.zeros((0, 2), np.float32), browser.app.state.studio.audit.issues).group(5)


def settle(browser, *rows, queue="copies"):
    return browser.post("/api/settle", {"queue": queue, "rows": list(rows)})


def test_copies_are_settled_together_or_not_at_all(browser):
    keep, reject = {"row": 3, "verdict": "keep", "version": 0}, {"row": 4, "verdict": "reject", "version": 0}
    done = settle(browser, keep, reject)
    assert (done.status_code, done.json()["rows"]) == (201, 2)
    line = browser.get("/api/history").json()
    assert {one["batch"] for one in line} == {done.json()["batch"]} and len(line) == 2
    late = settle(browser, {"row": 5, "verdict": "keep", "version": 0}, reject)
    assert late.status_code == 409 and late.json()["now"]["verdict"] == "reject"
    assert version(browser, 5) == 0
    assert browser.post(f"/api/batches/{done.json()['batch']}/undo").json() == {"rows": 2}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{"row": 3, "verdict": "keep", "version": 0}, {"row": 10**6, "verdict": "keep", "version": 0}],
        [{"row": 3, "verdict": "relabel", "version": 0, "label": "no such class"}],
        [{"row": 3, "verdict": "delete", "version": 0}],
    ],
)
def test_what_cannot_be_settled_changes_nothing(browser, rows):
    assert settle(browser, *rows).status_code == 422
    assert browser.get("/api/history").json() == []


def test_a_viewer_settles_nothing(studio):
    from labelwright.studio.logins import add_user

    password = "correct horse battery"
    with studio.database.write() as connection:
        add_user(connection, "vi", "viewer", password)
    viewer = Browser(studio, with_entry=False).log_in("vi", password)
    assert settle(viewer, {"row": 3, "verdict": "keep", "version": 0}).status_code == 403
    assert viewer.post("/api/neighbourhoods/accept", {"number": 0}).status_code == 403
