"""P052: with one known tag a row, entropy maximisation beats taking unknown tags as off; pseudo-labels do no harm.

scene, emotions and yeast, 70/30, one positive kept a row, nothing else known. MLP of 256-256, Adam 1e-3, 30 epochs;
mean average precision on test rows, last epoch, mean of the three sets. α = 0.1 everywhere; pseudo-labels with β = 0.2
after half of the epochs, ρ = 0.9.

Source: Zhou et al., Acknowledging the Unknown for Multi-label Learning with Single Positive Labels, ECCV 2022.
"""

from __future__ import annotations

import numpy as np
from proofs.tag_beds import tag_bed

from labelwright.catalogue.claims import All, Beats, NotWorse
from labelwright.learn.partial import AssumeNegative, AsymmetricPseudoLabeling, EntropyMaximizationLoss
from labelwright.noise import single_positive

SETS = ("scene", "emotions", "yeast")
DATA = SETS
BUDGET_S = 180
SEEDS = 3
METHODS = {
    "an": AssumeNegative,
    "em": EntropyMaximizationLoss,
    "em_apl": lambda: AsymmetricPseudoLabeling(beta=0.2, warmup=15),
}
CLAIM = All(
    Beats(
        baseline="assume negative",
        by=0.02,
        seeds=SEEDS,
        metric="mAP",
        method_figure="em",
        baseline_figure="an",
    ),
    NotWorse(
        baseline="entropy maximisation alone",
        within=0.003,
        seeds=SEEDS,
        metric="mAP",
        method_figure="em_apl",
        baseline_figure="em",
    ),
)


def run(seed: int) -> dict[str, float]:
    """Train every method on each set's single positives."""
    figures: dict[str, float] = {}
    for name in SETS:
        bed = tag_bed(name, seed)
        tags = single_positive(bed.truth, seed).tags
        for method, make in METHODS.items():
            figures[f"{method}_{name}"] = bed.mean_ap(bed.fitted(make(), tags))
    means = {method: float(np.mean([figures[f"{method}_{name}"] for name in SETS])) for method in METHODS}
    return means | figures
