"""Annotation: everybody gets another row, some several people, and nothing tells them a label."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.agreement import agreed_rows, disagreements, live_agreement
from labelwright.studio.annotation import (
    Plan,
    add_gold,
    add_rows,
    guidelines,
    hand_out,
    progress,
    set_guidelines,
    set_plan,
    skip,
    standing_votes,
    submit,
)
from labelwright.studio.database import insert_row
from labelwright.studio.decisions import known_classes
from labelwright.studio.gold import is_gold_place
from labelwright.studio.logins import add_user
from studio_world import Browser

PASSWORD = "correct horse battery"


@pytest.fixture
def team(studio):
    """Three annotators, six rows, two of them for each row."""
    with studio.database.write() as connection:
        people = [add_user(connection, name, "annotator", PASSWORD) for name in ("ann", "bo", "cy")]
        add_rows(connection, range(6))
        set_plan(connection, Plan(overlap=2, gold_every=0))
    return people


def take(studio, user):
    with studio.database.write() as connection:
        return hand_out(connection, user)


def answer(studio, user, label="billing"):
    with studio.database.write() as connection:
        held = hand_out(connection, user)
        if held is not None:
            submit(connection, held["assignment"], user, label, seconds=2.0)
        return held


def test_a_row_goes_to_as_many_people_as_planned_and_to_nobody_twice(studio, team):
    seen = {user: [] for user in team}
    while any((held := answer(studio, user)) and (seen[user].append(held["row"]) or True) for user in team):
        pass
    assert all(len(rows) == len(set(rows)) for rows in seen.values())
    counts = [sum(row in rows for rows in seen.values()) for row in range(6)]
    assert counts == [2] * 6
    with studio.database.read() as connection:
        assert progress(connection)["complete"] == 6


def test_who_asks_again_gets_the_same_row_until_it_is_answered(studio, team):
    first = take(studio, team[0])
    assert take(studio, team[0])["assignment"] == first["assignment"]


def test_a_row_left_lying_goes_to_somebody_else(studio, team):
    first = take(studio, team[0])
    with studio.database.write() as connection:
        connection.execute(update(t.assignment).values(lease_until=0.0))
    assert take(studio, team[1])["row"] == first["row"]
    with pytest.raises(BadInput, match="has gone to somebody else"), studio.database.write() as connection:
        submit(connection, first["assignment"], team[0], "billing")


def test_a_skipped_row_does_not_come_back_to_the_same_person(studio, team):
    first = take(studio, team[0])
    with studio.database.write() as connection:
        skip(connection, first["assignment"], team[0])
    assert take(studio, team[0])["row"] != first["row"]
    assert first["row"] in {answer(studio, team[1])["row"] for _ in range(2)}


def test_a_quota_ends_the_work(studio, team):
    with studio.database.write() as connection:
        set_plan(connection, Plan(overlap=2, quota=2, gold_every=0))
    assert [answer(studio, team[0]) is not None for _ in range(3)] == [True, True, False]


def test_gold_questions_come_at_their_rate_and_count_for_nobody_else(studio, team):
    with studio.database.write() as connection:
        add_gold(connection, {100: "login", 101: "login"})
        set_plan(connection, Plan(overlap=2, gold_every=2))
    rows = [answer(studio, team[0], "login")["row"] for _ in range(4)]
    assert [sum(row >= 100 for row in pair) for pair in (rows[:2], rows[2:])] == [1, 1]
    with studio.database.read() as connection:
        (person,) = live_agreement(connection)["people"]
    assert (person["gold"], person["gold_right"], person["accuracy"]) == (2, 2, None)


@pytest.mark.parametrize("every", [0, 1, 2, 7, 10])
def test_gold_questions_are_spread_evenly_and_lie_elsewhere_for_everybody(every):
    places = [[is_gold_place("project", user, done, every) for done in range(200)] for user in range(8)]
    blocks = [own[k : k + every] for own in places for k in range(0, 200 - every, every or 200)]
    assert {sum(block) for block in blocks} == {min(every, 1)}
    assert every < 2 or len({tuple(own) for own in places}) == len(places)
    assert every < 2 or len({block.index(True) for block in blocks}) == every


def test_without_gold_questions_left_ordinary_rows_go_on(studio, team):
    with studio.database.write() as connection:
        add_gold(connection, {100: "login"})
        set_plan(connection, Plan(overlap=2, gold_every=1))
    assert [answer(studio, team[0])["row"] >= 100 for _ in range(3)] == [True, False, False]


def test_the_interface_answers_of_gold_questions_as_of_all_others(studio, team):
    with studio.database.write() as connection:
        add_gold(connection, dict.fromkeys(range(100, 103), "login"))
        set_plan(connection, Plan(overlap=2, gold_every=2, quota=6))
    ann = Browser(studio, with_entry=False).log_in("ann", PASSWORD)
    seen = {True: [], False: []}
    for _ in range(6):
        handed = ann.post("/api/annotation/next").json()
        stored = ann.post(f"/api/annotation/{handed['assignment']}/answer", {"label": "billing"})
        shape = (set(handed), set(handed["content"]), stored.status_code, {**stored.json(), "assignment": 0})
        seen[handed["row"] >= 100].append(shape)
    assert (len(seen[True]), len(seen[False])) == (3, 3)
    assert all(shape == seen[True][0] for shape in seen[True] + seen[False])


def test_rows_that_people_decided_become_gold_questions(browser, studio, team):
    assert "review some rows first" in browser.post("/api/annotation/gold", {"decided": 5}).json()["problem"]
    for row, verdict, label in ((0, "keep", None), (50, "relabel", "login"), (51, "keep", None), (52, "reject", None)):
        sent = {"row": row, "verdict": verdict, "version": 0, "label": label}
        assert browser.post("/api/decisions", sent).status_code == 201
    assert browser.post("/api/annotation/gold", {"decided": 5}).json() == {"gold": 2}
    with studio.database.read() as connection:
        gold = dict(connection.execute(select(t.pool.c.row, t.pool.c.gold).where(t.pool.c.gold.is_not(None))).all())
        labels = dict(connection.execute(select(t.item.c.row, t.item.c.label).where(t.item.c.row.in_(gold))).all())
    assert set(gold) == {50, 51} and gold == labels


def test_the_same_answer_twice_counts_once_and_another_is_refused(studio, team):
    held = answer(studio, team[0])
    with studio.database.write() as connection:
        submit(connection, held["assignment"], team[0], "billing")
    with pytest.raises(BadInput, match="answered already"), studio.database.write() as connection:
        submit(connection, held["assignment"], team[0], "login")


def test_disagreement_is_settled_and_agreement_accepted_at_once(studio, team):
    for user, labels in zip(team[:2], (["billing"] * 6, ["billing"] * 5 + ["login"]), strict=True):
        for label in labels:
            answer(studio, user, label)
    with studio.database.read() as connection:
        (split,) = disagreements(connection)
        agreed = agreed_rows(connection)
    assert sorted(vote["label"] for vote in split["votes"]) == ["billing", "login"]
    assert len(agreed) == 5 and split["row"] not in agreed


def test_an_answer_remembers_the_guidelines_that_held(studio, team):
    with studio.database.write() as connection:
        assert guidelines(connection)["version"] == 0
        set_guidelines(connection, "Billing is about money.", studio.local_user)
    answer(studio, team[0])
    with studio.database.read() as connection:
        assert connection.execute(t.assignment.select()).one().guideline == 1


def test_an_annotator_learns_nothing_that_tells_a_label(studio, team):
    browser = Browser(studio, with_entry=False).log_in("ann", PASSWORD)
    handed = browser.post("/api/annotation/next").json()
    assert set(handed) == {"assignment", "row", "lease_until", "done", "content", "guidelines"}
    row = handed["row"]
    for path in (f"/api/items/{row}", "/api/queue", "/api/overview", "/api/history", f"/fragments/item/{row}",
                 "/api/annotation/agreement", "/api/annotation/disagreements", "/api/export/decisions"):  # fmt: skip
        assert browser.get(path).status_code == 403, path


def test_an_annotator_cannot_answer_for_another(studio, team):
    held = take(studio, team[1])
    browser = Browser(studio, with_entry=False).log_in("ann", PASSWORD)
    answered = browser.post(f"/api/annotation/{held['assignment']}/answer", {"label": "billing"})
    assert answered.status_code == 422


def test_the_whole_round_through_the_interface(browser, studio):
    assert browser.post("/api/annotation/rows", {"most_useful": 3}).json() == {"added": 3}
    assert browser.client.put(
        "/api/annotation/plan", json={"overlap": 1}, headers={"X-CSRF-Token": browser.csrf}
    ).json()["overlap"] == 1  # fmt: skip
    for _ in range(3):
        handed = browser.post("/api/annotation/next").json()
        assert browser.post(f"/api/annotation/{handed['assignment']}/answer", {"label": "billing"}).status_code == 201
    assert browser.post("/api/annotation/next").json()["row"] is None
    done = browser.post("/api/annotation/accept-agreed").json()
    assert done["rows"] == 3
    assert browser.post(f"/api/batches/{done['batch']}/undo").json() == {"rows": 3}


def test_a_number_is_no_answer_where_rows_have_classes(studio, team):
    held = take(studio, team[0])
    with pytest.raises(BadInput, match=r"3\.5 is no class"), studio.database.write() as connection:
        submit(connection, held["assignment"], team[0], 3.5)


def test_an_answer_with_a_class_renamed_meanwhile_is_written_as_it_is_called_now(studio, team):
    held = take(studio, team[0])
    with studio.database.write() as connection:
        known_classes(connection)
        connection.execute(update(t.label_class).where(t.label_class.c.name == "billing").values(name="invoices"))
        insert_row(connection, t.class_change, kind="rename", about="{}", user_id=team[0], at=1.0, taken_back=False)
    with studio.database.write() as connection:
        submit(connection, held["assignment"], team[0], "invoices")
        assert standing_votes(connection)[0][0] == held["row"]
    other = take(studio, team[1])
    with pytest.raises(BadInput, match="there is no class"), studio.database.write() as connection:
        submit(connection, other["assignment"], team[1], "billing")


def test_the_tables_let_nobody_hold_two_rows(studio, team):
    take(studio, team[0])
    with pytest.raises(IntegrityError), studio.database.write() as connection:
        insert_row(connection, t.assignment, row=5, user_id=team[0], state="open", handed_at=0.0, lease_until=1e12)


def test_who_labelled_many_rows_goes_on_with_new_ones_and_finishes_begun_ones_at_the_end(studio, team):
    """The oldest 100 begun rows are all Ann's, so five that Bo began come last for her."""
    with studio.database.write() as connection:
        add_rows(connection, range(130))
        for row in range(125):
            insert_row(connection, t.assignment, row=row, user_id=team[row >= 120], state="done", handed_at=0.0,
                       lease_until=0.0, label="[0]")  # fmt: skip
        connection.execute(update(t.pool).where(t.pool.c.row < 125).values(taken=1))
    rows = []
    while (held := answer(studio, team[0])) is not None:
        rows.append(held["row"])
    assert rows == [*range(125, 130), *range(120, 125)]
