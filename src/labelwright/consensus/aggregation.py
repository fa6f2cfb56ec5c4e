"""Votes in a data frame in, one label a task out, with confidence, annotators' quality and whom to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.consensus.automatic import Automatic
from labelwright.consensus.base import LabelModel, confusion_matrices, most_probable
from labelwright.consensus.classifier_votes import CROWDLAB
from labelwright.consensus.reask import whom_to_reask
from labelwright.consensus.table import VoteTable
from labelwright.consensus.vote_frames import VoteFrame, native, read_gold, read_pred_probs, read_votes
from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.metrics.agreement import krippendorff_alpha_interval
from labelwright.metrics.intervals import Interval, wilson

Floats = NDArray[np.float64]
LEAST_JUDGED = 20
NOT_ENOUGH = "not enough data"


@dataclass(frozen=True)
class Aggregation:
    """What the votes say.

    Parameters
    ----------
    labels : data frame
        ``task``, ``label``, ``confidence``, ``n_votes`` and one column ``p_CLASS`` a class, a row a task in order of
        first appearance. The caller's kind of frame and of ids.
    annotators : data frame
        ``annotator``, ``n_votes``, ``n_judged`` (tasks with another vote or a known label), ``accuracy`` with ``low``
        and ``high`` (model estimate, 95 %), ``checked`` and ``n_checked`` (on known labels), ``rank``, ``note``. Below
        20 judged tasks accuracy and rank are empty and the note says "not enough data".
    reask : data frame
        ``task``, ``annotator``, ``expected_gain``: whom to ask next about what, by falling gain of the chance that the
        label is right.
    alpha : Interval
        Krippendorff's alpha with its 95 % bootstrap interval; NaN where no task has two votes.
    model : LabelModel
        The fitted model; of `Automatic` the one that it chose is ``model.model_``.
    votes : Votes
        The votes as numbers, repeats sharing one vote's weight.
    classes, tasks, sources : tuple
        Names of classes, ids of tasks and of annotators, in the order of the numbers.
    notes : tuple of str
        What was noticed on the way.
    """

    labels: Any
    annotators: Any
    reask: Any
    alpha: Interval
    model: LabelModel
    votes: Votes
    classes: tuple[str, ...]
    tasks: tuple[Any, ...]
    sources: tuple[Any, ...]
    notes: tuple[str, ...]


def aggregate(
    votes: Any,
    *,
    task: str = "task",
    annotator: str = "annotator",
    label: str = "label",
    method: LabelModel | None = None,
    gold: str | Mapping[Any, Any] | None = None,
    pred_probs: Any = None,
    most_reask: int = 1000,
    seed: int = 0,
) -> Aggregation:
    """Merge the votes of many annotators into one label a task.

    Parameters
    ----------
    votes : data frame
        pandas, Polars, Arrow: one row a vote. An empty label is an abstention and counts for nothing.
    task, annotator, label : str
        Columns. Ids and labels may be of any type.
    method : LabelModel, optional
        Unfitted; `Automatic` by default, `CROWDLAB` where `pred_probs` is given.
    gold : str or mapping, optional
        Known labels: a column of `votes` (empty where unknown), or a mapping task → label.
    pred_probs : data frame, optional
        A classifier's out-of-fold probabilities: the `task` column and one column a class (``CLASS`` or ``p_CLASS``).
    most_reask : int, default 1000
        Most rows of the table `reask`.
    seed : int, default 0
        For the bootstrap of alpha and for `Automatic`.

    Raises
    ------
    BadInput
        Missing columns or ids, no votes, gold that contradicts itself, probabilities that do not fit.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"task": ["a", "a", "a", "b", "b", "b"], "annotator": list("xyzxyz"),
    ...                       "label": ["cat", "cat", "dog", "dog", "dog", "dog"]})
    >>> aggregate(frame).labels[["task", "label", "n_votes"]].values.tolist()
    [['a', 'cat', 3], ['b', 'dog', 3]]
    """
    if method is not None and not isinstance(method, LabelModel):
        raise BadInput(f"method is {type(method).__name__}", fix="pass a label model, such as DawidSkene()")
    read = read_votes(votes, task, annotator, label, gold if isinstance(gold, str) else None)
    known = read_gold(read, gold)
    model = method
    if pred_probs is not None:
        if method is not None and not isinstance(method, CROWDLAB):
            raise BadInput("method and pred_probs are both given", fix="leave method out: CROWDLAB takes pred_probs")
        model = CROWDLAB(read_pred_probs(read, pred_probs, task))
    model = (model or Automatic(seed=seed)).fit(read.votes, known)
    q = model.predict_proba(read.votes)
    q = np.where((known >= 0)[:, None], known[:, None] == np.arange(q.shape[1]), q)
    table = VoteTable.of(read.votes)
    judged = _judged(table, known)
    return Aggregation(
        labels=native(_labels(read, table, q), votes),
        annotators=native(_annotators(read, table, model, known, judged), votes),
        reask=native(_reask(read, table, model, q, known, judged, most_reask), votes),
        alpha=_alpha(read.votes, seed),
        model=model,
        votes=read.votes,
        classes=read.classes,
        tasks=tuple(read.tasks.to_pylist()),
        sources=tuple(read.sources.to_pylist()),
        notes=read.notes,
    )


def _labels(read: VoteFrame, table: VoteTable, q: Floats) -> dict[str, Any]:
    best = most_probable(q)
    columns: dict[str, Any] = {
        "task": read.tasks,
        "label": read.labels.take(pa.array(best)),
        "confidence": q.max(axis=1),
        "n_votes": np.diff(table.offsets),
    }
    return columns | {f"p_{name}": q[:, k] for k, name in enumerate(read.classes)}


def _judged(table: VoteTable, known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return on how many rows each source can be judged: another source voted, or the class is known; int64 (m,)."""
    row = table.row()
    key = np.unique(row * table.n_sources + table.source)
    rows, sources = key // table.n_sources, key % table.n_sources
    voters = np.bincount(rows, minlength=table.n_rows)
    counted = (voters[rows] > 1) | (known[rows] >= 0)
    return np.bincount(sources[counted], minlength=table.n_sources).astype(np.int64)


