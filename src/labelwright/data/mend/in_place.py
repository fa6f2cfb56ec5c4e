"""Decisions made true within a folder of images: files are moved, never rewritten, and every move can be taken back."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from labelwright.atomic import PRIVATE_DIRECTORY
from labelwright.data.mend.decisions import Decisions
from labelwright.data.mend.folder import ImageFolder, clash_lines
from labelwright.data.mend.formats import MendOptions, open_mendable
from labelwright.data.mend.journal import HOME, Journal, Move, journals, plan_journal
from labelwright.data.mend.manifest import ManifestLine, decided_line, file_sha256, write_manifest
from labelwright.data.mend.moves import finish_moves, forget
from labelwright.data.mend.placement import Placement
from labelwright.data.mend.plan import Changes, plan_changes
from labelwright.data.mend.run import Applied, planned
from labelwright.data.readers.places import place, said
from labelwright.errors import BadInput, quoted


def apply_in_place(decisions: Decisions, data: Path, options: MendOptions, *, dry_run: bool = False) -> Applied:
    """Move the images of a folder to the folders of their new classes.

    A run that was killed is finished when the same decisions are given again.

    Raises
    ------
    BadInput
        The data are no folder of images, a file to move is a link, or another run stopped in the middle.
    """
    if not data.is_dir():
        raise BadInput(
            "only folders of images can be mended in place", where=place(data), fix="leave out --in-place, give --out"
        )
    digest = _digest(decisions)
    if (unfinished := _unfinished(data, digest)) is not None:
        moved = len(unfinished.moves) if dry_run else finish_moves(unfinished)
        counts = {"relabelled": 0, "rejected": 0, "finished": moved}
        done = Applied(
            data.name, len(unfinished.moves), counts, notes=("an earlier run of these decisions is finished",)
        )
        return done if dry_run else _with_manifest(done, data, unfinished)
    opened = open_mendable(data, options)
    if not isinstance(opened, ImageFolder):
        raise BadInput("this is no folder of images", where=place(data), fix="leave out --in-place, give --out")
    changes = plan_changes(decisions, opened.items, data.name)
    everything, clashes = opened.placements(changes, opened.tree())
    placed = [p for p in everything if p.old != p.new]
    _refuse_links(data, placed)
    plan = replace(planned(opened, changes), notes=tuple(clash_lines(clashes)))
    if dry_run or not placed:
        return plan
    journal = _journal(data, digest, placed, changes, opened, spreadsheet_safe=options.spreadsheet_safe)
    finish_moves(journal)
    return _with_manifest(plan, data, journal)


def _with_manifest(done: Applied, data: Path, journal: Journal) -> Applied:
    back = f"labelwright apply --undo {quoted(journal.manifest)} takes it back"
    return replace(done, out=data, manifest=journal.manifest, compared=back)


def _digest(decisions: Decisions) -> str:
    state = hashlib.sha256()
    for entry in decisions:
        state.update(repr((entry.id, entry.decision, entry.label)).encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def _unfinished(data: Path, digest: str) -> Journal | None:
    """Return the run to finish; runs that never began are swept away."""
    found = None
    for journal in journals(data):
        if not journal.planned or journal.undone:
            forget(journal)
        elif journal.is_open:
            found = journal
    if found is not None and found.decisions != digest:
        raise BadInput(
            "an earlier run with other decisions stopped in the middle",
            where=place(data),
            fix=f"take it back with labelwright apply --undo {quoted(found.manifest)}, or finish it with its decisions",
        )
    return found


def _refuse_links(data: Path, placed: list[Placement]) -> None:
    base = data.resolve()
    for one in placed:
        aim = base / one.new
        if (base / one.old).resolve() != base / one.old or aim.parent.resolve() != aim.parent:
            raise BadInput(
                f"{quoted(one.old)} is a link, or lies behind one, and cannot be moved",
                where=place(data),
                fix="leave out --in-place and give --out for a new tree",
            )


def _journal(
    data: Path, digest: str, placed: list[Placement], changes: Changes, opened: ImageFolder, *, spreadsheet_safe: bool
) -> Journal:
    """Write manifest and plan to the disk and return the journal."""
    moves = [Move(p.old, p.new, file_sha256(data / p.old)) for p in placed]
    new_of = {p.row: move for p, move in zip(placed, moves, strict=True)}
    lines: list[ManifestLine] = []
    for row in sorted(changes.decided):
        move = new_of.get(row)
        paths = (move.old, move.new, move.sha256) if move else (opened.images[row],) * 2 + ("",)
        line = decided_line(row, changes, opened.items)
        lines.append(line._replace(old_path=paths[0], new_path=paths[1], sha256=paths[2]))
    try:
        folder = _new_folder(data)
        write_manifest(folder / "manifest.csv", lines, spreadsheet_safe=spreadsheet_safe)
        return plan_journal(folder, digest, _missing_folders(data, moves), moves)
    except OSError as error:
        raise BadInput(
            f"cannot write here ({error.strerror or said(error)})", where=place(data), fix="check the rights"
        ) from None


def _new_folder(data: Path) -> Path:
    """Make ``.labelwright/0001`` or the next number."""
    home = data / HOME
    home.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    last = max((int(p.name) for p in home.iterdir() if p.name.isdigit()), default=0)
    folder = home / f"{last + 1:04d}"
    folder.mkdir(mode=PRIVATE_DIRECTORY)
    return folder


def _missing_folders(data: Path, moves: list[Move]) -> list[str]:
    """Return the folders that moves need and that are not there, outer ones first."""
    wanted = {"/".join(m.new.split("/")[:n]) for m in moves for n in range(1, m.new.count("/") + 1)}
    return sorted(folder for folder in wanted if not os.path.lexists(data / folder))
