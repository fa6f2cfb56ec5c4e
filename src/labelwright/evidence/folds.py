"""Cross-validation that never cuts a unit: bags, pairs and shuffled blocks go whole into one fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.base import Evidence


class EvidenceKFold:
    """K folds of whole units, in the protocol of scikit-learn's splitters.

    Parameters
    ----------
    n_splits : int, default 5
        At least 2, at most the number of units.
    seed : int or None, default 0
        Seed of the shuffle; None keeps the order of the units. Folds differ by at most one largest unit in rows.

    Examples
    --------
    >>> from labelwright.evidence import Bags
    >>> bags = Bags.counts([0, 0, 1, 1], [1, 2])
    >>> [test.tolist() for _, test in EvidenceKFold(2, seed=None).split(np.zeros((4, 1)), bags)]
    [[0, 1], [2, 3]]
    """

    def __init__(self, n_splits: int = 5, *, seed: int | None = 0) -> None:
        self.n_splits, self.seed = n_splits, seed

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield ``(train, test)`` row numbers, int64, sorted.

        `y` is the `Evidence`, or `groups` an int array (n,) of units; `X` only has to have the same length.
        """
        if isinstance(y, Evidence):
            units = y.units()
        elif groups is not None:
            units = np.unique(np.asarray(groups), return_inverse=True)[1]
        else:
            raise BadInput("EvidenceKFold got neither evidence nor units", fix="pass the evidence as y")
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        if n_rows != len(units):
            raise BadInput(f"X has {n_rows} rows, the evidence {len(units)}", fix="pass evidence about the rows of X")
        fold = self._fold_of_unit(np.bincount(units))[units]
        for k in range(self.n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)

    def _fold_of_unit(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Deal the units out from the largest to the smallest, equal ones in shuffled order."""
        if not 2 <= self.n_splits <= len(sizes):
            raise BadInput(f"{self.n_splits} folds of {len(sizes)} units", fix="choose 2 folds up to one a unit")
        order = np.arange(len(sizes))
        if self.seed is not None:
            order = np.random.default_rng(self.seed).permutation(order)
        order = order[np.argsort(-sizes[order], kind="stable")]
        fold = np.empty(len(sizes), dtype=np.int64)
        # Forward and backward in turn, so that the first fold does not get the larger of every round.
        ring = np.concatenate([np.arange(self.n_splits), np.arange(self.n_splits)[::-1]])
        fold[order] = np.resize(ring, len(sizes))
        return fold
