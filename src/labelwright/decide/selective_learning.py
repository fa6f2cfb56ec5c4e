"""Which learners to trust when none can be checked: those whose estimate changes least when one of them is swapped.

psi(k) is the estimate with the combination k of learners, one a block. Its pseudo-risk is

    B(k) = Σ_j max_{a, b in block j} mean_s [psi_s(k with j = a) − psi_s(k with j = b)]²        mixed-minimax
    B(k) = max_j max_{a, b in block j} mean_s [...]²                                            minimax

where the other blocks stay at k and s runs over splits. A multiply robust estimate moves little while the others are
right, whatever one block does; so the combination with the smallest pseudo-risk is the one to keep.

Source: Sun, Cui, Tchetgen Tchetgen, JMLR 2022 [P119]; for two blocks this is the published criterion, for four its
natural extension.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labelwright.decide.contract import Floats
from labelwright.errors import BadInput

Combine = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Selection:
    """The chosen learner of each block, and the pseudo-risk of every combination (k_1, ..., k_J)."""

    chosen: tuple[int, ...]
    pseudo_risk: Floats


def mixed_minimax(changes: Floats) -> Floats:
    """Add up the largest change of each block: (J, ...) -> (...)."""
    return changes.sum(axis=0)


def minimax(changes: Floats) -> Floats:
    """Take the largest change over all blocks: (J, ...) -> (...)."""
    return changes.max(axis=0)


def selective_learners(estimates: ArrayLike, combine: Combine = mixed_minimax) -> Selection:
    """Return the combination of learners with the smallest pseudo-risk; ties go to the lower index.

    Parameters
    ----------
    estimates : float array (k_1, ..., k_J, S)
        psi_s for every combination of learners and every split.
    combine : callable, default `mixed_minimax`

    Examples
    --------
    >>> psi = np.array([[1.0, 1.1], [1.0, 5.0]])[..., None]   # with the second learner of block 1, block 2 matters
    >>> selective_learners(psi).chosen
    (0, 0)

    Source: Sun et al., 2022 [P119].
    """
    psi = np.asarray(estimates, dtype=np.float64)
    if psi.ndim < 2 or not psi.size or not np.isfinite(psi).all():
        raise BadInput("estimates must be finite, one for every combination of learners and every split")
    changes = np.stack([_largest_change(psi, block) for block in range(psi.ndim - 1)])
    risk = combine(changes)
    chosen = np.unravel_index(int(np.argmin(risk)), risk.shape)
    return Selection(tuple(int(index) for index in chosen), risk)


def _largest_change(psi: Floats, block: int) -> Floats:
    """max over pairs of learners in the block of the mean squared difference, for each k; equal along the block."""
    moved = np.moveaxis(psi, block, 0)
    squared = ((moved[:, None] - moved[None]) ** 2).mean(axis=-1)
    largest = squared.max(axis=(0, 1))
    return np.broadcast_to(np.expand_dims(largest, block), psi.shape[:-1])
