"""P094: at 60 % symmetric noise, CrossSplit keeps up with DivideMix and memorises half of what cross-entropy does.

Bed TB1 (digits, MLP of 64-256-256-10, 80 epochs, 10 of them the start), no contrastive term, last epoch. λ_u of both
methods was chosen on another split. `memorized` is how often a network gives back a training label that is wrong.

Source: Kim et al., CrossSplit: Mitigating Label Noise Memorization through Data Splitting, ICML 2023.
"""

from __future__ import annotations

from proofs.beds import digits_bed, symmetric

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats
from labelwright.learn.noisy import CrossSplit, DivideMix
from labelwright.nn import CrossEntropy

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 3
EPOCHS = 80
CLAIM = All(
    AtLeast("over_dividemix", -0.01, SEEDS, statement="accuracy is within 1 point of DivideMix's, on average"),
    Beats(baseline="cross-entropy", by=0.15, seeds=SEEDS, metric="test accuracy"),
    AtMost("memorized_ratio", 0.5, SEEDS, statement="memorises at most half of what cross-entropy does"),
)


def run(seed: int) -> dict[str, float]:
    """Train three times on the same noisy labels."""
    bed = digits_bed(seed, symmetric(0.6))
    split = bed.fitted(CrossSplit(lambda_u=30.0, contrast=0.0), epochs=EPOCHS)
    divide = bed.fitted(DivideMix(lambda_u=25.0), epochs=EPOCHS)
    plain = bed.fitted(CrossEntropy(), epochs=EPOCHS)
    accuracy = {"method": bed.accuracy(split), "dividemix": bed.accuracy(divide), "baseline": bed.accuracy(plain)}
    return accuracy | {
        "over_dividemix": accuracy["method"] - accuracy["dividemix"],
        "memorized": bed.memorized(split),
        "memorized_by_dividemix": bed.memorized(divide),
        "memorized_ratio": bed.memorized(split) / bed.memorized(plain),
    }
