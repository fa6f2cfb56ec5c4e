"""Bags inside a batch: which rows form a bag, and what its counts say, as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.evidence import Bags, Evidence
from labelwright.evidence.segments import grouped, offsets_of, segment_ids


@dataclass(frozen=True, eq=False)
class Members:
    """Rows by bag: entry i says that row ``rows[i]`` of the batch is in bag ``bag[i]``; entries of a bag are together.

    Parameters
    ----------
    rows, bag : int64 tensor (t,)
    sizes : int64 tensor (g,)
        Rows of each bag, at least 1.
    """

    rows: Tensor
    bag: Tensor
    sizes: Tensor

    @property
    def n_bags(self) -> int:
        """Number of bags g."""
        return len(self.sizes)

    @cached_property
    def position(self) -> Tensor:
        """Place of each entry within its bag, int64 (t,)."""
        starts = self.sizes.cumsum(0) - self.sizes
        return torch.arange(len(self.bag), device=self.bag.device) - starts[self.bag]

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of entries (t, ...) over each bag, (g, ...)."""
        empty = torch.zeros((self.n_bags, *values.shape[1:]), dtype=values.dtype, device=values.device)
        return empty.index_add(0, self.bag, values)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of entries (t, ...) over each bag, (g, ...)."""
        total = self.sum(values)
        return total / self.sizes.to(values.dtype).reshape(-1, *([1] * (values.ndim - 1)))

    def padded(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return entries (t, ...) as (g, longest, ...), zeros in the padding, and the mask of real ones."""
        longest = int(self.sizes.max())
        mask = torch.arange(longest, device=values.device) < self.sizes[:, None]
        out = torch.zeros((self.n_bags, longest, *values.shape[1:]), dtype=values.dtype, device=values.device)
        return out.index_put((self.bag, self.position), values), mask


def members_of(evidence: Evidence, device: torch.device | None = None) -> Members:
    """Return the bags of a batch that hold rows; BadInput when the evidence is not `Bags`."""
    bags = as_bags(evidence)
    filled = bags.sizes > 0
    number = np.cumsum(filled) - 1
    bag = number[segment_ids(bags.offsets)]
    parts = (np.array(bags.rows), bag, bags.sizes[filled])
    return Members(*(torch.as_tensor(np.ascontiguousarray(part), device=device) for part in parts))


def members_of_ids(bag_ids: ArrayLike, device: torch.device | None = None) -> Members:
    """Return rows grouped by bag number (n,), every number from 0 on in use."""
    ids = np.asarray(bag_ids, dtype=np.int64)
    n_bags = int(ids.max(initial=-1)) + 1
    if ids.ndim != 1 or len(ids) == 0 or ids.min() < 0 or len(np.unique(ids)) != n_bags:
        raise BadInput("bag_ids do not number the bags from 0", fix="pass one bag number a row, none left out")
    offsets, rows = grouped(ids, n_bags)
    return Members(*(torch.as_tensor(part, device=device) for part in (rows, segment_ids(offsets), np.diff(offsets))))


def as_bags(evidence: Evidence | None) -> Bags:
    """Return the evidence as bags that share no row; BadInput otherwise."""
    if not isinstance(evidence, Bags):
        raise BadInput(f"this method learns from bags, the evidence is {type(evidence).__name__}", fix="pass Bags")
    if evidence.overlap:
        raise BadInput("some row is in several bags", fix="use CountLikelihood, which takes bags that share rows")
    return evidence


def filled(bags: Bags) -> Bags:
    """Return the bags that hold rows."""
    return bags if (bags.sizes > 0).all() else bags.of_groups(np.flatnonzero(bags.sizes > 0))


def proportions_of(bags: Bags) -> NDArray[np.float64]:
    """Return the share of every class in each bag, (g, K), rows summing to 1.

    Shares that were given with rounding (ends one row apart) stand in their middle; a potential in its mean.

    Raises
    ------
    BadInput
        For an empty bag, and for one whose counts are only bounded, such as "at least one".

    Examples
    --------
    >>> proportions_of(Bags.counts([0, 0, 0, 0], [1], n_classes=2))
    array([[0.75, 0.25]])
    """
    sizes = bags.sizes[:, None]
    if (sizes == 0).any():
        raise BadInput("the bag has no rows", where=f"bag {int(np.argmin(sizes))}", fix="leave empty bags out")
    if bags.log_potential is not None:
        return _shares_of_potential(bags)
    low = np.maximum(bags.low, sizes - (bags.high.sum(axis=1, keepdims=True) - bags.high))
    high = np.minimum(bags.high, sizes - (bags.low.sum(axis=1, keepdims=True) - bags.low))
    loose = (high - low > 1).any(axis=1)
    if loose.any():
        g = int(np.argmax(loose))
        raise BadInput(
            f"the bag's counts are only known to lie between {low[g].tolist()} and {high[g].tolist()}",
            where=f"bag {g}",
            fix="use CountLikelihood, which takes bounds, or give every class a count",
        )
    middle = (low + high) / 2
    return middle / middle.sum(axis=1, keepdims=True)


def _shares_of_potential(bags: Bags) -> NDArray[np.float64]:
    if bags.n_classes != 2:
        raise BadInput("a potential on one of several classes gives no shares", fix="give every class a count")
    phi, spans = np.asarray(bags.log_potential), offsets_of(bags.sizes + 1)
    bag = segment_ids(spans)
    weight = np.exp(phi - np.maximum.reduceat(phi, spans[:-1])[bag])
    count = np.arange(len(phi)) - spans[bag]
    mean = np.bincount(bag, weights=weight * count) / np.bincount(bag, weights=weight)
    shares = np.empty((bags.n_bags, 2))
    shares[:, bags.target] = mean / bags.sizes
    shares[:, 1 - bags.target] = 1 - shares[:, bags.target]
    return shares


def bag_labels_of(bags: Bags) -> NDArray[np.int64]:
    """Return the multiple-instance label of each bag, int64 (g,): 1 holds a positive, 0 holds none, -1 unknown.

    Examples
    --------
    >>> bag_labels_of(Bags.any_of([0, 0, 1], [True, False]))
    array([1, 0])
    """
    if bags.n_classes != 2:
        raise BadInput(f"a bag is positive or not, the evidence has {bags.n_classes} classes", fix="give two classes")
    least = np.maximum(bags.low[:, 1], bags.sizes - bags.high[:, 0])
    most = np.minimum(bags.high[:, 1], bags.sizes - bags.low[:, 0])
    return np.where(least > 0, 1, np.where(most == 0, 0, -1)).astype(np.int64)
