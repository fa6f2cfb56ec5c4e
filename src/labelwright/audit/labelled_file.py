"""A file of labelled rows as measures take it: one class a row, and features built as an audit builds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.measure_inputs import classes_of
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.dataset import Dataset
from labelwright.data.features import build_features
from labelwright.data.load import load_dataset
from labelwright.progress import SILENT, Progress

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class LabelledFile:
    """Where labelled rows stand, and how features and out-of-fold probabilities are made of them.

    Parameters
    ----------
    path : Path
    columns : mapping
        As `load_dataset` takes them.
    features : str, optional
        As in an audit; the built-in ones by default.
    seed : int, default 0
        Of features and folds, and of what the measure draws.
    jobs : int, default 1
        Processes. Never changes a result.
    """

    path: Path
    columns: Mapping[str, Any] = field(default_factory=dict)
    features: str | None = None
    seed: int = 0
    jobs: int = 1

    def load(self) -> Dataset:
        """Return the rows; BadInput when they are no classification with two classes or more."""
        dataset = load_dataset(self.path, **self.columns)
        classes_of(dataset)
        return dataset

    def matrix(self, dataset: Dataset, progress: Progress = SILENT) -> Matrix:
        """Return the features of loaded rows, float32 (n, d)."""
        return build_features(dataset, spec=self.features, jobs=self.jobs, seed=self.seed, progress=progress).matrix

    def out_of_fold(
        self, matrix: Matrix, dataset: Dataset, progress: Progress = SILENT, *, estimator: Any = None
    ) -> NDArray[np.float64]:
        """Return class probabilities (n, K) of an estimator on features (n, d), a linear probe by default."""
        return out_of_fold_probs(
            matrix,
            dataset.labels,
            len(classes_of(dataset)),
            estimator=estimator,
            seed=self.seed,
            jobs=self.jobs,
            progress=progress,
        )
