"""Where results go: a folder that cannot take them is refused in one line before the work starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from labelwright.atomic import check_can_write
from labelwright.errors import BadInput


def refuse_inputs(folder: Path, inputs: Iterable[Path | None], *, within: bool = True) -> None:
    """Refuse a folder that is an input, or lies within an input folder.

    Parameters
    ----------
    within : bool, default True
        False where results may lie in a folder that is read.
    """
    target = folder.resolve()
    for source in (path for path in inputs if path is not None):
        taken = source.resolve()
        if target == taken or (within and source.is_dir() and taken in target.parents):
            raise BadInput("results would be written into the data", where=str(folder), fix="choose another --out")


def refuse_unwritable(folder: Path) -> None:
    """Refuse a folder that is a file, or that nothing can be written to."""
    if folder.exists() and not folder.is_dir():
        raise BadInput("this is a file, not a folder", where=str(folder), fix="choose another --out folder")
    try:
        check_can_write(folder)
    except OSError as error:
        raise BadInput(f"cannot write here ({error.strerror})", where=str(folder), fix="choose another --out") from None
