"""Is the order of the rows random? Files that are sorted, grouped or drift must not be split by position.

Two tests, each against random reorderings of the same rows:

    labels      how many neighbouring rows of the file have the same label
    features    mean log distance in the file between each row and its nearest neighbours in feature space

A permutation p-value is (1 + number of reorderings at least as extreme) / (1 + number of reorderings), so it is valid
at any size (Phipson and Smyth, Permutation P-values Should Never Be Zero, 2010). With both tests made, each has to
pass at `alpha` / 2. As any order of a large file differs a little from random, the effect must also be notable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.equal_rows import row_groups
from labelwright.audit.inputs import NeighborTable, neighbor_arrays
from labelwright.audit.scores import Scores
from labelwright.errors import BadInput
from labelwright.metrics.numerals import percent

# Pairs of rows looked at, drawn at random where there are more.
_MOST_PAIRS = 10_000
_LEAST_ROWS = 20


@dataclass(frozen=True)
class RowOrder:
    """Test whether rows that are alike stand together in the file.

    Parameters
    ----------
    alpha : float, default 0.01
        Chance of a false alarm on rows in random order, both tests together.
    permutations : int, default 499
        Random reorderings; at least 2 / `alpha`.
    min_effect : float, default 0.1
        Labels: how far agreement of neighbouring rows goes from chance towards 1. Features: by which share the
        typical distance in the file falls below chance.

    Examples
    --------
    >>> s = RowOrder().score(labels=np.repeat([0, 1], 50))
    >>> s.is_issue, s.reason[0][:60]
    (array([ True]), 'neighbouring rows have the same label in 99% of cases, 49% b')
    """

    alpha: float = 0.01
    permutations: int = 499
    min_effect: float = 0.1

    def score(
        self, neighbors: NeighborTable | None = None, *, labels: ArrayLike | None = None, seed: int = 0
    ) -> Scores:
        """Return one entry for each test made, `part` naming it; score = min(1, p · number of tests).

        Parameters
        ----------
        neighbors : NeighborTable, optional
            Nearest other rows, (n, k), of the rows in the order of the file.
        labels : array of int, shape (n,), optional
            -1 = unlabelled; those rows are skipped.
        seed : int
        """
        if self.permutations < 2 / self.alpha - 1:
            raise BadInput(
                f"{self.permutations} permutations cannot show p < {self.alpha / 2}", fix=f"use {int(2 / self.alpha)}"
            )
        label_seed, feature_seed = np.random.SeedSequence(seed).spawn(2)
        tests = []
        if labels is not None:
            tests.append(self._labels(np.asarray(labels), np.random.default_rng(label_seed)))
        if neighbors is not None:
            tests.append(self._features(neighbors, np.random.default_rng(feature_seed)))
        made = [test for test in tests if test is not None]
        if not made:
            return Scores.none("non_iid", "dataset")
        p = np.minimum(np.array([test.p for test in made]) * len(made), 1.0)
        is_issue = (p <= self.alpha) & np.array([test.effect >= self.min_effect for test in made])
        reasons = [test.reason if issue else None for test, issue in zip(made, is_issue, strict=True)]
        return Scores("non_iid", "dataset", p, is_issue, part=[test.part for test in made], reason=reasons)

    def _labels(self, labels: NDArray, rng: np.random.Generator) -> _Test | None:
        codes = row_groups(labels[labels >= 0])
        if len(codes) < _LEAST_ROWS or codes.max(initial=0) == 0:
            return None
        first = _drawn(len(codes) - 1, rng)
        seen = float((codes[first] == codes[first + 1]).mean())
        null = np.array(
            [(codes[a] == codes[b]).mean() for a, b in self._reorderings(len(codes), first, first + 1, rng)]
        )
        p = (1 + int((null >= seen).sum())) / (1 + self.permutations)
        chance = float(null.mean())
        reason = (
            f"neighbouring rows have the same label in {percent(seen, 0)} of cases, {percent(chance, 0)} by chance "
            f"(p = {p:.2g}): the "
            "file is sorted or grouped by label, so shuffle before splitting it by position"
        )
        return _Test("labels", p, (seen - chance) / max(1 - chance, 1e-12), reason)

    def _features(self, neighbors: NeighborTable, rng: np.random.Generator) -> _Test | None:
        indices, _, valid = neighbor_arrays(neighbors)
        row, place = np.nonzero(valid)
        if len(indices) < _LEAST_ROWS or not len(row):
            return None
        edges = _drawn(len(row), rng)
        row, other = row[edges], indices[row[edges], place[edges]]
        seen = _closeness(row, other)
        null = np.array([_closeness(a, b) for a, b in self._reorderings(len(indices), row, other, rng)])
        p = (1 + int((null <= seen).sum())) / (1 + self.permutations)
        effect = 1 - float(np.exp(seen - null.mean()))
        reason = (
            f"rows that are alike stand {percent(effect, 0)} closer together in the file than by chance (p = {p:.2g}): "
            "the file is sorted, grouped or drifts, so shuffle before splitting it by position"
        )
        return _Test("features", p, effect, reason)

    def _reorderings(
        self, n: int, a: NDArray[np.int64], b: NDArray[np.int64], rng: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the ends of the pairs a, b after random reorderings of the n rows; only rows in pairs are moved."""
        moved, ends = np.unique(np.concatenate([a, b]), return_inverse=True)
        for _ in range(self.permutations):
            places = rng.choice(n, len(moved), replace=False)[ends]
            yield places[: len(a)], places[len(a) :]


@dataclass(frozen=True)
class _Test:
    part: str
    p: float
    effect: float
    reason: str


def _drawn(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.arange(n) if n <= _MOST_PAIRS else np.sort(rng.choice(n, _MOST_PAIRS, replace=False))


def _closeness(row: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    return float(np.log(np.maximum(np.abs(row - other), 1)).mean())
