"""Which rows come when: a stream deals rows out in batches, in whole units where rows belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.nn.views import View, unchanged


class Sampler(Protocol):
    """Says in which order the members of a stream come in one epoch."""

    def order(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return positions in ``range(n)``, one an appearance."""
        ...


@dataclass(frozen=True)
class Shuffled:
    """Every member once, in random order."""

    def order(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return a random permutation."""
        return rng.permutation(n)


@dataclass(frozen=True)
class InOrder:
    """Every member once, as they stand: full-batch and graph methods, evaluation."""

    def order(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return ``0..n - 1``."""
        return np.arange(n)


@dataclass(frozen=True, eq=False)
class Weighted:
    """Members drawn with replacement in proportion to weights.

    Parameters
    ----------
    weights : float array (n,)
        One non-negative weight a member of the stream (a row, or a unit).
    size : int, optional
        Draws an epoch; as many as there are members by default.
    """

    weights: NDArray[np.floating]
    size: int | None = None

    def order(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return draws with replacement."""
        weights = np.asarray(self.weights, dtype=np.float64)
        total = weights.sum()
        if weights.shape != (n,) or not np.isfinite(total) or total <= 0 or (weights < 0).any():
            raise BadInput(f"the sampler's weights do not fit the {n} members of its stream", fix="one weight ≥ 0 each")
        return rng.choice(n, size=self.size or n, p=weights / total)


def class_balanced(labels: NDArray[np.integer], size: int | None = None) -> Weighted:
    """Return a sampler that draws every class equally often; `labels` (n,) of the stream's rows, -1 never drawn."""
    labels = np.asarray(labels)
    known = labels >= 0
    counts = np.bincount(labels[known])
    weights = np.zeros(len(labels))
    weights[known] = 1 / counts[labels[known]]
    return Weighted(weights, size)


@dataclass(frozen=True, eq=False)
class Stream:
    """Rows dealt out in batches.

    Parameters
    ----------
    rows : int array (m,)
        Row numbers of the task.
    batch_size : int, optional
        Rows a batch; the loop's by default. With units a batch is filled with whole units up to this many rows, and
        a larger unit is a batch of its own.
    views : mapping of str to View, optional
        How the inputs are seen, each under its name; ``batch.x`` is the first. Default: unchanged.
    sampler : Sampler, default Shuffled()
        Orders the rows, or the units where given.
    units : int array (m,), optional
        Unit of each row of the stream; batches never cut one.

    Notes
    -----
    The first stream of an objective sets the length of an epoch; shorter ones start again, longer ones are cut.
    """

    rows: NDArray[np.int64]
    batch_size: int | None = None
    views: Mapping[str, View] = field(default_factory=lambda: {"x": unchanged})
    sampler: Sampler = field(default_factory=Shuffled)
    units: NDArray[np.int64] | None = None

    def batches(self, batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Return the row numbers of each batch of one pass; never a batch of one row beside others."""
        rows = np.asarray(self.rows, dtype=np.int64)
        if len(rows) == 0:
            raise BadInput("a stream has no rows", fix="check that some rows carry the evidence that it needs")
        size = self.batch_size or batch_size
        if self.units is None:
            order = rows[self.sampler.order(len(rows), rng)]
            cuts = np.arange(size, len(order), size)
        else:
            order, cuts = self._whole_units(rows, size, rng)
        parts = np.split(order, cuts)
        if len(parts) > 1 and len(parts[-1]) == 1:  # batch normalisation cannot see one row
            parts[-2:] = [np.concatenate(parts[-2:])]
        return parts

    def _whole_units(
        self, rows: NDArray[np.int64], size: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows in the order of sampled units, and where batches begin."""
        assert self.units is not None
        _, unit = np.unique(self.units, return_inverse=True)
        by_unit = np.argsort(unit, kind="stable")
        sizes = np.bincount(unit)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        chosen = self.sampler.order(len(sizes), rng)
        order = np.concatenate([by_unit[starts[u] : starts[u + 1]] for u in chosen])
        cuts, filled, at = [], 0, 0
        for length in sizes[chosen].tolist():
            if filled and filled + length > size:
                cuts.append(at)
                filled = 0
            filled += length
            at += length
        return rows[order], np.array(cuts, dtype=np.int64)
