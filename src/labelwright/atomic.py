"""Write aside, then rename: a reader sees the old output or the new one, never half of either."""

from __future__ import annotations

import glob
import hashlib
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
    """Yield a temporary path beside `path`; on success it replaces `path` in one step, on failure it is removed.

    What a killed earlier writer of the same `path` left aside is swept away.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A hash of the name, as the name itself may already be as long as file systems allow.
    prefix = f"{_STAGING}{hashlib.blake2b(path.name.encode('utf-8', 'surrogateescape'), digest_size=6).hexdigest()}-"
    for leftover in path.parent.glob(f"{prefix}*"):
        with suppress(OSError):
            leftover.unlink()
    aside = path.parent / f"{prefix}{secrets.token_hex(6)}{path.suffix}"
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
    """Yield an empty private directory beside `out`; on success its files take their places in `out`.

    A new or empty `out` appears in one step. Otherwise each file replaces its namesake in one step and files of other
    names stay as they are. What an interrupted earlier run left aside is swept away.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f"{_STAGING}{out.name}-"
    for leftover in out.parent.glob(f"{glob.escape(prefix)}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    aside = out.parent / f"{prefix}{secrets.token_hex(6)}"
    aside.mkdir(mode=PRIVATE_DIRECTORY)
    try:
        yield aside
        written = sorted(aside.iterdir())
        for path in written:
            path.chmod(PRIVATE_FILE)
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            if out.exists():
                out.rmdir()
            aside.replace(out)
        else:
            for path in written:
                path.replace(out / path.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_can_write(out: Path) -> None:
    """Raise OSError when files could not be staged for `out`; leaves nothing behind."""
    missing = [parent for parent in (out, *out.parents) if not parent.exists()]
    nearest = missing[-1].parent if missing else out
    aside = nearest / f"{_STAGING}{secrets.token_hex(6)}"
    aside.mkdir(mode=PRIVATE_DIRECTORY)
    aside.rmdir()
