"""Votes in a data frame in, one label a task out, with confidence, annotators' quality and whom to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.consensus.agreement import Agreement, vote_agreement
from labelwright.consensus.annotators import LEAST_JUDGED, annotator_columns, judged_rows
from labelwright.consensus.automatic import Automatic
from labelwright.consensus.base import LabelModel, confusion_matrices, most_probable
from labelwright.consensus.classifier_votes import CROWDLAB
from labelwright.consensus.dependence import Dependence, overlapping_rules, warned_pairs
from labelwright.consensus.reask import whom_to_reask
from labelwright.consensus.table import VoteTable
from labelwright.consensus.tempering import LEAST_KNOWN, flattened, known_temperature, tempered
from labelwright.consensus.vote_frames import VoteFrame, native, read_gold, read_pred_probs, read_votes
from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.metrics.intervals import Interval, wilson
from labelwright.progress import SILENT, Progress

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Aggregation:
    """What the votes say.

    Parameters
    ----------
    labels : data frame
        ``task``, ``label``, ``confidence``, ``n_votes`` and one column ``p_CLASS`` a class, a row a task in order of
        first appearance. The caller's kind of frame and of ids. Label and confidence are empty where nothing is known
        of a task.
    annotators : data frame
        ``annotator``, ``n_votes``, ``coverage`` (share of the tasks), ``overlap`` and ``conflict`` (shares of its votes
        beside another vote, and beside one that says something else), ``n_judged`` (tasks with another vote or a known
        label), ``accuracy`` with ``low`` and ``high`` (model estimate, 95 %), ``n_checked``, ``checked``,
        ``checked_low`` and ``checked_high`` (on known labels), ``median_seconds`` where times are known, ``rank``,
        ``note``. Below 20 judged tasks accuracies and rank are empty and the note
        says "not enough data".
    reask : data frame
        ``task``, ``annotator`` (empty: anybody who has not voted on it), ``expected_gain``: whom to ask next about
        what, by falling gain of the chance that the label is right.
    agreement : Agreement
        Krippendorff's alpha, Fleiss' and Cohen's kappa with 95 % bootstrap intervals; NaN where no task has two votes.
    model : LabelModel
        The fitted model; of `Automatic` the one that it chose is ``model.model_``.
    votes : Votes
        The votes as numbers, repeats sharing one vote's weight.
    classes, tasks, sources : tuple
        Names of classes, ids of tasks and of annotators, in the order of the numbers.
    posterior : float64 (n, K)
        The probabilities of ``labels`` as an array; known labels have probability 1.
    known : int64 (n,)
        Known classes, -1 = unknown.
    temperature : float
        What the model's posteriors were flattened by, fitted to known labels: 1 with fewer than 50 of them. (That which
        `Automatic` fits to held-out votes is its own.)
    checked : Interval or None
        Accuracy of the merged labels on tasks of known label, the known labels held back; None without any.
    dependent : tuple of Dependence
        Annotators whose answers agree far more than independent work would (`warned_pairs`), or rules that speak about
        the same rows (`overlapping_rules`).
    notes : tuple of str
        What was noticed on the way.
    """

    labels: Any
    annotators: Any
    reask: Any
    agreement: Agreement
    model: LabelModel
    votes: Votes
    classes: tuple[str, ...]
    tasks: tuple[Any, ...]
    sources: tuple[Any, ...]
    posterior: Floats
    known: Ints
    temperature: float
    checked: Interval | None
    dependent: tuple[Dependence, ...]
    notes: tuple[str, ...]

    @property
    def alpha(self) -> Interval:
        """Krippendorff's alpha with its 95 % bootstrap interval."""
        return self.agreement.alpha


