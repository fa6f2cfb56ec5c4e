"""Decisions: stored once, told to others, taken back, never lost."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.class_changes import rename
from labelwright.studio.decisions import Choice, Conflict, decide, load_classes, standing, undo
from labelwright.studio.group_decisions import decide_together, undo_of_user, undo_together
from labelwright.studio.history import history
from labelwright.studio.overview import overview
from labelwright.studio.queues import Queue, length, page
from studio_world import fresh_studio


def worst(studio, n=1):
    with studio.database.read() as connection:
        return [entry["row"] for entry in page(connection, Queue())][:n]


def decided(studio, row, verdict, label=None, version=0, **more):
    with studio.database.write() as connection:
        return decide(connection, Choice(row, verdict, version, label, **more), studio.local_user)


def now(studio, row):
    with studio.database.read() as connection:
        return standing(connection, row)


def test_a_decision_changes_the_row_and_leaves_the_queue(studio):
    (row,) = worst(studio)
    with studio.database.read() as connection:
        before = length(connection, Queue())
    decided(studio, row, "relabel", "billing")
    state = now(studio, row)
    assert (state["verdict"], state["label"], state["version"], state["who"]) == ("relabel", "billing", 1, "me")
    with studio.database.read() as connection:
        assert length(connection, Queue()) == before - 1


def test_the_same_action_sent_twice_counts_once(studio):
    (row,) = worst(studio)
    first = decided(studio, row, "keep", client_key="one")
    assert decided(studio, row, "keep", client_key="one") == first
    assert now(studio, row)["version"] == 1


def test_who_comes_second_is_told_and_changes_nothing(studio):
    (row,) = worst(studio)
    decided(studio, row, "relabel", "billing")
    with pytest.raises(Conflict) as told:
        decided(studio, row, "keep")
    assert told.value.current["label"] == "billing"
    assert now(studio, row)["version"] == 1


def test_undo_brings_back_the_decision_before(studio):
    (row,) = worst(studio)
    first = decided(studio, row, "relabel", "billing")
    second = decided(studio, row, "keep", version=1)
    with studio.database.write() as connection:
        undo(connection, second, studio.local_user)
    assert (now(studio, row)["label"], now(studio, row)["event"]) == ("billing", first)
    with studio.database.write() as connection:
        undo(connection, first, studio.local_user)
    assert now(studio, row)["verdict"] is None


def test_a_decision_that_another_followed_is_not_undone(studio):
    (row,) = worst(studio)
    first = decided(studio, row, "relabel", "billing")
    decided(studio, row, "keep", version=1)
    with pytest.raises(Conflict), studio.database.write() as connection:
        undo(connection, first, studio.local_user)
    assert now(studio, row)["verdict"] == "keep"


def test_many_rows_decided_together_have_one_undo_that_spares_later_decisions(studio):
    rows = worst(studio, 3)
    decided(studio, rows[0], "keep")
    with studio.database.write() as connection:
        batch = decide_together(connection, rows, "relabel", None, studio.local_user)
    assert now(studio, rows[0])["verdict"] == "keep"
    assert [now(studio, row)["verdict"] for row in rows[1:]] == ["relabel", "relabel"]
    decided(studio, rows[1], "reject", version=1)
    with studio.database.write() as connection:
        assert undo_together(connection, batch, studio.local_user) == 1
    assert [now(studio, row)["verdict"] for row in rows] == ["keep", "reject", None]


def test_everything_of_one_person_since_a_time_is_taken_back(studio):
    rows = worst(studio, 3)
    for row in rows:
        decided(studio, row, "keep")
    with studio.database.read() as connection:
        since = history(connection)[1]["at"]
    with studio.database.write() as connection:
        assert undo_of_user(connection, studio.local_user, since, studio.local_user) == 2
    assert [now(studio, row)["verdict"] for row in rows] == ["keep", None, None]


@pytest.mark.parametrize(
    ("verdict", "label", "message"),
    [
        ("relabel", None, "a relabel needs a label"),
        ("relabel", "biling", "there is no class 'biling'. Fix: did you mean 'billing'"),
        ("relabel", ["billing", "login"], "2 classes are given for a row that has one"),
        ("delete", None, "there is no decision 'delete'"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_trace(studio, verdict, label, message):
    (row,) = worst(studio)
    with pytest.raises(BadInput, match=message):
        decided(studio, row, verdict, label)
    with studio.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.event)) == 0


def test_the_precision_of_the_flags_is_what_people_changed(studio):
    rows = worst(studio, 4)
    for row in rows[:3]:
        decided(studio, row, "reject")
    decided(studio, rows[3], "keep")
    with studio.database.read() as connection:
        precision = overview(connection)["precision"]
    assert (precision["count"], precision["of"], precision["estimate"]) == (3, 4, 0.75)
    assert precision["low"] < 0.75 < precision["high"]


def test_people_count_the_noise_rate_on_random_rows_only(studio):
    with studio.database.read() as connection:
        sample = page(connection, Queue("check"), limit=20)
    for entry in sample[:19]:
        decided(studio, entry["row"], "keep")
    with studio.database.read() as connection:
        assert overview(connection)["noise_checked"]["estimate"] is None
    decided(studio, sample[19]["row"], "reject")
    with studio.database.read() as connection:
        checked = overview(connection)["noise_checked"]
    assert (checked["count"], checked["of"], checked["estimate"]) == (1, 20, 0.05)


actions = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["keep", "reject", "relabel", "undo"])), min_size=1, max_size=12
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions)
def test_replaying_the_events_gives_the_rows_as_they_are(ticket_audit, tmp_path_factory, actions):
    studio = fresh_studio(ticket_audit, tmp_path_factory.mktemp("project"))
    rows = worst(studio, 4)
    for place, what in actions:
        state = now(studio, rows[place])
        if what != "undo":
            decided(studio, rows[place], what, "billing", version=state["version"])
        elif state["event"] is not None:
            with studio.database.write() as connection:
                undo(connection, state["event"], studio.local_user)
    with studio.database.read() as connection:
        replayed = {told["row"]: (told["verdict"], told["label"]) for told in reversed(history(connection))}
    for row, (verdict, label) in replayed.items():
        assert (now(studio, row)["verdict"], now(studio, row)["label"]) == (verdict, label)
    studio.close()


def test_a_class_renamed_in_an_action_that_failed_keeps_its_name(studio):
    with studio.database.read() as connection:
        old = dict(load_classes(connection).names)
    with pytest.raises(RuntimeError), studio.database.write() as connection:
        rename(connection, old[0], "gone again", studio.local_user)
        assert load_classes(connection).names[0] == "gone again"
        raise RuntimeError
    with studio.database.write() as connection:
        assert dict(load_classes(connection).names) == old
        rename(connection, old[0], "stays", studio.local_user)
    with studio.database.read() as connection:
        assert load_classes(connection).names[0] == "stays"
