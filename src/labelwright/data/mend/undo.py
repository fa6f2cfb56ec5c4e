"""Taking back an in-place run by its manifest: every file returns to its place, whatever stopped in between."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelwright.data.mend.journal import JOURNAL, Journal, journals, read_journal
from labelwright.data.mend.moves import forget, take_back
from labelwright.data.readers.places import counted, place
from labelwright.errors import BadInput, listed, quoted


@dataclass(frozen=True)
class Undone:
    """What was taken back: how many files, and those that somebody changed in between."""

    data: str
    moved: int
    changed: tuple[str, ...] = ()
    dry_run: bool = False

    def summary(self) -> dict[str, Any]:
        """Return it as strict JSON."""
        return {"schema_version": 1, "data": self.data, "moved_back": self.moved, "changed": list(self.changed)}

    def lines(self) -> list[str]:
        """Return what a terminal shows."""
        if self.dry_run:
            return [f"{self.data}: {counted(self.moved, 'file')} would go back to their places. Nothing was done."]
        lines = [f"{self.data}: {counted(self.moved, 'file')} moved back; the folder is as it was"]
        if self.changed:
            lines.append(f"  somebody changed {listed(self.changed, 5)} in between; they keep their new content")
        return lines


def undo_moves(manifest: Path, *, dry_run: bool = False) -> Undone:
    """Take back an in-place run, finished or killed in the middle.

    Parameters
    ----------
    manifest : Path
        ``DATA/.labelwright/0001/manifest.csv``, the folder that holds it, or the data, whose last run is meant then.
    dry_run : bool

    Raises
    ------
    BadInput
        There is no such run, a later run stands on it, or a file is lost: nothing was moved then.
    """
    folder = _folder_of_run(manifest)
    if not (folder / JOURNAL).is_file():
        raise _no_journal(manifest)
    journal = read_journal(folder / JOURNAL)
    later = [j for j in journals(journal.data) if j.file.parent.name > folder.name and _stands(j)]
    if later:
        raise BadInput(
            "a later run stands on this one",
            where=place(journal.data),
            fix=f"take that back first: labelwright apply --undo {quoted(later[-1].manifest)}",
        )
    name = journal.data.resolve().name
    if not journal.planned or journal.undone:
        forget(journal)
        return Undone(name, 0)
    if dry_run:
        return Undone(name, sum((journal.data / move.new).exists() for move in journal.moves), dry_run=True)
    moved, changed = take_back(journal)
    return Undone(name, moved, tuple(changed))


def _folder_of_run(manifest: Path) -> Path:
    """Return the folder of the journal that a manifest, its folder or the data belong to."""
    if not manifest.is_dir():
        return manifest.parent.resolve()
    standing = [journal for journal in journals(manifest.resolve()) if _stands(journal)]
    return standing[-1].file.parent if standing else manifest.resolve()


def _stands(journal: Journal) -> bool:
    return journal.planned and not journal.undone


def _no_journal(manifest: Path) -> BadInput:
    if not manifest.exists():
        return BadInput("there is no such manifest", where=str(manifest), fix="check the path")
    if manifest.is_dir():
        return BadInput("no run to take back is recorded here", where=place(manifest), fix="name the manifest")
    return BadInput(
        "belongs to a copy: the data it was made from were never changed, so there is nothing to take back",
        where=place(manifest),
        fix="delete the copy, or name the manifest of an --in-place run",
    )
