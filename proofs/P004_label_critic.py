"""P004: asking a judge twice with the order swapped makes its choices between two masks right more often.

3-D phantoms (32 voxels a side: a bright organ of three overlapping ellipsoids, a second organ, noise), masks spoilt by
growth, holes, shifts or the other organ. The judge is a boosted model over figures of overlays, trained on other
phantoms (the paper's is a vision-language model); in 10 % of its answers it says "the first" whatever it sees. Over
pairs of spoilt masks whose true Dice differ by 0.05 or more: accuracy on decided pairs with the swap against a single
order must be 0.03 higher, at a coverage of at least 0.70. Of three candidates of which two share an error, the chosen
one must have a higher mean Dice than a random candidate and than the voxel-wise majority.

Source: Bassi et al., Label Critic, ISBI 2025.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from labelwright.audit import LearntOverlayJudge, OrderSwapJudge, Overlay, best_label, project_overlay
from labelwright.catalogue.claims import All, AtLeast, Beats, Holds
from labelwright.metrics.masks import dice

BUDGET_S = 200
SEEDS = 5
SIDE, TRAIN, PAIRS, TRIPLES = 32, 80, 100, 30
CLAIM = All(
    Beats(
        baseline="one order",
        by=0.03,
        seeds=SEEDS,
        metric="accuracy on decided pairs",
        method_figure="accuracy_swapped",
        baseline_figure="accuracy_one_order",
    ),
    AtLeast("coverage", 0.7, seeds=SEEDS),
    Beats(
        baseline="a random candidate",
        by=0.0,
        seeds=SEEDS,
        metric="Dice of the choice among three",
        method_figure="dice_chosen",
        baseline_figure="dice_random",
    ),
    Beats(
        baseline="the voxel-wise majority",
        by=0.0,
        seeds=SEEDS,
        metric="Dice of the choice among three",
        method_figure="dice_chosen",
        baseline_figure="dice_majority",
    ),
    Holds('A judge that always says "first" ties on every pair', ("identity",), SEEDS),
)
Mask = NDArray[np.bool_]


class Biased:
    """A judge that says "the first" in 10 % of its answers, whatever it sees."""

    def __init__(self, judge: LearntOverlayJudge, rng: np.random.Generator) -> None:
        self.judge, self.rng = judge, rng

    def compare(self, item: object, first: Overlay, second: Overlay) -> float:
        """Return the judge's answer, or 1."""
        return 1.0 if self.rng.random() < 0.1 else self.judge.compare(item, first, second)


class First:
    """Always prefers the first."""

    def compare(self, item: object, first: object, second: object) -> float:
        """Return 1."""
        return 1.0


def ellipsoid(centre: NDArray[np.float64], radii: NDArray[np.float64]) -> Mask:
    """Return the voxels of an ellipsoid."""
    grid = np.indices((SIDE, SIDE, SIDE)).transpose(1, 2, 3, 0)
    return (((grid - centre) / radii) ** 2).sum(axis=-1) <= 1


def phantom(rng: np.random.Generator) -> tuple[NDArray[np.float64], Mask, Mask]:
    """Return a volume, the organ, and the other organ."""
    centre = np.array([16.0, 16.0, 11.0]) + rng.normal(0, 1, 3)
    organ = ellipsoid(centre, rng.uniform(4.5, 7, 3))
    for _ in range(2):
        organ |= ellipsoid(centre + rng.normal(0, 2.7, 3), rng.uniform(2.7, 4.7, 3))
    other = ellipsoid(np.array([16.0, 16.0, 25.0]) + rng.normal(0, 1, 3), rng.uniform(3.5, 5.5, 3)) & ~organ
    volume = 0.2 + 0.5 * organ + 0.35 * other + rng.normal(0, 0.15, organ.shape)
    return ndimage.gaussian_filter(volume, 0.7), organ, other


def spoilt(organ: Mask, other: Mask, rng: np.random.Generator) -> Mask:
    """Return a spoilt mask of the organ."""
    kind, amount = (
        rng.choice(["grown", "holes", "shifted", "swapped"], p=[0.35, 0.25, 0.3, 0.1]),
        int(rng.integers(1, 5)),
    )
    if kind == "grown":
        return np.asarray(ndimage.binary_dilation(organ, iterations=amount))
    if kind == "swapped":
        return other
    if kind == "shifted":
        return np.roll(organ, rng.integers(-2 * amount, 2 * amount + 1, 3), axis=(0, 1, 2))
    out, inside = organ.copy(), np.argwhere(organ)
    for z, y, x in inside[rng.integers(len(inside), size=2 * amount)]:
        out[max(z - 3, 0) : z + 3, :, max(x - 3, 0) : x + 3] &= bool(y < 0)
    return out


def trained(rng: np.random.Generator, seed: int) -> LearntOverlayJudge:
    """Return a judge that has seen spoilt masks of other phantoms with their Dice."""
    overlays, dices = [], []
    for _ in range(TRAIN):
        volume, organ, other = phantom(rng)
        for mask in (organ, *(spoilt(organ, other, rng) for _ in range(4))):
            overlays.append(project_overlay(volume, mask))
            dices.append(float(dice(mask, organ)))
    return LearntOverlayJudge(seed).fit_scored(overlays, dices)


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    rng = np.random.default_rng(seed)
    judge = Biased(trained(rng, seed), rng)
    swapped = OrderSwapJudge(judge)
    right_one, right_two, decided, ties = [], [], 0, 0
    for _ in range(PAIRS):
        volume, organ, other = phantom(rng)
        masks = [spoilt(organ, other, rng) for _ in range(2)]
        true = [float(dice(mask, organ)) for mask in masks]
        if abs(true[0] - true[1]) < 0.05:
            continue
        a, b = (project_overlay(volume, mask) for mask in masks)
        better = float(true[0] > true[1])
        right_one.append(float(judge.compare(None, a, b) > 0.5) == better)
        said = swapped.compare(None, a, b)
        decided += said != 0.5
        if said != 0.5:
            right_two.append(said == better)
        ties += OrderSwapJudge(First()).compare(None, a, b) == 0.5
    chosen, random, majority = [], [], []
    for _ in range(TRIPLES):
        volume, organ, other = phantom(rng)
        wrong = spoilt(organ, other, rng)
        candidates = [wrong, np.roll(wrong, 1, axis=2), spoilt(organ, other, rng)]
        candidates = [candidates[i] for i in rng.permutation(3)]
        overlays = [project_overlay(volume, mask) for mask in candidates]
        best = best_label(None, overlays, swapped, alike=0.98, rng=rng).best
        pick = int(rng.integers(3)) if best is None else best
        scores = [float(dice(mask, organ)) for mask in candidates]
        chosen.append(scores[pick])
        random.append(float(np.mean(scores)))
        majority.append(float(dice(np.sum(candidates, axis=0) >= 2, organ)))
    return {
        "accuracy_swapped": float(np.mean(right_two)),
        "accuracy_one_order": float(np.mean(right_one)),
        "coverage": decided / len(right_one),
        "pairs": float(len(right_one)),
        "dice_chosen": float(np.mean(chosen)),
        "dice_random": float(np.mean(random)),
        "dice_majority": float(np.mean(majority)),
        "identity": float(ties == len(right_one)),
    }
