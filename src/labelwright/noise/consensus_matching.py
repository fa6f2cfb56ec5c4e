"""Solve for noise and class shares from the joint frequencies of three labels: spectrally, then by matching.

Spectral. For any g, M(g) = Σ_c g_c P3[:, :, c] = Tᵀ diag(π ∘ T g) T. With P2 = Tᵀ diag(π) T, the symmetric matrix
P2^-½ M(g) P2^-½ has the eigenvalues T g and eigenvectors v_k with P2^½ v_k ∝ row k of T. (It has the same solution as
the eigenvectors of M(g) P2⁻¹, and real ones for any sample.)

Matching. T = softmax(U) by row, π = softmax(v); Adam on ‖P1 − P1(T, π)‖ + ‖P2 − P2(T, π)‖ + ‖P3 − P3(T, π)‖.

Sources: Liu et al., Identifiability of Label Noise Transition Matrix, ICML 2023 [P125]; Zhu et al., Clusterability as
an Alternative to Anchor Points When Learning with Noisy Labels, ICML 2021; Anandkumar et al., Tensor Decompositions
for Learning Latent Variable Models, JMLR 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import softmax

from labelwright.metrics.matching import hungarian
from labelwright.noise.label_moments import LabelMoments, model_moments, row_products

Floats = NDArray[np.float64]
FLOOR = 1e-12
WAIT = 100  # steps before the local penalty sets in


@dataclass(frozen=True, eq=False)
class Solution:
    """T (K, K), π (K,), the sum of the three norms that is left, and the gap between the eigenvalues in [0, 1]."""

    transition: Floats
    prior: Floats
    loss: float
    gap: float


def spectral_solution(moments: LabelMoments, rng: np.random.Generator, draws: int = 20) -> Solution:
    """Solve by eigenvectors; of `draws` random g the one with the best-separated eigenvalues is kept."""
    values, vectors = np.linalg.eigh(moments.second)
    root = np.sqrt(np.maximum(values, FLOOR * values[-1]))
    half, whiten = (vectors * root) @ vectors.T, (vectors / root) @ vectors.T
    found, widest = np.eye(moments.n_classes), -1.0
    for _ in range(draws):
        mixed = moments.third @ rng.normal(size=moments.n_classes)
        spectrum, directions = np.linalg.eigh(whiten @ mixed @ whiten)
        gap = float(np.diff(spectrum).min() / max(spectrum[-1] - spectrum[0], FLOOR))
        if gap > widest:
            found, widest = half @ directions, gap
    t = _named(_on_simplex(found.T))
    prior = _shares(t, moments.first)
    return Solution(t, prior, _loss(moments, t, prior), widest)


def diagonal_start(n_classes: int) -> tuple[Floats, Floats]:
    """Return the start that supposes labels to be mostly right: softmax of 5 I − 1, equal shares."""
    return softmax(5 * np.eye(n_classes) - 1, axis=1), np.full(n_classes, 1 / n_classes)


def match_consensus(
    moments: LabelMoments, start: Solution, steps: int, learning_rate: float, *, few_classes: bool = False
) -> Solution:
    """Descend from `start` and return the best iterate, the start included; the step size falls to 0 linearly.

    `few_classes` adds mean log(π + 0.01) / 10 after 100 steps: near one point few classes occur.
    """
    u, v = np.log(np.maximum(start.transition, FLOOR)), np.log(np.maximum(start.prior, FLOOR))
    best = start
    mean, square = [np.zeros_like(u), np.zeros_like(v)], [np.zeros_like(u), np.zeros_like(v)]
    for step in range(steps):
        t, prior = softmax(u, axis=1), softmax(v)
        loss, d_t, d_prior = _slopes(moments, t, prior)
        if few_classes and step > WAIT:
            loss += float(np.log(prior + 0.01).mean()) / 10
            d_prior = d_prior + 0.1 / (len(prior) * (prior + 0.01))
        if loss < best.loss or (few_classes and step == WAIT + 1):  # from there on another loss counts
            best = Solution(t, prior, loss, start.gap)
        slopes = (t * (d_t - (d_t * t).sum(axis=1, keepdims=True)), prior * (d_prior - d_prior @ prior))
        for at, (weights, slope) in enumerate(zip((u, v), slopes, strict=True)):
            mean[at] = 0.9 * mean[at] + 0.1 * slope
            square[at] = 0.999 * square[at] + 0.001 * slope**2
            lifted = np.sqrt(square[at] / (1 - 0.999 ** (step + 1))) + 1e-8
            weights -= learning_rate * (1 - step / steps) * (mean[at] / (1 - 0.9 ** (step + 1))) / lifted
    order = _order(best.transition)
    return Solution(best.transition[order], best.prior[order], best.loss, best.gap)


def solve(
    moments: LabelMoments,
    rng: np.random.Generator,
    steps: int,
    learning_rate: float,
    *,
    few_classes: bool = False,
) -> Solution:
    """Match from the spectral solution and from the diagonal start; the better fit is returned."""
    spectral = spectral_solution(moments, rng)
    t, prior = diagonal_start(moments.n_classes)
    starts = (spectral, Solution(t, prior, _loss(moments, t, prior), spectral.gap))
    ends = [match_consensus(moments, s, steps, learning_rate, few_classes=few_classes) for s in starts]
    return min(ends, key=lambda end: end.loss)


def _loss(moments: LabelMoments, t: Floats, prior: Floats) -> float:
    p1, p2, p3 = model_moments(t, prior)
    gaps = (p1 - moments.first, p2 - moments.second, p3 - moments.third)
    return float(sum(np.linalg.norm(gap.ravel()) for gap in gaps))


def _slopes(moments: LabelMoments, t: Floats, prior: Floats) -> tuple[float, Floats, Floats]:
    """Return the loss and its gradients by T and π. All moments are symmetric, so each label counts alike."""
    k, products = len(t), row_products(t)
    weighted = prior[:, None] * t
    gap1 = prior @ t - moments.first
    gap2 = weighted.T @ t - moments.second
    gap3 = weighted.T @ products - moments.third.reshape(k, -1)
    sizes = [float(np.linalg.norm(gap)) for gap in (gap1, gap2, gap3)]
    g1, g2, g3 = (gap / max(size, FLOOR) for gap, size in zip((gap1, gap2, gap3), sizes, strict=True))
    second, third = t @ g2, products @ g3.T
    d_prior = t @ g1 + (t * second).sum(axis=1) + (t * third).sum(axis=1)
    return sum(sizes), prior[:, None] * (g1 + 2 * second + 3 * third), d_prior


def _on_simplex(rows: Floats) -> Floats:
    """Scale each row to sum 1 (eigenvectors have no scale or sign), cut what is negative, scale again."""
    total = rows.sum(axis=1, keepdims=True)
    scaled = np.maximum(rows / np.where(np.abs(total) > FLOOR, total, 1), 0)
    total = scaled.sum(axis=1, keepdims=True)
    return np.where(total > FLOOR, scaled / np.maximum(total, FLOOR), 1 / rows.shape[1])


def _order(t: Floats) -> NDArray[np.int64]:
    """Return which row stands for each class: the assignment with the largest diagonal."""
    return hungarian(t.T).columns


def _named(t: Floats) -> Floats:
    return t[_order(t)]


def _shares(t: Floats, first: Floats) -> Floats:
    """Solve P1 = π T for shares of at least 0 that sum to 1."""
    k = len(t)
    shares, _ = nnls(np.vstack([t.T, np.ones(k)]), np.append(first, 1.0))
    total = shares.sum()
    return shares / total if total > 0 else np.full(k, 1 / k)
