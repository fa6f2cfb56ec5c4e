"""Multi-label data with a long tail and missing positives, cut from a fully labelled set.

Reference counts follow a Pareto density: the r-th of K classes wants (max − min) · x_r^−(b + 1) + min rows, x_r equally
spaced between the 0 and 0.99 quantiles. Classes are visited by Σ_i P(class | class i), most co-occurring first; random
unused rows of a class are added, or chosen ones dropped, until its running count meets its reference. Then positives
are hidden at random.

Source: Zhang et al., ICCV 2023 [P114], after Wu et al., Distribution-Balanced Loss, ECCV 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator, as_mask, as_share


@dataclass(frozen=True, eq=False)
class PartialLongTail:
    """What `make_plt_dataset` cut out.

    Parameters
    ----------
    rows : int64 (m,)
        Chosen rows of the full set, rising.
    tags : int8 (m, K)
        1 = known to be on, 0 = unknown.
    counts : int64 (K,)
        Positives of each class in the chosen rows, before any was hidden.
    """

    rows: NDArray[np.int64]
    tags: NDArray[np.int8]
    counts: NDArray[np.int64]


def pareto_counts(n_classes: int, largest: int = 1400, smallest: int = 1, shape: float = 10.0) -> NDArray[np.int64]:
    """Return the reference counts (K,), falling from `largest` towards `smallest`.

    Examples
    --------
    >>> pareto_counts(3, largest=101, smallest=1, shape=1.0)
    array([101,   1,   1])
    """
    if n_classes < 1 or not 0 < smallest <= largest or not shape > 0:
        raise BadInput("the reference needs classes, 0 < smallest <= largest and a shape above 0")
    x = np.linspace(1.0, 0.01 ** (-1 / shape), n_classes)
    return ((largest - smallest) * x ** -(shape + 1) + smallest).astype(np.int64)


def make_plt_dataset(
    tags: Any,
    seed: int | np.random.Generator,
    *,
    largest: int = 1400,
    smallest: int = 1,
    shape: float = 10.0,
    hidden: float = 0.4,
) -> PartialLongTail:
    """Cut a long tail out of a fully labelled set and hide a share of its positives.

    Parameters
    ----------
    tags : bool or 0/1 array (n, K)
    seed : int or numpy.random.Generator
    largest, smallest : int, default 1400 and 1
        Ends of the reference counts; a class with fewer rows gives all it has.
    shape : float, default 10.0
        b of the Pareto density; 10 for COCO, 12 for VOC.
    hidden : float, default 0.4
        Chance that a positive becomes unknown.

    Examples
    --------
    >>> cut = make_plt_dataset(np.eye(3)[np.arange(60) % 3], 0, largest=20, shape=1.0, hidden=0.0)
    >>> cut.counts.tolist()
    [20, 1, 1]
    """
    on = as_mask("tags", tags, 2)
    as_share("hidden", hidden)
    rng = as_generator(seed)
    k = on.shape[1]
    chosen = np.zeros(len(on), dtype=bool)
    together = on.T.astype(np.int64) @ on
    share = together / np.maximum(np.diag(together), 1)[:, None]
    order = np.argsort(-share.sum(axis=0), kind="stable")
    for c, wanted in zip(order, pareto_counts(k, largest, smallest, shape), strict=True):
        has = np.flatnonzero(chosen & on[:, c])
        if len(has) > wanted:
            chosen[rng.choice(has, size=len(has) - wanted, replace=False)] = False
        else:
            free = np.flatnonzero(~chosen & on[:, c])
            chosen[rng.choice(free, size=min(wanted - len(has), len(free)), replace=False)] = True
    rows = np.flatnonzero(chosen)
    known = on[rows] & (rng.random((len(rows), k)) >= hidden)
    return PartialLongTail(rows, known.astype(np.int8), on[rows].sum(axis=0))
