"""The journal of moves within a folder: what is to happen is on the disk before anything happens.

One JSON object a line, flushed to the disk as it is written:

    {"schema_version": 1, "kind": "moves", "decisions": digest, "folders": [...]}     folders that the run makes
    {"move": 0, "from": ..., "to": ..., "sha256": ...}                                one for each move
    {"planned": n}                                                                    the plan is whole
    {"moving": 0}                                                                     before each move
    {"done": true}   or   {"undone": true}                                            the end

A run that was killed before ``planned`` has moved nothing. After it, each file is at one of its two places, and which
one the folder itself tells: no place of the plan is used twice, so the run can be finished or taken back from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from labelwright.data.mend.manifest import MANIFEST
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput

SCHEMA_VERSION = 1
HOME = ".labelwright"
JOURNAL = "journal.jsonl"


class Move(NamedTuple):
    """One file, its place before and after (relative to the data, with ``/``), and its SHA-256."""

    old: str
    new: str
    sha256: str


@dataclass(frozen=True)
class Journal:
    """A run's journal as it stands on the disk.

    Parameters
    ----------
    file : Path
        ``DATA/.labelwright/0001/journal.jsonl``.
    decisions : str
        Digest of the decisions, to know the same command again.
    folders : tuple of str
        Folders that the run makes, outer ones first.
    moves : tuple of Move
    planned, finished, undone : bool
        Whether the plan is whole; whether all moves were made; whether all were taken back.
    """

    file: Path
    decisions: str
    folders: tuple[str, ...]
    moves: tuple[Move, ...]
    planned: bool
    finished: bool
    undone: bool

    @property
    def data(self) -> Path:
        """The folder whose files were moved; it may have been moved as a whole since."""
        return self.file.parents[2]

    @property
    def is_open(self) -> bool:
        """Whether the run stopped in the middle."""
        return self.planned and not (self.finished or self.undone)

    @property
    def manifest(self) -> Path:
        """The manifest beside the journal."""
        return self.file.with_name(MANIFEST)


def plan_journal(folder: Path, decisions: str, folders: Sequence[str], moves: Sequence[Move]) -> Journal:
    """Write the plan of a run into the new folder `folder`, on the disk when this returns."""
    file = folder / JOURNAL
    lines: list[dict[str, Any]] = [
        {"schema_version": SCHEMA_VERSION, "kind": "moves", "decisions": decisions, "folders": list(folders)}
    ]
    lines += [{"move": k, "from": m.old, "to": m.new, "sha256": m.sha256} for k, m in enumerate(moves)]
    lines.append({"planned": len(moves)})
    with file.open("xb") as stream:
        stream.write(b"".join(_line(line) for line in lines))
        stream.flush()
        os.fsync(stream.fileno())
    sync_folder(folder)
    return Journal(file, decisions, tuple(folders), tuple(moves), True, False, False)


def read_journal(file: Path) -> Journal:
    """Read a journal; a last line that was cut short does not count. BadInput where it is none."""
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
        entries = [json.loads(line) for line in lines]
        head = entries[0] if entries else {"kind": "moves", "decisions": "", "folders": []}
        if head["kind"] != "moves":
            raise ValueError("of another kind")
        moves = tuple(Move(e["from"], e["to"], e["sha256"]) for e in entries if "move" in e)
        decisions, folders = str(head["decisions"]), tuple(map(str, head["folders"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"cannot be read as a journal of moves ({type(error).__name__})",
            where=place(file),
            fix="name the manifest that labelwright apply --in-place wrote",
        ) from None
    _check_inside(file, [path for move in moves for path in (move.old, move.new)] + list(folders))
    said = {key for entry in entries for key in entry}
    return Journal(file, decisions, folders, moves, "planned" in said, "done" in said, "undone" in said)


def _check_inside(file: Path, paths: list[str]) -> None:
    for path in paths:
        if path.startswith("/") or "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
            raise BadInput(f"names a file outside of the data: {path!r}", where=place(file), fix="it was changed")


@contextmanager
def writing(journal: Journal) -> Iterator[BinaryIO]:
    """Open a journal to write on, for this process alone; BadInput when another holds it."""
    try:
        with journal.file.open("r+b", buffering=0) as stream:
            _lock(stream, journal)
            whole = stream.read().rpartition(b"\n")  # a kill may have cut the last line short
            stream.truncate(len(whole[0]) + len(whole[1]))
            stream.seek(0, os.SEEK_END)
            yield stream
    except OSError as error:
        raise BadInput(
            f"cannot go on ({error.strerror or said(error)})",
            where=place(journal.data),
            fix="mend that and run the same command again, or take it back with --undo",
        ) from None


def _lock(stream: BinaryIO, journal: Journal) -> None:
    try:
        import fcntl
    except ImportError:  # Windows does not let two processes move one file either
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise BadInput("another run is at work here", where=place(journal.data), fix="wait for it to end") from None


def note(stream: BinaryIO, entry: dict[str, Any]) -> None:
    """Add one line to an open journal, on the disk when this returns."""
    stream.write(_line(entry))
    os.fsync(stream.fileno())


def journals(data: Path) -> list[Journal]:
    """Return the journals of a folder, oldest first; runs that were killed before their plan was whole count too."""
    home = data / HOME
    files = sorted(home.glob(f"*/{JOURNAL}")) if home.is_dir() else []
    return [read_journal(file) for file in files]


def sync_folder(folder: Path) -> None:
    """Bring the entries of a folder to the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"
