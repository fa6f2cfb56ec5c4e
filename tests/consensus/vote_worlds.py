"""Small worlds of votes with known truth, shared by the tests of label models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.evidence import Votes
from labelwright.noise import Sources, cast_votes


def crowd(
    n: int = 300,
    accuracy: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6, 0.75),
    n_classes: int = 2,
    coverage: float = 0.8,
    seed: int = 0,
) -> tuple[Votes, NDArray[np.int64]]:
    """Return votes of independent sources and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    cast = cast_votes(truth, Sources.skilled(accuracy, n_classes=n_classes, coverage=coverage), seed=rng)
    return Votes(cast.row, cast.source, cast.value, n, len(accuracy), n_classes), truth


def full(n: int = 200, m: int = 5, n_classes: int = 3, accuracy: float = 0.7, seed: int = 0) -> Votes:
    """Return votes of equally good sources who answer every row."""
    return crowd(n, (accuracy,) * m, n_classes, 1.0, seed)[0]
