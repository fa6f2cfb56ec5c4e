"""P062: with 60 % symmetric noise on digits and 50 trusted rows, label correction beats fine-tuning by 5 points.

Bed TB1 (MLP of 64-256-256-10, 100 epochs, SGD). The first 50 training rows carry true labels and are known to. The
baseline trains by cross-entropy on all rows and is then fine-tuned on the trusted ones for 50 epochs at a tenth of the
learning rate; cross-entropy on the trusted rows alone stands beside it. The gate is judged by how well its P(the given
label is right) tells right from wrong labels among the other rows.

Source: Taraday, Baskin, Enhanced Meta Label Correction for Coping with Label Corruption, ICCV 2023.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from proofs.beds import Bed, digits_bed, symmetric

from labelwright.catalogue.claims import All, AtLeast, Beats
from labelwright.learn.noisy import EnhancedMetaLabelCorrection
from labelwright.metrics import auroc
from labelwright.nn import SGD, CrossEntropy, Loop

DATA = ("digits",)
BUDGET_S = 180
SEEDS = 3
TRUSTED = 50
CLAIM = All(
    Beats(baseline="cross-entropy, fine-tuned on the trusted rows", by=0.05, seeds=SEEDS, metric="test accuracy"),
    AtLeast("gate_auc", 0.90, seeds=SEEDS, statement="the gate tells right labels from wrong ones"),
)


def fine_tuned(bed: Bed) -> Loop:
    """Return cross-entropy on all rows, then on the trusted ones."""
    first = bed.fitted(CrossEntropy())
    task = bed.task(rows=np.arange(TRUSTED))
    tuning = replace(bed.training, epochs=50, optimizer=SGD(0.005, 0.9, 5e-4))
    second = Loop(CrossEntropy(), task, tuning)
    second.fit(start=first.objective.state_dict())
    return second


def run(seed: int) -> dict[str, float]:
    """Train on the same labels, of which the first 50 are right."""
    bed = digits_bed(seed, symmetric(0.6))
    bed.given[:TRUSTED] = bed.truth[:TRUSTED]
    corrected = bed.fitted(EnhancedMetaLabelCorrection(np.arange(TRUSTED)))
    trusted = Loop(CrossEntropy(), bed.task(rows=np.arange(TRUSTED)), bed.training)
    trusted.fit()
    right = (bed.given == bed.truth)[TRUSTED:]
    labels = corrected.objective.corrected.argmax(dim=1).numpy()
    return {
        "method": bed.accuracy(corrected),
        "baseline": bed.accuracy(fine_tuned(bed)),
        "cross_entropy": bed.accuracy(bed.fitted(CrossEntropy())),
        "trusted_alone": bed.accuracy(trusted),
        "gate_auc": auroc(right, corrected.objective.retained.numpy()[TRUSTED:]),
        "labels_right_before": float(right.mean()),
        "labels_right_after": float((labels == bed.truth)[TRUSTED:].mean()),
    }
