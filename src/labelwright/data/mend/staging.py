"""Where mended data go: a new file or a new folder, written aside and renamed, never into the data themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labelwright.atomic import PRIVATE_DIRECTORY, check_can_write, staging, write_aside
from labelwright.data.readers.places import said
from labelwright.errors import BadInput


def check_out(out: Path, data: Path) -> None:
    """Refuse a place that is taken, that cannot be written, or that lies within the data or around them."""
    where = str(out)
    target, source = out.resolve(), data.resolve()
    if target == source or (data.is_dir() and source in target.parents):
        raise BadInput("the result would be written into the data", where=where, fix="choose another --out")
    if target in source.parents:
        raise BadInput("the data lie in this folder", where=where, fix="choose a new folder for --out")
    try:
        if out.is_dir() and any(out.iterdir()):
            raise BadInput("this folder is not empty", where=where, fix="choose a new folder for --out")
        if os.path.lexists(out) and not out.is_dir():
            raise BadInput("this exists already", where=where, fix="choose a new name for --out")
        check_can_write(out)
    except OSError as error:
        raise BadInput(
            f"cannot write here ({error.strerror or said(error)})", where=where, fix="choose another --out"
        ) from None


@contextmanager
def staged_file(out: Path) -> Iterator[Path]:
    """Yield a path beside `out` that takes its place when the block ends well, else nothing is left."""
    with _or_nothing(out), write_aside(out) as aside:
        yield aside


@contextmanager
def staged_tree(out: Path) -> Iterator[Path]:
    """Yield an empty private folder beside `out` that takes its place when the block ends well, else goes.

    `out` must not exist or be an empty folder. What a killed earlier run left aside is swept away.
    """
    with _or_nothing(out), staging(out.parent, out.name) as folder:
        aside = folder / "new"
        aside.mkdir(mode=PRIVATE_DIRECTORY)
        yield aside
        if out.is_dir():
            out.rmdir()
        aside.replace(out)


@contextmanager
def _or_nothing(out: Path) -> Iterator[None]:
    """Take back the folders made above `out` when the block fails, and say in one line why the disk refused."""
    missing = [parent for parent in out.parents if not parent.exists()]
    try:
        yield
    except BaseException as error:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            problem = f"cannot be written ({error.strerror or said(error)})"
            raise BadInput(problem, where=str(out), fix="check the space and rights there") from None
        raise
