"""Kernels of GLAD: one pass over the votes is the E-step, the Newton steps of the items and the sums of the sources.

The votes of a row stay at hand: x = α_j e^{β_i}, e^{−|x|} and σ(x) of each serve its posterior, its item and its
source, so that a look at a vote costs one exponential. Logarithms are taken of products: log σ(−x) =
−log(1 + e^{−|x|}) − max(x, 0), and the factors 1 + e^{−|x|} of a row or of a source multiply up.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from labelwright.consensus.em import LOG_FLOOR

MOST_EASE = 300.0  # of β: x is beyond any doubt by then, and its square a number
LARGE = 1e200
X, SMALL, SIGMA = 0, 1, 2  # columns of what is at hand of a vote
Q, SLOPE, CURVE, MOST, FACTOR = 0, 1, 2, 3, 4  # columns of a source's sums


@njit(cache=True, nogil=True)
def look(first, last, source, alpha, beta, at):  # type: ignore[no-untyped-def]
    """Fill at (votes of the row, 3) with x, e^{−|x|} and σ(x)."""
    ease = np.exp(min(beta, MOST_EASE))
    for v in range(first, last):
        x = alpha[source[v]] * ease
        small = np.exp(-abs(x))
        share = 1.0 / (1.0 + small)
        at[v - first, X], at[v - first, SMALL] = x, small
        at[v - first, SIGMA] = share if x >= 0 else small * share


@njit(cache=True, nogil=True)
def row_score(first, last, value, weight, known, prior, at, score):  # type: ignore[no-untyped-def]
    """Fill score (K,) ∝ P(class, votes of the row), a known class alone; return the logarithm of what divided it.

    A product of probabilities; where that leaves the range of numbers, or a vote does not weigh 1, in logarithms.
    """
    classes = len(prior)
    others = 1.0 / max(classes - 1, 1)
    plain = True
    for k in range(classes):
        score[k] = prior[k]
    for v in range(first, last):
        sigma = at[v - first, SIGMA]
        miss = (at[v - first, SMALL] * sigma if at[v - first, X] >= 0 else 1.0 - sigma) * others
        said = score[value[v]] * sigma
        for k in range(classes):
            score[k] *= miss
        score[value[v]] = said
        plain &= weight[v] == 1.0
    if known >= 0:
        said = score[known]
        score[:] = 0.0
        score[known] = said
    if plain and score.sum() > 1.0 / LARGE:
        return 0.0
    left = 0.0
    for k in range(classes):
        score[k] = np.log(prior[k]) if prior[k] > 0 else LOG_FLOOR
    for v in range(first, last):
        x = at[v - first, X]
        left += weight[v] * (np.log(others) - np.log1p(at[v - first, SMALL]) - max(x, 0.0))
        score[value[v]] += weight[v] * (x - np.log(others))  # log σ(x) − log σ(−x) = x
    top = score.max() if known < 0 else score[known]
    for k in range(classes):
        score[k] = np.exp(score[k] - top) if known < 0 else 1.0 * (k == known)
    return left + top


@njit(cache=True, nogil=True)
def item_part(first, last, weight, right, beta, at):  # type: ignore[no-untyped-def]
    """Return one item's part of Q at β, its derivative, and the curvature that is expected (at least 1)."""
    q, slope, curve, factor = -0.5 * (beta - 1.0) ** 2, 1.0 - beta, 1.0, 1.0
    for v in range(first, last):
        x, small, sigma = at[v - first, X], at[v - first, SMALL], at[v - first, SIGMA]
        q += weight[v] * (right[v] * x - max(x, 0.0))
        if weight[v] == 1.0:
            factor *= 1.0 + small
        else:
            q -= weight[v] * np.log1p(small)
        if factor > LARGE:
            q -= np.log(factor)
            factor = 1.0
        slope += weight[v] * (right[v] - sigma) * x
        curve += weight[v] * sigma * (1.0 - sigma) * x * x
    return q - np.log(factor), slope, curve


