"""The history: one action is one line, and what was taken back can be brought back as one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from labelwright.studio import tables as t
from labelwright.studio.decisions import Choice, Conflict, decide, undo
from labelwright.studio.group_decisions import decide_together, undo_of_user, undo_together
from labelwright.studio.history import history
from labelwright.studio.queues import Queue, page
from studio_world import Browser, fresh_studio


def rows_of(studio, n):
    with studio.database.read() as connection:
        return [entry["row"] for entry in page(connection, Queue("all"), limit=n)]


def done(studio, action, *given):
    with studio.database.write() as connection:
        return action(connection, *given, studio.local_user)


def lines(studio):
    with studio.database.read() as connection:
        return history(connection, together=True)


def state(studio):
    i = t.item.c
    with studio.database.read() as connection:
        changed = connection.execute(select(t.item).where(i.version > 0))
        return {told.row: (told.verdict, told.label, told.event_id) for told in changed}


def test_an_action_its_undo_and_its_return_are_one_line_each_with_a_count(studio):
    rows = rows_of(studio, 5)
    batch = done(studio, decide_together, rows, "reject", None)
    before = state(studio)
    assert done(studio, undo_together, batch) == 5
    (taken, first) = lines(studio)
    assert (taken["batch_rows"], taken["batch_stands"], first["batch_stands"]) == (5, 5, 0)
    assert taken["undoes"] is not None and not taken["brings_back"]
    assert done(studio, undo_together, taken["batch"]) == 5
    assert state(studio) == before
    (back, taken, first) = lines(studio)
    assert back["brings_back"] and (back["batch_stands"], taken["batch_stands"], first["batch_stands"]) == (0, 0, 5)


def test_all_of_one_person_is_one_line_and_comes_back_as_it_was(studio):
    rows = rows_of(studio, 4)
    for row in rows:
        done(studio, decide, Choice(row, "keep", 0))
    done(studio, decide, Choice(rows[0], "relabel", 1, "billing"))
    done(studio, decide, Choice(rows[0], "reject", 2))
    before = state(studio)
    assert done(studio, undo_of_user, studio.local_user, 0.0) == 4
    assert {verdict for verdict, *_ in state(studio).values()} == {None}
    taken = lines(studio)[0]
    assert taken["batch_rows"] == 4
    assert done(studio, undo_together, taken["batch"]) == 4
    assert state(studio) == before


def test_a_row_goes_back_to_before_the_first_decision_since_the_time(studio):
    (row,) = rows_of(studio, 1)
    first = done(studio, decide, Choice(row, "keep", 0))
    done(studio, decide, Choice(row, "relabel", 1, "billing"))
    done(studio, decide, Choice(row, "reject", 2))
    with studio.database.read() as connection:
        since = connection.scalar(select(t.event.c.at).where(t.event.c.id == first + 1))
    assert done(studio, undo_of_user, studio.local_user, since) == 1
    assert state(studio)[row][0] == "keep" and state(studio)[row][2] == first


def test_what_was_decided_again_since_is_not_brought_back(studio):
    rows = rows_of(studio, 3)
    batch = done(studio, decide_together, rows, "reject", None)
    done(studio, undo_together, batch)
    taken = lines(studio)[0]["batch"]
    done(studio, decide, Choice(rows[0], "keep", 2))
    assert done(studio, undo_together, taken) == 2
    assert [state(studio)[row][0] for row in rows] == ["keep", "reject", "reject"]


def test_one_decision_is_brought_back_once(studio):
    (row,) = rows_of(studio, 1)
    first = done(studio, decide, Choice(row, "reject", 0))
    back = done(studio, undo, first)
    assert state(studio)[row][0] is None
    again = done(studio, undo, back)
    assert state(studio)[row] == ("reject", state(studio)[row][1], first)
    for event in (back, again):
        with pytest.raises(Conflict):
            done(studio, undo, event)
    assert done(studio, undo, first)


def test_the_page_offers_both_ways(browser, studio):
    rows = rows_of(studio, 3)
    batch = done(studio, decide_together, rows, "reject", None)
    assert "Take 3 back" in browser.get("/history").text
    assert browser.post(f"/api/batches/{batch}/undo").json() == {"rows": 3}
    text = browser.get("/history").text
    assert "Bring 3 back" in text and "Take 3 back" not in text
    taken = lines(studio)[0]["batch"]
    assert browser.post(f"/api/batches/{taken}/undo").json() == {"rows": 3}
    assert "brought back" in browser.get("/history").text
    assert browser.get(f"/history?batch={taken}").text.count("took back") == 3


def test_a_reviewer_is_offered_nothing_of_others(studio):
    from labelwright.studio.logins import add_user

    password = "correct horse battery"
    with studio.database.write() as connection:
        add_user(connection, "ann", "reviewer", password)
    batch = done(studio, decide_together, rows_of(studio, 3), "reject", None)
    ann = Browser(studio, with_entry=False).log_in("ann", password)
    assert "Take 3 back" not in ann.get("/history").text
    assert ann.post(f"/api/batches/{batch}/undo").status_code == 403


steps = st.lists(
    st.tuples(st.sampled_from(["one", "many", "undo", "person"]), st.integers(0, 3)), min_size=1, max_size=8
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_whatever_can_be_taken_back_comes_back_exactly(ticket_audit, tmp_path_factory, steps):
    studio = fresh_studio(ticket_audit, tmp_path_factory.mktemp("project"))
    rows = rows_of(studio, 4)
    for what, place in steps:
        if what == "one":
            with studio.database.read() as connection:
                version = connection.scalar(select(t.item.c.version).where(t.item.c.row == rows[place]))
            done(studio, decide, Choice(rows[place], "keep", version))
        elif what == "many":
            done(studio, decide_together, rows[: place + 1], "reject", None)
        elif what == "person":
            done(studio, undo_of_user, studio.local_user, 0.0)
        elif offered := [one for one in lines(studio) if one.get("batch_stands")]:
            done(studio, undo_together, offered[place % len(offered)]["batch"])
    before = state(studio)
    if done(studio, undo_of_user, studio.local_user, 0.0):
        assert done(studio, undo_together, lines(studio)[0]["batch"])
    after = state(studio)
    assert after == before
    studio.close()
