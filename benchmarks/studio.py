"""The studio under load: many people at once, a million rows, and kills; a real server, reached over loopback.

Clients run on the same two cores as the server. ``LABELWRIGHT_LOAD_SECONDS`` (300) is how long people work.

Run: ``python -m benchmarks.studio``
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.records import load as load_average
from benchmarks.records import store

COMMAND = "python -m benchmarks.studio"
MILLION = 1_000_000
CLASSES = 10
PACE = 0.5  # seconds between the decisions of one person
LIMIT = 0.150  # seconds


def made_audit(folder: Path, n: int) -> Any:
    """Return what an audit of `n` short texts would leave, a tenth of them suspect, without the audit."""
    from labelwright.audit.findings import SCHEMA
    from labelwright.audit.options import AuditOptions
    from labelwright.audit.run import AuditResult
    from labelwright.data.load import load_dataset

    rng, path = np.random.default_rng(0), folder / "made.csv"
    labels = rng.integers(0, CLASSES, n)
    if not path.exists():
        with path.open("w", encoding="utf-8") as file:
            file.write("id,text,label\n")
            file.writelines(f"r{row},short text number {row},class {k}\n" for row, k in enumerate(labels.tolist()))
    dataset = load_dataset(path, label="label", id="id", text="text")
    scores = rng.random(n)
    columns: dict[str, Any] = {name: pa.nulls(n, SCHEMA.field(name).type) for name in SCHEMA.names}
    names = np.array([f"class {k}" for k in range(CLASSES)])
    known = {
        "row": np.arange(n), "id": [f"r{row}" for row in range(n)], "kind": ["label"] * n, "level": ["row"] * n,
        "score": scores, "is_issue": scores < 0.1, "given": names[labels], "suggested": names[(labels + 1) % CLASSES],
    }  # fmt: skip
    for name, values in known.items():
        if name in columns:
            columns[name] = pa.array(values, SCHEMA.field(name).type)
    issues = pa.table(columns, schema=SCHEMA)
    return AuditResult(dataset, AuditOptions(), (), issues, None, None, None, None, None, (), {}, {})


def serve(folder: Path, n: int, port: int, url: str | None) -> None:
    """Serve a made project until killed."""
    import uvicorn

    from labelwright.studio.app import create_app
    from labelwright.studio.guard import Origins
    from labelwright.studio.studio import Studio, open_database

    studio = Studio(made_audit(folder, n), open_database(folder, url), folder)
    uvicorn.run(create_app(studio, Origins.of("127.0.0.1", port)), port=port, log_level="error", access_log=False)


class Server:
    """A server in a process of its own; killed at the end, as hard as can be."""

    def __init__(self, folder: Path, n: int, url: str | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = [sys.executable, "-m", "benchmarks.studio", "--serve", str(folder), str(n), str(self.port), url or ""]
        self.process = subprocess.Popen(words, start_new_session=True)
        until = time.monotonic() + 600
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.connection().request("GET", "/login")
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def megabytes(self) -> float:
        """Return the most memory that it has held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def forget_most(self) -> None:
        """Count the most memory from now on: making up an audit is none of the server's work."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="utf-8")

    def cpu_seconds(self) -> float:
        """Return the processor seconds that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def people_of(folder: Path, url: str | None, number: int, rows: int) -> list[dict[str, str]]:
    """Make accounts with open sessions and a pool of rows; return the headers that each person sends."""
    from labelwright.studio.annotation import Plan, add_rows, set_plan
    from labelwright.studio.database import insert_row
    from labelwright.studio.logins import open_session, visitor_of
    from labelwright.studio.studio import open_database
    from labelwright.studio.tables import user

    database, found = open_database(folder, url), []
    with database.write() as connection:
        if rows:
            add_rows(connection, range(rows))
            set_plan(connection, Plan(overlap=2, gold_every=0))
        for k in range(number):
            values = {"name": f"p{time.time_ns()}-{k}", "role": "reviewer", "active": True, "created_at": time.time()}
            token = open_session(connection, insert_row(connection, user, **values))
            csrf = visitor_of(connection, token).csrf  # type: ignore[union-attr]
            cookie = f"labelwright_session={token}"
            found.append({"Cookie": cookie, "X-CSRF-Token": csrf, "Content-Type": "application/json"})
    database.close()
    return found


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: Any = None
) -> tuple[int, Any, float]:
    """Return the status, the answer and the seconds of one request."""
    started = time.perf_counter()
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    return answer.status, json.loads(content or b"null"), time.perf_counter() - started


