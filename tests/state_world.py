"""Audited data made by hand: rows, labels and findings, so that comparisons and gates are tested without an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.audit.compare import AuditState
from labelwright.audit.findings import SCHEMA, merge_scores
from labelwright.audit.scores import Scores
from labelwright.data.load import load_dataset

RATE = {"estimate": 0.08, "low": 0.04, "high": 0.12, "level": 0.95, "basis": "model estimate"}


def world(
    rows: Sequence[tuple[str, str, str]],
    flagged: Sequence[Scores] = (),
    *,
    id: str | None = "id",
    wrong: Sequence[int] = (),
    **more: Any,
) -> AuditState:
    """Return rows (id, text, label) with findings; `wrong` are flagged as label errors, all are judged."""
    table: dict[str, Any] = dict(zip(("id", "text", "label"), zip(*rows, strict=True), strict=True)) | more
    if id is None:
        del table["id"]
    dataset = load_dataset({k: list(v) for k, v in table.items()}, label="label", id=id, text=["text"])
    n = len(rows)
    is_issue = np.isin(np.arange(n), list(wrong))
    label = Scores(
        "label",
        "row",
        np.where(is_issue, 0.1, 0.9),
        is_issue,
        rows=np.arange(n),
        given=[row[2] for row in rows],
        suggested=["ham" if flag else None for flag in is_issue],
        reason=["the label does not fit" if flag else None for flag in is_issue],
    )
    issues = merge_scores([label, *flagged], dataset.ids)
    source = replace(dataset.source, path=Path("mail.csv"), line_numbers=np.arange(n) + 2)
    return replace(
        AuditState.of_dataset(dataset),
        source=source,
        issues=issues.cast(SCHEMA),
        summary={"noise_rate": RATE},
        settings={"seed": 0},
    )


def pairs(kind: str, of: Sequence[tuple[int, int]]) -> Scores:
    """Return findings of pairs of rows."""
    rows = np.array(of, dtype=np.int64).reshape(-1, 2)
    n = len(rows)
    return Scores(
        kind,
        "pair",
        np.full(n, 0.5),
        np.ones(n, dtype=bool),
        rows=rows[:, 0],
        other_rows=rows[:, 1],
        reason=["twice"] * n,
    )


def about_columns(kind: str, columns: Sequence[str]) -> Scores:
    """Return findings about columns."""
    n = len(columns)
    return Scores(kind, "column", np.zeros(n), np.ones(n, dtype=bool), column=list(columns), reason=["it leaks"] * n)


MAIL = [
    ("a", "meet me at noon", "ham"),
    ("b", "win a prize now", "spam"),
    ("c", "call your mother", "ham"),
    ("d", "free ringtone offer", "spam"),
    ("e", "see you tomorrow", "ham"),
]


def edited(rows: Sequence[tuple[str, str, str]] = MAIL, **cells: tuple[str | None, str | None]) -> list[Any]:
    """Return rows with the text and label of some ids replaced; None keeps a cell."""
    return [(i, cells.get(i, (None, None))[0] or t, cells.get(i, (None, None))[1] or y) for i, t, y in rows]
