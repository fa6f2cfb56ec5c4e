"""Regular constraints on a sequence of hidden classes, solved exactly by a small automaton.

A deterministic automaton reads the classes of a sequence in order; the evidence is that it ends in an accepting
state. Forward and backward over (position, state) give the posterior of every row, in log space:

    α_i[s] = log P(state s after i rows),   β_i[s] = log P(accepted | state s before row i),
    q_ik ∝ p_ik Σ_s exp(α_i[s] + β_{i+1}[δ(s, k)]),   log Z = β_0[start].

Cost O(m S K) for m rows, S states, K classes.

Source: Chen et al., A General Framework for Learning from Weak Supervision, ICML 2024; block B2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import frozen
from labelwright.evidence.result import Posterior
from labelwright.evidence.segments import checked_offsets


@dataclass(frozen=True, eq=False)
class Automaton:
    """A deterministic finite automaton over classes.

    Parameters
    ----------
    transitions : int array (S, K)
        Next state after reading class k in state s; -1 = rejected for good.
    accepting : bool array (S,)
        States in which a sequence may end.
    start : int, default 0

    Examples
    --------
    >>> exactly(2, target=1, n_classes=2).accepts([1, 0, 1])
    True
    """

    transitions: NDArray[np.int64]
    accepting: NDArray[np.bool_]
    start: int = 0

    def __post_init__(self) -> None:
        table = frozen(self.transitions, np.int64, "transitions", ndim=2)
        accepting = frozen(self.accepting, np.bool_, "accepting")
        if len(table) == 0 or len(accepting) != len(table) or not 0 <= self.start < len(table):
            raise BadInput(
                f"{len(table)} states, {len(accepting)} accepting marks, start {self.start}", fix="one a state"
            )
        if (table < -1).any() or (table >= len(table)).any():
            raise BadInput("a transition leads to no state", fix=f"pass -1..{len(table) - 1}")
        object.__setattr__(self, "transitions", table)
        object.__setattr__(self, "accepting", accepting)

    @property
    def n_classes(self) -> int:
        """Number of classes K."""
        return int(self.transitions.shape[1])

    def accepts(self, classes: ArrayLike) -> bool:
        """Return whether a sequence of classes satisfies the constraint."""
        state = self.start
        for k in np.asarray(classes, dtype=np.int64):
            if state >= 0:
                state = int(self.transitions[state, k])
        return state >= 0 and bool(self.accepting[state])

    def __and__(self, other: Automaton) -> Automaton:
        """Return the automaton of both constraints together: the product of the states."""
        if self.n_classes != other.n_classes:
            raise BadInput(f"the constraints have {self.n_classes} and {other.n_classes} classes")
        a, b = self.transitions[:, None, :], other.transitions[None, :, :]
        table = np.where((a < 0) | (b < 0), -1, a * len(other.transitions) + b)
        accepting = self.accepting[:, None] & other.accepting[None, :]
        start = self.start * len(other.transitions) + other.start
        return Automaton(table.reshape(-1, self.n_classes), accepting.ravel(), start)

    def __invert__(self) -> Automaton:
        """Return the automaton of the opposite constraint."""
        dead = len(self.transitions)
        table = np.vstack([np.where(self.transitions < 0, dead, self.transitions), np.full(self.n_classes, dead)])
        return Automaton(table, ~np.append(self.accepting, False), self.start)


def _counter(most: int, target: int, n_classes: int, *, saturate: bool) -> NDArray[np.int64]:
    """Return transitions that count `target` up to `most`, then stay (saturate) or reject."""
    if most < 0 or not 0 <= target < n_classes:
        raise BadInput(
            f"count {most} of class {target} among {n_classes} classes", fix="count >= 0 of a class there is"
        )
    table = np.repeat(np.arange(most + 1)[:, None], n_classes, axis=1)
    table[:, target] += 1
    table[most, target] = most if saturate else -1
    return table


def at_least(count: int, *, target: int = 1, n_classes: int = 2) -> Automaton:
    """Return "at least `count` rows are of class `target`": count + 1 states."""
    return Automaton(_counter(count, target, n_classes, saturate=True), np.arange(count + 1) == count)


def at_most(count: int, *, target: int = 1, n_classes: int = 2) -> Automaton:
    """Return "at most `count` rows are of class `target`": count + 1 states."""
    return Automaton(_counter(count, target, n_classes, saturate=False), np.ones(count + 1, dtype=bool))


def exactly(count: int, *, target: int = 1, n_classes: int = 2) -> Automaton:
    """Return "exactly `count` rows are of class `target`": count + 1 states."""
    return Automaton(_counter(count, target, n_classes, saturate=False), np.arange(count + 1) == count)


def contains_any(*, target: int = 1, n_classes: int = 2) -> Automaton:
    """Return "some row is of class `target`": two states."""
    return at_least(1, target=target, n_classes=n_classes)


def never_falling(n_classes: int) -> Automaton:
    """Return "the classes never fall along the sequence" (ordered classes): K states."""
    k = np.arange(n_classes)
    return Automaton(np.where(k[None, :] >= k[:, None], k[None, :], -1), np.ones(n_classes, dtype=bool))


def no_two_in_a_row(*, target: int = 1, n_classes: int = 2) -> Automaton:
    """Return "class `target` never stands twice in a row": two states."""
    table = np.zeros((2, n_classes), dtype=np.int64)
    table[0, target], table[1, target] = 1, -1
    return Automaton(table, np.ones(2, dtype=bool))


@njit(cache=True, nogil=True)
def _logaddexp(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a if b == -np.inf else a + math.log1p(math.exp(b - a))


@njit(cache=True, nogil=True)
def _run(
    log_p: NDArray[np.float64],
    offsets: NDArray[np.int64],
    table: NDArray[np.int64],
    accepting: NDArray[np.bool_],
    start: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n_states, n_classes = table.shape
    q, log_z = np.full_like(log_p, -np.inf), np.empty(len(offsets) - 1)
    for g in range(len(log_z)):
        first, m = offsets[g], offsets[g + 1] - offsets[g]
        back = np.full((m + 1, n_states), -np.inf)
        for s in range(n_states):
            if accepting[s]:
                back[m, s] = 0.0
        for i in range(m - 1, -1, -1):
            for s in range(n_states):
                for k in range(n_classes):
                    if table[s, k] >= 0:
                        back[i, s] = _logaddexp(back[i, s], log_p[first + i, k] + back[i + 1, table[s, k]])
        log_z[g] = back[0, start]
        ahead = np.full(n_states, -np.inf)
        ahead[start] = 0.0
        for i in range(m):
            fresh = np.full(n_states, -np.inf)
            for s in range(n_states):
                for k in range(n_classes):
                    to = table[s, k]
                    if to >= 0 and ahead[s] > -np.inf:
                        step = ahead[s] + log_p[first + i, k]
                        fresh[to] = _logaddexp(fresh[to], step)
                        q[first + i, k] = _logaddexp(q[first + i, k], step + back[i + 1, to])
            ahead = fresh
            if log_z[g] > -np.inf:
                q[first + i] = np.exp(q[first + i] - log_z[g])
    return q, log_z


def sequence_posterior(log_prior: ArrayLike, offsets: ArrayLike, constraint: Automaton) -> Posterior:
    """Condition sequences of rows on a regular constraint.

    Parameters
    ----------
    log_prior : float array (t, K)
        Log-probabilities of each row; minus infinity where a class is ruled out.
    offsets : int array (g + 1,)
        Sequence g holds the rows ``offsets[g]:offsets[g + 1]``, in order.
    constraint : Automaton

    Returns
    -------
    Posterior
        q float64 (t, K); log_z float64 (g,), one a sequence.

    Raises
    ------
    BadInput
        When no labelling of a sequence satisfies the constraint: names the sequence.

    Examples
    --------
    >>> q = sequence_posterior(np.log(np.full((2, 2), 0.5)), [0, 2], contains_any()).q
    >>> q[:, 1].round(3)
    array([0.667, 0.667])
    """
    prior = np.ascontiguousarray(log_prior, dtype=np.float64)
    if prior.ndim != 2 or prior.shape[1] != constraint.n_classes:
        raise BadInput(f"the log-prior has shape {prior.shape}", fix=f"pass (t, {constraint.n_classes})")
    if not (prior < np.inf).all():
        raise BadInput("the log-prior is NaN or +inf", where=f"row {int(np.argwhere(~(prior < np.inf))[0][0])}")
    cuts = checked_offsets(offsets, len(prior), "the sequence offsets")
    table, accepting = np.array(constraint.transitions), np.array(constraint.accepting)
    q, log_z = _run(prior, cuts, table, accepting, constraint.start)
    impossible = np.flatnonzero(np.isneginf(log_z))
    if len(impossible):
        raise BadInput(
            f"no labelling of {len(impossible)} sequences satisfies the constraint",
            where=f"sequence {impossible[0]} (row {cuts[impossible[0]]} and on)",
            fix="mend the constraint or the evidence about these rows",
        )
    return Posterior(q, log_z, ("automaton",))
