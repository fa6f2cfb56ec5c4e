"""P021: with classes of unequal difficulty, prototypes tell clean from wrong labels better than one cut through losses.

Bed TB1 (digits, MLP of 64-256-256-10) with classes 3, 8 and 9 blurred, so that even their right labels have large
losses, and 40 % symmetric noise; 30 epochs, 10 of them the start. DivideMix's mixture of losses stands against the
cleaner in the same training procedure. `auc` is the area under the curve of P(clean) against the truth in each given
class, averaged over classes; `worst_recall` the smallest share of a class's right labels that is taken for clean.

Source: Xia et al., Class Prototype-based Cleaner for Label Noise Learning, arXiv 2022.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from proofs.beds import Bed, digits_bed, symmetric
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from labelwright.catalogue.claims import All, Beats
from labelwright.learn.noisy import ClassPrototypeCleaner, DivideMix
from labelwright.nn import Loop

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 5
HARD, BLUR, EPOCHS = (3, 8, 9), 1.0, 30


def _beats(figure: str, by: float) -> Beats:
    return Beats(
        baseline="the mixture of losses",
        by=by,
        seeds=SEEDS,
        metric=figure.replace("_", " "),
        method_figure=figure,
        baseline_figure=f"{figure}_of_mixture",
    )


CLAIM = All(_beats("auc", 0.03), _beats("worst_recall", 0.10))


def blurred(x: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return images (n, 64) in which those of the hard classes are blurred."""
    images = x.reshape(-1, 8, 8).copy()
    hard = np.isin(truth, HARD)
    images[hard] = gaussian_filter(images[hard], sigma=(0, BLUR, BLUR))
    return images.reshape(x.shape)


def unequal_bed(seed: int) -> Bed:
    """Return digits with hard classes and noisy labels."""
    bed = digits_bed(seed, symmetric(0.4))
    training = replace(bed.training, epochs=EPOCHS)
    return replace(bed, x=blurred(bed.x, bed.truth), x_test=blurred(bed.x_test, bed.y_test), training=training)


def judged(loop: Loop, bed: Bed) -> tuple[float, float]:
    """Return the AUC averaged over given classes, and the worst class's recall of right labels."""
    clean = loop.objective.clean.values.mean(dim=1).numpy()
    right = bed.given == bed.truth
    classes = [bed.given == c for c in range(bed.n_classes)]
    auc = [roc_auc_score(right[own], clean[own]) for own in classes]
    recall = [(clean[own & right] > 0.5).mean() for own in classes]
    return float(np.mean(auc)), float(np.min(recall))


def run(seed: int) -> dict[str, float]:
    """Train both on the same noisy labels."""
    bed = unequal_bed(seed)
    mixture, cleaner = bed.fitted(DivideMix()), bed.fitted(ClassPrototypeCleaner())
    auc, recall = judged(cleaner, bed)
    auc_of_mixture, recall_of_mixture = judged(mixture, bed)
    return {
        "auc": auc,
        "auc_of_mixture": auc_of_mixture,
        "worst_recall": recall,
        "worst_recall_of_mixture": recall_of_mixture,
        "accuracy": bed.accuracy(cleaner),
        "accuracy_of_dividemix": bed.accuracy(mixture),
    }
