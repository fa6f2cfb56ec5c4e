"""One pass over the votes that writes the posterior of each row and counts nothing."""

from __future__ import annotations

import numpy as np
from numba import njit

from labelwright.consensus.kernels import _normalise


@njit(cache=True, nogil=True)
def posterior_pass(offsets, source, value, weight, log_prior, log_table, q):  # type: ignore[no-untyped-def]
    """Write q[i] ∝ exp(log π + Σ_votes w · T[j, l]), (n, K), for tables T (m, S, K); nothing else is counted."""
    states = len(log_prior)
    for i in range(len(offsets) - 1):
        score = q[i]
        for k in range(states):
            score[k] = log_prior[k]
        for v in range(offsets[i], offsets[i + 1]):
            row = log_table[source[v], value[v]]
            for k in range(states):
                score[k] += weight[v] * row[k]
        _normalise(score, 0, states, False)


@njit(cache=True, nogil=True)
def posterior_product_pass(offsets, cell, prior, table, q):  # type: ignore[no-untyped-def]
    """Write `posterior_pass` of votes of weight 1 as a product of probabilities above 0.

    Shapes: cell (v,) = source · S + answer, prior (K,), table (m · S, K), q (n, K).
    """
    states = len(prior)
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        score, total = q[i], 0.0
        for k in range(0, states, 2):
            other = min(k + 1, states - 1)  # two states at a time stay in registers
            one, two = prior[k], prior[other]
            for v in range(start, end):
                one *= table[cell[v], k]
                two *= table[cell[v], other]
            score[k], score[other] = one, two
        for k in range(states):
            total += score[k]
        if total < 1e-200:  # out of the range of numbers
            for k in range(states):
                score[k] = np.log(prior[k])
                for v in range(start, end):
                    score[k] += np.log(table[cell[v], k])
            _normalise(score, 0, states, False)
        else:
            share = 1.0 / total
            for k in range(states):
                score[k] *= share
