"""One pass over the votes that counts them: by row and class, by source and answer, with weights or posteriors."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def count_pass(offsets, source, value, weight, q, counts):  # type: ignore[no-untyped-def]
    """Add Σ w · q[i, z] over the votes to counts (m, S, Z), for given q (n, Z)."""
    states = q.shape[1]
    for i in range(len(offsets) - 1):
        for v in range(offsets[i], offsets[i + 1]):
            cell = counts[source[v], value[v]]
            for k in range(states):
                cell[k] += weight[v] * q[i, k]


@njit(cache=True, nogil=True)
def share_pass(offsets, source, value, weight, weights, prior, q):  # type: ignore[no-untyped-def]
    """Write q[i, k] ∝ prior_k · Σ_votes w · weights[j] 1[l = k], (n, K); the prior where no weight is left."""
    classes = len(prior)
    for i in range(len(offsets) - 1):
        for k in range(classes):
            q[i, k] = 0.0
        for v in range(offsets[i], offsets[i + 1]):
            q[i, value[v]] += weight[v] * weights[source[v]]
        total = 0.0
        for k in range(classes):
            q[i, k] *= prior[k]
            total += q[i, k]
        for k in range(classes):
            q[i, k] = q[i, k] / total if total > 0 else prior[k]


@njit(cache=True, nogil=True)
def class_pass(offsets, value, weight, said):  # type: ignore[no-untyped-def]
    """Add the weight of the votes of each row for each class to said (n, K); other answers count for none."""
    classes = said.shape[1]
    for i in range(len(offsets) - 1):
        for v in range(offsets[i], offsets[i + 1]):
            if value[v] < classes:
                said[i, value[v]] += weight[v]


@njit(cache=True, nogil=True)
def start_pass(said, gold, q):  # type: ignore[no-untyped-def]
    """Write to q (n, K) the shares of said (n, K), evenly where nothing was said; the known class alone where known."""
    classes = said.shape[1]
    for i in range(len(said)):
        total = 0.0
        for k in range(classes):
            total += said[i, k]
        for k in range(classes):
            q[i, k] = said[i, k] / total if total > 0 else 1.0 / classes
        if gold[i] >= 0:
            q[i] = 0.0
            q[i, gold[i]] = 1.0


@njit(cache=True, nogil=True)
def best_pass(probs, slack, chosen, n_best):  # type: ignore[no-untyped-def]
    """Write the first best class of each row to chosen (n,), and how many are as good within a share `slack`."""
    for i in range(len(probs)):
        best = 0
        for k in range(1, probs.shape[1]):
            if probs[i, k] > probs[i, best]:
                best = k
        chosen[i] = best
        least = probs[i, best] * (1 - slack)
        for k in range(probs.shape[1]):
            n_best[i] += probs[i, k] >= least


@njit(cache=True, nogil=True)
def said_pass(source, value, weight, said):  # type: ignore[no-untyped-def]
    """Add the weight of every vote to said[source, value], (m, S)."""
    for v in range(len(source)):
        said[source[v], value[v]] += weight[v]


@njit(cache=True, nogil=True)
def agreement_pass(offsets, source, value, weight, q, agreed):  # type: ignore[no-untyped-def]
    """Add Σ_i w · q[i, L_ij] of each source to agreed (m,)."""
    for i in range(len(offsets) - 1):
        for v in range(offsets[i], offsets[i + 1]):
            agreed[source[v]] += weight[v] * q[i, value[v]]


@njit(cache=True, nogil=True)
def share_count_pass(offsets, source, value, weight, gold, counts, totals):  # type: ignore[no-untyped-def]
    """Add what `start_pass` and `count_pass` find to counts (m, S, K) and totals (K,), without storing q.

    Rows with neither votes nor a known class take no part.
    """
    classes = len(totals)
    q = np.empty(classes)
    for i in range(len(offsets) - 1):
        first, last = offsets[i], offsets[i + 1]
        if first == last and gold[i] < 0:
            continue
        q[:] = 0.0
        total = 0.0
        if gold[i] >= 0:
            q[gold[i]] = total = 1.0
        else:
            for v in range(first, last):
                if value[v] < classes:
                    q[value[v]] += weight[v]
                    total += weight[v]
        for k in range(classes):
            q[k] = q[k] / total if total > 0 else 1.0 / classes
            totals[k] += q[k]
        for v in range(first, last):
            cell = counts[source[v], value[v]]
            for k in range(classes):
                cell[k] += weight[v] * q[k]
