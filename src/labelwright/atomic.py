"""Write aside, then rename: a reader sees the old output or the new one, never half of either."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIVATE_DIRECTORY, PRIVATE_FILE = 0o700, 0o600
_STAGING = ".labelwright-staging-"


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path` in one step, on failure it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.parent / f"{_STAGING}{secrets.token_hex(6)}{path.suffix}"
    try:
        yield aside
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.chmod(PRIVATE_FILE)
        aside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


@contextmanager
def staged_directory(out: Path) -> Iterator[Path]:
    """Yield an empty private directory; on success its files replace those of the same names in `out`.

    Files of `out` with other names stay as they are. What an interrupted earlier run left aside is swept away.
    """
    out.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIRECTORY)
    for leftover in out.glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    aside = out / f"{_STAGING}{secrets.token_hex(6)}"
    aside.mkdir(mode=PRIVATE_DIRECTORY)
    try:
        yield aside
        for written in sorted(aside.iterdir()):
            written.chmod(PRIVATE_FILE)
            written.replace(out / written.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
