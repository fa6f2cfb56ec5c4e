"""Partial labels: candidate sets that hold the truth (or miss it), and complementary labels that name what it is not.

Candidate sets are CSR bool matrices (n, K); a row labelled -1 gets all classes as candidates and counts in no rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_class_count, as_labels, as_probs, as_share, same_length
from labelwright.noise.draws import coins
from labelwright.noise.record import Corruption, Seed, share, start
from labelwright.noise.transition import TransitionMatrix

BLOCK = 2**22
Codes = NDArray[np.int64]
Chance = Callable[[int, int], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class PartialLabels(Corruption):
    """Candidate sets, CSR bool (n, K), columns of a row rising.

    `changed` lists the rows whose set is not just the truth. The rate is the share of wrong classes that became
    candidates, except for noisy candidate sets: there it is the share of rows that miss their truth.
    """

    candidates: csr_matrix


@dataclass(frozen=True, kw_only=True)
class ComplementaryLabels(Corruption):
    """One class that the row is not, int32 (n,), -1 = unknown; the rate is the share that names the truth by error."""

    labels: NDArray[np.int32]
    transition: TransitionMatrix


def uniform_candidates(labels: ArrayLike, rate: float, n_classes: int, seed: Seed) -> PartialLabels:
    """Add each wrong class to the set {truth} independently with probability `rate`.

    Parameters
    ----------
    labels : int array (n,)
    rate : float in [0, 1]
    n_classes : int
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> uniform_candidates([1, 0], rate=0.0, n_classes=3, seed=0).candidates.toarray().astype(int).tolist()
    [[0, 1, 0], [1, 0, 0]]

    Source: block L1 of the partial-label cards; Lv et al., ICML 2020 (PRODEN).
    """
    y = as_labels("labels", labels, as_class_count(n_classes))
    rng, recorded = start(seed, "uniform_candidates")
    rows, others = np.divmod(coins(len(y) * (n_classes - 1), as_share("rate", rate), rng), max(n_classes - 1, 1))
    extra = others + (others >= y[rows])
    return _sets(y, n_classes, rows, extra, "uniform_candidates", rate, recorded)


def class_dependent_candidates(labels: ArrayLike, inclusion: ArrayLike, seed: Seed) -> PartialLabels:
    """Add wrong class j to the set of a row of class k with probability inclusion[k, j].

    Parameters
    ----------
    inclusion : float array (K, K)
        In [0, 1]; row = truth, column = candidate. The diagonal is not used: the truth is always in the set.
    """
    table = as_array("inclusion", inclusion, 2)
    if table.shape[0] != table.shape[1] or ((table < 0) | (table > 1)).any():
        raise BadInput("inclusion must be a square table of probabilities", fix="rows = truth, columns = candidates")
    y = as_labels("labels", labels, len(table))
    rng, recorded = start(seed, "class_dependent_candidates")
    probs = table - np.diag(np.diag(table))
    rows, extra = _included(len(y), len(table), lambda begin, end: probs[y[begin:end]], rng)
    known = y[y >= 0]
    expected = float(probs[known].sum() / max(len(known) * (len(table) - 1), 1))
    return _sets(y, len(table), rows, extra, "class_dependent_candidates", expected, recorded)


def instance_dependent_candidates(labels: ArrayLike, pred_probs: ArrayLike, rate: float, seed: Seed) -> PartialLabels:
    """Add wrong classes that a model finds likely: P(j in S) = min(1, rate · r_j / mean r).

    r_j is the model's probability of wrong class j over that of the likeliest wrong class.

    Parameters
    ----------
    labels : int array (n,)
    pred_probs : float array (n, K)
    rate : float in [0, 1]
        Mean chance of a wrong class before the cap at 1; the cards use 0.4, and 0.04 for many classes. The recorded
        requested rate is the one after the cap.
    seed : int or numpy.random.Generator

    Source: Xu et al., Instance-dependent partial label learning, NeurIPS 2021; block L1 of the partial-label cards.
    """
    probs = as_probs("pred_probs", pred_probs)
    y = as_labels("labels", labels, probs.shape[1])
    n = same_length(labels=y, pred_probs=probs)
    as_share("rate", rate)
    rng, recorded = start(seed, "instance_dependent_candidates")
    expected = 0.0

    def chance(begin: int, end: int) -> NDArray[np.float64]:
        nonlocal expected
        known = y[begin:end] >= 0
        block = probs[begin:end].copy()
        block[np.flatnonzero(known), y[begin:end][known]] = 0
        mean = block.sum(axis=1, keepdims=True) / max(block.shape[1] - 1, 1)
        wanted = np.minimum(1.0, np.divide(rate * block, mean, out=np.zeros_like(block), where=mean > 0))
        expected += float(wanted[known].sum())
        return wanted

    rows, extra = _included(n, probs.shape[1], chance, rng)
    cells = int(np.count_nonzero(y >= 0)) * (probs.shape[1] - 1)
    requested = expected / cells if cells else float("nan")
    return _sets(y, probs.shape[1], rows, extra, "instance_dependent_candidates", requested, recorded)


def noisy_candidates(partial: PartialLabels, labels: ArrayLike, rate: float, seed: Seed) -> PartialLabels:
    """Take the truth out of a candidate set with probability `rate` and put a random class outside the set in.

    A set that holds every class only loses its truth; one class alone cannot be made noisy.

    Parameters
    ----------
    partial : PartialLabels
        The sets to start from, each holding its truth.
    labels : int array (n,)
    rate : float in [0, 1]
    seed : int or numpy.random.Generator

    Source: Lian et al., IRNet, 2022; block L1 of the partial-label cards.
    """
    sets = partial.candidates
    n, k = sets.shape
    y = as_labels("labels", labels, k)
    if len(y) != n or k < 2:
        raise BadInput(f"there are {len(y)} labels for candidate sets of shape {sets.shape}")
    if not sets[np.flatnonzero(y >= 0), y[y >= 0]].all():
        raise BadInput("a candidate set does not hold its truth", fix="start from sets that do")
    rng, recorded = start(seed, "noisy_candidates")
    known = np.flatnonzero(y >= 0)
    missed = known[coins(len(known), as_share("rate", rate), rng)]
    added = [np.empty(0, dtype=np.int64)]
    for begin in range(0, len(missed), max(BLOCK // k, 1)):
        rows = missed[begin : begin + max(BLOCK // k, 1)]
        priority = rng.random((len(rows), k)) - 2.0 * sets[rows].toarray()
        chosen = priority.argmax(axis=1)
        outside = priority[np.arange(len(rows)), chosen] >= 0
        added.append(rows[outside] * k + chosen[outside])
    cells = np.repeat(np.arange(n) * k, np.diff(sets.indptr)) + sets.indices
    keep = np.ones(len(cells), dtype=bool)
    keep[np.searchsorted(cells, missed * k + y[missed])] = False
    candidates = _csr([cells[keep], *added], (n, k))
    return PartialLabels(
        candidates=candidates,
        kind="noisy_candidates",
        requested_rate=float(rate),
        realised_rate=share(len(missed), len(known)),
        changed=np.union1d(partial.changed, missed),
        seed=recorded,
    )


def complementary_labels(
    labels: ArrayLike, n_classes: int, seed: Seed, transition: TransitionMatrix | None = None
) -> ComplementaryLabels:
    """Name for each row a class that it is not: uniformly, or by the row of its class in `transition`.

    Parameters
    ----------
    labels : int array (n,)
    n_classes : int, at least 2
    seed : int or numpy.random.Generator
    transition : TransitionMatrix, optional
        P(named class | truth); a diagonal above 0 makes the complementary labels noisy.

    Examples
    --------
    >>> complementary_labels([0, 1, -1], n_classes=2, seed=0).labels
    array([ 1,  0, -1], dtype=int32)

    Source: Ishida et al., Learning from complementary labels, NeurIPS 2017 [P010].
    """
    matrix = TransitionMatrix.symmetric(1.0, n_classes) if transition is None else transition
    y = as_labels("labels", labels, n_classes)
    if matrix.n_classes != n_classes:
        raise BadInput(f"the transition matrix has {matrix.n_classes} classes, the labels {n_classes}")
    rng, recorded = start(seed, "complementary")
    named = matrix.apply(y, rng)
    known = y >= 0
    return ComplementaryLabels(
        labels=named,
        transition=matrix,
        kind="complementary",
        requested_rate=float(np.diag(matrix.matrix)[y[known]].mean()) if known.any() else 0.0,
        realised_rate=share(np.count_nonzero((named == y) & known), np.count_nonzero(known)),
        changed=np.flatnonzero((named != y) & known),
        seed=recorded,
    )


def _included(n: int, k: int, chance: Chance, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """Toss a coin for every cell, blocks of rows at a time; chance(begin, end) gives their probabilities."""
    rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    step = max(BLOCK // max(k, 1), 1)
    for begin in range(0, n, step):
        end = min(begin + step, n)
        row, column = np.nonzero(rng.random((end - begin, k)) < chance(begin, end))
        rows.append(row + begin)
        columns.append(column)
    return np.concatenate(rows), np.concatenate(columns)


def _sets(y: Codes, k: int, rows: Codes, extra: Codes, kind: str, rate: float, seed: int | None) -> PartialLabels:
    """Join the truths and the extra candidates; rows of unknown truth get every class."""
    known = y >= 0
    used = known[rows]
    rows, extra = rows[used], extra[used]
    unknown = (np.flatnonzero(~known)[:, None] * k + np.arange(k)).ravel()
    cells = [np.flatnonzero(known) * k + y[known], rows * k + extra, unknown]
    return PartialLabels(
        candidates=_csr(cells, (len(y), k)),
        kind=kind,
        requested_rate=float(rate),
        realised_rate=share(len(rows), np.count_nonzero(known) * (k - 1)),
        changed=np.flatnonzero(np.bincount(rows, minlength=len(y))),
        seed=seed,
    )


def _csr(cells: list[Codes], shape: tuple[int, int]) -> csr_matrix:
    """Build the matrix from the cells row · K + column that are true, given as rising lists without repeats."""
    merged = np.concatenate(cells)
    merged.sort(kind="stable")  # merges sorted runs in linear time
    row, column = np.divmod(merged, shape[1])
    ends = np.cumsum(np.bincount(row, minlength=shape[0]))
    return csr_matrix((np.ones(len(merged), dtype=bool), column.astype(np.int32), np.r_[0, ends]), shape=shape)
