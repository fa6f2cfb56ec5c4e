"""A studio to be measured: made data and a made audit, a real server in processes of its own, people with sessions.

Run by ``python -m benchmarks.studio``.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

CLASSES = 10
READY = "ready"
LISTENS = "0A"  # of a socket, as Linux tells it


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


def serve(folder: Path, n: int, port: int, url: str | None, workers: int) -> None:
    """Serve a made project until killed."""
    import uvicorn

    from labelwright.studio.app import create_app
    from labelwright.studio.guard import Origins
    from labelwright.studio.serve import Bind
    from labelwright.studio.studio import Studio, open_database
    from labelwright.studio.workers import run_workers

    studio = Studio(made_audit(folder, n), open_database(folder, url), folder)
    if workers > 1:
        run_workers(studio, Bind(port=port), workers, by_link=False, ready=(folder / READY).touch)
        return
    uvicorn.run(create_app(studio, Origins.of("127.0.0.1", port)), port=port, log_level="error", access_log=False)


class Server:
    """A server in processes of its own; killed at the end, as hard as can be."""

    def __init__(self, folder: Path, n: int, url: str | None = None, workers: int = 1) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / READY).unlink(missing_ok=True)
        words = [sys.executable, "-m", "benchmarks.studio_server", str(folder), str(n), str(self.port), url or "",
                 str(workers)]  # fmt: skip
        self.process = subprocess.Popen(words, start_new_session=True)
        until = time.monotonic() + 600
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.connection().request("GET", "/login")
                if workers == 1 or (folder / READY).exists():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def connection(self) -> http.client.HTTPConnection:
        """Return a new connection to it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def processes(self) -> list[int]:
        """Return the process and its workers."""
        group = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        return [number for number in group if _group(number) == self.process.pid and _works(number)]

    def workers(self) -> list[int]:
        """Return the processes that answer."""
        return [number for number in self.processes() if number != self.process.pid]

    def listening(self) -> list[int]:
        """Return the workers that people can reach: those that are only starting are not."""
        sockets = set(_listening_sockets(self.port))
        return [number for number in self.workers() if sockets & _open_files(number)]

    def megabytes(self) -> float:
        """Return the most memory that the process has held."""
        return next(_kilobytes(self.process.pid, "status", "VmHWM")) / 1024

    def shared_megabytes(self) -> dict[int, tuple[float, float]]:
        """Return of each process its part of the memory, with its parts of what others map, too; and what it wrote."""
        found = {}
        for number in self.processes():
            alone = next(_kilobytes(number, "smaps_rollup", "Private_Dirty"))
            found[number] = (next(_kilobytes(number, "smaps_rollup", "Pss")) / 1024, alone / 1024)
        return found

    def forget_most(self) -> None:
        """Count the most memory from now on: making up an audit is none of the server's work."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="utf-8")

    def cpu_seconds(self) -> float:
        """Return the processor seconds that it has used, all processes together."""
        return sum(sum(map(int, _stat(number)[11:13])) for number in self.processes()) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it without a word."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _stat(number: int) -> list[str]:
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        return ["Z"] + ["0"] * 40


def _group(number: int) -> int:
    return int(_stat(number)[2])


def _listening_sockets(port: int) -> Iterator[str]:
    """Yield the names of sockets that listen on a port, as processes have them among their files."""
    for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == LISTENS:
            yield f"socket:[{fields[9]}]"


def _open_files(number: int) -> set[str]:
    found = set()
    with suppress(OSError):  # it has ended
        for path in Path(f"/proc/{number}/fd").iterdir():
            with suppress(OSError):
                found.add(str(path.readlink()))
    return found


def _works(number: int) -> bool:
    try:
        return b"resource_tracker" not in Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False


def _kilobytes(number: int, file: str, *names: str) -> Iterator[int]:
    for line in Path(f"/proc/{number}/{file}").read_text(encoding="utf-8").splitlines():
        if line.split(":")[0] in names:
            yield int(line.split()[1])


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


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] or None, int(sys.argv[5]))
