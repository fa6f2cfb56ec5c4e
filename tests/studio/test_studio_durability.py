"""Nothing that was acknowledged is lost: killed servers, full disks, backups, two at once, older tables."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree, ignore_patterns
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.studio import daily_backups
from labelwright.studio import tables as t
from labelwright.studio import upgrade as upgrading
from labelwright.studio.backup import back_up, restore, verify
from labelwright.studio.database import Database, DatabaseUnavailable
from labelwright.studio.decisions import Choice, decide, standing
from labelwright.studio.group_decisions import decide_each, decide_together, undo_together
from labelwright.studio.lock import ProjectLock
from labelwright.studio.logins import open_session, visitor_of
from labelwright.studio.move import move_project
from labelwright.studio.studio import open_database
from labelwright.studio.upgrade import stored_version
from studio_world import Browser, fresh_studio
from ticket_world import write_tickets

SERVER = """
import sys
from pathlib import Path
import uvicorn
from labelwright.studio.app import create_app
from labelwright.studio.guard import Origins
from labelwright.studio.studio import open_studio
studio = open_studio(sys.argv[1], project=sys.argv[2], label="topic", id="ticket", jobs=1)
uvicorn.run(create_app(studio, Origins.of("127.0.0.1", int(sys.argv[3]))), port=int(sys.argv[3]), log_level="error")
"""
ROUNDS, CLIENTS = 3, 3


def decided(studio, row, verdict="keep", label=None, version=0):
    with studio.database.write() as connection:
        return decide(connection, Choice(row, verdict, version, label), studio.local_user)


def now(studio, row):
    with studio.database.read() as connection:
        return standing(connection, row)


class Reviewer(Thread):
    """Decides row after row over HTTP and remembers what was acknowledged."""

    def __init__(self, port, token, csrf, rows):
        super().__init__(daemon=True)
        self.port, self.rows, self.acknowledged = port, rows, []
        self.headers = {"Cookie": f"labelwright_session={token}", "X-CSRF-Token": csrf,
                        "Content-Type": "application/json"}  # fmt: skip

    def run(self):
        """Go on until the server is gone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            for row in self.rows:
                connection.request("POST", "/api/decisions", json.dumps({"row": row, "verdict": "keep", "version": 0}),
                                   self.headers)  # fmt: skip
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if answer.status == 201:
                    self.acknowledged.append((row, told["event"]))
        except (OSError, http.client.HTTPException, ValueError):
            pass


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/login")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start: {process.stderr.read().decode()}")


@pytest.mark.slow
def test_every_acknowledged_decision_is_there_after_each_kill(tmp_path):
    write_tickets(tmp_path / "made-tickets.csv")
    folder, fresh, sure = tmp_path / "project", iter(range(240)), []
    environment = {**os.environ, "LABELWRIGHT_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    token = csrf = None
    for _ in range(ROUNDS):
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(tmp_path / "made-tickets.csv"), str(folder), str(port)],
            stderr=subprocess.PIPE, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            wait_for(port, process)
            database = Database(f"sqlite:///{folder / 'studio.sqlite'}")
            if token is None:
                with database.write() as connection:
                    token = open_session(connection, connection.scalar(select(t.user.c.id)))
                    csrf = visitor_of(connection, token).csrf
            people = [Reviewer(port, token, csrf, [next(fresh) for _ in range(25)]) for _ in range(CLIENTS)]
            for one in people:
                one.start()
            until = time.monotonic() + 30
            while sum(len(one.acknowledged) for one in people) < 12 and time.monotonic() < until:
                time.sleep(0.002)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stderr.close()
        for one in people:
            one.join()
            sure += one.acknowledged
        with database.read() as connection:
            stored = {told.row: told.id for told in connection.execute(select(t.event.c.row, t.event.c.id))}
            states = dict(connection.execute(select(t.item.c.row, t.item.c.event_id)).all())
        database.close()
        assert all(stored[row] == event == states[row] for row, event in sure)
    assert len(sure) >= 12 * ROUNDS


def full(studio, *, pages):
    """Leave the database no room, or give it back: what SQLite says of a full disk, without filling one."""
    for _ in range(3):
        with studio.database.engine.connect() as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages or used}")


