"""What every simulator tells about what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from labelwright.metrics.checks import as_generator

Seed = int | np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """The record of one corruption; each simulator adds the corrupted thing itself.

    Parameters
    ----------
    kind : str
        Name of the corruption, such as ``"symmetric"``.
    requested_rate : float
        The expected rate that the caller asked for.
    realised_rate : float
        What the draw gave, measured in the same way; NaN when there was nothing to corrupt.
    changed : int64 array (m,)
        The rows (bags, masks) that differ from the truth, rising.
    seed : int or None
        None when the caller gave a generator, or nothing is random.
    """

    kind: str
    requested_rate: float
    realised_rate: float
    changed: NDArray[np.int64]
    seed: int | None


def start(seed: Seed, kind: str) -> tuple[np.random.Generator, int | None]:
    """Return the generator to draw from and the seed to record.

    The name of the corruption is mixed into a whole-number seed: two corruptions with the same seed, or data made with
    ``numpy.random.default_rng(seed)``, must not share their random numbers.
    """
    if isinstance(seed, np.random.Generator):
        return seed, None
    as_generator(seed)  # refuses what is no seed
    return np.random.default_rng([crc32(kind.encode()), int(seed)]), int(seed)


def rates(kind: str, rate: float, hit: NDArray[np.bool_], rows: NDArray[np.int64], seed: int | None) -> dict[str, Any]:
    """Return the fields of a `Corruption` of parts: which were hit, and the row of each that was."""
    realised = share(np.count_nonzero(hit), len(hit))
    changed = np.unique(rows)
    return {"kind": kind, "requested_rate": float(rate), "realised_rate": realised, "changed": changed, "seed": seed}


def share(part: int | np.integer, whole: int | np.integer) -> float:
    """Return part / whole, NaN when the whole is 0."""
    return int(part) / int(whole) if whole else float("nan")