def aggregate(
    votes: Any,
    *,
    task: str = "task",
    annotator: str = "annotator",
    label: str = "label",
    method: LabelModel | None = None,
    gold: str | Mapping[Any, Any] | None = None,
    seconds: str | None = None,
    pred_probs: Any = None,
    most_reask: int = 1000,
    seed: int = 0,
    progress: Progress = SILENT,
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
    seconds : str, optional
        Column of the time that each vote took.
    pred_probs : data frame, optional
        A classifier's out-of-fold probabilities: the `task` column and one column a class (``CLASS`` or ``p_CLASS``).
    most_reask : int, default 1000
        Most rows of the table `reask`.
    seed : int, default 0
        For the bootstrap of the agreement and for `Automatic`.
    progress : Progress, optional

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
    read = read_votes(votes, task, annotator, label, gold if isinstance(gold, str) else None, seconds)
    known = read_gold(read, gold)
    if pred_probs is not None:
        if method is not None and not isinstance(method, CROWDLAB):
            raise BadInput("method and pred_probs are both given", fix="leave method out: CROWDLAB takes pred_probs")
        method = CROWDLAB(read_pred_probs(read, pred_probs, task))
    return merge(
        read, known, method or Automatic(seed=seed), like=votes, most_reask=most_reask, seed=seed, progress=progress
    )


def merge(
    read: VoteFrame,
    known: Ints,
    model: LabelModel,
    *,
    like: Any,
    may_ask: bool = True,
    most_reask: int = 1000,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Aggregation:
    """Merge votes that are numbers already.

    Parameters
    ----------
    read : VoteFrame
    known : int64 (n,)
        Known classes, -1 = unknown.
    model : LabelModel
        Unfitted.
    like : data frame
        The tables are of its kind.
    may_ask : bool, default True
        Whether the sources can be asked again; rules cannot, then `reask` names no annotator.
    most_reask, seed, progress
        As in `aggregate`.
    """
    with progress.stage("Merging votes"):
        fresh = deepcopy(model)
        model.fit(read.votes, known)
        q = model.predict_proba(read.votes)
        checked, temperature = _held_against(fresh, read.votes, known)
    if temperature != 1:
        q = np.where(VoteTable.of(read.votes).covered()[:, None], tempered(q, temperature), q)
    q = np.where((known >= 0)[:, None], known[:, None] == np.arange(q.shape[1]), q)
    table = VoteTable.of(read.votes)
    judged = judged_rows(table, known)
    with progress.stage("Measuring agreement"):
        agreement = vote_agreement(read.votes, seed)
        dependent = warned_pairs(read.votes) if may_ask else overlapping_rules(read.votes, q)
    may_be_named = judged >= LEAST_JUDGED
    asked_again = _reask(read, table, model if may_ask else None, temperature, q, may_be_named, most_reask)
    annotators = {"annotator": read.sources} | dict(annotator_columns(read.votes, model, known, judged))
    return Aggregation(
        labels=native(_labels(read, table, q, known, model), like),
        annotators=native(annotators, like),
        reask=native(asked_again, like),
        agreement=agreement,
        model=model,
        votes=read.votes,
        classes=read.classes,
        tasks=tuple(read.tasks.to_pylist()),
        sources=tuple(read.sources.to_pylist()),
        posterior=q,
        known=known,
        temperature=temperature,
        checked=checked,
        dependent=dependent,
        notes=(*read.notes, *_fitted_note(temperature, known)),
    )


def _fitted_note(temperature: float, known: Ints) -> tuple[str, ...]:
    if temperature == 1:
        return ()
    return (f"confidences are fitted to {int((known >= 0).sum()):,} known labels (temperature {temperature:.1f})",)


def _labels(read: VoteFrame, table: VoteTable, q: Floats, known: Ints, model: LabelModel) -> dict[str, Any]:
    silent = ~table.covered() & (known < 0) & (not isinstance(model, CROWDLAB))
    columns: dict[str, Any] = {
        "task": read.tasks,
        "label": read.labels.take(pa.array(most_probable(q), mask=silent)),
        "confidence": pa.array(q.max(axis=1), mask=silent),
        "n_votes": np.diff(table.offsets),
    }
    return columns | {f"p_{name}": q[:, k] for k, name in enumerate(read.classes)}


def _held_against(fresh: LabelModel, votes: Votes, known: Ints) -> tuple[Interval | None, float]:
    """Hold a model that has not seen the known labels against them, on tasks with votes.

    Returns how often it agrees with them (None without any) and, where there are enough, the temperature that makes its
    posteriors as sure as they should be.
    """
    asked = (known >= 0) & VoteTable.of(votes).covered()
    n = int(asked.sum())
    if not n:
        return None, 1.0
    q = fresh.fit(votes).predict_proba(votes)
    right = int((most_probable(q) == known)[asked].sum())
    low, high = wilson(right, n)
    temperature = 1.0 if n < LEAST_KNOWN or q.shape[1] == 1 else known_temperature(q[asked], known[asked])
    return Interval(right / n, low, high, 0.95), temperature


def _reask(
    read: VoteFrame, table: VoteTable, model: LabelModel | None, temperature: float, q: Floats,
    allowed: NDArray[np.bool_], most: int,
) -> dict[str, Any]:  # fmt: skip
    """Return whom to ask about what.

    Nobody in particular, at the mean quality of all, where no source may be named; a person who is taken to be right
    where sources cannot be asked (`model` is None). Where the votes that are there were flattened, the next one is too.
    """
    anybody = model is None or not allowed.any()
    flat = 1.0 if model is None else max(temperature * getattr(model, "temperature_", 1.0), 1.0)
    confusion = np.eye(q.shape[1])[None] if model is None else flattened(confusion_matrices(model), flat)
    if not anybody:
        found = whom_to_reask(table, q, confusion, allowed, most)
    else:
        said = np.maximum(table.said()[:, : table.n_classes].sum(axis=1), 1e-9)
        mean = confusion[0] if model is None else np.average(confusion, axis=0, weights=said)
        unasked = table.keep(np.zeros(len(table.source), dtype=bool))
        found = whom_to_reask(unasked, q, mean[None], np.ones(1, dtype=bool), most)
    return {
        "task": read.tasks.take(pa.array(found.row)),
        "annotator": read.sources.take(pa.array(found.source, mask=np.full(len(found.source), anybody))),
        "expected_gain": found.gain,
    }
