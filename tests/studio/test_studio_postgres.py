"""PostgreSQL: what holds on SQLite holds there, and many people work at the same moment."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import create_engine, func, make_url, select, text

pytest.importorskip("psycopg", reason="PostgreSQL needs labelwright[postgres]")

# The same facts, on the fixture `studio` of this file.
from tests.studio.test_studio_annotation import (  # noqa: F401
    team,
    test_a_row_goes_to_as_many_people_as_planned_and_to_nobody_twice,
    test_a_row_left_lying_goes_to_somebody_else,
    test_a_skipped_row_does_not_come_back_to_the_same_person,
    test_an_annotator_learns_nothing_that_tells_a_label,
    test_disagreement_is_settled_and_agreement_accepted_at_once,
    test_gold_questions_come_at_their_rate_and_count_for_nobody_else,
    test_the_same_answer_twice_counts_once_and_another_is_refused,
    test_the_whole_round_through_the_interface,
    test_who_labelled_many_rows_goes_on_with_new_ones_and_finishes_begun_ones_at_the_end,
)
from tests.studio.test_studio_decisions import (  # noqa: F401
    decided,
    now,
    test_a_decision_changes_the_row_and_leaves_the_queue,
    test_everything_of_one_person_since_a_time_is_taken_back,
    test_many_rows_decided_together_have_one_undo_that_spares_later_decisions,
    test_people_count_the_noise_rate_on_random_rows_only,
    test_the_precision_of_the_flags_is_what_people_changed,
    test_the_same_action_sent_twice_counts_once,
    test_undo_brings_back_the_decision_before,
    test_who_comes_second_is_told_and_changes_nothing,
    worst,
)
from tests.studio.test_studio_durability import (  # noqa: F401
    test_migrations_make_exactly_the_tables_of_the_program,
)
from tests.studio.test_studio_history import (  # noqa: F401
    test_all_of_one_person_is_one_line_and_comes_back_as_it_was,
    test_an_action_its_undo_and_its_return_are_one_line_each_with_a_count,
    test_one_decision_is_brought_back_once,
)
from tests.studio.test_studio_project import (  # noqa: F401
    names,
    test_a_merge_is_previewed_and_reversible,
    test_an_added_class_that_rows_have_cannot_be_taken_back,
    test_cells_of_the_confusion_count_suspect_rows,
    test_copies_stand_side_by_side,
)

from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.annotation import Plan, add_rows, next_row, set_plan, submit
from labelwright.studio.backup import back_up, restore, verify
from labelwright.studio.decisions import Choice, Conflict, decide
from labelwright.studio.lock import ProjectLock
from labelwright.studio.logins import add_user
from labelwright.studio.move import move_project
from labelwright.studio.studio import Studio, open_database
from postgres_world import private_postgres, why_not
from studio_world import Browser, fresh_studio

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
NUMBER = count()
AT_ONCE = 8


@pytest.fixture(scope="session")
def server():
    with private_postgres() as url:
        yield make_url(url)


@pytest.fixture(scope="session")
def admin(server):
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def empty(server, admin):
    """The URL of an empty database."""
    name = f"empty{next(NUMBER)}"
    admin.execute(text(f"CREATE DATABASE {name}"))
    return _written(server, name)


@pytest.fixture(scope="session")
def filled(server, admin, ticket_audit, tmp_path_factory):
    """The name of a database that holds a fresh project; others are copied from it."""
    admin.execute(text("CREATE DATABASE filled"))
    folder = tmp_path_factory.mktemp("filled")
    Studio(ticket_audit, open_database(folder, _written(server, "filled")), folder).close()
    return "filled"


@pytest.fixture
def studio(server, admin, filled, ticket_audit, tmp_path):
    name = f"project{next(NUMBER)}"
    admin.execute(text(f"CREATE DATABASE {name} TEMPLATE {filled}"))
    opened = Studio(ticket_audit, open_database(tmp_path, _written(server, name)), tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def browser(studio):
    return Browser(studio).enter()


def _written(server, name):
    return server.set(database=name).render_as_string(hide_password=False)


def at_once(work, arguments):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, arguments))


def test_the_database_is_postgresql(studio):
    assert studio.database.engine.dialect.name == "postgresql"


def test_of_many_who_decide_one_row_at_once_one_is_first_and_the_others_are_told(studio):
    (row,) = worst(studio)

    def attempt(_):
        try:
            with studio.database.write() as connection:
                return decide(connection, Choice(row, "keep", 0), studio.local_user)
        except Conflict as told:
            return told

    found = at_once(attempt, range(AT_ONCE))
    assert sum(isinstance(one, int) for one in found) == 1
    assert all(one.current["verdict"] == "keep" for one in found if isinstance(one, Conflict))


def test_one_action_sent_many_times_at_once_counts_once(studio):
    (row,) = worst(studio)
    numbers = at_once(lambda _: decided(studio, row, "keep", client_key="same"), range(AT_ONCE))
    assert len(set(numbers)) == 1 and now(studio, row)["version"] == 1


def test_people_who_ask_at_the_same_moment_never_get_a_row_more_often_than_planned(studio):
    rows, overlap = 12, 2
    with studio.database.write() as connection:
        people = [add_user(connection, f"person {k}", "annotator", "correct horse battery") for k in range(AT_ONCE)]
        add_rows(connection, range(rows))
        set_plan(connection, Plan(overlap=overlap, gold_every=0))

    def work(user):
        mine = []
        while True:
            held = next_row(studio.database, user)
            if held is None:
                return mine
            mine.append(held["row"])
            with studio.database.steps() as connection:
                submit(connection, held["assignment"], user, "billing")

    found = at_once(work, people)
    assert all(len(mine) == len(set(mine)) for mine in found)
    assert Counter(row for mine in found for row in mine) == dict.fromkeys(range(rows), overlap)
    with studio.database.read() as connection:
        assert connection.scalar(select(func.sum(t.pool.c.taken))) == rows * overlap


def test_one_person_who_asks_twice_at_once_holds_one_row(studio):
    with studio.database.write() as connection:
        user = add_user(connection, "hasty", "annotator", "correct horse battery")
        add_rows(connection, range(12))

    assert len({handed["row"] for handed in at_once(lambda _: next_row(studio.database, user), range(AT_ONCE))}) == 1
    with studio.database.read() as connection:
        assert connection.scalar(select(func.sum(t.pool.c.taken))) == 1


def test_a_project_moves_into_postgresql_and_its_numbers_go_on(ticket_audit, tmp_path, empty):
    source = fresh_studio(ticket_audit, tmp_path)
    last = [decided(source, row, "keep") for row in worst(source, 3)][-1]
    expected = [now(source, row) for row in range(20)]
    source.close()
    counts = move_project(tmp_path, empty)
    assert counts["item"] == len(ticket_audit.dataset) and counts["event"] == 3
    moved = Studio(ticket_audit, open_database(tmp_path, empty), tmp_path)
    assert [now(moved, row) for row in range(20)] == expected
    assert decided(moved, worst(moved)[0], "keep") == last + 1
    with moved.database.write() as connection:
        assert add_user(connection, "new", "viewer", "correct horse battery") == moved.local_user + 1
    moved.close()


def test_a_backup_of_postgresql_opens_as_a_project_of_its_own(studio, tmp_path, ticket_audit):
    decided(studio, 3, "relabel", "billing")
    copy = back_up(studio.database, tmp_path / "backups")
    verify(copy)
    restore(copy, tmp_path / "elsewhere")
    opened = Studio(ticket_audit, open_database(tmp_path / "elsewhere"), tmp_path / "elsewhere")
    assert [now(opened, row) for row in range(20)] == [now(studio, row) for row in range(20)]
    opened.close()


def test_two_machines_cannot_open_one_database(studio, tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    here, there = ProjectLock(tmp_path / "here"), ProjectLock(tmp_path / "there")
    here.lock_database(studio.database)
    with pytest.raises(BadInput, match="a studio works on this database"):
        there.lock_database(studio.database)
    here.release()
    there.lock_database(studio.database)
    there.release()
