"""Moving files within a folder along a journal, forwards or back, from wherever an earlier run stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from labelwright.data.mend.journal import HOME, Journal, Move, note, sync_folder, writing
from labelwright.data.mend.manifest import file_sha256
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, quoted

State = Literal["old", "new"]


def finish_moves(journal: Journal) -> int:
    """Make the moves that are still to be made and return how many there were.

    Raises
    ------
    BadInput
        A file is at neither of its places, or at both: nothing more was moved.
    """
    with writing(journal) as stream:
        states = _states(journal)
        for folder in journal.folders:
            (journal.data / folder).mkdir(exist_ok=True)
        todo = [k for k, state in enumerate(states) if state == "old"]
        for k in todo:
            note(stream, {"moving": k})
            _move(journal.data, journal.moves[k].old, journal.moves[k].new)
        _sync(journal, (m.new for m in journal.moves))
        note(stream, {"done": True})
    return len(todo)


def take_back(journal: Journal) -> tuple[int, list[str]]:
    """Move everything back, remove the folders and the journal that the run made.

    Returns
    -------
    moved : int
    changed : list of str
        Files whose bytes are no longer those that were moved; they are back in their places as they are now.
    """
    with writing(journal) as stream:
        states = _states(journal)
        todo = [k for k, state in enumerate(states) if state == "new"]
        changed = []
        for k in reversed(todo):
            move = journal.moves[k]
            if file_sha256(journal.data / move.new) != move.sha256:
                changed.append(move.old)
            note(stream, {"moving back": k})
            _move(journal.data, move.new, move.old)
        _sync(journal, (m.old for m in journal.moves))
        for folder in reversed(journal.folders):
            _remove_if_empty(journal.data / folder)
        note(stream, {"undone": True})
    forget(journal)
    return len(todo), changed


def forget(journal: Journal) -> None:
    """Remove the folder of a run that left no trace in the data."""
    shutil.rmtree(journal.file.parent, ignore_errors=True)
    _remove_if_empty(journal.data / HOME)


def _states(journal: Journal) -> list[State]:
    """Return where each file is; BadInput before anything is moved when one is lost or doubled."""
    states: list[State] = []
    for move in journal.moves:
        at_old, at_new = os.path.lexists(journal.data / move.old), os.path.lexists(journal.data / move.new)
        if at_old == at_new:
            raise _unclear(journal, move, at_old)
        states.append("old" if at_old else "new")
    return states


def _unclear(journal: Journal, move: Move, both: bool) -> BadInput:
    if both:
        return BadInput(
            f"{quoted(move.old)} and {quoted(move.new)} are both there, though one was moved to the other",
            where=place(journal.data),
            fix="move the one that is new away, then run it again",
        )
    return BadInput(
        f"{quoted(move.new)} is gone, and so is {quoted(move.old)}",
        where=place(journal.data),
        fix="put the file back in either place, then run it again",
    )


def _move(data: Path, old: str, new: str) -> None:
    try:
        (data / old).rename(data / new)
    except OSError as error:
        raise BadInput(
            f"{quoted(old)} cannot be moved to {quoted(new)} ({error.strerror or said(error)})",
            where=place(data),
            fix="mend that and run the same command again, or take it back with --undo",
        ) from None


def _sync(journal: Journal, paths: Iterable[str]) -> None:
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        if (journal.data / folder).is_dir():
            sync_folder(journal.data / folder)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()
