"""The classes of a data set as the report shows them: their table, and which is taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.report.rows import CELL_WIDTH, shorten

MOST_CLASSES = 200
MOST_CONFUSED = 20


def class_names(dataset: Dataset) -> list[str]:
    """Return the class names as shown: cut at 80 characters."""
    return [shorten(name, CELL_WIDTH) for name in (dataset.space.names if dataset.space else ())]


def rows_per_class(dataset: Dataset) -> NDArray[np.int64]:
    """Return how many rows carry each class, int (K,)."""
    labels, k = dataset.labels, len(dataset.space or ())
    if labels.ndim == 2:
        return np.asarray((labels == 1).sum(axis=0), dtype=np.int64)
    return np.bincount(labels[labels >= 0], minlength=k).astype(np.int64)


def class_table(dataset: Dataset, suspects: pa.Table) -> dict[str, Any] | None:
    """Return one line a class, most suspect labels first; None for regression.

    `suspects` are the label issues, of rows or of parts.
    """
    if dataset.space is None:
        return None
    names, counts = class_names(dataset), rows_per_class(dataset)
    multilabel = dataset.plan.task == "multilabel"
    share_of = len(dataset) if dataset.labels.ndim == 2 else total_of(counts)
    column = "part" if multilabel else "given"
    flagged, instead = _flagged(suspects, column, dataset.space.index, None if multilabel else "suggested")
    order = np.lexsort((np.arange(len(names)), -counts, -flagged))[:MOST_CLASSES].tolist()
    rows = [
        {
            "name": names[k],
            "rows": int(counts[k]),
            "share": float(counts[k] / share_of),
            "suspects": int(flagged[k]),
            "suspect_share": float(min(flagged[k] / counts[k], 1.0)) if counts[k] else 0.0,
            "instead": shorten(instead[k], CELL_WIDTH) if k in instead else None,
        }
        for k in order
    ]
    return {"rows": rows, "total": len(names), "multilabel": multilabel}


def total_of(counts: NDArray[np.int64]) -> int:
    """Return the sum of counts, at least 1."""
    return int(max(counts.sum(), 1))


def _flagged(
    suspects: pa.Table, column: str, index: dict[str, int], instead: str | None
) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Count suspects a class, and find what is suggested most often in its place."""
    counts = np.zeros(len(index), dtype=np.int64)
    best: dict[int, str] = {}
    keys = [column] if instead is None else [column, instead]
    grouped = suspects.select(keys).group_by(keys).aggregate([([], "count_all")]).to_pylist()
    grouped.sort(key=lambda r: (-r["count_all"], str(r[keys[-1]])))
    for record in grouped:
        k = index.get(record[column], index.get(str(record[column]).split(" ")[0]))  # several tokens: by the first
        if k is None:
            continue
        counts[k] += record["count_all"]
        if instead is not None and record[instead] is not None:
            best.setdefault(k, record[instead])
    return counts, best


def transition(dataset: Dataset, noise: Any) -> dict[str, Any] | None:
    """Return the transition matrix of the classes, or of the 20 most confused when there are more.

    Rows = truth, columns = given. The rows of a part of the matrix add up to less than 1.
    """
    if noise is None or dataset.space is None or len(dataset.space) < 2:
        return None
    matrix = np.asarray(noise.transition_matrix, dtype=np.float64)
    names = class_names(dataset)
    chosen = np.arange(len(names))
    if len(names) > MOST_CONFUSED:
        wrong = np.array(noise.joint, dtype=np.float64)
        np.fill_diagonal(wrong, 0)
        mass = wrong.sum(axis=0) + wrong.sum(axis=1)
        chosen = np.sort(np.argsort(-mass, kind="stable")[:MOST_CONFUSED])
    part = np.nan_to_num(matrix[np.ix_(chosen, chosen)])
    return {
        "classes": [names[k] for k in chosen.tolist()],
        "matrix": [[round(float(value), 4) for value in row] for row in part],
        "total": len(names),
    }


def shown_class_rows(dataset: Dataset) -> dict[str, int]:
    """Return rows a class by shown name, for the largest 1000 classes: who redacts looks rare names up here."""
    names, counts = class_names(dataset), rows_per_class(dataset) if dataset.space is not None else np.zeros(0)
    order = np.argsort(-counts, kind="stable")[:1000].tolist()
    out: dict[str, int] = {}
    for k in order:
        out[names[k]] = min(int(counts[k]), out.get(names[k], int(counts[k])))
    return out


def label_issues(issues: pa.Table) -> pa.Table:
    """Return the findings about labels that are issues."""
    return issues.filter(pc.and_(pc.equal(issues["kind"], "label"), issues["is_issue"]))
