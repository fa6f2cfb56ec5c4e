"""The result of an E-step."""

from __future__ import annotations

from dataclasses import dataclass

from labelwright.evidence.arrays import Array


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the evidence and the model together say about the hidden classes.

    Parameters
    ----------
    q : array (n, K), for tags (n, K, 2)
        Posterior of each row's class; sums to 1 over the last axis. Detached: no gradient flows through it.
    log_z : array (n_units,)
        Log-probability of each unit's evidence under the model, in the order of ``evidence.units()``.
        In torch it carries the gradient: d(−log_z) with respect to logits is ``p − q``.
    method : tuple of str
        How it was computed: ``"rows"``, ``"counting"``, ``"multiclass counting"``, ``"sinkhorn"``,
        ``"one-vs-rest"``, ``"belief propagation"``, ``"automaton"``.
    exact : bool
        False when an approximation took part (Sinkhorn, one-vs-rest, belief propagation on a graph with loops).
    converged : bool
        False when an iteration stopped before its tolerance.
    """

    q: Array
    log_z: Array
    method: tuple[str, ...] = ("rows",)
    exact: bool = True
    converged: bool = True
