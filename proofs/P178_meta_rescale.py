"""P178: on spam texts with 30 % of the labels turned over, STORM beats cross-entropy by 3 points of F1.

Bed TB4, YouTube comments (1,586 to learn from, 370 to be judged on), TF-IDF of 1,000 words, MLP of 64 with dropout
0.1, 10 epochs of Adam at 1e-3, last epoch. The weights are judged by how well they tell right labels from wrong ones,
and on labels without flips STORM should stay within a point of cross-entropy.

Source: Heck et al., Learning from Noisy Labels via Self-Taught On-the-Fly Meta Loss Rescaling, AAAI 2025.
"""

from __future__ import annotations

from proofs.beds import Bed, texts_bed

from labelwright.catalogue.claims import All, AtLeast, Beats, NotWorse
from labelwright.learn.noisy import MetaLossRescaling
from labelwright.metrics import auroc, precision_recall_f1
from labelwright.nn import CrossEntropy, Loop

DATA = ("youtube",)
BUDGET_S = 180
SEEDS = 3
CLAIM = All(
    Beats(baseline="cross-entropy", by=0.03, seeds=SEEDS, metric="F1 of spam"),
    AtLeast("weight_auc", 0.85, seeds=SEEDS, statement="the weights tell right labels from wrong ones"),
    NotWorse(
        baseline="cross-entropy on the labels as published",
        within=0.01,
        seeds=SEEDS,
        metric="F1 of spam",
        method_figure="method_clean",
        baseline_figure="baseline_clean",
    ),
)


def f1(bed: Bed, loop: Loop) -> float:
    """Return F1 of spam on the test rows."""
    return precision_recall_f1(loop.predict_proba(bed.x_test).argmax(dim=1).numpy() == 1, bed.y_test == 1).f1


def run(seed: int) -> dict[str, float]:
    """Train both ways, with and without flips."""
    noisy, clean = texts_bed("youtube", seed, 0.3), texts_bed("youtube", seed)
    storm = noisy.fitted(MetaLossRescaling())
    right = noisy.given == noisy.truth
    weights = storm.objective.weights.values.numpy()
    return {
        "method": f1(noisy, storm),
        "baseline": f1(noisy, noisy.fitted(CrossEntropy())),
        "method_clean": f1(clean, clean.fitted(MetaLossRescaling())),
        "baseline_clean": f1(clean, clean.fitted(CrossEntropy())),
        "weight_auc": auroc(right, weights),
        "filtered": float((weights < 0.5).mean()),
        "wrong_labels_filtered": float((weights < 0.5)[~right].mean()),
    }
