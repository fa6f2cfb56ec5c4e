"""The list of what to ask next, as `labelwright next` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from labelwright.acquire.contract import Floats, Rows
from labelwright.data.dataset import Dataset

SCHEMA_VERSION = 1
MOST_COLUMNS = 12  # of the data that are shown beside a question


@dataclass(frozen=True, eq=False)
class Questions:
    """What to ask, first things first.

    Parameters
    ----------
    ids : tuple of str
        Durable ids of rows, or names of tasks.
    again : bool (b,)
        Whether a label or vote is there already.
    ask : tuple of str or None
        Whom; None = anyone.
    score : float64 (b,)
    reasons : tuple of str
    method, because : str
        The method's name, and why it was chosen; empty where the caller chose it.
    n_rows, n_told : int
        Rows (tasks) that there are, and with a label or vote.
    content : pyarrow.Table or None
        Columns of the data, a row a question.
    rows : int64 (b,) or None
        Row numbers in the data, from 0.
    probability : float64 (b,) or None
    classes, notes : tuple of str
    """

    ids: tuple[str, ...]
    again: np.ndarray[Any, np.dtype[np.bool_]]
    ask: tuple[str | None, ...]
    score: Floats
    reasons: tuple[str, ...]
    method: str
    because: str
    n_rows: int
    n_told: int
    content: pa.Table | None = None
    rows: Rows | None = None
    probability: Floats | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def table(self) -> pa.Table:
        """Return the list: rank, id, row, question, annotator, score, probability, reason, the data, an empty label."""
        n = len(self)
        columns: dict[str, Any] = {"rank": pa.array(range(1, n + 1)), "id": pa.array(self.ids, pa.string())}
        if self.rows is not None:
            columns["row"] = pa.array(self.rows)
        columns["question"] = pa.array(["label again" if one else "label" for one in self.again], pa.string())
        if any(self.ask):
            columns["annotator"] = pa.array(self.ask, pa.string())
        columns["score"] = pa.array(np.round(self.score, 6))
        if self.probability is not None:
            columns["probability"] = pa.array(self.probability)
            columns["pool"] = pa.array(np.full(n, self.n_rows))
        columns["reason"] = pa.array(self.reasons, pa.string())
        taken = set(columns) | {"label"}
        if self.content is not None:
            for name in self.content.column_names:
                columns[name if name not in taken else f"data_{name}"] = self.content.column(name)
        columns["label"] = pa.nulls(n, pa.string())
        return pa.table(columns)

    def facts(self) -> dict[str, Any]:
        """Return the content of ``summary.json``."""
        again = int(self.again.sum())
        return {
            "schema_version": SCHEMA_VERSION,
            "method": self.method,
            "because": self.because or None,
            "n_rows": self.n_rows,
            "n_with_label": self.n_told,
            "n_questions": len(self),
            "n_new": len(self) - again,
            "n_again": again,
            "classes": list(self.classes),
            "annotators": sorted({one for one in self.ask if one is not None}),
            "questions": [
                {"id": one, "again": bool(again), "ask": who, "score": float(round(score, 6)), "reason": why}
                for one, again, who, score, why in zip(
                    self.ids, self.again, self.ask, self.score, self.reasons, strict=True
                )
            ],
            "notes": list(self.notes),
        }

    def label_studio_tasks(self) -> list[dict[str, Any]]:
        """Return tasks for Label Studio: one a question, with its id, reason and content under ``data``.

        No suggestion of the model is shown, so that answers are people's own.
        """
        content = [{} for _ in self.ids] if self.content is None else self.content.to_pylist()
        return [
            {
                "data": {
                    **{name: _plain(value) for name, value in row.items()},
                    "labelwright_id": one,
                    "labelwright_reason": why,
                    **({} if who is None else {"labelwright_ask": who}),
                }
            }
            for one, who, why, row in zip(self.ids, self.ask, self.reasons, content, strict=True)
        ]


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def content_of(dataset: Dataset, rows: Rows) -> pa.Table | None:
    """Return the columns that a person reads a row by: texts and image, else the first inputs; None when none."""
    plan = dataset.plan
    names = [*plan.text, *([plan.image] if plan.image else [])]
    if not (plan.text or plan.image):
        names += list(plan.feature_columns) or [
            n for n in dataset.source.table.column_names if n not in (plan.label, plan.id)
        ]
    if dataset.source.format == "image_folder":
        names = ["path"]
    shown = []
    for name in dict.fromkeys(names):
        kind = dataset.source.table.schema.field(name).type
        if not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            shown.append(name)
    if not shown:
        return None
    return dataset.source.table.select(shown[:MOST_COLUMNS]).take(pa.array(rows))
