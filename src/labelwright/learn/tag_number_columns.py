"""Columns of tags and of numbers as evidence: what is listed, what is not, and the bounds of what is not known exactly.

tags      listed: on; not listed: off, or unknown where rows may have more tags than they list; empty cell: unknown
numbers   the value of the label column where it has one, else low <= number <= high with open ends where empty
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.data.column_types import numbers
from labelwright.data.dataset import Source
from labelwright.errors import BadInput, quoted
from labelwright.evidence import Reals, Tags

BOUNDED = "labelwright_number"


def list_one_each(labels: NDArray[np.int8]) -> bool:
    """Return whether every row lists one tag of several, or none: then others may be on too.

    Parameters
    ----------
    labels : int8 array (n, K)
        1 listed, 0 not listed, -1 unknown.
    """
    listed = (labels == 1).sum(axis=1)
    return labels.shape[1] > 2 and bool(listed.max(initial=0) == 1)


def tags_of(labels: NDArray[np.int8], incomplete: bool) -> Tags:
    """Return tags from labels int8 (n, K): 1 on, 0 off (unknown where lists are incomplete), -1 unknown."""
    off = 0 if incomplete else -1
    return Tags.from_dense(np.where(labels == 1, 1, np.where(labels == 0, off, 0)).astype(np.int8))


def bounds_of(source: Source, low: str | None, high: str | None) -> NDArray[np.float64]:
    """Return the ends (n, 2) of what each number can be, infinite where a cell is empty or there is no column.

    Raises
    ------
    BadInput
        A cell is no number, or the ends of a row lie the wrong way round.
    """
    ends = np.column_stack([_end(source, low, -np.inf), _end(source, high, np.inf)])
    wrong = np.flatnonzero(ends[:, 0] > ends[:, 1])
    if len(wrong):
        least, most = ends[wrong[0]]
        raise BadInput(
            f"the number lies between {least:g} and {most:g}", where=source.where(int(wrong[0])), fix="swap the ends"
        )
    return ends


def _end(source: Source, column: str | None, none: float) -> NDArray[np.float64]:
    if column is None:
        return np.full(len(source), none)
    values = numbers(source.table.column(column))
    if values is None:
        raise BadInput(f"column {quoted(column)} holds no numbers", where=source.path.name, fix="name another column")
    return np.where(np.isnan(values), none, values)


def numbers_of(values: NDArray[np.float64] | None, bounds: NDArray[np.float64]) -> Reals:
    """Return the evidence of exact values (n,), NaN where there is none, and bounds (n, 2) for the rows without one."""
    if values is None:
        return Reals.between(bounds[:, 0], bounds[:, 1])
    known = ~np.isnan(values)
    return Reals.between(np.where(known, values, bounds[:, 0]), np.where(known, values, bounds[:, 1]))


def with_number_column(source: Source, bounds: NDArray[np.float64]) -> Source:
    """Return the source with a column of numbers inside the bounds, for the plan of the columns alone."""
    middle = bounds.mean(axis=1, where=np.isfinite(bounds))
    told = pa.array(np.where(np.isnan(middle), 0.0, middle))
    return replace(source, table=source.table.append_column(BOUNDED, told))