@njit(cache=True, nogil=True)
def ease_steps(first, last, source, weight, right, alpha, beta, steps, at, tried):  # type: ignore[no-untyped-def]
    """Return β after Newton steps, each halved until the item's part of Q does not fall, and whether `tried` holds it.

    `at` holds the votes at the β that is given. On return `tried` or `at` holds them at the β that is returned.
    """
    q, slope, curve = item_part(first, last, weight, right, beta, at)
    swapped = False
    for _ in range(steps):
        move = min(max(slope / curve, -2.0), 2.0)
        if abs(move) < 1e-3:
            break
        moved = False
        for _ in range(6):
            look(first, last, source, alpha, beta + move, tried)
            q_new, slope_new, curve_new = item_part(first, last, weight, right, beta + move, tried)
            if q_new >= q:
                beta += move
                q, slope, curve, moved = q_new, slope_new, curve_new, True
                at, tried, swapped = tried, at, not swapped
                break
            move /= 2.0
        if not moved:
            break
    return beta, swapped


@njit(cache=True, nogil=True)
def add_source(j, weight, right, ease, x, small, sigma, sums):  # type: ignore[no-untyped-def]
    """Add one vote to the sums (m, 5) of its source."""
    mine = sums[j]
    mine[Q] += weight * (right * x - max(x, 0.0))
    if weight == 1.0:
        mine[FACTOR] *= 1.0 + small
    else:
        mine[Q] -= weight * np.log1p(small)
    if mine[FACTOR] > LARGE:
        mine[Q] -= np.log(mine[FACTOR])
        mine[FACTOR] = 1.0
    mine[SLOPE] += weight * (right - sigma) * ease
    mine[CURVE] += weight * sigma * (1.0 - sigma) * ease * ease
    mine[MOST] += weight * 0.25 * ease * ease


@njit(cache=True, nogil=True)
def step_pass(  # type: ignore[no-untyped-def]
    offsets, source, value, weight, gold, first_row, last_row, prior, alpha, beta, steps, right, moved, sums
):
    """E-step at (α, β) of the rows from first_row on, then steps of β: write right (v,) = q[i, L_ij] and moved (n,).

    What each source needs at (α, moved β) is added to sums (m, 5), whose last column starts from 1. Returns the
    log-likelihood at (α, β).
    """
    longest = 1
    for i in range(first_row, last_row):
        longest = max(longest, offsets[i + 1] - offsets[i])
    at, tried, score = np.empty((longest, 3)), np.empty((longest, 3)), np.empty(len(prior))
    objective, product = 0.0, 1.0
    for i in range(first_row, last_row):
        first, last = offsets[i], offsets[i + 1]
        moved[i] = beta[i]
        if first == last and gold[i] < 0:
            continue
        look(first, last, source, alpha, beta[i], at)
        objective += row_score(first, last, value, weight, gold[i], prior, at, score)
        total = score.sum()
        product *= total
        if product < 1e-100:
            objective += np.log(product)
            product = 1.0
        for v in range(first, last):
            right[v] = score[value[v]] / total
        moved[i], swapped = ease_steps(first, last, source, weight, right, alpha, beta[i], steps, at, tried)
        now = tried if swapped else at
        ease = np.exp(min(moved[i], MOST_EASE))
        for v in range(first, last):
            place = now[v - first]
            add_source(source[v], weight[v], right[v], ease, place[X], place[SMALL], place[SIGMA], sums)
    return objective + np.log(product)


@njit(cache=True, nogil=True)
def source_pass(offsets, source, weight, right, first_row, last_row, alpha, beta, sums):  # type: ignore[no-untyped-def]
    """Add the votes of the rows from first_row on to the sums (m, 5) of their sources at (α, β)."""
    for i in range(first_row, last_row):
        ease = np.exp(min(beta[i], MOST_EASE))
        for v in range(offsets[i], offsets[i + 1]):
            x = alpha[source[v]] * ease
            small = np.exp(-abs(x))
            sigma = (1.0 if x >= 0 else small) / (1.0 + small)
            add_source(source[v], weight[v], right[v], ease, x, small, sigma, sums)


@njit(cache=True, nogil=True)
def glad_posterior(offsets, source, value, weight, prior, alpha, beta, q):  # type: ignore[no-untyped-def]
    """Write the posterior of each row with votes to q (n, K)."""
    longest = 1
    for i in range(len(offsets) - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    at = np.empty((longest, 3))
    for i in range(len(offsets) - 1):
        first, last = offsets[i], offsets[i + 1]
        if first < last:
            look(first, last, source, alpha, beta[i], at)
            row_score(first, last, value, weight, -1, prior, at, q[i])
            q[i] /= q[i].sum()
