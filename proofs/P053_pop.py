"""P053: purification beats PRODEN where wrong candidates look like the truth; sets shrink, the truth stays inside.

Digits, 70/30, MLP of 64-256-256-10 (bed TB1), 60 epochs. A wrong class joins a row's set with a chance
that grows with what an auxiliary model (logistic regression on the true labels of the training rows) gives it, 0.4 on
average before the cap at 1. POP and one PRODEN see the same three views, the other PRODEN the plain inputs. Rounds
every 2 epochs from epoch 10 on, θ from 0.015 (chosen on two other seeds for sets below 1.5 classes) by 10 % steps.
Figures of the last epoch: accuracy on clean test rows, mean size of the sets, share of sets that still hold the truth.
An earlier measurement, in which POP alone had batches of 128, was withdrawn because that had been done to save time.

Source: Xu et al., Progressive Purification for Instance-Dependent Partial Label Learning, ICML 2023.
"""

from __future__ import annotations

import numpy as np
from proofs.beds import Bed, digits_bed
from sklearn.linear_model import LogisticRegression

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats
from labelwright.evidence import Candidates
from labelwright.learn.partial import PRODEN, ProgressivePurification
from labelwright.noise import instance_dependent_candidates

DATA = ("digits",)
BUDGET_S = 120
SEEDS = 3
EPOCHS = 60
CLAIM = All(
    Beats(baseline="PRODEN on the same views", by=0.01, seeds=SEEDS, metric="test accuracy"),
    Beats(baseline="PRODEN", by=0.01, seeds=SEEDS, metric="test accuracy", baseline_figure="proden"),
    AtMost("mean_set_size", 1.5, SEEDS),
    AtLeast("truth_kept", 0.97, SEEDS),
)


def look_alike_sets(bed: Bed, seed: int, rate: float = 0.4) -> Candidates:
    """Return candidate sets in which classes stand that a model trained on the truth confuses with it."""
    model = LogisticRegression(max_iter=500).fit(bed.x, bed.truth)
    made = instance_dependent_candidates(bed.truth, model.predict_proba(bed.x), rate, seed)
    return Candidates.from_mask(made.candidates.toarray())


def run(seed: int) -> dict[str, float]:
    """Train both on the same sets."""
    bed = digits_bed(seed)
    sets = look_alike_sets(bed, seed)
    views = ("weak", "strong", "strong")
    pop = bed.fitted(ProgressivePurification(theta=0.015, step=0.1, start=10, every=2), sets, epochs=EPOCHS)
    plain = bed.fitted(PRODEN(views=views), sets, epochs=EPOCHS)
    single = bed.fitted(PRODEN(), sets, epochs=EPOCHS)
    allowed = pop.objective.allowed.numpy()
    return {
        "method": bed.accuracy(pop),
        "baseline": bed.accuracy(plain),
        "proden": bed.accuracy(single),
        "mean_set_size": float(allowed.sum(axis=1).mean()),
        "mean_set_size_before": float(sets.mask().sum(axis=1).mean()),
        "truth_kept": float(allowed[np.arange(len(allowed)), bed.truth].mean()),
    }