def _annotators(
    read: VoteFrame, table: VoteTable, model: LabelModel, known: NDArray[np.int64], judged: NDArray[np.int64]
) -> dict[str, Any]:
    quality = model.source_quality()
    m, row = table.n_sources, table.row()
    enough = judged >= LEAST_JUDGED
    accuracy = np.where(enough, np.clip(quality.accuracy, 0, 1), np.nan)
    low, high = wilson(np.nan_to_num(accuracy) * judged, judged)
    checked = known[row] >= 0
    n_checked = np.bincount(table.source[checked], minlength=m)
    right = np.bincount(table.source[checked & (known[row] == table.value)], minlength=m)
    rank = np.zeros(m, dtype=np.int64)
    order = np.argsort(np.where(np.isnan(accuracy), np.inf, -accuracy), kind="stable")
    rank[order] = np.arange(1, m + 1)
    enough &= ~np.isnan(accuracy)
    return {
        "annotator": read.sources,
        "n_votes": np.bincount(table.source, minlength=m),
        "n_judged": judged,
        "accuracy": _or_null(accuracy, enough),
        "low": _or_null(low, enough),
        "high": _or_null(high, enough),
        "n_checked": n_checked,
        "checked": _or_null(right / np.maximum(n_checked, 1), n_checked > 0),
        "rank": _or_null(rank, enough),
        "note": ["" if fine else NOT_ENOUGH for fine in enough.tolist()],
    }


def _or_null(values: NDArray[Any], valid: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=~valid)


def _reask(
    read: VoteFrame,
    table: VoteTable,
    model: LabelModel,
    q: Floats,
    known: NDArray[np.int64],
    judged: NDArray[np.int64],
    most: int,
) -> dict[str, Any]:
    settled = np.where((known >= 0)[:, None], np.eye(q.shape[1])[np.maximum(known, 0)], q)
    found = whom_to_reask(table, settled, confusion_matrices(model), judged >= LEAST_JUDGED, most)
    return {
        "task": read.tasks.take(pa.array(found.row)),
        "annotator": read.sources.take(pa.array(found.source)),
        "expected_gain": found.gain,
    }


def _alpha(votes: Votes, seed: int) -> Interval:
    said = votes.value >= 0
    row = votes.row[said]
    if not (np.bincount(row, minlength=1) > 1).any():
        return Interval(float("nan"), float("nan"), float("nan"), 0.95)
    return krippendorff_alpha_interval(row, votes.value[said], seed=seed, n=1000 if len(row) < 100_000 else 200)
