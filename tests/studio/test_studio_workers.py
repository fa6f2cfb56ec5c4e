"""Two processes serve one studio on a real PostgreSQL: what one does holds for the other, and either may die."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from sqlalchemy import func, select, update

pytest.importorskip("psycopg", reason="PostgreSQL needs labelwright[postgres]")

from labelwright.cli import run
from labelwright.errors import BadInput, LabelwrightError
from labelwright.studio import shared_memory
from labelwright.studio import tables as t
from labelwright.studio.annotation import Plan, add_rows, set_plan
from labelwright.studio.database import Database, insert_row
from labelwright.studio.decisions import standing
from labelwright.studio.jobs import end_stale_jobs, jobs
from labelwright.studio.logins import KnownVisitors, OwnChange, add_user, open_session, visitor_of
from labelwright.studio.pulse import Pulse
from labelwright.studio.serve import Bind
from labelwright.studio.shared_memory import put, taken
from labelwright.studio.workers import UNREADY, Workers, at_once, check_connections, reserved_port
from postgres_world import private_postgres, why_not
from ticket_world import write_tickets

PASSWORD = "correct horse battery"
REPORT = "/api/export/report/mended"  # a job of some seconds
LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who holds a connection is told by Linux")
WITH_POSTGRES = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


def until(what, seconds=60):
    """Wait until something is true and return it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
    return found


