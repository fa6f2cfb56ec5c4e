"""Belief propagation over rows tied by pairs and bags that meet (block B2).

Sum-product on unary, pairwise and cardinality factors, all messages at once. A cardinality factor's messages come
from the counting recursion with the incoming messages as p. On a forest messages run undamped until they stop and the
result is exact; on a graph with circles they are damped by 0.5, up to 100 sweeps, until no message moves by 1e-4.

Source: Havaldar et al., Learning from Label Proportions: Bootstrapping Supervised Learners via Belief Propagation,
ICLR 2024 [P069].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.base import GroupEvidence, linked_units
from labelwright.evidence.dense import log_sum_exp
from labelwright.evidence.groups import Bags
from labelwright.evidence.pairs import Pairs
from labelwright.evidence.segments import offsets_of, segment_ids, segment_sum

DAMPING, MAX_SWEEPS, TOLERANCE = 0.5, 100, 1e-4
STILL = 1e-13  # a message that moves by less stands, on a forest


@dataclass(frozen=True, eq=False)
class PairFactors:
    """Pairwise factors: rows `first`, `second` int64 (e,) and log tables (e, K, K) over (class, class)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    log_tables: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Marginals q (n, K), log Z of each component (units,), and how the propagation went."""

    q: NDArray[np.float64]
    log_z: NDArray[np.float64]
    exact: bool
    converged: bool
    sweeps: int


def belief_propagation(
    log_prior: NDArray[np.float64],
    pairs: Sequence[PairFactors] = (),
    bags: Sequence[Bags] = (),
    *,
    damping: float = DAMPING,
    max_sweeps: int = MAX_SWEEPS,
    tolerance: float = TOLERANCE,
    units: NDArray[np.int64] | None = None,
) -> Beliefs:
    """Return marginals and log Z of a graph of rows, pair factors and bags.

    Parameters
    ----------
    log_prior : float array (n, K)
        Unary log-potentials; minus infinity where a class is ruled out.
    pairs, bags : sequences
        The factors; bags may share rows.
    damping : float in [0, 1), default 0.5
        Share of the old message that is kept, on a graph with circles.
    max_sweeps, tolerance : int, float
        Stop after so many sweeps, or when no message moves by more.
    units : int array (n,), optional
        Component of each row; computed when not given.

    Returns
    -------
    Beliefs
        Exact on a forest; else the Bethe approximation, `log_z` included.

    Raises
    ------
    BadInput
        When the factors leave a row without a class, or a bag's counts impossible: names it.
    """
    graph = _Graph(log_prior, pairs, bags)
    component = graph.components() if units is None else units
    forest = graph.is_forest()
    limit = graph.n_rows + graph.n_factors + 1 if forest else max_sweeps
    keep, small = (0.0, STILL) if forest else (damping, tolerance)
    messages, moved, sweep = np.zeros((len(graph.slot_row), graph.n_classes)), np.inf, 0
    while sweep < limit and moved > small:
        outgoing = graph.to_factors(messages)
        fresh = graph.from_factors(outgoing)
        if keep:
            with np.errstate(invalid="ignore"):
                fresh = (1 - keep) * fresh + keep * messages
        moved = float(np.abs(np.exp(fresh) - np.exp(messages)).max(initial=0.0))
        messages, sweep = fresh, sweep + 1
    q, log_z = graph.read_out(messages, component)
    return Beliefs(q, log_z, forest, moved <= small, sweep)


class _Graph:
    """The factor graph as arrays: one *slot* for each (factor, row) edge; pair slots first, then bag slots."""

    def __init__(self, log_prior: NDArray[np.float64], pairs: Sequence[PairFactors], bags: Sequence[Bags]) -> None:
        self.log_prior, self.bags = log_prior, tuple(_bound_classes(bags))
        self.n_rows, self.n_classes = log_prior.shape
        none = np.empty(0, dtype=np.int64)
        self.first = np.concatenate([none, *(p.first for p in pairs)])
        self.second = np.concatenate([none, *(p.second for p in pairs)])
        empty = np.empty((0, self.n_classes, self.n_classes))
        self.tables = np.concatenate([empty, *(p.log_tables for p in pairs)])
        self.n_pairs = len(self.first)
        self.slot_row = np.concatenate([self.first, self.second, *(b.rows for b, _ in self.bags)])
        self.cuts = 2 * self.n_pairs + offsets_of([len(b.rows) for b, _ in self.bags])
        pair = np.arange(self.n_pairs)
        starts = self.n_pairs + offsets_of([b.n_bags for b, _ in self.bags])
        ids = [segment_ids(b.offsets) + s for (b, _), s in zip(self.bags, starts, strict=False)]
        self.slot_factor = np.concatenate([pair, pair, *ids]).astype(np.int64)
        self.n_factors = int(starts[-1])

    def components(self) -> NDArray[np.int64]:
        return linked_units(self.n_rows, self.slot_row, self.slot_factor, self.n_factors)

    def is_forest(self) -> bool:
        """Edges + components = nodes exactly when no circle exists (factors without rows aside)."""
        used = len(np.unique(self.slot_factor))
        n_components = int(self.components().max(initial=-1)) + 1
        return len(self.slot_row) + n_components == self.n_rows + used

    def beliefs(self, messages: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return unary plus all incoming messages (n, K); BadInput when a row has no class left."""
        belief = self.log_prior + segment_sum(messages, self.slot_row, self.n_rows)
        lost = np.flatnonzero(np.isneginf(belief).all(axis=1))
        if len(lost):
            raise BadInput(
                f"the groups leave {len(lost)} rows without a possible class",
                where=f"row {lost[0]}",
                fix="mend the pairs or counts, or give pairs a confidence below 1",
            )
        return belief

    def to_factors(self, messages: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each row tells each factor: its belief without that factor's own message, (slots, K)."""
        self.beliefs(messages)
        never = np.isneginf(messages)
        finite = np.where(never, 0.0, messages)
        total = (self.log_prior + segment_sum(finite, self.slot_row, self.n_rows))[self.slot_row] - finite
        vetoes = segment_sum(never.astype(np.float64), self.slot_row, self.n_rows)[self.slot_row] - never
        return np.where(vetoes > 0, -np.inf, total)

    def from_factors(self, outgoing: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each factor tells each row, the largest entry 0, (slots, K)."""
        e = self.n_pairs
        one, two = outgoing[:e], outgoing[e : 2 * e]
        to_first = log_sum_exp(self.tables + two[:, None, :])
        to_second = log_sum_exp(self.tables.transpose(0, 2, 1) + one[:, None, :])
        parts = [to_first, to_second]
        parts += [self._bag_messages(i, outgoing)[0] for i in range(len(self.bags))]
        fresh = np.concatenate(parts)
        top = fresh.max(axis=1, keepdims=True, initial=-np.inf)
        return fresh - np.where(np.isneginf(top), 0.0, top)

    def _bag_messages(self, i: int, outgoing: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        from labelwright.evidence.group_estep import OneClassView, check_bags, target_message

        bags, c = self.bags[i]
        view = OneClassView(np.ones(bags.n_bags, np.int64), np.full(bags.n_bags, c), bags.low[:, c], bags.high[:, c])
        incoming = outgoing[self.cuts[i] : self.cuts[i + 1]]
        message, log_z = target_message(incoming, bags.offsets, view, bags.log_potential)
        check_bags(log_z, bags)
        return message, log_z

    def read_out(
        self, messages: NDArray[np.float64], units: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return q (n, K) and the Bethe log Z of each unit: Σ_rows (1 − degree) log Z_v + Σ_factors log Z_f."""
        belief = self.beliefs(messages)
        log_zv = log_sum_exp(belief)
        n_units = int(units.max(initial=-1)) + 1
        degree = np.bincount(self.slot_row, minlength=self.n_rows)
        log_z = segment_sum((1 - degree) * log_zv, units, n_units)
        outgoing, e = self.to_factors(messages), self.n_pairs
        joint = self.tables + outgoing[:e, :, None] + outgoing[e : 2 * e, None, :]
        log_z = log_z + segment_sum(log_sum_exp(joint.reshape(e, self.n_classes**2)), units[self.first], n_units)
        for i, (bags, _) in enumerate(self.bags):
            filled = np.flatnonzero(bags.sizes > 0)
            of_bag = self._bag_messages(i, outgoing)[1][filled]
            log_z = log_z + segment_sum(of_bag, units[bags.rows[bags.offsets[:-1][filled]]], n_units)
        return np.exp(belief - log_zv[:, None]), log_z


def _bound_classes(bags: Sequence[Bags]) -> list[tuple[Bags, int]]:
    """Return (bags, class) for each class that some bag counts: one cardinality factor a bag and class."""
    from labelwright.evidence.group_estep import one_class_view

    factors = []
    for one in bags:
        if one.log_potential is not None:
            factors.append((one, one.target))
            continue
        low, high, sizes = one.low, one.high, one.sizes
        if one.n_classes == 2:
            view = one_class_view(one)
            low = np.stack([np.zeros_like(sizes), view.low], axis=1)
            high = np.stack([sizes, view.high], axis=1)
        for c in range(one.n_classes):
            bound = np.flatnonzero((low[:, c] > 0) | (high[:, c] < sizes))
            if len(bound):
                part = one.of_groups(bound)
                factors.append((Bags(part.rows, part.offsets, low[bound], high[bound], part.n_rows), c))
    return factors


def solve_graph(
    log_prior: NDArray[np.float64], evidence: tuple[GroupEvidence, ...], units: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...], bool, bool]:
    """Return (q, log_z, method, exact, converged) of group evidence in any mixture; shapes as in `Posterior`."""
    pairs, bags = [], []
    for one in evidence:
        if isinstance(one, Pairs):
            pairs.append(PairFactors(one.first, one.second, one.log_tables()))
        elif isinstance(one, Bags):
            bags.append(one)
        else:
            raise BadInput(f"{type(one).__name__} has no factors", fix="use Bags and Pairs")
    result = belief_propagation(log_prior, pairs, bags, units=units)
    return result.q, result.log_z, ("belief propagation",), result.exact, result.converged
