"""What auditors are fed: features, neighbours, predictions and images of a data set, each made once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.options import AuditOptions
from labelwright.audit.truth_model import TruthEstimate, estimate_truth
from labelwright.data.cache import Cache
from labelwright.data.crossval import out_of_fold_probs, out_of_fold_tags, out_of_fold_values
from labelwright.data.dataset import Dataset
from labelwright.data.features import Features, build_features
from labelwright.data.images import ImageRows
from labelwright.data.neighbors import Neighbors, nearest_neighbors
from labelwright.data.pred_probs import load_pred_probs
from labelwright.errors import BadInput
from labelwright.progress import Progress

N_NEIGHBORS = 20  # nearest rows that outliers, duplicates and row order are judged by
N_VOTERS = (
    100  # nearest rows whose labels say what a row may be: they fade with distance, and finding them costs no more
)
METRIC: Literal["cosine"] = "cosine"


@dataclass
class Clock:
    """Seconds that each stage took, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to stage `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


@dataclass(frozen=True)
class Material:
    """Everything that is known about the rows before any auditor speaks.

    `predictions` are out-of-sample: class probabilities (n, K), tag probabilities (n, K), or values (n,). `truth` is
    what they and the labels of similar rows say about each label of a classification.
    """

    dataset: Dataset
    features: Features | None
    neighbors: Neighbors | None
    predictions: NDArray[np.float64] | None
    truth: TruthEstimate | None
    images: ImageRows | None
    notes: tuple[str, ...]


def gather(dataset: Dataset, options: AuditOptions, progress: Progress, cache: Cache, clock: Clock) -> Material:
    """Build what the auditors need, from the cache where the content is known there."""
    notes = list(dataset.plan.notes)
    predictions = None
    if options.pred_probs is not None:
        if dataset.space is None:
            raise BadInput("pred_probs are for classes, and the labels here are numbers", fix="leave out --pred-probs")
        # Probabilities that cannot be right are refused before the long work starts.
        loaded = load_pred_probs(options.pred_probs, dataset, options.classes)
        predictions, notes = loaded.values, [*notes, *loaded.notes]
    with clock.stage("features"):
        features = _features(dataset, options, progress, cache)
    if features is not None:
        notes += features.notes
    voters = None
    if features is not None and len(dataset) > 1:
        with clock.stage("neighbours"):
            voters = _neighbors(features, options, progress, cache)
    if predictions is None and features is not None:
        with clock.stage("out-of-fold predictions"):
            predictions, said = _predict(dataset, features, options, progress, cache)
            notes += said
    truth = None
    if predictions is not None and _has_classes(dataset):
        with clock.stage("truth model"), progress.stage("truth model"):
            truth = estimate_truth(dataset.labels, predictions, neighbors=voters, seed=options.seed)
    neighbors = None if voters is None else voters.nearest(N_NEIGHBORS)
    images = ImageRows(dataset, dataset.plan.image) if dataset.plan.image else None
    return Material(dataset, features, neighbors, predictions, truth, images, tuple(notes))


def _has_classes(dataset: Dataset) -> bool:
    """Say whether each row has one class, and at least two classes are given."""
    labels = dataset.labels
    return dataset.plan.task == "classification" and len(np.unique(labels[labels >= 0])) > 1


def _features(dataset: Dataset, options: AuditOptions, progress: Progress, cache: Cache) -> Features | None:
    if dataset.plan.modality == "none" and options.features is None:
        return None
    spec = None if options.features is None else str(options.features)
    return build_features(dataset, spec=spec, cache=cache, jobs=options.jobs, seed=options.seed, progress=progress)


def _neighbors(features: Features, options: AuditOptions, progress: Progress, cache: Cache) -> Neighbors:
    matrix = features.matrix
    k = min(N_VOTERS, len(matrix) - 1)

    def search() -> NDArray:
        with progress.stage("neighbours"):
            found = nearest_neighbors(matrix, k, metric=METRIC, jobs=options.jobs)
        return np.stack([found.indices.astype(np.float64), found.distances.astype(np.float64)])

    # Row numbers below 2^53 and float32 distances both survive float64 exactly, so that one array holds them.
    both = cache.array(("audit neighbours", METRIC, matrix, k), search)
    return Neighbors(both[0].astype(np.int64), both[1].astype(np.float32), METRIC)


def _predict(
    dataset: Dataset, features: Features, options: AuditOptions, progress: Progress, cache: Cache
) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    labels, matrix = dataset.labels, features.matrix
    reason = _cannot_predict(dataset)
    if reason:
        return None, (reason,)
    groups = None if dataset.plan.group is None else _codes(dataset, dataset.plan.group)
    shared: dict[str, Any] = {
        "folds": options.folds,
        "groups": groups,
        "seed": options.seed,
        "jobs": options.jobs,
        "progress": progress,
        "cache": cache,
    }
    if dataset.plan.task == "classification":
        assert dataset.space is not None
        return out_of_fold_probs(matrix, labels, len(dataset.space), **shared), ()
    if dataset.plan.task == "multilabel":
        return out_of_fold_tags(matrix, labels, **shared), ()
    return out_of_fold_values(matrix, labels, **shared), ()


def _cannot_predict(dataset: Dataset) -> str | None:
    """Say why no model can be cross-validated, or None when one can."""
    labels = dataset.labels
    if dataset.plan.task == "regression":
        known = np.count_nonzero(~np.isnan(labels))
    else:
        known = np.count_nonzero(labels >= 0 if labels.ndim == 1 else (labels >= 0).any(axis=1))
    if known < 2:
        return f"only {known} rows have a label: labels are not judged"
    if dataset.plan.task == "classification" and len(np.unique(labels[labels >= 0])) < 2:
        return "all labels are the same: labels are not judged"
    return None


def _codes(dataset: Dataset, column: str) -> NDArray[np.int64]:
    """Return a number for each value of a column; rows with an empty cell are each a group of their own."""
    encoded = dataset.column(column).combine_chunks().dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1), dtype=np.int64)
    empty = codes < 0
    codes[empty] = len(encoded.dictionary) + np.arange(np.count_nonzero(empty))
    return codes