class Served:
    """A studio with two workers, started as people start it."""

    def __init__(self, folder, url, *more, first="pass"):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        write_tickets(folder / "made-tickets.csv")
        (folder / "database").write_text(url)
        self.folder, self.database = folder / "project", Database(url)
        words = ["studio", str(folder / "made-tickets.csv"), "--label", "topic", "--id", "ticket", "--jobs", "1",
                 "--project", str(self.folder), "--database-file", str(folder / "database"), "--port", str(self.port),
                 "--workers", "2", *more]  # fmt: skip
        started = f"import sys; from labelwright.cli import main; sys.argv[0] = 'labelwright'; {first}; main()"
        environment = {**os.environ, "LABELWRIGHT_CACHE": str(folder.parent / "cache"), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", started, *words], stdout=subprocess.PIPE, stderr=(folder / "errors").open("w"),
            env=environment, text=True, start_new_session=True,
        )  # fmt: skip
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if "A backup is made" in line:
                return
        raise AssertionError((folder / "errors").read_text())

    def workers(self):
        """Return the numbers of the processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(k) for k in children if b"spawn_main" in _command_of(k)]

    def connection(self, worker):
        """Return a connection that this worker has taken."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            opened = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            opened.connect()
            time.sleep(0.01)
            if _socket_of(opened.sock.getsockname()[1], self.port) in _sockets(worker):
                return opened
            opened.close()
        raise AssertionError("no connection went there")

    def both(self):
        """Return a connection to each worker."""
        until(lambda: len(self.workers()) == 2)
        return [self.connection(worker) for worker in self.workers()]

    def session(self, user_id):
        """Return the headers of a person who is logged in."""
        with self.database.write() as connection:
            token = open_session(connection, user_id)
            csrf = visitor_of(connection, token).csrf
        return {"Cookie": f"labelwright_session={token}", "X-CSRF-Token": csrf, "Content-Type": "application/json"}

    def stop(self):
        """End it as a system does, and say how long that took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)
        return time.monotonic() - started


def _command_of(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""


def _socket_of(theirs, ours):
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (int(fields[1][-4:], 16), int(fields[2][-4:], 16)) == (ours, theirs):
            return f"socket:[{fields[9]}]"
    return None


def _sockets(process):
    found = set()
    for path in Path(f"/proc/{process}/fd").iterdir():
        try:
            found.add(str(path.readlink()))
        except OSError:
            continue
    return found


def ask(connection, method, path, headers=None, body=None):
    """Return the status and the answer."""
    connection.request(method, path, body if body is None or isinstance(body, str) else json.dumps(body), headers or {})
    answer = connection.getresponse()
    content = answer.read()
    kind = answer.getheader("content-type") or ""
    return answer.status, json.loads(content) if "json" in kind and content else content.decode()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with private_postgres() as url:
        server = Served(tmp_path_factory.mktemp("served"), url)
        yield server
        if server.process.poll() is None:
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server.process.stdout.close()
        server.database.close()


@pytest.fixture(scope="module")
def owner(served):
    """The headers of the person at the terminal, who came in by the link."""
    token = re.search(r"token=(\S+)", "".join(served.lines))[1]
    answers = []
    for connection in (*served.both(), *served.both()):
        connection.request("GET", f"/enter?token={token}")
        answer = connection.getresponse()
        answer.read()
        answers.append((answer.status, answer.getheader("set-cookie")))
    assert sorted(status for status, _ in answers) == [303, 403, 403, 403]
    cookie = next(cookie for _, cookie in answers if cookie).split(";")[0]
    csrf = ask(served.both()[0], "GET", "/api/me", {"Cookie": cookie})[1]["csrf"]
    return {"Cookie": cookie, "X-CSRF-Token": csrf, "Content-Type": "application/json"}


def new_user(served, name, role="annotator"):
    with served.database.write() as connection:
        return add_user(connection, name, role, PASSWORD)


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
TOGETHER = [pytest.mark.slow, LINUX, WITH_POSTGRES]


def together(test):
    """Mark a test that needs both workers."""
    for mark in TOGETHER:
        test = mark(test)
    return test


@together
def test_the_link_lets_one_browser_in_whichever_worker_is_asked(served, owner):
    assert [ask(connection, "GET", "/api/me", owner)[0] for connection in served.both()] == [200, 200]


@together
def test_an_account_switched_off_at_one_worker_is_out_at_once_at_the_other(served, owner):
    theirs = served.session(new_user(served, "gone", "reviewer"))
    here, there = served.both()
    assert ask(here, "GET", "/api/me", theirs)[0] == ask(there, "GET", "/api/me", theirs)[0] == 200
    assert ask(here, "PATCH", "/api/users/gone", owner, {"active": False})[0] == 200
    assert ask(there, "GET", "/api/me", theirs)[0] == 401


@together
def test_a_logout_at_one_worker_ends_the_session_at_the_other(served):
    theirs = served.session(new_user(served, "leaves"))
    here, there = served.both()
    assert ask(there, "GET", "/api/me", theirs)[0] == 200
    assert ask(here, "POST", "/api/logout", theirs)[0] == 204
    assert ask(there, "GET", "/api/me", theirs)[0] == 401


@together
def test_wrong_passwords_are_counted_together(served):
    new_user(served, "guessed")
    form, kind = (
        urlencode({"name": "guessed", "password": "wrong"}),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    both = served.both()
    codes = [ask(both[k % 2], "POST", "/login", kind, form)[0] for k in range(7)]
    assert codes == [403] * 5 + [429] * 2


@together
def test_a_class_that_one_worker_renames_is_known_to_the_other(served, owner):
    here, there = served.both()
    for connection in (here, there):
        assert "delivery" in str(ask(connection, "GET", "/api/classes", owner)[1])
    for old, new in (("delivery", "shipping"), ("shipping", "delivery")):
        assert ask(here, "POST", "/api/classes/rename", owner, {"old": old, "new": new})[0] == 201
        body = {"row": 200 + (new == "delivery"), "verdict": "relabel", "label": new, "version": 0}
        status, told = ask(there, "POST", "/api/decisions", owner, body)
        assert (status, told["now"]["label"]) == (201, new)


@together
def test_rows_handed_out_by_both_at_once_go_to_as_many_people_as_planned(served):
    people = [served.session(new_user(served, f"hand {k}")) for k in range(6)]
    with served.database.write() as connection:
        add_rows(connection, range(20))
        set_plan(connection, Plan(overlap=2, gold_every=0))
    both = [served.both() for _ in people]

    def work(k):
        mine, turn = [], 0
        while True:
            status, handed = ask(both[k][turn % 2], "POST", "/api/annotation/next", people[k])
            assert status == 200
            if handed["row"] is None:
                return mine
            mine.append(handed["row"])
            path = f"/api/annotation/{handed['assignment']}/answer"
            assert ask(both[k][(turn + 1) % 2], "POST", path, people[k], {"label": "billing"})[0] == 201
            turn += 1

    with ThreadPoolExecutor(len(people)) as pool:
        found = list(pool.map(work, range(len(people))))
    assert all(len(mine) == len(set(mine)) for mine in found)
    assert sorted(row for mine in found for row in mine) == sorted(list(range(20)) * 2)
    with served.database.read() as connection:
        assert connection.scalar(select(func.sum(t.pool.c.taken))) == 40


@together
def test_one_job_runs_at_a_time_and_either_worker_ends_it(served, owner):
    here, there = served.both()
    status, told = ask(here, "POST", REPORT, owner)
    assert status == 201
    assert ask(there, "POST", "/api/jobs", owner)[0] == 422
    assert ask(there, "GET", "/api/jobs", owner)[1][0]["state"] == "running"
    assert ask(there, "POST", "/api/jobs/cancel", owner)[0] == 204
    (ended,) = until(lambda: [one for one in ask(there, "GET", "/api/jobs", owner)[1] if one["state"] != "running"])
    assert (ended["id"], ended["state"]) == (told["job"], "cancelled")


@together
def test_both_find_the_same_neighbourhoods(served, owner):
    def found(connection):
        status, told = ask(connection, "GET", "/api/neighbourhoods", owner)
        return status == 200 and told

    one, other = (until(lambda connection=connection: found(connection)) for connection in served.both())
    assert one == other


@together
def test_there_is_one_backup_a_day(served):
    assert len(until(lambda: list((served.folder / "backups").glob("*.sqlite")))) == 1


@together
def test_a_killed_worker_is_replaced_its_job_is_over_and_no_decision_is_lost(served, owner):
    victim, other = served.workers()
    here = served.connection(victim)
    assert ask(here, "POST", REPORT, owner)[0] == 201
    sure = {}
    for row in range(100, 120):
        status, told = ask(here, "POST", "/api/decisions", owner, {"row": row, "verdict": "keep", "version": 0})
        assert status == 201
        sure[row] = told["event"]
    os.kill(victim, signal.SIGKILL)
    assert ask(served.connection(other), "GET", "/api/me", owner)[0] == 200
    until(lambda: len(served.workers()) == 2 and victim not in served.workers())
    with served.database.read() as connection:
        assert {row: standing(connection, row)["event"] for row in sure} == sure
    until(lambda: ask(served.connection(other), "GET", "/api/jobs", owner)[1][0]["state"] == "cancelled")
    fresh = next(number for number in served.workers() if number != other)
    assert ask(served.connection(fresh), "GET", "/api/me", owner)[0] == 200
    assert f"worker {victim} has ended" in (served.folder.parent / "errors").read_text()


@together
def test_a_worker_that_hangs_is_killed_and_replaced_and_those_that_answer_are_left_alone(tmp_path):
    with private_postgres() as url:
        server = Served(tmp_path, url, first="from labelwright.studio import workers; workers.SILENT = 2.0")
        hangs, other = until(lambda: len(found := server.workers()) == 2 and found)
        waits = server.connection(hangs)
        os.kill(hangs, signal.SIGSTOP)
        waits.request("GET", "/login")
        fresh = until(lambda: set(server.workers()) - {hangs, other})
        assert hangs not in server.workers() and other in server.workers()
        with pytest.raises((OSError, http.client.HTTPException)):  # whoever waited for it is told, and asks again
            waits.getresponse()
        assert ask(server.connection(fresh.pop()), "GET", "/login")[0] == 200
        said = (tmp_path / "errors").read_text()
        assert re.search(rf"worker {hangs} has not answered for \d+ seconds and is killed", said)
        assert f"worker {hangs} has ended (-9)" in said and str(other) not in said
        assert server.stop() < 20
        server.process.stdout.close()
        server.database.close()


@together
def test_workers_that_were_stopped_together_with_the_first_process_go_on(tmp_path):
    with private_postgres() as url:
        server = Served(tmp_path, url, first="from labelwright.studio import workers; workers.SILENT = 2.5")
        workers = until(lambda: len(found := server.workers()) == 2 and found)
        os.killpg(server.process.pid, signal.SIGSTOP)  # Ctrl-Z
        time.sleep(4)
        os.killpg(server.process.pid, signal.SIGCONT)
        time.sleep(1.5)
        assert server.workers() == workers and "killed" not in (tmp_path / "errors").read_text()
        assert server.stop() < 20
        server.process.stdout.close()
        server.database.close()


@together
def test_the_port_is_nobody_elses_while_workers_share_it(served):
    with pytest.raises(BadInput, match="cannot be had"), reserved_port(Bind(port=served.port)):
        pass


@together
def test_a_signal_ends_all_of_them(served, owner):
    workers = served.workers()
    assert served.stop() < 20 and served.process.returncode == 0
    assert not any(Path(f"/proc/{number}").exists() for number in workers)
    with reserved_port(Bind(port=served.port)):
        pass


@together
def test_ctrl_c_in_the_terminal_ends_all_of_them_without_a_word(tmp_path):
    with private_postgres() as url:
        server = Served(tmp_path, url)
        workers = server.workers()
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait(40) == 0
        server.process.stdout.close()
        assert not any(Path(f"/proc/{number}").exists() for number in workers)
        said = (tmp_path / "errors").read_text()
        assert "Traceback" not in said and "has ended" not in said
        server.database.close()


@together
def test_workers_end_with_the_process_that_started_them(tmp_path):
    with private_postgres() as url:
        server = Served(tmp_path, url)
        workers = server.workers()
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        until(lambda: not any(Path(f"/proc/{number}").exists() for number in workers), 20)
        server.database.close()


@WITH_POSTGRES
def test_more_workers_than_postgresql_has_connections_for_are_refused():
    with private_postgres() as url:
        database = Database(url)
        check_connections(database, 2)
        with pytest.raises(BadInput, match=r"40 workers need up to 406 connections, and this PostgreSQL allows 97"):
            check_connections(database, 40)
        database.close()


def test_with_an_sqlite_file_one_process_serves(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LABELWRIGHT_CACHE", str(tmp_path / "cache"))
    write_tickets(tmp_path / "tickets.csv")
    words = ["studio", str(tmp_path / "tickets.csv"), "--label", "topic", "--id", "ticket", "--jobs", "1"]
    assert run([*words, "--workers", "2"]) == 2
    said = capsys.readouterr().err
    assert not (tmp_path / "cache").exists()  # said before the audit
    assert "2 workers need PostgreSQL, and this project is in an SQLite file. Fix: leave --workers out" in said


def test_workers_share_what_one_process_works_on_at_a_time():
    assert [at_once(number) for number in (1, 2, 4, 16)] == [16, 8, 4, 4]


def read_shared(shared, sender):
    sender.send({name: (array.sum(), array.flags.writeable) for name, array in taken(shared).items()})


def test_what_is_put_into_shared_memory_is_the_same_in_another_process_and_cannot_be_written(tmp_path):
    np.save(tmp_path / "mapped.npy", np.arange(10_000.0))
    mapped = np.load(tmp_path / "mapped.npy", mmap_mode="r")
    value = {"mapped": mapped, "odd": np.arange(7, dtype=np.int8), "empty": np.zeros((0, 3)), "large": np.ones(99_999)}
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with closing(put(value, tmp_path)) as shared:
        process = context.Process(target=read_shared, args=(shared, sender))
        process.start()
        found = receiver.recv()
        process.join()
        assert shared.file.tell() < 8 * (10_000 + 99_999) + 10_000  # each array once
    assert {name: total for name, (total, _) in found.items()} == {name: array.sum() for name, array in value.items()}
    assert not found["mapped"][1] and not found["large"][1]
    assert [path.name for path in tmp_path.iterdir()] == ["mapped.npy"]  # the file has no name


def test_data_for_which_there_is_no_room_are_said(tmp_path, monkeypatch):
    def no_room(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shared_memory, "TemporaryFile", no_room)
    with pytest.raises(BadInput, match=r"the data cannot be put into .* \(No space left on device\)\. Fix: make room"):
        put([1], tmp_path)


def test_whoever_shares_the_number_of_changes_forgets_sessions_too(studio):
    shared = OwnChange()
    here, there = KnownVisitors(shared), KnownVisitors(shared)
    with studio.database.write() as connection:
        token = open_session(connection, studio.local_user)
    for visitors in (here, there):
        assert visitors.look_up(studio.database, token) == visitors.get(token) is not None
    here.forget()
    assert here.get(token) is there.get(token) is None


def test_jobs_that_nobody_watches_are_cancelled_those_of_others_are_not(studio):
    with studio.database.write() as connection:
        insert_row(connection, t.job, kind="train", state="running", done=0.0, about="{}", stop=False,
                   user_id=studio.local_user, started_at=0.0, owner=7)  # fmt: skip
        end_stale_jobs(connection, 8)
        assert [job["state"] for job in jobs(connection)] == ["running"]
        end_stale_jobs(connection, 7)
        assert [job["state"] for job in jobs(connection)] == ["cancelled"]
        connection.execute(update(t.job).values(state="running"))
        end_stale_jobs(connection)
        assert [job["state"] for job in jobs(connection)] == ["cancelled"]


class Count:
    """A number that a process counts up."""

    value = 0


def test_a_process_is_silent_for_as_long_as_it_counts_no_further():
    count = Count()
    pulse = Pulse(count)
    assert [pulse.look(1.0) for _ in range(3)] == [1.0, 2.0, 3.0]
    count.value += 1
    assert [pulse.look(1.0) for _ in range(2)] == [0.0, 1.0]


def test_what_passes_while_nobody_looks_is_not_counted_as_silence():
    assert Pulse(Count(), longest_look=2.0).look(3600.0) == 2.0


class Ended:
    """A worker that has ended before it listened."""

    pid, exitcode = 1, -9

    def close(self):
        """Do nothing."""


def test_as_long_as_one_serves_those_that_end_are_tried_again_at_leisure():
    workers = Workers(None, None, 2, lambda: None)
    workers._processes = {"one that serves": None}
    for _ in range(UNREADY + 1):
        ended = Ended()
        workers._processes[ended] = ended
        workers._replace(ended)
    assert workers._due[0] <= time.monotonic() < workers._due[-1]
    assert workers._processes == {"one that serves": None}


def test_where_none_serves_and_all_end_the_studio_ends():
    workers = Workers(None, None, 2, lambda: None)
    with pytest.raises(LabelwrightError, match="end before they listen"):
        for _ in range(UNREADY):
            ended = Ended()
            workers._processes[ended] = ended
            workers._replace(ended)
