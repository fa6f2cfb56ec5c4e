"""A private PostgreSQL for tests: from Debian's packages, in a temporary folder, reached by its socket alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DEBIAN = Path("/usr/lib/postgresql")


def postgres_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs, None when none is installed."""
    found = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


def why_not() -> str | None:
    """Return why no PostgreSQL can be started here, None when one can."""
    if postgres_programs() is None:
        return f"PostgreSQL is not installed in {DEBIAN} (apt-get install postgresql)"
    if os.geteuid() == 0 and (_other_user() is None or shutil.which("runuser") is None):
        return "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as"
    return None


@contextmanager
def private_postgres(*, durable: bool = False) -> Iterator[str]:
    """Start a cluster of its own and yield the URL of its first database; it is gone afterwards.

    `durable` waits for the disk at every commit, as a real one does.
    """
    programs, folder = postgres_programs(), Path(tempfile.mkdtemp(prefix="lw-pg-"))
    assert programs is not None
    if os.geteuid() == 0:
        shutil.chown(folder, _other_user())
    data, name = folder / "data", "owner"
    try:
        _run(programs / "initdb", "-D", data, "-U", name, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        options += "" if durable else " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{name}@/postgres?host={folder}"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", str(_other_user()), "--", *words]
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr


def _other_user() -> str | None:
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)
