"""P023: many mistakes of a model are no mistakes to people, and the major ones are hard for other models too.

CIFAR-10 test images with the votes of CIFAR-10H (about 50 people each), 256 features, models trained on 3000 clean
training rows drawn with the seed. Of the reference model (support vectors, the best of the four) the share of mistakes
whose predicted class has at least a fifth of the votes must be five times that of random wrong classes for the same
images. The slice of major errors (nobody gave the predicted class, and most of two other models miss it too) must be
harder for a fourth model, which helped in no way to choose it, than random mistakes of the reference model, as many.

Source: Vasudevan et al., When does dough become a bagel?, NeurIPS 2022.
"""

from __future__ import annotations

import numpy as np
from proofs.datasets import cifar10h_votes, cifar10n_features
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from labelwright.audit import (
    MistakeContext,
    MultiLabelTargets,
    categorize_mistakes,
    major_error_slice,
    mistakes_of,
    multilabel_accuracy,
    severities,
)
from labelwright.catalogue.claims import All, AtLeast, Beats, Holds
from labelwright.metrics.classification import balanced_accuracy

DATA = ("cifar10n", "cifar10h")
BUDGET_S = 300
SEEDS = 5
PARENTS = ["vehicle", "vehicle", "animal", "animal", "animal", "animal", "animal", "animal", "vehicle", "vehicle"]
CLAIM = All(
    AtLeast("supported_over_random", 5.0, seeds=SEEDS),
    Beats(
        baseline="random mistakes of the reference model",
        by=0.0,
        seeds=SEEDS,
        metric="error of a fourth model on the slice",
        method_figure="error_on_slice",
        baseline_figure="error_on_random_mistakes",
    ),
    Holds("With singletons multi-label accuracy is balanced accuracy", ("identity",), SEEDS),
)


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    train, test = cifar10n_features("clean", rows=3000, seed=seed)
    scale = train.X.std()
    X, X_test, y, truth = train.X / scale, test.X / scale, train.truth, test.truth
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(truth), 1500, replace=False))
    X_test, truth, votes = X_test[rows], truth[rows], cifar10h_votes()[rows]
    models = {
        "support vectors": SVC(C=5.0),
        "network": MLPClassifier(hidden_layer_sizes=(96,), early_stopping=True, max_iter=60, random_state=seed),
        "nearest": KNeighborsClassifier(15, metric="cosine"),
        "logistic": LogisticRegression(C=0.01, max_iter=100),
    }
    guess = {name: model.fit(X, y).predict(X_test) for name, model in models.items()}
    reference = guess["support vectors"]
    single = MultiLabelTargets.single(truth, 10)
    raw = mistakes_of(reference, single)
    share = votes / votes.sum(axis=1, keepdims=True)
    other = (truth[raw] + rng.integers(1, 10, len(raw))) % 10
    supported = float((share[raw, reference[raw]] >= 0.2).mean())
    by_chance = float(np.mean([(share[raw, (truth[raw] + k) % 10] >= 0.2).mean() for k in range(1, 10)]))
    targets = MultiLabelTargets.from_votes(truth, votes)
    left = mistakes_of(reference, targets)
    bad = np.array(severities(left, reference, votes))
    watch = major_error_slice(left[bad == "major"], {n: guess[n] for n in ("network", "nearest")}, targets)
    random = rng.choice(left, len(watch), replace=False)
    fourth = targets.accepts(guess["logistic"])
    kinds = categorize_mistakes(left, reference, targets, MistakeContext(X_test, PARENTS))
    return {
        "supported_over_random": supported / max(by_chance, 1e-9),
        "supported_share": supported,
        "supported_share_of_random_classes": by_chance,
        "supported_share_of_one_random_draw": float((share[raw, other] >= 0.2).mean()),
        "error_on_slice": float(1 - fourth[watch].mean()),
        "error_on_random_mistakes": float(1 - fourth[random].mean()),
        "mistakes": float(len(raw)),
        "mistakes_left": float(len(left)),
        "major_share": float((bad == "major").mean()),
        "slice": float(len(watch)),
        "fine_grained_share": float(np.mean([kind.startswith("fine") for kind in kinds])),
        "accuracy_single": multilabel_accuracy(reference, single),
        "accuracy_multilabel": multilabel_accuracy(reference, targets),
        "identity": float(abs(multilabel_accuracy(reference, single) - balanced_accuracy(truth, reference)) < 1e-12),
    }
