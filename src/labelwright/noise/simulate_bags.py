"""Labels known only for groups of rows: make the bags, then count, blur or shuffle what is inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_codes, as_labels, as_share, same_length
from labelwright.noise.draws import coins
from labelwright.noise.record import Corruption, Seed, share, start

Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class BagLabels(Corruption):
    """What is known of each bag; rows of bag b are those with ``bag == b``. The rate is over bags.

    `bag` int64 (n,), `counts` int64 (B, K) rows of each class as reported.
    """

    bag: Codes
    counts: Codes

    @property
    def sizes(self) -> Codes:
        """Rows of each bag, int64 (B,)."""
        return np.bincount(self.bag, minlength=len(self.counts)).astype(np.int64)

    @property
    def proportions(self) -> NDArray[np.float64]:
        """Reported share of each class, float64 (B, K)."""
        return self.counts / np.maximum(self.sizes, 1)[:, None]

    @property
    def any(self) -> NDArray[np.bool_]:
        """Whether a bag is reported to hold each class, bool (B, K); column 1 of binary labels is the OR of the bag."""
        return self.counts > 0


@dataclass(frozen=True, kw_only=True)
class PermutedLabels(Corruption):
    """Labels dealt out again inside each bag, int32 (n,); the rate is the share of rows with another label."""

    bag: Codes
    labels: NDArray[np.int32]


def random_bags(n_rows: int, size: int, seed: Seed) -> Codes:
    """Return a bag for each row, int64 (n,): random bags of `size` rows, the last one smaller when they do not divide.

    Examples
    --------
    >>> np.bincount(random_bags(5, size=2, seed=0))
    array([2, 2, 1])
    """
    if size < 1 or n_rows < 0:
        raise BadInput(f"bags of {size} rows out of {n_rows}", fix="give a size of 1 or more")
    rng, _ = start(seed, "random_bags")
    bag = np.empty(n_rows, dtype=np.int64)
    bag[rng.permutation(n_rows)] = np.arange(n_rows) // size
    return bag


def bags_by_value(values: ArrayLike) -> Codes:
    """Return a bag for each row, int64 (n,): rows with the same value (region, day, class) share one."""
    _, bag = np.unique(np.asarray(values), return_inverse=True)
    return bag.astype(np.int64).reshape(-1)


def mixed_bags(labels: ArrayLike, size: int, n_classes: int, seed: Seed, alpha: float = 1.0) -> Codes:
    """Return bags of `size` rows whose class mixes differ: each bag's shares are drawn from Dirichlet(alpha).

    Every row is used once, so the last bags take what is left; `alpha` large: all bags alike, small: nearly pure.

    Source: block G1 of the bag cards (MixBag protocol).
    """
    y = as_labels("labels", labels, n_classes)
    if size < 1 or not alpha > 0 or (y < 0).any():
        raise BadInput("mixed bags need a size of 1 or more, alpha above 0 and a class for every row")
    rng, _ = start(seed, "mixed_bags")
    n_bags = -(-len(y) // size)
    shares = rng.dirichlet(np.full(n_classes, alpha), size=n_bags)
    order = rng.permutation(len(y))
    bag = np.full(len(y), -1, dtype=np.int64)
    free = np.minimum(size, len(y) - size * np.arange(n_bags))
    wanted = rng.multinomial(size, shares)
    by_class = np.split(order[np.argsort(y[order], kind="stable")], np.cumsum(np.bincount(y, minlength=n_classes))[:-1])
    for k, rows in enumerate(by_class):
        places = np.repeat(np.arange(n_bags), np.minimum(wanted[:, k], free))
        given = rng.permutation(places)[: len(rows)]
        bag[rows[: len(given)]] = given
        free -= np.bincount(given, minlength=n_bags)
    bag[order[bag[order] < 0]] = np.repeat(np.arange(n_bags), free)
    return bag


def count_labels(labels: ArrayLike, bag: ArrayLike, n_classes: int) -> BagLabels:
    """Count the classes of each bag exactly. Rows labelled -1 are in a bag but in no count.

    Examples
    --------
    >>> count_labels([1, 0, 1], bag=[0, 0, 1], n_classes=2).counts.tolist()
    [[1, 1], [0, 1]]
    """
    y, b = as_labels("labels", labels, n_classes), _bag(bag)
    same_length(labels=y, bag=b)
    n_bags = int(b.max(initial=-1)) + 1
    known = y >= 0
    counts = np.bincount(b[known] * n_classes + y[known], minlength=n_bags * n_classes).reshape(n_bags, n_classes)
    none = np.empty(0, dtype=np.int64)
    return BagLabels(
        bag=b, counts=counts.astype(np.int64), kind="counts", requested_rate=0.0, realised_rate=0.0,
        changed=none, seed=None,
    )  # fmt: skip


def noisy_counts(bags: BagLabels, rate: float, seed: Seed, decay: float = 0.5) -> BagLabels:
    """Report a wrong number of positives for each bag with probability `rate`; binary labels only.

    A wrong count c' is drawn from 0 .. size with P(c') ∝ decay^|c' − c|, so it never equals the true c.

    Parameters
    ----------
    bags : BagLabels
        Two classes, every row of a known class.
    rate : float in [0, 1]
    seed : int or numpy.random.Generator
    decay : float in (0, 1), default 0.5
    """
    if bags.counts.shape[1] != 2 or not 0 < decay < 1 or (bags.counts.sum(axis=1) != bags.sizes).any():
        raise BadInput("noisy counts need two classes, every row labelled and a decay between 0 and 1")
    rng, recorded = start(seed, "noisy_counts")
    true, size = bags.counts[:, 1].copy(), bags.sizes
    filled = np.flatnonzero(size)
    hit = filled[coins(len(filled), as_share("rate", rate), rng)]
    below, above = 1 - decay ** true[hit], 1 - decay ** (size[hit] - true[hit])
    up = rng.random(len(hit)) * (below + above) >= below
    reach = np.where(up, above, below)
    step = 1 + np.floor(np.log1p(-rng.random(len(hit)) * reach) / np.log(decay)).astype(np.int64)
    step = np.minimum(step, np.where(up, size[hit] - true[hit], true[hit]))
    reported = true.copy()
    reported[hit] += np.where(up, step, -step)
    return BagLabels(
        bag=bags.bag,
        counts=np.stack([size - reported, reported], axis=1),
        kind="noisy_counts",
        requested_rate=float(rate),
        realised_rate=share(len(hit), len(filled)),
        changed=np.flatnonzero(reported != true),
        seed=recorded,
    )


def permuted_labels(labels: ArrayLike, bag: ArrayLike, seed: Seed) -> PermutedLabels:
    """Deal the labels of each bag out again to its rows in random order: the bag is right, the rows are not.

    The requested rate is the expected one: 1 − Σ_k (m_k/m)² for a bag of m rows, averaged over rows.
    """
    y, b = as_codes("labels", labels), _bag(bag)
    n = same_length(labels=y, bag=b)
    rng, recorded = start(seed, "permuted_labels")
    dealt = np.empty(n, dtype=np.int32)
    mixed = rng.permutation(n)
    dealt[np.argsort(b, kind="stable")] = y[mixed[np.argsort(b[mixed], kind="stable")]]
    wrong = dealt != y
    values, code = np.unique(y, return_inverse=True)
    cell, count = np.unique(b * len(values) + code, return_counts=True)
    kept = count**2.0 / np.bincount(b)[cell // len(values)] if n else np.empty(0)
    return PermutedLabels(
        bag=b,
        labels=dealt,
        kind="permuted_labels",
        requested_rate=float(1 - kept.sum() / n) if n else float("nan"),
        realised_rate=share(np.count_nonzero(wrong), n),
        changed=np.flatnonzero(wrong),
        seed=recorded,
    )


def _bag(bag: ArrayLike) -> Codes:
    codes = as_codes("bag", bag)
    if (codes < 0).any():
        raise BadInput("bag holds a negative number", where=f"row {int(np.argmax(codes < 0))}")
    return codes
