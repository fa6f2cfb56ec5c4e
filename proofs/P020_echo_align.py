"""P020: under instance-dependent noise EchoSelect keeps more rows than small losses do, just as purely.

Digits, 70/30, an MLP of 64-256-256-10, 30 % instance-dependent noise. Rows are ranked by the similarity of each image
and its edit, and by their mean loss over the same ten first epochs; `recall` is the share of right labels among the
first rows of a ranking of which 97 % are right. Accuracy is that of the last epoch on clean test rows, 100 epochs for
EchoAlign and for cross-entropy.

Source: Zheng et al., Can We Treat Noisy Labels as Accurate?, arXiv 2024.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from proofs.beds import Bed, digits_bed

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.learn.noisy import echo_aligned
from labelwright.nn import CrossEntropy
from labelwright.noise import instance_dependent_noise

DATA = ("digits",)
BUDGET_S = 120
SEEDS = 3
PRECISION = 0.97
CLAIM = All(
    AtLeast("recall_ratio", 1.2, SEEDS, statement="recall at 97 % precision is 1.2 times that of small losses"),
    Beats(
        baseline="small losses",
        seeds=SEEDS,
        metric="recall at 97 % precision",
        method_figure="recall",
        baseline_figure="recall_of_small_loss",
    ),
    Beats(baseline="cross-entropy", by=0.08, seeds=SEEDS, metric="test accuracy"),
)


def instance_bed(seed: int) -> Bed:
    """Return digits whose labels are wrong in ways that depend on the image."""
    bed = digits_bed(seed)
    noisy = instance_dependent_noise(bed.truth, bed.x, 0.3, 10, seed + 1000)
    return replace(bed, given=noisy.labels.astype(np.int64))


def recall_at(score: NDArray[np.floating], right: NDArray[np.bool_], precision: float) -> float:
    """Return the share of right labels in the longest beginning of the ranking, best first, that is pure enough."""
    hits = np.cumsum(right[np.argsort(-score, kind="stable")])
    pure = np.flatnonzero(hits >= precision * np.arange(1, len(hits) + 1))
    return float(hits[pure[-1]] / right.sum()) if len(pure) else 0.0


def run(seed: int) -> dict[str, float]:
    """Select and train on the same noisy labels."""
    bed = instance_bed(seed)
    echo = echo_aligned(bed.task(), bed.training)
    plain = bed.fitted(CrossEntropy())
    right, kept = bed.given == bed.truth, echo.kept.numpy()
    recall = recall_at(echo.similarity.numpy(), right, PRECISION)
    small = recall_at(-echo.losses.numpy(), right, PRECISION)
    return {
        "recall": recall,
        "recall_of_small_loss": small,
        "recall_ratio": recall / max(small, 1e-9),
        "kept_precision": float(right[kept].mean()),
        "kept_recall": float(kept[right].mean()),
        "method": bed.accuracy(echo.loop),
        "baseline": bed.accuracy(plain),
    }