def test_a_full_disk_refuses_visibly_stores_nothing_and_works_again_with_room(studio):
    browser = Browser(studio).enter()
    full(studio, pages=0)
    note, answers = "x" * 2000, []
    for row in range(60):
        answer = browser.post("/api/decisions", {"row": row, "verdict": "keep", "version": 0, "note": note})
        answers.append((row, answer.status_code))
        if answer.status_code != 201:
            break
    assert answer.status_code == 507 and "the disk is full: nothing of this action was stored" in answer.text
    with studio.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.event)) == len(answers) - 1
    refused = answers[-1][0]
    assert now(studio, refused)["verdict"] is None
    full(studio, pages=1_000_000)
    again = browser.post("/api/decisions", {"row": refused, "verdict": "keep", "version": 0, "note": note})
    assert again.status_code == 201


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full_refuses_and_loses_nothing(ticket_audit, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount")
    try:
        studio = fresh_studio(ticket_audit, small)
        filler = small / "filler"
        with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        stored = []
        with pytest.raises(DatabaseUnavailable, match="the disk is full"):
            for row in range(240):
                stored.append((row, decided(studio, row)))
        filler.unlink()
        assert all(now(studio, row)["event"] == event for row, event in stored)
        decided(studio, len(stored))
        studio.close()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_two_studios_on_one_project_are_refused_with_the_process(tmp_path):
    lock = ProjectLock(tmp_path)
    with pytest.raises(BadInput, match=rf"a studio works on .* \(process {os.getpid()}\)\. Fix: stop it first"):
        ProjectLock(tmp_path)
    lock.release()
    ProjectLock(tmp_path).release()


def test_the_lock_of_a_killed_process_is_nobodys(tmp_path):
    holds = f"import time; from pathlib import Path; from labelwright.studio.lock import ProjectLock; " \
            f"lock = ProjectLock(Path({str(tmp_path)!r})); print('held', flush=True); time.sleep(60)"  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", holds], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BadInput, match=f"process {process.pid}"):
            ProjectLock(tmp_path)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    ProjectLock(tmp_path).release()


def test_nothing_is_restored_or_moved_under_a_running_studio(studio, tmp_path):
    copy = back_up(studio.database, tmp_path / "backups")
    lock = ProjectLock(tmp_path)
    for change in (
        lambda: restore(copy, tmp_path),
        lambda: move_project(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}"),
    ):
        with pytest.raises(BadInput, match="a studio works on"):
            change()
    lock.release()


def test_what_a_restore_replaces_is_kept_with_decisions_that_only_the_log_has(studio, tmp_path):
    copy = back_up(studio.database, tmp_path / "backups")
    decided(studio, 7)
    assert Path(f"{studio.database.path}-wal").stat().st_size > 0  # as after a kill: not closed
    kept = restore(copy, tmp_path)
    connection = sqlite3.connect(kept)
    assert connection.execute("SELECT row FROM event").fetchall() == [(7,)]
    connection.close()


def test_a_backup_that_finds_no_room_leaves_nothing_behind(studio, tmp_path, monkeypatch):
    def no_room(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("labelwright.studio.backup._checksum", no_room)
    with pytest.raises(sqlite3.OperationalError):
        back_up(studio.database, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_day_has_one_backup_and_fourteen_days_are_kept(studio, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(10, 26):
        for end in ("sqlite", "sha256"):
            path = folder / f"202611{day}T000000Z.{end}"
            path.write_text("old")
            os.utime(path, (0, 0))
    (folder / "before-upgrade-from-0001.sqlite").write_text("stays")
    running = daily_backups.DailyBackups(studio.database, folder)
    until = time.monotonic() + 20
    while daily_backups.seconds_until_due(folder) == 0.0 and time.monotonic() < until:
        time.sleep(0.01)
    running.stop()
    copies = daily_backups.daily_copies(folder)
    verify(copies[-1])
    assert len(copies) == 14 and copies[0].name == "20261113T000000Z.sqlite"
    assert 86_000 < daily_backups.seconds_until_due(folder) <= 86_400
    assert (folder / "before-upgrade-from-0001.sqlite").exists()
    assert len(list(folder.glob("*.sha256"))) == 14


def test_a_backup_made_while_people_decide_is_of_one_moment(studio, tmp_path):
    stop = []

    def work():
        for row in range(240):
            if stop:
                return
            decided(studio, row)

    person = Thread(target=work)
    person.start()
    copies = [back_up(studio.database, tmp_path / "backups", f"copy{k}") for k in range(3)]
    stop.append(True)
    person.join()
    for copy in copies:
        connection = sqlite3.connect(copy)
        events = connection.execute("SELECT count(*) FROM event").fetchone()
        assert connection.execute("SELECT count(*) FROM item WHERE event_id IS NOT NULL").fetchone() == events
        connection.close()


def test_migrations_make_exactly_the_tables_of_the_program(studio):
    with studio.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []


@pytest.fixture
def next_version(tmp_path, monkeypatch):
    """The program after its next change of tables; the statement of that change can be set."""
    folder = tmp_path / "migrations"
    copytree(Path(upgrading.__file__).parent / "migrations", folder, ignore=ignore_patterns("__pycache__"))

    def version(statement):
        lines = ["from alembic import op", "revision, down_revision = 'next', '0001'", "def upgrade():"]
        lines.append(f"    op.execute('ALTER TABLE item ADD COLUMN later INTEGER'); op.execute({statement!r})")
        (folder / "versions" / "next.py").write_text("\n".join(lines))
        monkeypatch.setattr(upgrading, "_MIGRATIONS", folder)

    return version


def test_an_older_project_is_backed_up_and_brought_up_to_date(studio, next_version):
    event = decided(studio, 3)
    next_version("UPDATE item SET later = version")
    database = open_database(studio.folder)
    with database.read() as connection:
        assert stored_version(connection) == "next"
        assert connection.exec_driver_sql("SELECT later, event_id FROM item WHERE row = 3").one() == (1, event)
    database.close()
    copy = studio.folder / "backups" / "before-upgrade-from-0001.sqlite"
    verify(copy)
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    assert connection.execute("SELECT event_id FROM item WHERE row = 3").fetchone() == (event,)
    connection.close()


def test_a_change_of_tables_that_fails_leaves_them_as_they_were(studio, next_version):
    decided(studio, 3)
    next_version("UPDATE no_such_table SET later = 1")
    with pytest.raises(OperationalError, match="no such table"):
        open_database(studio.folder)
    with studio.database.read() as connection:
        assert stored_version(connection) == "0001"
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []


def test_a_group_is_decided_in_a_few_statements_and_taken_back(studio):
    statements = []
    from sqlalchemy import event

    rows = list(range(200))
    with studio.database.write() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
        batch = decide_together(connection, rows, "keep", None, studio.local_user)
        assert undo_together(connection, batch, studio.local_user) == 200
        decide_each(connection, dict.fromkeys(rows, "[0]"), studio.local_user)
        assert len(statements) < 20
        assert connection.scalar(select(func.count()).where(t.item.c.verdict.is_not(None))) == 200


def test_the_command_line_keeps_a_project_and_carries_it_over(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))
    from labelwright.studio.studio import open_studio

    data, newer = tmp_path / "tickets.csv", tmp_path / "newer.csv"
    write_tickets(data)
    studio = open_studio(data, label="topic", id="ticket", jobs=1)
    decided(studio, 0, "keep")
    decided(studio, 5, "keep")
    folder = studio.folder
    with pytest.raises(BadInput, match="a studio works on"):
        open_studio(data, label="topic", id="ticket", jobs=1)
    data.with_name("newer.csv").write_bytes(data.read_bytes())
    assert run(["studio", "sync", str(folder), str(newer)]) == 2
    studio.close()
    lines = data.read_text(encoding="utf-8").splitlines()
    newer.write_text("\n".join([lines[0], *lines[2:]]) + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match="have changed since the project was made"):
        open_studio(newer, project=folder, label="topic", id="ticket", jobs=1)
    assert run(["studio", "sync", str(folder), str(newer), "--label", "topic", "--id", "ticket"]) == 0
    assert "1 decisions were carried over" in capsys.readouterr().out
    told = (tmp_path / "newer-studio" / "sync.csv").read_text(encoding="utf-8").splitlines()
    assert told[0] == "what,id" and [line.split(",")[0] for line in told[1:]] == ["gone"]
    assert run(["studio", "backup", str(folder)]) == 0
    (copy,) = (folder / "backups").glob("*.sqlite")
    assert run(["studio", "verify", str(copy)]) == 0
    capsys.readouterr()
    assert run(["studio", "restore", str(folder), str(copy)]) == 0
    assert "; what was there before is studio.before-restore-" in capsys.readouterr().out
    assert run(["studio", "restore", str(tmp_path / "drill"), str(copy)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"Restored from {copy.name}.",
        f"Next: labelwright studio DATA --project {tmp_path / 'drill'}",
    ]
