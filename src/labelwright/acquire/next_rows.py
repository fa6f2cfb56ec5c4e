"""Which rows to label next: from data of which some rows have labels, with or without votes of several people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labelwright.acquire.activelab import ActiveLab, VoteQuality
from labelwright.acquire.bald import BootstrapCommittee
from labelwright.acquire.contract import Pool, Rows, checked_budget
from labelwright.acquire.hierarchy_reannotation import label_tree_distance
from labelwright.acquire.material import Material, gather_material, model_probs
from labelwright.acquire.methods import AUTO, Method, choose, find_method, make
from labelwright.acquire.probe import fit_probe
from labelwright.acquire.questions import Questions, content_of
from labelwright.acquire.reasons import row_reasons
from labelwright.consensus.base import confusion_matrices, most_probable
from labelwright.consensus.label_models import DawidSkene
from labelwright.consensus.reask import whom_to_reask
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress

COMMITTEE = 8  # models of the bootstrap committee


@dataclass(frozen=True)
class NextOptions:
    """What is asked for.

    Parameters
    ----------
    budget : int
        How many questions.
    method : str
        ``"auto"`` or a name of `methods.METHODS`.
    settings : mapping
        Arguments of the method's constructor.
    may_reask : bool
        Rows that have a label may be asked about again.
    separator : str
        Between the parts of labels that are paths in a tree.
    seed, jobs : int
    """

    budget: int
    method: str = AUTO
    settings: Mapping[str, Any] = field(default_factory=dict)
    may_reask: bool = False
    separator: str = "."
    seed: int = 0
    jobs: int = 1


def next_rows(
    path: Path, options: NextOptions, *, label: str | None = None, unlabelled: bool = False, votes: Path | None = None,
    answers: Sequence[Path] = (), features: str | None = None, progress: Progress = SILENT, **columns: Any,
) -> Questions:  # fmt: skip
    """Return which rows of a data set to label next.

    Parameters
    ----------
    path : Path
    options : NextOptions
    label, unlabelled, votes, answers, features, **columns
        See `gather_material`.

    Raises
    ------
    BadInput
        The data cannot be read, no row is open, or the method lacks what it needs.
    """
    checked_budget(options.budget, 1)
    method = None if options.method == AUTO else find_method(options.method)
    found = gather_material(
        path, label=label, unlabelled=unlabelled, votes=votes, answers=answers, features=features, jobs=options.jobs,
        seed=options.seed, progress=progress, **columns,
    )  # fmt: skip
    return ask_about(found, options, method, progress)


def ask_about(found: Material, options: NextOptions, method: Method | None, progress: Progress = SILENT) -> Questions:
    """Return which rows of gathered material to label next."""
    told, because = found.told, ""
    again = options.may_reask or (method is not None and "told" in method.needs)
    if method is None:
        method, because = choose(
            int(told.sum()), len(found.classes), has_votes=found.votes is not None, may_reask=options.may_reask
        )
    free = np.ones(len(told), np.bool_) if again else ~told
    if not free.any():
        raise BadInput("every row has a label already", fix="add --may-reask to ask about labelled rows again")
    pool = _pool(found, free, options, method, progress)
    if method.says == "apart" and "distance" not in options.settings:
        distance = label_tree_distance(found.classes, options.separator)
        acquisition = make(method, {**options.settings, "distance": distance})
    else:
        acquisition = make(method, options.settings)
    with progress.stage("choosing rows"):
        chosen = acquisition.select(pool, options.budget, options.seed)
    if not len(chosen):
        raise BadInput("the models contradict no label", fix="nothing needs to be checked by this method")
    quality = acquisition.quality(pool) if isinstance(acquisition, ActiveLab) else None
    reasons = row_reasons(method.says, chosen, pool, found.classes, quality)
    return Questions(
        ids=tuple(found.dataset.ids[chosen.rows].tolist()),
        again=told[chosen.rows],
        ask=_whom(found, chosen.rows, quality),
        score=np.asarray(chosen.score, dtype=np.float64),
        reasons=tuple(reasons),
        method=method.name,
        because=because,
        n_rows=len(told),
        n_told=int(told.sum()),
        content=content_of(found.dataset, chosen.rows),
        rows=chosen.rows,
        probability=chosen.probability,
        classes=found.classes,
        notes=found.notes,
    )


def _pool(
    found: Material, free: np.ndarray[Any, np.dtype[np.bool_]], options: NextOptions, method: Method, progress: Progress
) -> Pool:
    labels = _consensus(found)
    probs = draws = None
    if {"probs", "draws"} & set(method.needs):
        probs = model_probs(
            found.X, labels, len(found.classes), seed=options.seed, jobs=options.jobs, progress=progress
        )
        if probs is None:
            raise BadInput(
                f"{method.name} needs a model, and labels of two classes to fit it", fix="choose --method typiclust"
            )
    if "labels" in method.needs and not (labels >= 0).any():
        raise BadInput(f"{method.name} needs labelled rows", fix="choose --method typiclust")
    if "draws" in method.needs:
        known = labels >= 0
        committee = BootstrapCommittee(fit_probe(len(found.classes), options.seed), COMMITTEE)
        draws = committee.fit(found.X[known], labels[known], options.seed).predict_proba(found.X)
    if found.votes is not None:
        return Pool(pred_probs=probs, features=found.X, votes=found.votes, draws=draws, candidates=free)
    return Pool(pred_probs=probs, features=found.X, labels=found.labels, draws=draws, candidates=free)


def _consensus(found: Material) -> Rows:
    """Return the label of each row that a model is trained on: its own, else the class with most votes."""
    if found.votes is None:
        return found.labels
    counts = found.votes.counts()
    merged = np.where(counts.sum(axis=1) > 0, most_probable(counts), -1)
    return np.where(found.labels >= 0, found.labels, merged)


def _whom(found: Material, rows: Rows, quality: VoteQuality | None) -> tuple[str | None, ...]:
    """Return who should be asked about each row: whose vote tells most, among those who have not voted on it."""
    if found.votes is None or quality is None:
        return (None,) * len(rows)
    table = VoteTable.of(found.votes)
    confusion = confusion_matrices(DawidSkene().fit(found.votes))
    part = np.zeros(len(quality.posterior), np.bool_)
    part[rows] = True
    q = np.where(part[:, None], quality.posterior, np.eye(quality.posterior.shape[1])[0])
    picked = whom_to_reask(table, q, confusion, np.ones(table.n_sources, np.bool_), most=int(part.sum()))
    best = dict(zip(picked.row.tolist(), picked.source.tolist(), strict=True))
    return tuple(found.sources[best[row]] if row in best else None for row in rows.tolist())
