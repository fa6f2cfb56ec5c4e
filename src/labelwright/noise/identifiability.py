"""Can the noise be determined at all? Kruskal's condition on the number and kind of noisy labels.

A hidden class with K values is seen through p variables that are independent given it, with tables M_1 … M_p
(rows = truth). Class shares and tables are determined, up to renaming the hidden classes, if

    Σ_i Kr(M_i) ≥ 2 K + p − 1,

where Kr(M) is the largest r such that any r rows of M are linearly independent. Three labels through a non-singular
transition matrix satisfy it for every K ≥ 2; one or two never do.

Source: Liu, Cheng, Zhang, Identifiability of Label Noise Transition Matrix, ICML 2023 [P125]; Kruskal, Three-way
arrays: rank and uniqueness of trilinear decompositions, 1977; Allman, Matias, Rhodes, Annals of Statistics 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import ceil, comb
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array
from labelwright.noise.transition import TransitionMatrix

Floats = NDArray[np.float64]
Answer = Literal["identifiable", "not identifiable", "undecided"]
MOST_SUBSETS = 500_000
BLOCK = 4096


def kruskal_rank(matrix: ArrayLike, tol: float = 1e-9) -> int:
    """Return the largest r such that every r rows are linearly independent.

    Parameters
    ----------
    matrix : float array (K, S) or TransitionMatrix
    tol : float, default 1e-9
        Singular values below `tol` times the largest count as 0. For an estimated matrix use its standard error.

    Raises
    ------
    BadInput
        When so many rows depend on each other that the answer would need more than 500,000 small decompositions.

    Examples
    --------
    >>> kruskal_rank(np.eye(3)), kruskal_rank([[0.7, 0.3], [0.7, 0.3]]), kruskal_rank([[1, 0], [0, 1], [0.5, 0.5]])
    (3, 1, 2)

    Notes
    -----
    One less than the size of the smallest dependent set of rows, which is the smallest support of a vector c with
    cᵀ M = 0. Each candidate is the one such vector with given m − 1 zeros, m the dimension of the space of all c.

    Source: Kruskal 1977 [P125].
    """
    rows = as_array("matrix", matrix, 2)
    if not len(rows):
        raise BadInput("the matrix has no row")
    if not 0 <= tol < 1:
        raise BadInput(f"tol is {tol!r}", fix="give a tolerance in [0, 1)")
    left, values, _ = np.linalg.svd(rows, full_matrices=True)
    top = float(values.max(initial=0.0))
    rank = int(np.count_nonzero(values > tol * top)) if top > 0 else 0
    free = len(rows) - rank
    return rank if free == 0 else _smallest_support(left[:, rank:]) - 1


def _smallest_support(null: Floats) -> int:
    """Return the fewest non-zero entries of a non-zero combination of the columns of `null` (K, m), orthonormal."""
    k, m = null.shape
    if comb(k, m - 1) > MOST_SUBSETS:
        raise BadInput(
            f"{m} of {k} rows depend on the others in too many ways to search",
            fix="merge classes with the same confusions",
        )
    zeros, smallest = combinations(range(k), m - 1), k
    while block := list(islice(zeros, BLOCK)):
        held = null[np.array(block, dtype=np.int64).reshape(len(block), m - 1)]
        _, values, right = np.linalg.svd(held, full_matrices=True)
        fixed = values[:, -1] > 1e-7 if m > 1 else np.ones(len(block), dtype=bool)  # else not one vector alone
        found = np.abs(null @ right[fixed, -1, :, None])[..., 0]
        support = np.count_nonzero(found > 1e-7 * found.max(axis=1, keepdims=True), axis=1)
        smallest = min(smallest, int(support.min(initial=k)))
    return smallest


@dataclass(frozen=True)
class Identifiability:
    """Whether labels of this kind determine the noise, and what to collect if not.

    Parameters
    ----------
    answer : "identifiable", "not identifiable" or "undecided"
        Up to renaming the hidden classes. Undecided: Kruskal's condition falls short, but it is not necessary.
    kruskal_ranks : tuple of int
        One a variable.
    total, needed : int
        Their sum, and 2 K + p − 1.
    smallest_singular_value : float
        Over all variables; near 0 the answer holds on paper only: estimates will be unstable.
    reason, advice : str
        In plain words; no advice is needed when identifiable.
    """

    answer: Answer
    kruskal_ranks: tuple[int, ...]
    total: int
    needed: int
    smallest_singular_value: float
    reason: str
    advice: str = ""

    def __bool__(self) -> bool:
        return self.answer == "identifiable"


def check_identifiable(
    tables: TransitionMatrix | ArrayLike | Sequence[TransitionMatrix | ArrayLike],
    labels_per_item: int = 1,
    tol: float = 1e-9,
) -> Identifiability:
    """Say whether noise of this kind can be determined from noisy labels alone.

    Parameters
    ----------
    tables : transition matrix (K, K), or a sequence of tables (K, S_i)
        P(value | true class) of each variable that is seen: labels of different annotators, of neighbours that share
        the true class, of members of a group, or discrete features; independent of each other given the class.
    labels_per_item : int, default 1
        How many variables share a single table. Three stand for three labels an item, or for one label an item where
        each item and its two nearest neighbours have the same true class. For a sequence: how often it is repeated.
    tol : float, default 1e-9
        As in `kruskal_rank`.

    Examples
    --------
    >>> noise = TransitionMatrix.symmetric(0.3, 4)
    >>> check_identifiable(noise, labels_per_item=2).answer
    'not identifiable'
    >>> bool(check_identifiable(noise, labels_per_item=3))
    True

    Source: Liu, Cheng, Zhang, ICML 2023 [P125].
    """
    if labels_per_item < 1:
        raise BadInput(f"{labels_per_item} labels an item say nothing", fix="give 1 or more")
    each = _tables(tables)
    ranks = [kruskal_rank(table, tol) for table in each] * labels_per_item
    k, p = len(each[0]), len(ranks)
    total, needed = sum(ranks), 2 * k + p - 1
    weakest = min(float(np.linalg.svd(table, compute_uv=False)[: min(table.shape)].min()) for table in each)
    weakest = 0.0 if min(table.shape[1] for table in each) < k else weakest
    answer, reason, advice = _judge(each * labels_per_item, ranks, k, tol)
    return Identifiability(answer, tuple(ranks), total, needed, weakest, reason, advice)


def _tables(tables: TransitionMatrix | ArrayLike | Sequence[TransitionMatrix | ArrayLike]) -> list[Floats]:
    single = isinstance(tables, TransitionMatrix) or np.ndim(_first(tables)) < 2
    given = [tables] if single else list(tables)  # type: ignore[arg-type]
    each = [as_array(f"table {i}", table, 2) for i, table in enumerate(given)]  # type: ignore[arg-type]
    for i, table in enumerate(each):
        if len(table) != len(each[0]) or len(table) < 2:
            raise BadInput(f"table {i} has {len(table)} rows", fix="give one row a class, two or more, in every table")
        if (table < 0).any() or (np.abs(table.sum(axis=1) - 1) > 1e-6).any():
            raise BadInput(f"the rows of table {i} are no shares that sum to 1", fix="rows are true classes")
    return each


def _first(tables: Any) -> Any:
    if isinstance(tables, np.ndarray) or not isinstance(tables, Sequence) or not tables:
        return tables[0] if isinstance(tables, np.ndarray) and len(tables) else tables
    return tables[0]


def _judge(tables: Sequence[Floats], ranks: Sequence[int], k: int, tol: float) -> tuple[Answer, str, str]:
    p, needed = len(ranks), 2 * k + len(ranks) - 1
    if sum(ranks) >= needed:
        return "identifiable", f"the Kruskal ranks sum to {sum(ranks)}, {needed} are enough", ""
    if p < 3:
        more = 3 - p
        return (
            "not identifiable",
            f"{p} label{'s' if p > 1 else ''} an item can be explained by more than one noise",
            f"collect {more} more independent label{'s' if more > 1 else ''} an item, or take labels of neighbours "
            "that surely share the true class",
        )
    pair = _inseparable(tables, tol)
    if pair is not None:
        return (
            "not identifiable",
            f"classes {pair[0]} and {pair[1]} look the same in all but one variable",
            "merge these classes, or add a source that tells them apart",
        )
    reason = f"the Kruskal ranks sum to {sum(ranks)}, {needed} would be enough"
    if max(ranks) < 2:
        return "undecided", reason, "add a source that tells every two classes apart; more of these settle nothing"
    more = ceil((needed - sum(ranks)) / (max(ranks) - 1))
    return "undecided", reason, f"{more} more label{'s' if more > 1 else ''} an item of the best kind would settle it"


def _inseparable(tables: Sequence[Floats], tol: float) -> tuple[int, int] | None:
    """Return two classes whose rows agree in all tables but at most one, or None."""
    k = len(tables[0])
    differ = np.zeros((k, k), dtype=np.int64)
    for table in tables:
        differ += np.abs(table[:, None, :] - table[None, :, :]).max(axis=2) > max(tol, 1e-12)
    np.fill_diagonal(differ, len(tables))
    at = int(differ.argmin())
    return (at // k, at % k) if differ.flat[at] <= 1 else None
