"""P112: bags mixed anew in every step beat the plain proportion loss when bags are few.

Digits, 120 bags of 10 whose class mixes are drawn evenly from the simplex, an MLP of 64-256-256-10, batches of 32 bags,
Adam 1e-3, 100 epochs, the last epoch; accuracy on single test rows. The exact law of the mixed count stands beside the
paper's interval, and how often that interval holds the true mixed proportion.

Source: Asanomi et al., MixBag: Bag-Level Data Augmentation for Learning from Label Proportions, ICCV 2023.
"""

from __future__ import annotations

import torch
from proofs.bag_beds import BagBed, digit_proportions

from labelwright.catalogue.claims import All, AtLeast, Beats, NotWorse
from labelwright.learn.bags import DLLP, ExactMixLoss, MixBag, UniformOwn, mix_bags
from labelwright.learn.bags.members import members_of, proportions_of
from labelwright.nn.targets import one_hot

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 5
CLAIM = All(
    Beats("DLLP", by=0.015, seeds=SEEDS, metric="test accuracy"),
    NotWorse(
        "the interval",
        within=0.005,
        seeds=SEEDS,
        metric="test accuracy",
        method_figure="exact",
        baseline_figure="method",
    ),
    AtLeast("coverage", 0.97, seeds=SEEDS, statement="99 % intervals hold the true mixed proportion in 97 % of draws"),
)


def coverage(bed: BagBed, draws: int = 50) -> float:
    """Return how often the true proportion of a class in a mixed bag lies in its interval, proper mixtures alone."""
    members, shares = members_of(bed.bags), torch.as_tensor(proportions_of(bed.bags))
    truth = one_hot(torch.as_tensor(bed.truth), 10).double()
    inside = []
    for _ in range(draws):
        mixed = mix_bags(members, shares, 1.0, UniformOwn())
        low, high = mixed.interval(2.5758)
        true = mixed.members.mean(truth[mixed.members.rows])
        inside.append(((true >= low - 1e-9) & (true <= high + 1e-9)).double().mean())
    return float(torch.stack(inside).mean())


def run(seed: int) -> dict[str, float]:
    """Train on the same bags with each loss."""
    torch.manual_seed(seed)
    bed = digit_proportions(seed)
    return {
        "method": bed.accuracy(bed.fitted(MixBag())),
        "exact": bed.accuracy(bed.fitted(MixBag(ExactMixLoss()))),
        "baseline": bed.accuracy(bed.fitted(DLLP())),
        "coverage": coverage(bed),
    }
