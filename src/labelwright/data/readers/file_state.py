"""Whether a file is still the one that was read: another program may write to it meanwhile."""

from __future__ import annotations

from pathlib import Path

from labelwright.data.readers.places import place
from labelwright.errors import BadInput

FileState = tuple[int, int]


def file_state(path: Path) -> FileState | None:
    """Return size and time of the last change of a file, None for anything else."""
    try:
        facts = path.stat()
    except (OSError, ValueError):
        return None
    return (facts.st_size, facts.st_mtime_ns) if path.is_file() else None


def refuse_changed(path: Path, before: FileState | None) -> None:
    """Raise BadInput where a file has changed since `before`; None says nothing of it."""
    if before is not None and file_state(path) != before:
        raise BadInput(
            "has changed since it was read", where=place(path), fix="read it again when nothing else writes to it"
        )
