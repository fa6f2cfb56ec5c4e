"""Tags as the auditors read them: a 0/1 matrix, whatever the caller holds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput


def as_tags(
    tags: ArrayLike | Sequence[Sequence[int]], n_classes: int | None = None, n_rows: int | None = None
) -> NDArray[np.int8]:
    """Return tags as int8 (n, K): 1 = has it, 0 = has it not, -1 = unknown.

    Parameters
    ----------
    tags : one sequence of class numbers a row, or a matrix (n, K) of 0, 1 and -1 (or bool)
    n_classes : int, optional
        None takes the width of the matrix, or the largest class number + 1.
    n_rows : int, optional
        Expected number of rows.
    """
    matrix = _matrix(tags)
    if matrix is None:
        matrix = _of_lists(tags, n_classes)
    if n_classes is not None and matrix.shape[1] != n_classes:
        raise BadInput(f"tags have {matrix.shape[1]} columns, pred_probs {n_classes}", fix="give one column a class")
    if n_rows is not None and len(matrix) != n_rows:
        raise BadInput(f"tags have {len(matrix)} rows, pred_probs {n_rows}", fix="give one row of both for each item")
    return matrix


def _matrix(tags: Any) -> NDArray[np.int8] | None:
    """Return tags that are a matrix already, else None."""
    if hasattr(tags, "toarray"):
        tags = tags.toarray()
    if not hasattr(tags, "__array__"):
        return None
    given = np.asarray(tags)
    if given.ndim != 2:
        return None
    if given.dtype.kind not in "biuf":
        raise BadInput(f"tags are {given.dtype}, not numbers", fix="give a matrix of 0 and 1")
    as_int8 = given.astype(np.int8)
    if given.size and (as_int8.min() < -1 or as_int8.max() > 1 or not (as_int8 == given).all()):
        row = int(np.argwhere((given != 0) & (given != 1) & (given != -1))[0, 0])
        raise BadInput(
            "tags are not 0, 1 or -1", where=f"row {row}", fix="use 1 = has it, 0 = has it not, -1 = unknown"
        )
    return as_int8


def _of_lists(tags: Any, n_classes: int | None) -> NDArray[np.int8]:
    try:
        sizes = np.fromiter(map(len, tags), dtype=np.int64, count=len(tags))
        flat = np.fromiter(chain.from_iterable(tags), dtype=np.int64, count=int(sizes.sum()))
    except (TypeError, ValueError):
        raise BadInput("tags are not lists of class numbers", fix="give one list of class numbers a row") from None
    width = n_classes if n_classes is not None else int(flat.max(initial=-1)) + 1
    rows = np.repeat(np.arange(len(sizes)), sizes)
    wrong = (flat < 0) | (flat >= width)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise BadInput(
            f"tag {flat[at]} is not one of the {width} classes", where=f"row {rows[at]}", fix=f"use 0 to {width - 1}"
        )
    matrix = np.zeros((len(sizes), width), dtype=np.int8)
    matrix[rows, flat] = 1
    return matrix
