"""The scores of all auditors, merged into one table with plain-language reasons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.audit.scores import Scores

SCHEMA = pa.schema(
    [
        ("level", pa.string()),
        ("row", pa.int64()),
        ("id", pa.string()),
        ("other_row", pa.int64()),
        ("part", pa.string()),
        ("column", pa.string()),
        ("kind", pa.string()),
        ("score", pa.float64()),
        ("is_issue", pa.bool_()),
        ("given", pa.string()),
        ("suggested", pa.string()),
        ("reason", pa.string()),
    ]
)


def merge_scores(scores: Sequence[Scores], ids: NDArray[np.str_]) -> pa.Table:
    """Return one table of findings, kind after kind in the order given, worst first within a kind.

    Parameters
    ----------
    scores : sequence of Scores
    ids : array of str, shape (n,)
        Durable identity of each row.

    Returns
    -------
    pyarrow.Table
        Columns as in `SCHEMA`. Label scores list every row that was judged; other kinds list what they looked at
        and found, so that the table stays small.
    """
    tables = [_findings(entry, ids) for entry in scores if len(entry)]
    return pa.concat_tables(tables).combine_chunks() if tables else SCHEMA.empty_table()


def _findings(scores: Scores, ids: NDArray[np.str_]) -> pa.Table:
    chosen = _chosen(scores)
    rows = _nullable(scores.rows, chosen)
    known = np.zeros(len(chosen), dtype=bool) if scores.rows is None else scores.rows[chosen] >= 0
    names = np.full(len(chosen), None, dtype=object)
    if scores.rows is not None:
        names[known] = ids[scores.rows[chosen][known]]
    return pa.table(
        {
            "level": pa.array([scores.level] * len(chosen), pa.string()),
            "row": rows,
            "id": pa.array(names, pa.string()),
            "other_row": _nullable(scores.other_rows, chosen),
            "part": _strings(scores.part, chosen),
            "column": _strings(scores.column, chosen),
            "kind": pa.array([scores.kind] * len(chosen), pa.string()),
            "score": pa.array(scores.score[chosen], pa.float64()),
            "is_issue": pa.array(scores.is_issue[chosen], pa.bool_()),
            "given": _strings(scores.given, chosen),
            "suggested": _strings(scores.suggested, chosen),
            "reason": _strings(scores.reason, chosen),
        },
        schema=SCHEMA,
    )


def _chosen(scores: Scores) -> NDArray[np.intp]:
    """Pick the entries to list, issues first, then by score; a stable order, so that reruns agree."""
    keep = np.ones(len(scores), dtype=bool) if scores.kind == "label" else scores.is_issue
    entries = np.flatnonzero(keep)
    return entries[np.lexsort((scores.score[entries], ~scores.is_issue[entries]))]


def _nullable(rows: NDArray[np.int64] | None, chosen: NDArray[np.intp]) -> pa.Array:
    if rows is None:
        return pa.nulls(len(chosen), pa.int64())
    picked = rows[chosen]
    return pa.array(picked, pa.int64(), mask=picked < 0)


def _strings(values: Sequence[str | None] | None, chosen: NDArray[np.intp]) -> pa.Array:
    if values is None:
        return pa.nulls(len(chosen), pa.string())
    picked = np.asarray(values, dtype=object)[chosen]
    return pa.array([None if value is None else str(value) for value in picked.tolist()], pa.string())
