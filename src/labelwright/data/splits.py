"""Folds for cross-validation: stratified, grouped, seeded, the same whatever the platform.

Without groups each class is dealt out over the folds like cards, so every class and every fold is even to one row.
With groups whole groups are dealt, largest first, each to the fold that has the smallest share of its classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput


def stratified_folds(strata: ArrayLike, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row, int64 (n,): every stratum and every fold even to one row.

    Parameters
    ----------
    strata : array of int, shape (n,)
        The class of each row; any integers.
    folds : int
        At least 2.
    seed : int

    Examples
    --------
    >>> np.bincount(stratified_folds([0, 0, 0, 0, 1, 1], 2, seed=0))
    array([3, 3])
    """
    strata = np.asarray(strata)
    order = np.lexsort((np.random.default_rng(seed).permutation(len(strata)), strata))
    fold = np.empty(len(strata), np.int64)
    fold[order] = np.arange(len(strata)) % folds
    return fold


def grouped_folds(strata: ArrayLike, groups: ArrayLike, folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each row, int64 (n,): whole groups, classes as even as greedy dealing makes them.

    Parameters
    ----------
    strata : array of int, shape (n,)
    groups : array, shape (n,)
        Rows of one group fall into one fold.
    folds : int
        At least 2 and at most the number of groups.

    Examples
    --------
    >>> fold = grouped_folds([0, 1, 0, 1], ["a", "a", "b", "b"], 2, seed=0)
    >>> bool(fold[0] == fold[1] != fold[2] == fold[3])
    True
    """
    from labelwright.data._fold_kernels import deal

    _, stratum = np.unique(np.asarray(strata), return_inverse=True)
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < folds:
        raise BadInput(
            f"there are {len(names)} group(s) for {folds} folds", fix="use fewer folds or a column with more groups"
        )
    n_strata = int(stratum.max()) + 1
    cells, count = np.unique(group.astype(np.int64) * n_strata + stratum, return_counts=True)
    owner, kind = np.divmod(cells, n_strata)
    starts = np.searchsorted(owner, np.arange(len(names) + 1))
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = shuffled[np.argsort(-np.bincount(group)[shuffled], kind="stable")]
    share = count / np.bincount(stratum)[kind]
    return deal(order, starts, kind, share, count / len(stratum), n_strata, folds)[group]
