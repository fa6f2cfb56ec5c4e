"""The studio under load: many people at once, a million rows, and kills; a real server, reached over loopback.

Clients run on the same two cores as the server. ``LABELWRIGHT_LOAD_SECONDS`` (300) is how long people work and
``LABELWRIGHT_KILLS`` (50) how often a server is killed; with other numbers figures are shown and not stored.

Run: ``python -m benchmarks.studio``, or parts of it: ``python -m benchmarks.studio --only postgresql --only million``
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import RESULTS, store
from benchmarks.records import load as load_average
from benchmarks.studio_server import Server, asked, people_of

COMMAND = "python -m benchmarks.studio"
PARTS = ("sqlite", "postgresql", "kills", "million")
MILLION = 1_000_000
PACE = 0.5  # seconds between the decisions of one person
LIMIT = 0.150  # seconds
SECONDS, KILLS, WORKERS = 300.0, 50, 2
TURNS = 200  # rows that one person is handed of a million
REVIEWERS = 4  # who decide without a pause while servers are killed
ROWS_A_ROUND, ROWS_OF_WORKERS = 800, 100_000  # more than they decide before a server, or the last worker, is killed
A_ROUND = 60.0  # seconds, within which a killed worker has a successor and decisions go on


def load(name: str, people: int, url: str | None, seconds: float, workers: int = 1) -> dict[str, Any]:
    """Let people annotate at once, from a process of their own."""
    rows = int(people * seconds / PACE)  # twice as many as are needed, since two people label each
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        server = Server(folder, max(rows, 30_000), url, workers)
        try:
            work = {"port": server.port, "turns": int(seconds / PACE), "pace": PACE}
            headers = [h | {"Host": f"127.0.0.1:{server.port}"} for h in people_of(folder, url, people, rows)]
            words, before = [sys.executable, "-m", "benchmarks.studio_people"], server.cpu_seconds()
            done = subprocess.run(words, input=json.dumps(work | {"people": headers}), capture_output=True, check=True,
                                  text=True)  # fmt: skip
            spent = server.cpu_seconds() - before
        finally:
            server.kill()
    told = json.loads(done.stdout)
    times, rate = told["next"] + told["answer"], len(told["answer"]) / told["wall"]
    p95, asked_rate = float(np.quantile(times, 0.95)), people / PACE
    return {"work": f"{people} annotators on {name}, 2 decisions/s each for {seconds:.0f} s (next row and answer)",
            "decisions a second": rate, "p50 ms": float(np.median(times)) * 1e3, "p95 ms": p95 * 1e3,
            "next row p95 ms": float(np.quantile(told["next"], 0.95)) * 1e3, "errors": len(told["errors"]),
            "server cpu ms a request": spent / len(times) * 1e3,
            "client cpu ms a request": told["cpu"] / len(times) * 1e3,
            "load of the machine after": load_average(), "must": f"no error, p95 150 ms, {asked_rate:.0f} decisions/s",
            "holds": not told["errors"] and p95 <= LIMIT and rate >= 0.97 * asked_rate}  # fmt: skip


def million() -> list[dict[str, Any]]:
    """Measure a project of a million rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        started = time.perf_counter()
        server = Server(folder, MILLION)
        ready = time.perf_counter() - started
        filled = server.megabytes()
        server.kill()
        server = Server(folder, MILLION)
        try:
            server.forget_most()
            rows = _pages(server, folder)
            rows.append(_next_rows(server, folder))
            most = server.megabytes()
        finally:
            server.kill()
    rows.append({"work": "most memory of the server while it serves 1M rows, opened again, made audit without features",
                 "MB": most, "must": "600 MB", "holds": most <= 600})  # fmt: skip
    rows.append({"work": "most memory while 1M rows are filled in, and until the page is there", "MB": filled,
                 "seconds": ready, "must": "", "holds": None})  # fmt: skip
    return rows


def _pages(server: Server, folder: Path) -> list[dict[str, Any]]:
    """Measure what reviewers ask for."""
    (headers,) = people_of(folder, None, 1, 0)
    connection, rows = server.connection(), []
    for path, must in (("/api/queue", 0.3), ("/api/overview", 0.3), ("/api/groups", None)):
        times = [asked(connection, "GET", path, headers)[2] for _ in range(6)]
        row = {"work": f"{path}, 1M rows, a tenth suspect", "first ms": times[0] * 1e3,
               "p50 ms": float(np.median(times[1:])) * 1e3}  # fmt: skip
        held = {"must": "300 ms", "holds": max(times) <= must} if must else {"must": "", "holds": None}
        rows.append(row | held)
    return rows


