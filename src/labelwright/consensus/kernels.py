"""One pass over the votes: the E-step of every label model and what its M-step needs, without storing posteriors.

Two kernels serve most models. Both work in log space, subtract the largest term of a row, and return
Σ_i log Σ_k exp(score_ik), the log-likelihood of the votes.

    confusion_pass   score_ik = log π_k + Σ_votes w · T[j, l, k]               a full table a source
    matching_pass    score_ik = log π_k + Σ_votes w · (b[j, l] + 1[l = k] · c[j, l])   right or not, O(votes) work

`product_pass` and `matching_product_pass` are the same for votes that all weigh 1. The sums that they fill are Σ w · q
over votes, by source, answer and class. Rows without votes and without gold take no part. A known class (gold) leaves
only its own states. `hard` rounds q to its best class.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def _normalise(score, first, last, hard):  # type: ignore[no-untyped-def]
    """Turn scores into probabilities in place, zero outside first..last; return their log-sum (or largest)."""
    top = score[first]
    at = first
    for k in range(first + 1, last):
        if score[k] > top:
            top = score[k]
            at = k
    if hard:
        score[:] = 0.0
        score[at] = 1.0
        return top
    total = 0.0
    for k in range(len(score)):
        if k < first or k >= last:
            score[k] = 0.0
        else:
            score[k] = np.exp(score[k] - top)
            total += score[k]
    for k in range(first, last):
        score[k] /= total
    return top + np.log(total)


@njit(cache=True, nogil=True)
def confusion_pass(  # type: ignore[no-untyped-def]
    offsets, source, value, weight, gold, width, hard, log_prior, log_table, counts, totals, q
):
    """E-step with one table a source.

    Shapes: log_prior (Z,), log_table (m, S, Z), counts (m, S, Z) and totals (Z,) are added to; q (n, Z) is written,
    or nothing when it has no rows. Z = K · width states: `width` of them a class.
    """
    states = len(log_prior)
    score = np.empty(states)
    objective = 0.0
    for i in range(len(offsets) - 1):
        if offsets[i] == offsets[i + 1] and gold[i] < 0:
            if len(q):
                q[i] = np.exp(log_prior)
            continue
        for k in range(states):
            score[k] = log_prior[k]
        for v in range(offsets[i], offsets[i + 1]):
            row = log_table[source[v], value[v]]
            for k in range(states):
                score[k] += weight[v] * row[k]
        first, last = 0, states
        if gold[i] >= 0:
            first, last = gold[i] * width, (gold[i] + 1) * width
        objective += _normalise(score, first, last, hard)
        for v in range(offsets[i], offsets[i + 1]):
            cell = counts[source[v], value[v]]
            for k in range(first, last):
                cell[k] += weight[v] * score[k]
        for k in range(first, last):
            totals[k] += score[k]
        if len(q):
            q[i] = score
    return objective


@njit(cache=True, nogil=True)
def _rare_row(score, known, states, cells, prior, table):  # type: ignore[no-untyped-def]
    """Turn the products of a row whose class is known, or is out of range, into probabilities; return its logarithm.

    Apart from the loop of `product_pass`, which is the tighter for it.
    """
    first, last = (known, known + 1) if known >= 0 else (0, states)
    if known >= 0 and score[known] > 1e-200:
        total = score[known]
        score[:] = 0.0
        score[known] = 1.0
        return np.log(total)
    for k in range(states):
        score[k] = np.log(prior[k])
        for c in cells:
            score[k] += np.log(table[c, k])
    return _normalise(score[:states], first, last, False)


@lru_cache(maxsize=64)
def product_pass(blocks):  # type: ignore[no-untyped-def]
    """Return `confusion_pass` of votes of weight 1 as a product of probabilities, compiled for blocks of four states.

    It takes (offsets, cell, gold, states, first_row, last_row, prior, table, counts, totals), with cells = source · S +
    answer, int32 (v,). Shapes, with Z = 4 · blocks columns of which those from K on are 0: prior (Z,), table
    (m · S, Z); counts (m · S, Z) and totals (Z,) are added to. Four states at a time stay in registers. A product that
    leaves the range of numbers is taken anew in logarithms.
    """
    columns = 4 * blocks

    @njit(cache=True, nogil=True)
    def run(offsets, cell, gold, states, first_row, last_row, prior, table, counts, totals):  # type: ignore[no-untyped-def]
        score = np.empty(columns)
        objective, product = 0.0, 1.0  # the logarithm is taken of many rows' likelihoods at once
        for i in range(first_row, last_row):
            start, end = offsets[i], offsets[i + 1]
            if start == end and gold[i] < 0:
                continue
            total = 0.0
            for b in range(0, columns, 4):
                s0, s1, s2, s3 = prior[b], prior[b + 1], prior[b + 2], prior[b + 3]
                for v in range(start, end):
                    c = cell[v]
                    s0 *= table[c, b]
                    s1 *= table[c, b + 1]
                    s2 *= table[c, b + 2]
                    s3 *= table[c, b + 3]
                score[b], score[b + 1], score[b + 2], score[b + 3] = s0, s1, s2, s3
                total += (s0 + s1) + (s2 + s3)
            share = 1.0
            if gold[i] >= 0 or total < 1e-200:
                objective += _rare_row(score, gold[i], states, cell[start:end], prior, table)
            else:
                if product < 1e-100:
                    objective += np.log(product)
                    product = 1.0
                product *= total
                share /= total
            for b in range(0, columns, 4):
                s0, s1, s2, s3 = score[b] * share, score[b + 1] * share, score[b + 2] * share, score[b + 3] * share
                for v in range(start, end):
                    c = cell[v]
                    counts[c, b] += s0
                    counts[c, b + 1] += s1
                    counts[c, b + 2] += s2
                    counts[c, b + 3] += s3
                totals[b] += s0
                totals[b + 1] += s1
                totals[b + 2] += s2
                totals[b + 3] += s3
        return objective + np.log(product)

    return run


@njit(cache=True, nogil=True)
def confusion_step(counts, eps, table):  # type: ignore[no-untyped-def]
    """Write (counts + ε) / Σ over answers to table (m, S, Z), evenly where nothing is counted; eps (S, Z)."""
    sources, symbols, states = counts.shape
    votes = np.empty(states)
    for j in range(sources):
        votes[:] = 0.0
        for l in range(symbols):
            for k in range(states):
                table[j, l, k] = counts[j, l, k] + eps[l, k]
                votes[k] += table[j, l, k]
        for l in range(symbols):
            for k in range(states):
                table[j, l, k] = table[j, l, k] / votes[k] if votes[k] > 0 else 1.0 / symbols


@njit(cache=True, nogil=True)
def matching_pass(  # type: ignore[no-untyped-def]
    offsets, source, value, weight, gold, hard, log_prior, base, bonus, matches, totals, q
):
    """E-step where a vote is right or not.

    Shapes: log_prior (K,), base and bonus (m, S), matches (m, S) = Σ w · q[i, l] and totals (K,) are added to;
    q (n, K) is written, or nothing when it has no rows.
    """
    classes = len(log_prior)
    score = np.empty(classes)
    objective = 0.0
    for i in range(len(offsets) - 1):
        if offsets[i] == offsets[i + 1] and gold[i] < 0:
            if len(q):
                q[i] = np.exp(log_prior)
            continue
        for k in range(classes):
            score[k] = log_prior[k]
        for v in range(offsets[i], offsets[i + 1]):
            j, l = source[v], value[v]
            objective += weight[v] * base[j, l]
            if l < classes:
                score[l] += weight[v] * bonus[j, l]
        first, last = 0, classes
        if gold[i] >= 0:
            first, last = gold[i], gold[i] + 1
        objective += _normalise(score, first, last, hard)
        for v in range(offsets[i], offsets[i + 1]):
            if value[v] < classes:
                matches[source[v], value[v]] += weight[v] * score[value[v]]
        for k in range(first, last):
            totals[k] += score[k]
        if len(q):
            q[i] = score
    return objective


@njit(cache=True, nogil=True)
def matching_product_pass(offsets, cell, symbols, gold, prior, base, odds, matches, totals):  # type: ignore[no-untyped-def]
    """`matching_pass` of votes of weight 1 as a product: score_ik = π_k Π_votes 1 or, of class k, odds = exp bonus.

    Shapes: cell (v,) = source · S + answer, prior (K,) above 0, base, odds and matches (m · S,), totals (K,).
    """
    classes = len(prior)
    score = np.empty(classes)
    objective, product = 0.0, 1.0  # the logarithm is taken of many rows' likelihoods at once
    for i in range(len(offsets) - 1):
        first, last = offsets[i], offsets[i + 1]
        known = gold[i]
        if first == last and known < 0:
            continue
        for k in range(classes):
            score[k] = prior[k]
        for v in range(first, last):
            objective += base[cell[v]]
            answer = cell[v] % symbols
            if answer < classes:
                score[answer] *= odds[cell[v]]
        total = 0.0
        for k in range(classes):
            total += score[k]
        if known >= 0 or total < 1e-100 or total > 1e100:  # in logarithms
            for k in range(classes):
                score[k] = np.log(prior[k])
            for v in range(first, last):
                answer = cell[v] % symbols
                if answer < classes:
                    score[answer] += np.log(odds[cell[v]])
            lo, hi = (known, known + 1) if known >= 0 else (0, classes)
            objective += _normalise(score, lo, hi, False)
        else:
            if product < 1e-100 or product > 1e100:
                objective += np.log(product)
                product = 1.0
            product *= total
            for k in range(classes):
                score[k] /= total
        for v in range(first, last):
            answer = cell[v] % symbols
            if answer < classes:
                matches[cell[v]] += score[answer]
        for k in range(classes):
            totals[k] += score[k]
    return objective + np.log(product)
