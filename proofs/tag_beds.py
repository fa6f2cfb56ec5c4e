"""Test beds of multi-label data: real sets with tags hidden, one network for every method.

Rows are split at random, 70/30; dense features are standardised by the training part. The mark is the mean average
precision over the classes of the test part, last epoch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.datasets import multilabel
from scipy.sparse import issparse

from labelwright.evidence import Tags
from labelwright.metrics import mean_average_precision
from labelwright.nn import MLP, AdamW, Loop, Objective, Task, Training

torch.set_num_threads(int(os.environ.get("LABELWRIGHT_PROOF_THREADS", "1")))

TAG_TRAINING = Training(epochs=30, batch_size=128, optimizer=AdamW(1e-3), device="cpu")


@dataclass(frozen=True, eq=False)
class TagBed:
    """Rows with all their tags: `x`, `x_test` float32 (n, d), (m, d), `truth`, `y_test` bool (n, K), (m, K)."""

    x: NDArray[np.float32]
    truth: NDArray[np.bool_]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.bool_]
    training: Training

    def fitted(self, objective: Objective, tags: NDArray[np.int8], **training: Any) -> Loop:
        """Return the loop after training on tags int8 (n, K)."""
        task = Task(self.x, Tags.from_dense(tags), net=MLP((256, 256)))
        loop = Loop(objective, task, replace(self.training, **training))
        loop.fit()
        return loop

    def scores(self, loop: Loop) -> NDArray[np.float64]:
        """Return the probabilities of the test rows' tags."""
        return loop.predict_proba(self.x_test).double().numpy()

    def mean_ap(self, loop: Loop) -> float:
        """Return the mean average precision on the test rows."""
        return mean_average_precision(self.y_test, self.scores(loop))


def tag_bed(name: str, seed: int, test_share: float = 0.3) -> TagBed:
    """Return a multi-label set of `datasets.MULTILABEL`; rows without any tag are left out."""
    data = multilabel(name)
    on = data.Y.astype(bool)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(on.any(axis=1)))
    cut = round(test_share * len(rows))
    test, train = rows[:cut], rows[cut:]
    x = _words(data.X) if issparse(data.X) else _standardised(data.X.astype(np.float64), train)
    return TagBed(x[train], on[train], x[test], on[test], replace(TAG_TRAINING, seed=seed))


def _words(x: Any) -> NDArray[np.float32]:
    """Return rows of word marks as they are: scaling rare words up would drown the others."""
    return np.asarray(x.toarray(), dtype=np.float32)


def _standardised(x: NDArray[np.float64], train: NDArray[np.int64]) -> NDArray[np.float32]:
    scale = x[train].std(axis=0)
    return ((x - x[train].mean(axis=0)) / np.where(scale > 0, scale, 1)).astype(np.float32)


def kept_positives(truth: NDArray[np.bool_], share: float, seed: int) -> NDArray[np.int8]:
    """Return tags in which each positive is known with probability `share` and everything else unknown."""
    kept = truth & (np.random.default_rng(seed).random(truth.shape) < share)
    return kept.astype(np.int8)
