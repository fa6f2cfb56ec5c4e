"""Facts about the labels: classes, contradictions, errors, agreement of annotators. Source: [P022], module 8 (ours)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.nutrition.answers import Answers
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.metrics.agreement import krippendorff_alpha
from labelwright.metrics.report import ReportTable, Scalar, Section

ANCHOR_SHARE = 0.1
_MOST_CLASSES = 100
_MOST_PAIRS = 10


class LabelFacts:
    """Class counts, imbalance, conflicting duplicates, estimated label errors, worst class pairs, agreement."""

    title = "Labels"

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def compute(self, table: NutritionTable) -> Section:
        """Return the section."""
        scalars: dict[str, Scalar] = {"label column": table.label, "task": table.dataset.plan.task}
        labelled = is_labelled(table)
        scalars["labelled rows"] = int(labelled.sum())
        scalars["unlabelled rows"] = int((~labelled).sum())
        tables = []
        if table.dataset.space is not None:
            counts = class_counts(table)
            filled = counts[counts > 0]
            scalars["classes"] = len(counts)
            scalars["imbalance (largest / smallest class)"] = (
                round(float(filled.max() / filled.min()), 2) if filled.size else None
            )
            tables.append(_class_table(table, counts, int(labelled.sum())))
        if table.dataset.plan.task != "regression":
            conflict = conflicting_rows(table)
            scalars["rows whose twin has another label"] = int(conflict.sum())
            scalars["rows whose twin has another label, %"] = _percent(conflict)
        scalars |= _error_scalars(table)
        pairs = _worst_pairs(table)
        if pairs is not None:
            tables.append(pairs)
        scalars |= agreement(table, self.answers)
        return Section(self.title, scalars=scalars, tables=tuple(tables))


def is_labelled(table: NutritionTable) -> NDArray[np.bool_]:
    """Tell which rows have a label, bool (n,)."""
    labels, task = table.dataset.labels, table.dataset.plan.task
    if task == "regression":
        return np.isfinite(labels)
    return np.asarray((labels >= 0).any(axis=1) if labels.ndim == 2 else labels >= 0)


def class_counts(table: NutritionTable) -> NDArray[np.int64]:
    """Return rows a class, int (K,); a multi-label row counts in every class it has."""
    labels, space = table.dataset.labels, table.dataset.space
    assert space is not None
    if labels.ndim == 2:
        return np.asarray((labels == 1).sum(axis=0), dtype=np.int64)
    return np.bincount(labels[labels >= 0], minlength=len(space)).astype(np.int64)


def row_keys(table: NutritionTable) -> NDArray[np.uint64]:
    """Hash every row over all columns but label, split, id and identifiers: equal rows have equal keys, uint64 (n,)."""
    plan = table.dataset.plan
    out = {plan.label, plan.split, plan.id, *(name for name, c in table.columns.items() if c.kind == "identifier")}
    annotators = {name for name in table.columns if name in table.cache.get("annotators", ())}
    keys = np.zeros(len(table), dtype=np.uint64)
    for name, column in table.columns.items():
        if name not in out | annotators and column.kind != "opaque":
            keys = _mix(keys * np.uint64(0x9E3779B97F4A7C15) + _cell_codes(table, name))
    return keys


def _cell_codes(table: NutritionTable, name: str) -> NDArray[np.uint64]:
    column = table.columns[name]
    if column.codes is not None:
        return (column.codes + 1).astype(np.uint64)
    if column.numbers is not None:
        return np.nan_to_num(column.numbers + 0.0, nan=-1.2345e300).view(np.uint64)
    cells = table.dataset.column(name)
    if pa.types.is_string(cells.type):
        cells = pc.cast(cells, pa.large_string())  # 64-bit offsets: more than 2 GB of text
    encoded = cells.combine_chunks().dictionary_encode()
    index = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return (np.asarray(index, dtype=np.int64) + 1).astype(np.uint64)


def _mix(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(keys ^ (keys >> np.uint64(31)))


def conflicting_rows(table: NutritionTable) -> NDArray[np.bool_]:
    """Tell which labelled rows have a twin, equal in everything else, with another label; bool (n,)."""
    labels = table.dataset.labels
    labelled = np.flatnonzero(is_labelled(table))
    out = np.zeros(len(table), dtype=bool)
    inputs = [c for c in table.columns.values() if c.kind not in ("opaque", "identifier") and c.name != table.label]
    if len(labelled) == 0 or not inputs or table.dataset.plan.modality in ("image", "features"):
        return out
    keys = row_keys(table)[labelled]
    given = np.unique(labels[labelled], axis=0, return_inverse=True)[1].reshape(-1)
    _, group = np.unique(keys, return_inverse=True)
    low, high = np.full(group.max() + 1, given.max() + 1), np.full(group.max() + 1, -1)
    np.minimum.at(low, group, given)
    np.maximum.at(high, group, given)
    out[labelled] = (low != high)[group]
    return out


class Surest(NamedTuple):
    """Labels against predictions on the `rows` rows of which the model is surest, `confidence` being their mean."""

    rate: float
    contradicted: int
    rows: int
    confidence: float


def surest_disagreement(labels: NDArray, pred_probs: NDArray[np.float64], share: float = ANCHOR_SHARE) -> Surest:
    """Return how often the label contradicts the prediction where the model is surest.

    Hard rows inflate every count of disagreements. Where the model is surest they are rare, so that what remains there
    is noise in the labels: a share e of labels flipped at random shows as about e (rows like these are the anchor
    points of Liu and Tao 2016).

    Parameters
    ----------
    labels : array of int, shape (n,)
        -1 = unlabelled, left out.
    pred_probs : array of float64, shape (n, K)
        Out of sample.
    share : float
        Part of the rows to take, at least 20 of them.

    Examples
    --------
    >>> surest_disagreement(np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]))
    Surest(rate=0.5, contradicted=1, rows=2, confidence=0.8)
    """
    rows = np.flatnonzero(labels >= 0)
    if len(rows) == 0:
        return Surest(0.0, 0, 0, 0.0)
    sure = pred_probs[rows].max(axis=1)
    first = np.argsort(-sure, kind="stable")[: max(20, round(share * len(rows)))]
    chosen = rows[first]
    wrong = int((pred_probs[chosen].argmax(axis=1) != labels[chosen]).sum())
    return Surest(wrong / len(chosen), wrong, len(chosen), float(sure[first].mean()))


def _error_scalars(table: NutritionTable) -> dict[str, Scalar]:
    scalars: dict[str, Scalar] = {}
    if table.noise is not None:
        scalars["label-error rate, % (model estimate)"] = round(100 * float(table.noise.noise_rate), 2)
        scalars["its 95 % interval"] = f"{100 * float(table.noise.low):.2f} to {100 * float(table.noise.high):.2f}"
    if table.label_issue is not None:
        scalars["rows with a suspect label"] = int(table.label_issue.sum())
    if table.pred_probs is not None and table.is_classification:
        surest = surest_disagreement(table.dataset.labels, table.pred_probs)
        scalars["labels contradicted where the model is surest, %"] = round(100 * surest.rate, 2)
        scalars["rows where the model is surest"] = surest.rows
        scalars["its mean confidence there, %"] = round(100 * surest.confidence, 2)
    return scalars


def _worst_pairs(table: NutritionTable) -> ReportTable | None:
    space = table.dataset.space
    joint = None if table.noise is None else getattr(table.noise, "joint", None)
    if joint is None or space is None or np.shape(joint) != (len(space), len(space)):
        return None
    off = np.array(joint, dtype=np.float64)
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:_MOST_PAIRS]
    rows = tuple(
        (space.names[i], space.names[j], round(100 * float(off[i, j]), 3))
        for i, j in (np.unravel_index(k, off.shape) for k in order)
        if off[i, j] > 0
    )
    return (
        ReportTable("Classes most often mistaken", ("true class", "given class", "% of rows"), rows) if rows else None
    )


def _class_table(table: NutritionTable, counts: NDArray[np.int64], labelled: int) -> ReportTable:
    assert table.dataset.space is not None
    order = np.argsort(-counts, kind="stable")[:_MOST_CLASSES]
    private = table.label in table.columns and table.columns[table.label].sensitive
    rows = tuple(
        (
            f"class {rank}" if private else table.dataset.space.names[k],
            int(counts[k]),
            round(100 * int(counts[k]) / max(labelled, 1), 2),
        )
        for rank, k in enumerate(order.tolist(), start=1)
    )
    return ReportTable("Classes", ("class", "rows", "%"), rows)


def agreement(table: NutritionTable, answers: Answers) -> dict[str, Scalar]:
    """Return annotators an item and Krippendorff's alpha over the declared annotator columns; empty without them."""
    columns = [table.columns[name] for name in answers.annotator_columns]
    columns = [column for column in columns if column.codes is not None]
    if len(columns) < 2:
        return {}
    levels = sorted({level for column in columns for level in column.levels})
    place = {level: k for k, level in enumerate(levels)}
    votes = np.full((len(table), len(columns)), -1, dtype=np.int64)
    for j, column in enumerate(columns):
        lookup = np.array([*(place[level] for level in column.levels), -1], dtype=np.int64)
        votes[:, j] = lookup[column.codes]
    given = (votes >= 0).sum(axis=1)
    rows, voters = np.nonzero(votes >= 0)
    alpha = krippendorff_alpha(rows, votes[rows, voters]) if (given >= 2).any() else float("nan")
    return {
        "annotators": len(columns),
        "labels an item": round(float(given.mean()), 3),
        "Krippendorff's alpha": round(alpha, 4) if np.isfinite(alpha) else None,
    }


def _percent(mask: NDArray[np.bool_]) -> float:
    return round(100 * float(mask.mean()), 3) if mask.size else 0.0
