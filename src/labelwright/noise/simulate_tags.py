"""Multi-label data with missing or wrong tags. Tags are int8 (n, K): +1 = has it, -1 = has it not, 0 = unknown.

True tags come as bool or 0/1 (n, K), dense or sparse, or as int8 of +1/-1/0; unknown tags stay unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_share
from labelwright.noise.draws import coins
from labelwright.noise.record import Corruption, Seed, share, start


@dataclass(frozen=True, kw_only=True)
class NoisyTags(Corruption):
    """Corrupted tags, int8 (n, K); the rate is over the cells that could change, `changed` lists rows."""

    tags: NDArray[np.int8]


def single_positive(tags: Any, seed: Seed) -> NoisyTags:
    """Keep one tag of each row, drawn uniformly from those it has; everything else becomes unknown.

    The rate is the share of known cells that are hidden; it is fixed by the data, so requested = realised.

    Parameters
    ----------
    tags : (n, K)
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> single_positive([[1, 0, 0], [0, 0, 0]], seed=0).tags.tolist()
    [[1, 0, 0], [0, 0, 0]]

    Source: Cole et al., Multi-label learning from single positive labels, CVPR 2021; block L1.
    """
    truth = as_tags(tags)
    rng, recorded = start(seed, "single_positive")
    rows, columns = np.nonzero(truth > 0)
    counts = np.bincount(rows, minlength=len(truth))
    starts = np.cumsum(counts) - counts
    having = np.flatnonzero(counts)
    kept = starts[having] + rng.integers(0, counts[having])
    observed = np.zeros_like(truth)
    observed[having, columns[kept]] = 1
    hidden = share(np.count_nonzero(truth) - len(having), np.count_nonzero(truth))
    return _record(truth, observed, "single_positive", hidden, hidden, recorded)


def missing_tags(tags: Any, rate: float, seed: Seed) -> NoisyTags:
    """Make each known tag unknown with probability `rate`, whether the row has it or not."""
    truth = as_tags(tags)
    rng, recorded = start(seed, "missing")
    known = np.flatnonzero(truth)
    hidden = known[coins(len(known), as_share("rate", rate), rng)]
    observed = truth.copy()
    observed.ravel()[hidden] = 0
    return _record(truth, observed, "missing", rate, share(len(hidden), len(known)), recorded)


def forgotten_tags(tags: Any, rate: float, seed: Seed) -> NoisyTags:
    """Turn each positive tag into a negative one with probability `rate`: the annotator did not think of it."""
    return _flip(tags, rate, 0.0, seed, "forgotten")


def flipped_tags(tags: Any, rate: float, seed: Seed) -> NoisyTags:
    """Flip each known tag with probability `rate`, in both directions.

    Examples
    --------
    >>> flipped_tags([[1, 0]], rate=1.0, seed=0).tags.tolist()
    [[-1, 1]]
    """
    return _flip(tags, rate, rate, seed, "flipped")


def as_tags(tags: Any) -> NDArray[np.int8]:
    """Return tags as int8 (n, K) of +1, -1 and 0 = unknown.

    An int8 table is taken as it is; in any other type 1 means that the row has the tag and 0 that it has it not.
    """
    array = np.asarray(tags.toarray() if issparse(tags) else tags)
    signed = array.dtype == np.int8
    allowed = (-1, 0, 1) if signed else (0, 1)
    if array.ndim != 2 or array.dtype.kind not in "biuf" or not np.isin(array, allowed).all():
        raise BadInput("tags must be a table (n, K) of 1 and 0, or int8 of +1, -1 and 0 for unknown")
    return array if signed else (2 * array.astype(np.int8) - 1).astype(np.int8)


def _flip(tags: Any, rate_positive: float, rate_negative: float, seed: Seed, kind: str) -> NoisyTags:
    truth = as_tags(tags)
    rng, recorded = start(seed, kind)
    observed = truth.copy()
    flipped = cells = 0
    for sign, rate in ((1, rate_positive), (-1, rate_negative)):
        at = np.flatnonzero(truth == sign) if rate or sign > 0 else np.empty(0, dtype=np.int64)
        hit = at[coins(len(at), as_share("rate", rate), rng)]
        observed.ravel()[hit] = -sign
        flipped, cells = flipped + len(hit), cells + (len(at) if rate_negative or sign > 0 else 0)
    return _record(truth, observed, kind, rate_positive, share(flipped, cells), recorded)


def _record(
    truth: NDArray[np.int8], observed: NDArray[np.int8], kind: str, rate: float, realised: float, seed: int | None
) -> NoisyTags:
    return NoisyTags(
        tags=observed,
        kind=kind,
        requested_rate=float(rate),
        realised_rate=realised,
        changed=np.flatnonzero((observed != truth).any(axis=1)),
        seed=seed,
    )
