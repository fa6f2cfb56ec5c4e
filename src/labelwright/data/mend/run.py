"""Apply decisions to data: plan everything, write a mended copy aside, rename it into place, say what was done."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labelwright.data.mend.coco import CocoFile
from labelwright.data.mend.conll import ConllFile
from labelwright.data.mend.decisions import Decisions, read_decisions
from labelwright.data.mend.formats import MendOptions, open_mendable
from labelwright.data.mend.manifest import MANIFEST, write_manifest
from labelwright.data.mend.masks import MaskFolder
from labelwright.data.mend.plan import Changes, Items, Mendable, plan_changes
from labelwright.data.mend.staging import check_out, staged_file, staged_tree
from labelwright.data.mend.text_rows import TextRows
from labelwright.data.mend.yolo import YoloFolder
from labelwright.data.readers.dispatch import reading
from labelwright.data.readers.file_state import FileState, file_state, refuse_changed
from labelwright.data.readers.places import counted
from labelwright.errors import BadInput, quoted

SCHEMA_VERSION = 1
SHOWN = 10


@dataclass(frozen=True)
class Applied:
    """What decisions changed, or would change.

    Parameters
    ----------
    data : str
        Name of the data.
    n_items : int
        Rows, files or parts that can be decided on.
    counts : mapping of str to int
        Relabelled, rejected, kept, cannot_tell, already_so, undecided.
    shown : tuple of (name, old, new)
        The first few changes, by id or by path; `new` is None for a rejected item.
    out, manifest : Path or None
        None when nothing was written.
    notes : tuple of str
        What else is worth knowing, such as names that clashed.
    compared : str
        How to look at the result.
    frame : data frame or None
        The mended data, where they were in memory.
    """

    data: str
    n_items: int
    counts: Mapping[str, int]
    shown: tuple[tuple[str, str | None, str | None], ...] = ()
    out: Path | None = None
    manifest: Path | None = None
    notes: tuple[str, ...] = ()
    compared: str = ""
    frame: Any = None

    @property
    def n_changed(self) -> int:
        """Items that were relabelled or rejected."""
        return self.counts["relabelled"] + self.counts["rejected"]

    def summary(self) -> dict[str, Any]:
        """Return what was done as strict JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "data": self.data,
            "n_items": self.n_items,
            "counts": dict(self.counts),
            "written": self.out is not None,
            "out": None if self.out is None else str(self.out),
            "manifest": None if self.manifest is None else str(self.manifest),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return what a terminal shows; the last line says what to do next."""
        done = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in self.counts.items() if count)
        lines = [f"{self.data}: {counted(self.n_items, 'item')}; {done or 'nothing decided'}"]
        lines += [f"  {note}" for note in self.notes]
        if self.out is None:
            lines += ["", *self._preview(), "", "Nothing was written. Next: run it without --dry-run."]
            return lines
        return [*lines, f"Written: {self.out}", f"Next: {self.compared}; who decided what is in {self.manifest}."]

    def _preview(self) -> list[str]:
        changes = [
            f"  {quoted(i)}  {_said(old)}  ->  {_said(new) if new is not None else '(rejected)'}"
            for i, old, new in self.shown
        ]
        more = self.n_changed - len(self.shown)
        return [f"Would change {counted(self.n_changed, 'item')}", *changes] + ([f"  and {more:,} more"] * (more > 0))


def _said(label: str | None) -> str:
    return quoted(label) if label is not None else "(nothing)"


def apply_decisions(
    decisions: Decisions | str | os.PathLike[str] | Any,
    data: Mendable | str | os.PathLike[str],
    out: str | os.PathLike[str] | None,
    options: MendOptions | None = None,
    *,
    dry_run: bool = False,
    notes: tuple[str, ...] = (),
) -> Applied:
    """Apply decisions to data and write the result to a new place.

    Parameters
    ----------
    decisions : Decisions, path, data frame or mapping of columns
    data : path, or data opened with `open_mendable`
    out : path or None
        A new or empty folder; for data in one file also a new file name with the same ending. None for a dry run.
    options : MendOptions, optional
        How the data are read, as in the audit.
    dry_run : bool
        Check everything and count, but write nothing.

    Raises
    ------
    BadInput
        A decision does not fit the data, or `out` is taken; nothing was written then.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "pets.csv").write_text("id,name,kind\\n1,Rex,dog\\n2,Tom,dog\\n3,Mia,cat\\n")
    >>> decisions = {"id": [2], "decision": ["relabel"], "label": ["cat"]}
    >>> done = apply_decisions(decisions, folder / "pets.csv", folder / "new.csv", MendOptions(label="kind", id="id"))
    >>> (folder / "new.csv").read_text()
    'id,name,kind\\n1,Rex,dog\\n2,Tom,cat\\n3,Mia,cat\\n'
    """
    options = options or MendOptions()
    entries = read_decisions(decisions)
    given = Path(data) if isinstance(data, str | os.PathLike) else data.path
    before = file_state(given)
    opened = open_mendable(given, options) if isinstance(data, str | os.PathLike) else data
    if opened.path != given:  # a folder that one of its files stands for
        before = None
    if isinstance(opened, ConllFile):
        entries = opened.expand(entries)
    elif isinstance(opened, CocoFile | MaskFolder | TextRows | YoloFolder):
        with reading(opened.path):
            opened = opened.about(entries)
    changes = plan_changes(entries, opened.items, opened.path.name)
    plan = planned(opened, changes, notes)
    if dry_run:
        return plan
    if out is None:
        raise BadInput("where to write is not said", fix="give --out with a new folder")
    target = Path(out)
    check_out(target, opened.path)
    return _written(opened, changes, target, options, plan, before)


def planned(opened: Mendable, changes: Changes, notes: tuple[str, ...] = ()) -> Applied:
    chosen = sorted({*changes.relabel, *changes.reject})[:SHOWN]
    items: Items = opened.items
    called = items.ids if items.called is None else items.called
    shown = tuple(
        (str(called[row]), items.given[row], None if row in changes.reject else changes.relabel[row]) for row in chosen
    )
    return Applied(opened.path.name, len(items), changes.counts(), shown, notes=(*notes, *opened.remarks(changes)))


def _written(
    opened: Mendable, changes: Changes, out: Path, options: MendOptions, planned: Applied, before: FileState | None
) -> Applied:
    safe = options.spreadsheet_safe
    if not opened.is_tree and _is_file_name(out, opened.path):
        manifest = out.with_name(f"{out.name}.{MANIFEST}")
        if os.path.lexists(manifest):
            raise BadInput("this exists already", where=str(manifest), fix="choose a new name for --out")
        with staged_file(out) as aside:
            lines = opened.write(changes, aside)
            refuse_changed(opened.path, before)
            lines[0] = lines[0]._replace(new_path=out.name)
            with staged_file(manifest) as aside_manifest:
                write_manifest(aside_manifest, lines, spreadsheet_safe=safe)
        file: Path | None = out
    else:
        file = None if opened.is_tree else out / opened.path.name
        manifest = out / MANIFEST
        with staged_tree(out) as aside:
            lines = opened.write(changes, aside if file is None else aside / file.name)
            refuse_changed(opened.path, before)
            write_manifest(aside / MANIFEST, lines, spreadsheet_safe=safe)
    compared = f"look at {out}" if file is None else f"diff {opened.path} {file} shows what changed and nothing else"
    return replace(planned, out=file or out, manifest=manifest, compared=compared)


def _is_file_name(out: Path, data: Path) -> bool:
    """Whether `out` names a file of the kind of the data rather than a folder."""
    return not out.is_dir() and out.suffix.lower() == data.suffix.lower() and bool(out.suffix)
