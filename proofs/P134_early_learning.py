"""P134: with 40 % symmetric noise on digits, ELR ends at least 10 points above cross-entropy.

Bed TB1 (MLP of 64-256-256-10, 100 epochs, SGD), β = 0.7 and λ = 3 as the paper sets them for ten classes, last epoch.
Cross-entropy stopped by the loop's own criterion on held-out noisy labels stands beside it.

Source: Liu et al., Early-Learning Regularization Prevents Memorization of Noisy Labels, NeurIPS 2020.
"""

from __future__ import annotations

from proofs.beds import digits_bed, symmetric

from labelwright.catalogue.claims import All, Beats
from labelwright.learn.noisy import EarlyLearningRegularization
from labelwright.nn import CrossEntropy, Stopping

DATA = ("digits",)
BUDGET_S = 120
SEEDS = 5
CLAIM = All(
    Beats(baseline="cross-entropy, last epoch", by=0.10, seeds=SEEDS, metric="test accuracy"),
    Beats(
        baseline="cross-entropy stopped early, less 2 points",
        by=-0.02,
        seeds=SEEDS,
        metric="test accuracy",
        baseline_figure="stopped",
    ),
)


def run(seed: int) -> dict[str, float]:
    """Train three times on the same noisy labels."""
    bed = digits_bed(seed, symmetric(0.4))
    elr, plain = bed.fitted(EarlyLearningRegularization()), bed.fitted(CrossEntropy())
    stopped = bed.fitted(CrossEntropy(), stopping=Stopping(patience=100))
    return {
        "method": bed.accuracy(elr),
        "baseline": bed.accuracy(plain),
        "stopped": bed.accuracy(stopped),
        "memorized": bed.memorized(elr),
        "memorized_by_cross_entropy": bed.memorized(plain),
    }
