"""What out-of-fold predictions are made from, checked: labels, tags, rows of features, and the fold of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.data.splits import grouped_folds, stratified_folds
from labelwright.errors import BadInput


def checked_labels(labels: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    codes = np.asarray(labels)
    if codes.ndim != 1 or not (np.issubdtype(codes.dtype, np.integer) or codes.size == 0):
        raise BadInput(
            f"labels of type {codes.dtype} with {codes.ndim} dimension(s) are not one whole number a row",
            fix="pass class numbers 0 to K - 1, and -1 for unlabelled",
        )
    codes = codes.astype(np.int64)
    bad = (codes < -1) | (codes >= n_classes)
    if bad.any():
        row = int(np.argmax(bad))
        raise BadInput(f"label {codes[row]} is not in 0 to {n_classes - 1}", where=f"row {row}")
    return codes


def checked_tags(tags: ArrayLike) -> NDArray[np.int8]:
    values = np.asarray(tags)
    if values.ndim != 2 or not np.isin(values, (-1, 0, 1)).all():
        raise BadInput("tags are not a matrix of 1, 0 and -1 (unknown)", fix="pass one row an item, one column a tag")
    return values.astype(np.int8)


def rows_of(X: Any, n: int, estimator: Any) -> Any:
    """Return X ready to be indexed by rows, with n of them."""
    if isinstance(X, list | tuple) and not (X and isinstance(X[0], str | bytes | dict)):
        X = np.asarray(X)
    if isinstance(X, np.ndarray) and X.ndim == 2 and np.issubdtype(X.dtype, np.floating) and not np.isfinite(X).all():
        row = int(np.argmin(np.isfinite(X).all(axis=1)))
        raise BadInput("the features hold NaN or infinity", where=f"row {row}", fix="fill or drop them first")
    length = X.shape[0] if hasattr(X, "shape") else len(X)
    if estimator is None and not isinstance(X, np.ndarray):
        raise BadInput(
            f"the default estimator takes a dense matrix, not {type(X).__name__}",
            fix="pass a numpy array, or an estimator that takes such rows",
        )
    if length != n:
        raise BadInput(f"there are {length} rows of features and {n} labels", fix="pass as many of one as of the other")
    return X


def folds_of_rows(
    strata: NDArray, known: NDArray[np.bool_], folds: int, groups: ArrayLike | None, seed: int
) -> NDArray[np.int64]:
    """Return the fold of each labelled row, -1 for the others."""
    if folds < 2:
        raise BadInput(f"{folds} fold(s) leave nothing to train on", fix="use at least 2 folds")
    if known.sum() < 2:
        raise BadInput(f"{int(known.sum())} labelled row(s) are too few to predict out of fold", fix="label 2 or more")
    fold = np.full(len(strata), -1, np.int64)
    if groups is None:
        fold[known] = stratified_folds(strata[known], min(folds, int(known.sum())), seed)
        return fold
    names = np.asarray(groups)
    if names.shape != strata.shape:
        raise BadInput(f"there are {len(names)} groups for {len(strata)} rows")
    inside = np.unique(names.astype(str) if names.dtype == object else names, return_inverse=True)[1][known]
    n_groups = len(np.unique(inside))
    if n_groups < 2:
        raise BadInput("all labelled rows are of one group", fix="use another group column or none")
    fold[known] = grouped_folds(strata[known], inside, min(folds, n_groups), seed)
    return fold
