"""P068: ActiveLab reaches a higher accuracy for the same number of labels, because it asks again where that is worth
more.

Digits with ten simulated annotators (right in 55 to 95 % of cases; 1200 rows to buy, 597 clean test rows) and LabelMe
scenes with the votes that people gave (1000 images, 2547 votes of 59 people, VGG features, 1188 test images; a vote is
shown when it is bought). 100 rows start with one vote, then eight rounds of 40 votes. All share the consensus, the
linear model and the first rows; they differ by the rows that they ask about: ActiveLab, random new rows, new rows of
highest entropy, and random rows new or old. Compared is the area under the curve of test accuracy. (A first proof of
five seeds had the right sign everywhere and intervals too wide to tell; fifteen was set before any of the others ran.)

Source: Goh and Mueller, ActiveLab: active learning with re-labeling by multiple annotators, 2023.
"""

from __future__ import annotations

import numpy as np
from proofs.acquisition_beds import VoteWorld, digits_votes, labelme_votes, vote_curve

from labelwright.acquire import ActiveLab, Entropy, RandomSampling, activelab_scores
from labelwright.catalogue.claims import All, Beats, Holds
from labelwright.evidence import Votes

DATA = ("digits", "crowd_labelme")
BUDGET_S = 600
SEEDS = 15
METHODS = {
    "activelab": (ActiveLab(), True),
    "random_new": (RandomSampling(), False),
    "entropy_new": (Entropy(), False),
    "random_any": (RandomSampling(), True),
}


def _beats(world: str, baseline: str, by: float) -> Beats:
    return Beats(
        baseline=baseline, by=by, seeds=SEEDS, metric=f"area under the accuracy curve, {world}",
        method_figure=f"{world}_activelab", baseline_figure=f"{world}_{baseline}",
    )  # fmt: skip


CLAIM = All(
    *(_beats("digits", baseline, 0.01) for baseline in METHODS if baseline != "activelab"),
    *(_beats("labelme", baseline, 0.0) for baseline in METHODS if baseline != "activelab"),
    Holds("With one vote a row the score is 1 − (2 Q + 1/K)/3", ("identity",), SEEDS),
)


def curves(world: VoteWorld, name: str, seed: int) -> dict[str, float]:
    """Measure every method on one world: area and last accuracy."""
    figures = {}
    for method, (acquisition, may_reask) in METHODS.items():
        curve = vote_curve(world, acquisition.select, start=100, rounds=8, per_round=40, may_reask=may_reask, seed=seed)
        figures[f"{name}_{method}"] = curve.area
        figures[f"{name}_{method}_last"] = float(curve.score[-1])
    return figures


def identity(seed: int) -> float:
    """Return 1.0 when single votes score as on the card."""
    rng = np.random.default_rng(seed)
    p, labels = rng.dirichlet(np.ones(4), 50), rng.integers(0, 4, 50).astype(np.int32)
    score = activelab_scores(Votes.from_matrix(labels[:, None], n_classes=4), p)
    return float(np.allclose(score, 1 - (2 * p[np.arange(50), labels] + 0.25) / 3, rtol=0, atol=1e-12))


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    return {
        **curves(digits_votes(seed), "digits", seed),
        **curves(labelme_votes(), "labelme", seed),
        "identity": identity(seed),
    }
