"""P003: scores on reference tasks tell who draws well, and weights from them make a better merged map with a true risk.

Synthetic field mosaics (Voronoi cells of 96 x 96 pixels, about half of them fields) and six simulated annotators of
known skill, who miss fields, add fields, merge neighbours and move outlines, each the more, the less skilled. Eight
reference tasks give scores; sixteen further tasks are merged. Rank correlation of estimated and true skill above 0.9;
IoU of the weighted consensus above that of the unweighted majority; the true error of pixels grows over deciles of
risk (rank correlation of decile and error rate at least 0.9); AUROC of risk for pixel errors above 0.8.

Source: Estes et al., A region-wide, multi-year set of crop field boundary labels for Africa, 2024.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree
from scipy.stats import spearmanr

from labelwright.audit import AnnotatorScorecard, mask_quality_score, weighted_consensus_map
from labelwright.catalogue.claims import All, AtLeast, Beats, Holds
from labelwright.metrics.masks import iou
from labelwright.metrics.ranking import auroc

BUDGET_S = 120
SEEDS = 5
SIZE, CELLS = 96, 40
SKILLS = (0.95, 0.85, 0.7, 0.55, 0.4, 0.25)
CLAIM = All(
    AtLeast("skill_rank_correlation", 0.9, seeds=SEEDS),
    Beats(
        baseline="the unweighted majority",
        by=0.0,
        seeds=SEEDS,
        metric="IoU of the merged map",
        method_figure="iou_weighted",
        baseline_figure="iou_majority",
    ),
    AtLeast("risk_error_rank_correlation", 0.9, seeds=SEEDS),
    AtLeast("auroc_of_risk", 0.8, seeds=SEEDS),
    Holds("Equal annotators give risk 0, opposite ones 1/2, a perfect drawing scores 1", ("identity",), SEEDS),
)


def mosaic(rng: np.random.Generator) -> NDArray[np.int64]:
    """Return fields as numbers, 0 = no field, int (96, 96)."""
    centres = rng.random((CELLS, 2)) * SIZE
    grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij"), axis=-1).reshape(-1, 2)
    cell = cKDTree(centres).query(grid)[1].reshape(SIZE, SIZE)
    is_field = rng.random(CELLS) < 0.5
    return np.where(is_field[cell], cell + 1, 0)


def drawn(fields: NDArray[np.int64], skill: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return what an annotator of this skill in [0, 1] draws."""
    lack = 1 - skill
    numbers = np.unique(fields[fields > 0])
    new = {int(one): int(one) for one in numbers}
    for one in numbers.tolist():
        if rng.random() < 0.35 * lack:
            new[one] = 0
        elif rng.random() < 0.5 * lack:
            new[one] = int(rng.choice(numbers))  # merged with another
    table = np.zeros(fields.max() + 1, np.int64)
    for old, now in new.items():
        table[old] = now
    shift = [gaussian_filter(rng.normal(size=fields.shape), 6) for _ in range(2)]
    shift = [4 * lack * s / max(float(s.std()), 1e-9) for s in shift]
    at = np.indices(fields.shape) + np.stack(shift)
    out = map_coordinates(table[fields], at, order=0, mode="nearest")
    for _ in range(rng.binomial(6, 0.5 * lack)):
        y, x = rng.integers(0, SIZE - 14, 2)
        block = out[y : y + 14, x : x + 14]
        block[block == 0] = CELLS + 5 + int(rng.integers(100))
    return out


def identity(rng: np.random.Generator) -> float:
    """Return 1.0 when the exact cases hold."""
    fields = mosaic(rng)
    same = weighted_consensus_map(np.stack([fields > 0] * 3).astype(float)).risk
    against = weighted_consensus_map(np.stack([fields > 0, fields == 0]).astype(float)).risk
    return float((same == 0).all() and (against == 0.5).all() and mask_quality_score(fields, fields).score == 1.0)


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    rng = np.random.default_rng(seed)
    cards = [AnnotatorScorecard() for _ in SKILLS]
    for _ in range(8):
        fields = mosaic(rng)
        for card, skill in zip(cards, SKILLS, strict=True):
            card.add(mask_quality_score(fields, drawn(fields, skill, rng)))
    weighted, majority, risk, wrong = [], [], [], []
    for _ in range(16):
        fields = mosaic(rng)
        maps = np.stack([(drawn(fields, skill, rng) > 0).astype(float) for skill in SKILLS])
        merged, plain = weighted_consensus_map(maps, cards), weighted_consensus_map(maps)
        weighted.append(float(iou(merged.mask, fields > 0)))
        majority.append(float(iou(plain.mask, fields > 0)))
        risk.append(merged.risk.ravel())
        wrong.append((merged.mask != (fields > 0)).ravel())
    r, w = np.concatenate(risk), np.concatenate(wrong)
    edges = np.unique(np.quantile(r, np.linspace(0, 1, 11)))  # deciles; those of equal risk are one
    part = np.clip(np.searchsorted(edges, r, side="right") - 1, 0, len(edges) - 2)
    rate = np.array([w[part == b].mean() for b in range(len(edges) - 1)])
    return {
        "skill_rank_correlation": float(spearmanr([card.score for card in cards], SKILLS).statistic),
        "iou_weighted": float(np.mean(weighted)),
        "iou_majority": float(np.mean(majority)),
        "risk_error_rank_correlation": float(spearmanr(np.arange(len(rate)), rate).statistic),
        "bins": float(len(rate)),
        "auroc_of_risk": auroc(w, r),
        "pixel_error": float(w.mean()),
        "mean_risk": float(r.mean()),
        "identity": identity(rng),
    }
