"""How far the annotators agree beyond chance: three coefficients, each with a bootstrap interval over tasks.

Krippendorff's alpha takes any pattern of missing votes and is the one to quote. Fleiss' kappa gives every task the same
say. Cohen's kappa is the mean over pairs of annotators, weighted by the tasks that they share. An annotator who voted
twice on a task counts once there, with the first vote.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.evidence import Votes
from labelwright.metrics.agreement import fleiss_kappa, krippendorff_alpha_interval
from labelwright.metrics.intervals import Interval, bootstrap, percentile_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_PAIRS, MOST_SHARED, LEAST_SHARED = 200, 500_000, 5
NOTHING = Interval(float("nan"), float("nan"), float("nan"), 0.95)


@dataclass(frozen=True)
class Agreement:
    """Three coefficients with 95 % intervals; NaN where nothing can be compared.

    Parameters
    ----------
    alpha, fleiss, cohen : Interval
        1 = always agree, 0 = as by chance.
    n_tasks : int
        Tasks with votes of two annotators or more.
    n_pairs : int
        Pairs of annotators in Cohen's kappa.
    """

    alpha: Interval
    fleiss: Interval
    cohen: Interval
    n_tasks: int
    n_pairs: int


def vote_agreement(votes: Votes, seed: int = 0) -> Agreement:
    """Return how far the sources of categorical votes agree.

    Parameters
    ----------
    votes : Votes
        n rows, m sources, K classes; abstentions are left out.
    seed : int, default 0
        For the bootstrap: 1000 draws of the tasks, 200 above 100,000 votes.

    Examples
    --------
    >>> votes = Votes.from_matrix([[0, 0], [1, 1], [0, 0], [1, 1]] * 5, n_classes=2)
    >>> found = vote_agreement(votes)
    >>> found.alpha.estimate, found.cohen.estimate, found.n_pairs
    (1.0, 1.0, 1)
    """
    row, source, value = single_votes(votes)
    compared = np.bincount(row, minlength=votes.n_rows)
    n_tasks = int((compared > 1).sum())
    if not n_tasks:
        return Agreement(NOTHING, NOTHING, NOTHING, 0, 0)
    draws = 1000 if len(row) < 100_000 else 200
    kept = compared[row] > 1
    row, source, value = row[kept], source[kept], value[kept]
    k = int(votes.n_classes or 1)
    counts = np.bincount(row * k + value, minlength=votes.n_rows * k).reshape(-1, k)
    cohen, n_pairs = mean_cohen_kappa(row, source, value, seed, draws)
    return Agreement(
        krippendorff_alpha_interval(row, value, seed=seed, n=draws),
        bootstrap(fleiss_kappa, [counts[compared > 1]], seed, n=draws),
        cohen,
        n_tasks,
        n_pairs,
    )


def single_votes(votes: Votes) -> tuple[Ints, Ints, Ints]:
    """Return row, source and class of the first vote of each source on each row; abstentions are left out."""
    said = np.flatnonzero(votes.value >= 0)
    key = votes.row[said] * max(votes.n_sources, 1) + votes.source[said]
    _, first = np.unique(key, return_index=True)
    chosen = said[first]
    return votes.row[chosen], votes.source[chosen].astype(np.int64), votes.value[chosen].astype(np.int64)


def mean_cohen_kappa(row: Ints, source: Ints, value: Ints, seed: int, draws: int) -> tuple[Interval, int]:
    """Return the mean of Cohen's kappa over pairs that share 5 rows or more, and how many pairs those are.

    Parameters
    ----------
    row, source, value : int64 (v,)
        Sorted by row; at most one vote of a source on a row. Of many pairs the 200 that share most rows count, of very
        many shared votes those on randomly drawn rows.
    """
    pair_row, a, b, said_a, said_b = _shared_votes(row, source, value, seed)
    m, k = int(source.max(initial=0)) + 1, int(value.max(initial=0)) + 1
    pair, code, shared = np.unique(a * m + b, return_inverse=True, return_counts=True)
    chosen = np.argsort(-shared, kind="stable")[:MOST_PAIRS]
    chosen = chosen[shared[chosen] >= LEAST_SHARED]
    if not len(chosen):
        return NOTHING, 0
    place = np.full(len(pair), -1)
    place[chosen] = np.arange(len(chosen))
    kept = place[code] >= 0
    cell = (place[code[kept]] * k + said_a[kept]) * k + said_b[kept]
    rows, at = np.unique(pair_row[kept], return_inverse=True)
    n = shared[chosen].astype(np.float64)

    def kappa(weight: Floats | None) -> float:
        table = np.bincount(cell, None if weight is None else weight[at], len(chosen) * k * k).reshape(-1, k, k)
        total = np.maximum(table.sum(axis=(1, 2)), 1.0)  # no weight at all: agreed and chance are 0
        agreed = np.trace(table, axis1=1, axis2=2) / total
        chance = np.einsum("pk,pk->p", table.sum(axis=2), table.sum(axis=1)) / total**2
        known = chance < 1 - 1e-12
        if not known.any():
            return float("nan")
        return float(np.average((agreed[known] - chance[known]) / (1 - chance[known]), weights=n[known]))

    rng = np.random.default_rng(seed)
    size = len(rows)
    drawn = [kappa(np.bincount(rng.integers(0, size, size), minlength=size).astype(float)) for _ in range(draws)]
    return percentile_interval(kappa(None), np.array(drawn)), len(chosen)


def _shared_votes(row: Ints, source: Ints, value: Ints, seed: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Return for every two votes on a row: the row, both sources (the smaller first) and both classes."""
    n_rows = int(row.max(initial=-1)) + 1
    size = np.bincount(row, minlength=n_rows)
    per_row = size * (size - 1) // 2
    if per_row.sum() > MOST_SHARED:
        order = np.random.default_rng(seed).permutation(n_rows)
        use = np.zeros(n_rows, dtype=bool)
        use[order[np.cumsum(per_row[order]) <= MOST_SHARED]] = True
        row, source, value = row[use[row]], source[use[row]], value[use[row]]
    parts = []
    for step in range(1, int(size.max(initial=1))):  # votes lie in order of row: partners are `step` places apart
        first = np.flatnonzero(row[step:] == row[:-step])
        if not len(first):
            break
        parts.append((first, first + step))
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty, empty, empty
    one, two = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return row[one], source[one], source[two], value[one], value[two]