def _next_rows(server: Server, folder: Path) -> dict[str, Any]:
    """Measure how one annotator is handed rows of a pool that holds all of them."""
    (headers,) = people_of(folder, None, 1, MILLION)
    connection, times = server.connection(), []
    for _ in range(TURNS):
        _, handed, took = asked(connection, "POST", "/api/annotation/next", headers)
        times.append(took)
        path = f"/api/annotation/{handed['assignment']}/answer"
        status, told, _ = asked(connection, "POST", path, headers, {"label": "class 1"})
        if status != 201:
            raise RuntimeError(told)
    return {"work": f"the next row, 1M rows to label, {TURNS} of them by one annotator", "first ms": times[0] * 1e3,
            "p50 ms": float(np.median(times)) * 1e3, "p95 ms": float(np.quantile(times, 0.95)) * 1e3,
            "must": "p95 150 ms", "holds": float(np.quantile(times, 0.95)) <= LIMIT}  # fmt: skip


def shared_million(url: str) -> dict[str, Any]:
    """Measure the memory of several workers that serve a million rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        server = Server(folder, MILLION, url, WORKERS)
        try:
            (headers,) = people_of(folder, url, 1, 0)
            for path in (
                "/api/queue",
                "/api/overview",
                "/api/items/3",
            ) * 10:  # each over a connection of its own, to any worker
                asked(server.connection(), "GET", path, headers)
            held = server.shared_megabytes()
            further = max(held[number][1] for number in server.workers())
        finally:
            server.kill()
    return {"work": f"memory of {WORKERS} workers on PostgreSQL and the process that starts them, 1M rows",
            "MB": sum(part for part, _ in held.values()), "MB a further worker": further, "must": "",
            "holds": None}  # fmt: skip


def kills(rounds: int, name: str = "SQLite", url: str | None = None, workers: int = 1) -> dict[str, Any]:
    """Kill the server under load again and again and look for what it acknowledged."""
    sure: list[tuple[int, int]] = []
    lost = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for turn in range(rounds):
            server = Server(folder, rounds * ROWS_A_ROUND, url, workers)
            rows = range(turn * ROWS_A_ROUND, (turn + 1) * ROWS_A_ROUND)
            threads = _reviewers(server, people_of(folder, url, REVIEWERS, 0), rows, sure)
            try:
                _more_than(sure, len(sure), lambda: True)
                time.sleep(0.2 + 0.01 * turn)
                _check_work(threads)
            finally:
                server.kill()
                for thread in threads:
                    thread.join()
            lost = max(lost, len(set(sure) - standing_events(folder, url)))
    return {"work": f"{rounds} kills (SIGKILL) under load, {name}, {len(sure):,} decisions acknowledged", "lost": lost,
            "load of the machine after": load_average(), "must": "0 lost", "holds": lost == 0}  # fmt: skip


def worker_kills(rounds: int, url: str) -> dict[str, Any]:
    """Kill one worker after the other under load, which goes on, and look for what they acknowledged."""
    sure: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        server = Server(folder, ROWS_OF_WORKERS, url, WORKERS)
        threads = _reviewers(server, people_of(folder, url, REVIEWERS, 0), range(ROWS_OF_WORKERS), sure, again=True)
        try:
            for turn in range(rounds):
                _more_than(sure, len(sure) + 20, lambda: len(server.listening()) == WORKERS)
                _check_work(threads)
                os.kill(random.Random(turn).choice(server.listening()), signal.SIGKILL)
            _more_than(sure, len(sure) + 20, lambda: len(server.listening()) == WORKERS)
        finally:
            server.kill()
            for thread in threads:
                thread.join()
        lost = len(set(sure) - standing_events(folder, url))
    return {"work": f"{rounds} kills (SIGKILL) of one of {WORKERS} workers under load, PostgreSQL, "
            f"{len(sure):,} decisions acknowledged", "lost": lost, "load of the machine after": load_average(),
            "must": "0 lost, the others go on", "holds": lost == 0}  # fmt: skip


def _more_than(sure: Sequence[tuple[int, int]], number: int, also: Callable[[], bool]) -> None:
    """Wait until more than so many decisions are acknowledged, and something else is true."""
    until = time.monotonic() + A_ROUND
    while len(sure) <= number or not also():
        if time.monotonic() > until:
            raise RuntimeError(f"{len(sure)} decisions in {A_ROUND:.0f} s, more than {number} were to come")
        time.sleep(0.01)


def _check_work(threads: Sequence[threading.Thread]) -> None:
    """Raise RuntimeError when somebody has nothing left to decide: then a kill would come without load."""
    if not all(thread.is_alive() for thread in threads):
        raise RuntimeError("a reviewer has no rows left")


def _reviewers(
    server: Server, headers: Sequence[dict[str, str]], rows: range, sure: list[tuple[int, int]], *, again: bool = False
) -> list[threading.Thread]:
    """Let people decide rows side by side, each another one."""
    number = len(headers)
    threads = [
        threading.Thread(target=review, args=(server, headers[k], rows[k::number], sure, again)) for k in range(number)
    ]
    for thread in threads:
        thread.start()
    return threads


def review(
    server: Server, headers: dict[str, str], rows: range, sure: list[tuple[int, int]], again: bool = False
) -> None:
    """Decide row after row until the server is gone; note what was acknowledged; `again` goes on to its next worker."""
    connection = server.connection()
    for row in rows:
        try:
            body = {"row": row, "verdict": "keep", "version": 0}
            status, told, _ = asked(connection, "POST", "/api/decisions", headers, body)
            if status == 201:
                sure.append((row, told["event"]))
        except (OSError, http.client.HTTPException, ValueError):
            if not again or server.process.poll() is not None:
                return
            connection = server.connection()


def standing_events(folder: Path, url: str | None) -> set[tuple[int, int]]:
    """Return the rows that are decided, each with its event in the log."""
    from sqlalchemy import select

    from labelwright.studio.studio import open_database
    from labelwright.studio.tables import event, item

    database = open_database(folder, url)
    with database.read() as connection:
        query = select(item.c.row, event.c.id).join(event, event.c.id == item.c.event_id)
        found = {(int(row), int(number)) for row, number in connection.execute(query)}
    database.close()
    return found


def measured(part: str, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Measure one part; those on PostgreSQL are left out where there is none."""
    from tests.postgres_world import private_postgres, why_not

    rows: list[dict[str, Any]] = []
    if part == "sqlite":
        rows.append(load("SQLite", 20, None, seconds))
    elif part == "kills":
        rows.append(kills(rounds))
    elif part == "million":
        rows += million()
    if why_not() is not None or part == "sqlite":
        return rows
    with private_postgres(durable=True) as url:
        if part == "postgresql":
            rows.append(load(f"PostgreSQL, --workers {WORKERS}", 100, url, seconds, WORKERS))
        elif part == "kills":
            rows.append(kills(max(rounds // 5, 1), f"PostgreSQL, --workers {WORKERS}", url, WORKERS))
        else:
            rows.append(shared_million(url))
    if part == "kills":
        with private_postgres(durable=True) as url:
            rows.append(worker_kills(max(rounds // 5, 1), url))
    return rows


def main(parts: Sequence[str] = PARTS) -> list[dict[str, Any]]:
    """Measure some parts, and store their rows in the place of those that they had."""
    seconds = float(os.environ.get("LABELWRIGHT_LOAD_SECONDS", SECONDS))
    rounds = int(os.environ.get("LABELWRIGHT_KILLS", KILLS))
    known = _stored()
    for part in parts:
        rows = [{"part": part, **row} for row in measured(part, seconds, rounds)]
        for row in rows:
            print(row, flush=True)
        if (seconds, rounds) == (SECONDS, KILLS) or part == "million":
            known[part] = rows
            store("studio", COMMAND, [row for name in PARTS for row in known[name]])
    return [row for part in parts for row in known[part]]


def _stored() -> dict[str, list[dict[str, Any]]]:
    path = RESULTS / "studio.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    return {part: [row for row in rows if row.get("part") == part] for part in PARTS}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part alone; may be repeated")
    main(parser.parse_args().only or PARTS)
