"""Write aside, then rename: a reader sees the old output or the new one, never half of either."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PRIVATE_DIRECTORY, PRIVATE_FILE = 0o700, 0o600
LONG_AGO = 24 * 3600.0  # seconds after which a leftover is one where folders cannot be locked
_STAGING = ".labelwright-staging-"


@contextmanager
def staging(parent: Path, name: str) -> Iterator[Path]:
    """Yield an empty private directory in `parent` for what is to be called `name`; it is gone when the block ends.

    What a killed earlier writer of the same `name` left there is swept away; what another one is writing now stays.
    """
    parent.mkdir(parents=True, exist_ok=True)
    # A hash of the name, as the name itself may already be as long as file systems allow.
    prefix = f"{_STAGING}{hashlib.blake2b(name.encode('utf-8', 'surrogateescape'), digest_size=6).hexdigest()}-"
    for leftover in parent.glob(f"{prefix}*"):
        if _abandoned(leftover):
            shutil.rmtree(leftover, ignore_errors=True)
    with ExitStack() as stack:
        while True:  # another one may sweep a folder between its birth and its lock
            aside = parent / f"{prefix}{secrets.token_hex(6)}"
            aside.mkdir(mode=PRIVATE_DIRECTORY)
            stack.enter_context(_held(aside))
            if aside.exists():
                break
        try:
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def write_aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path near `path`; on success it replaces `path` in one step, on failure it is removed."""
    with staging(path.parent, path.name) as folder:
        aside = folder / f"new{path.suffix}"
        yield aside
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.chmod(PRIVATE_FILE)
        aside.replace(path)


@contextmanager
def staged_directory(out: Path) -> Iterator[Path]:
    """Yield an empty private directory beside `out`; on success its files take their places in `out`.

    A new or empty `out` appears in one step. Otherwise each file replaces its namesake in one step and files of other
    names stay as they are; of two that end at once the later one has all of its files there.
    """
    with staging(out.parent, out.name) as folder:
        aside = folder / "new"
        aside.mkdir(mode=PRIVATE_DIRECTORY)
        yield aside
        written = sorted(aside.iterdir())
        for path in written:
            path.chmod(PRIVATE_FILE)
        try:
            aside.replace(out)  # as one step, where nothing or an empty folder is there
        except OSError:
            if not out.is_dir():
                raise
            with _held(out, wait=True):
                for path in written:
                    path.replace(out / path.name)


@contextmanager
def _held(folder: Path, wait: bool = False) -> Iterator[None]:
    """Mark a folder as somebody's work until the block ends, or the process."""
    handle = None
    try:
        if fcntl is not None:
            with suppress(OSError):  # some file systems know no locks, some folders may be written but not read
                handle = os.open(folder, os.O_RDONLY)
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        if handle is not None:
            if fcntl is not None:
                with suppress(OSError):  # closing does not do where a forked process has the handle too
                    fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)


def _abandoned(folder: Path) -> bool:
    """Whether no process holds a folder any more."""
    try:
        if fcntl is None:
            return time.time() - folder.stat().st_mtime > LONG_AGO
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def check_can_write(out: Path) -> None:
    """Raise OSError when files could not be staged for `out`; leaves nothing behind."""
    missing = [parent for parent in (out, *out.parents) if not parent.exists()]
    nearest = missing[-1].parent if missing else out
    aside = nearest / f"{_STAGING}{secrets.token_hex(6)}"
    aside.mkdir(mode=PRIVATE_DIRECTORY)
    aside.rmdir()