def load(name: str, people: int, url: str | None, seconds: float) -> dict[str, Any]:
    """Let people annotate at once, from a process of their own."""
    rows = int(people * seconds / PACE)  # twice as many as are needed, since two people label each
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        server = Server(folder, max(rows, 30_000), url)
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
            (headers,) = people_of(folder, None, 1, 0)
            connection, rows = server.connection(), []
            for path, must in (("/api/queue", 0.3), ("/api/overview", 0.3), ("/api/groups", None)):
                times = [asked(connection, "GET", path, headers)[2] for _ in range(6)]
                row = {"work": f"{path}, 1M rows, a tenth suspect", "first ms": times[0] * 1e3,
                       "p50 ms": float(np.median(times[1:])) * 1e3}  # fmt: skip
                held = {"must": "300 ms", "holds": max(times) <= must} if must else {"must": "", "holds": None}
                rows.append(row | held)
            most = server.megabytes()
        finally:
            server.kill()
    rows.append({"work": "most memory of the server while it serves 1M rows, opened again, made audit without features",
                 "MB": most, "must": "600 MB", "holds": most <= 600})  # fmt: skip
    rows.append({"work": "most memory while 1M rows are filled in, and until the page is there", "MB": filled,
                 "seconds": ready, "must": "", "holds": None})  # fmt: skip
    return rows


def kills(rounds: int, name: str = "SQLite", url: str | None = None) -> dict[str, Any]:
    """Kill the server under load again and again and look for what it acknowledged."""
    sure: list[tuple[int, int]] = []
    lost = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for turn in range(rounds):
            server = Server(folder, 30_000, url)
            headers = people_of(folder, url, 4, 0)
            threads = [
                threading.Thread(
                    target=review, args=(server, headers[k], range(turn * 400 + k, turn * 400 + 400, 4), sure)
                )
                for k in range(4)
            ]
            for thread in threads:
                thread.start()
            time.sleep(0.15 + 0.01 * turn)
            server.kill()
            for thread in threads:
                thread.join()
            lost = max(lost, len(set(sure) - standing_events(folder, url)))
    return {"work": f"{rounds} kills (SIGKILL) under load, {name}, {len(sure):,} decisions acknowledged", "lost": lost,
            "must": "0 lost", "holds": lost == 0 and bool(sure)}  # fmt: skip


def review(server: Server, headers: dict[str, str], rows: range, sure: list[tuple[int, int]]) -> None:
    """Decide row after row until the server is gone; note what was acknowledged."""
    connection = server.connection()
    try:
        for row in rows:
            body = {"row": row, "verdict": "keep", "version": 0}
            status, told, _ = asked(connection, "POST", "/api/decisions", headers, body)
            if status == 201:
                sure.append((row, told["event"]))
    except (OSError, http.client.HTTPException, ValueError):
        return


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


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    from tests.postgres_world import private_postgres, why_not

    seconds, rounds = float(os.environ.get("LABELWRIGHT_LOAD_SECONDS", "300")), 50
    rows = [load("SQLite", 20, None, seconds)]
    if why_not() is None:
        with private_postgres(durable=True) as url:
            rows.append(load("PostgreSQL", 100, url, seconds))
        with private_postgres(durable=True) as url:
            rows.append(kills(10, "PostgreSQL", url))
    print(rows, flush=True)
    rows.append(kills(int(os.environ.get("LABELWRIGHT_KILLS", rounds))))
    print(rows[-1], flush=True)
    rows += million()
    store("studio", COMMAND, rows)
    return rows


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] or None)
    else:
        for row in main():
            print(row)
