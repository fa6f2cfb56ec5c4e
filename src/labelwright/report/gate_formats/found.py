"""The findings that a gate counts, each with its place, as the formats show them: inert, on one line, cut short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.audit.gate.verdict import GateResult, Verdict
from labelwright.audit.kinds import kind_of
from labelwright.inert import inert, shortened

WIDTH = 400


@dataclass(frozen=True)
class Found:
    """One finding; every text of it is inert.

    Parameters
    ----------
    kind, title, meaning : str
    text : str
        Which row, and why, in a sentence. Never the content of the row.
    id : str or None
        Durable name of the row, exactly as in the data.
    row, line : int or None
        Row from 0; line of a text file from 1.
    path : str
        File that holds the row, below the present folder where it lies there.
    about : str
        What the finding is about: its row's id, or its class, column or group.
    waived_by : str or None
        Who confirmed the label of a waived finding.
    """

    kind: str
    title: str
    text: str
    id: str | None
    row: int | None
    line: int | None
    path: str
    about: str
    waived_by: str | None = None


def counted_findings(verdict: Verdict, gate: GateResult, most: int) -> list[Found]:
    """Return the first `most` findings of a gate."""
    return list(_found(verdict, gate.entries[:most].tolist()))


def waived_findings(verdict: Verdict, most: int) -> list[Found]:
    """Return the first `most` findings of the kinds that the gates look at which people's decisions waive."""
    kinds = {kind for gate in verdict.gates for kind in gate.condition.kinds}
    of_kinds = np.array([kind in kinds for kind in verdict.issues["kind"].to_pylist()], dtype=bool)
    entries: NDArray[np.int64] = np.flatnonzero(verdict.is_waived & of_kinds)[:most]
    return list(_found(verdict, entries.tolist()))


def _found(verdict: Verdict, entries: Iterable[int]) -> Iterator[Found]:
    state = verdict.state
    wanted = list(entries)
    issues = verdict.issues.take(pa.array(wanted, pa.int64())).to_pylist()
    for entry, issue in zip(wanted, issues, strict=True):
        row = issue["row"]
        path, line = state.place(row) if row is not None else (state.source.path, None)
        about = issue["id"] if row is not None else issue["column"] or issue["part"] or issue["given"] or state.name
        where = f"line {line}" if line is not None else f"row {row}" if row is not None else ""
        named = f"{where}, id {about}" if row is not None else str(about)
        change = f" {issue['given']} -> {issue['suggested']}:" if issue["suggested"] is not None else ""
        by = verdict.waivers.who.get(row, "a person") if verdict.is_waived[entry] else None
        title = kind_of(issue["kind"]).title
        reason = issue["reason"] or kind_of(issue["kind"]).meaning
        yield Found(
            kind=issue["kind"],
            title=title,
            text=shown(f"{title}, {named}:{change} {reason}"),
            id=issue["id"],
            row=row,
            line=line,
            path=relative_path(path),
            about=shown(about),
            waived_by=None if by is None else shown(by),
        )


def shown(value: object, width: int = WIDTH) -> str:
    """Return a value as inert text on one line; no CI system finds a command in it, wherever it looks."""
    text = shortened(inert(str(value)), width)
    # Some runners look for these marks anywhere in a line, not only at its head.
    return text.replace("##[", "#\u200a#[").replace("##vso[", "#\u200a#vso[").replace("::", ":\u200a:")


def relative_path(path: Path) -> str:
    """Return a path below the present folder where it lies there, else its name alone: paths of a machine tell
    nothing elsewhere."""
    here = Path.cwd()
    whole = path if path.is_absolute() else here / path
    try:
        return str(PurePosixPath(whole.relative_to(here)))
    except ValueError:
        return path.name
