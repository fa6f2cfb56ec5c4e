"""P026: tags from positives alone, with most of them hidden: PU-MLC against assume negative and nnPU.

yeast and scene, 70/30; half or a fifth of the positives known, no negative. MLP of 256-256, Adam 1e-3, 30 epochs; mean
average precision on test rows, last epoch, mean of both sets. nnPU is told the true share of each class. PU-MLC with
the paper's settings for its smaller set (a = 2, g = 0.85, mixup).

Source: Yuan et al., Positive Label Is All You Need for Multi-Label Classification, ICME 2024.
"""

from __future__ import annotations

import numpy as np
from proofs.tag_beds import kept_positives, tag_bed

from labelwright.catalogue.claims import All, Beats, NotWorse
from labelwright.learn.partial import AssumeNegative, NonNegativePU, PUMultiLabelLoss, logistic_surrogate

SETS = ("yeast", "scene")
DATA = SETS
BUDGET_S = 180
SEEDS = 3
CLAIM = All(
    Beats(baseline="assume negative, 20 % known", by=0.03, seeds=SEEDS, metric="mAP"),
    NotWorse(
        baseline="nnPU with true shares, 20 % known", within=0.01, seeds=SEEDS, metric="mAP", baseline_figure="nnpu"
    ),
)


def run(seed: int) -> dict[str, float]:
    """Train every method on each set with a fifth of the positives, and two of them with half."""
    found: dict[str, float] = {}
    for name in SETS:
        bed = tag_bed(name, seed)
        fifth, half = (kept_positives(bed.truth, share, seed) for share in (0.2, 0.5))
        nnpu = NonNegativePU(bed.truth.mean(axis=0), surrogate=logistic_surrogate)
        plans = {
            "method": (PUMultiLabelLoss(a=2.0, g=0.85), fifth),
            "baseline": (AssumeNegative(), fifth),
            "nnpu": (nnpu, fifth),
            "method_50": (PUMultiLabelLoss(a=2.0, g=0.85), half),
            "baseline_50": (AssumeNegative(), half),
        }
        for method, (objective, tags) in plans.items():
            found[f"{method}_{name}"] = bed.mean_ap(bed.fitted(objective, tags))
    return found | {method: float(np.mean([found[f"{method}_{name}"] for name in SETS])) for method in plans}
