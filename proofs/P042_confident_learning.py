"""P042: confident learning flags wrong labels better than disagreement does, and counts the noise.

Digits (1797 rows), logistic regression, five folds, 20 % asymmetric noise (each class is given as the next one): the
filter `both` against the confusion baseline (most probable class is not the label), the estimated joint against the
true one, and accuracy on clean held-out rows after leaving the flagged rows out against keeping them. CIFAR-10N
`worse` (6000 rows a seed, 256 features, linear probabilities): precision of the flags against the 40 % base rate.
With one-hot probabilities of the truth the joint is the empirical one and the flags are the errors.

Source: Northcutt, Jiang, Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import cifar10n_features, digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labelwright.audit import CleanLearning, estimate_joint, find_label_issues, find_predicted_neq_given
from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats, Holds
from labelwright.metrics.ranking import precision_recall_f1

DATA = ("digits", "cifar10n")
BUDGET_S = 300
SEEDS = 5
CLAIM = All(
    Beats(
        baseline="the confusion baseline",
        by=0.05,
        seeds=SEEDS,
        metric="F1 of the flags, digits",
        method_figure="f1_both",
        baseline_figure="f1_disagreement",
    ),
    AtMost("joint_error_per_cell", 0.005, seeds=SEEDS),
    Beats(
        baseline="training on all labels",
        by=0.02,
        seeds=SEEDS,
        metric="accuracy on clean rows, digits",
        method_figure="accuracy_pruned",
        baseline_figure="accuracy_all",
    ),
    AtLeast("cifar10n_precision_over_base", 1.5, seeds=SEEDS),
    Holds("With one-hot truth the joint and the flags are exact, and clean labels raise none", ("identity",), SEEDS),
)


def out_of_fold(model: object, X: NDArray[np.floating], labels: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return out-of-fold probabilities, (n, K)."""
    from sklearn.base import clone

    probs = np.zeros((len(labels), int(labels.max()) + 1))
    for train, held_out in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, labels):
        probs[held_out] = clone(model).fit(X[train], labels[train]).predict_proba(X[held_out])
    return probs


def on_digits(seed: int) -> dict[str, float]:
    """Measure flags, joint and pruning on digits with asymmetric noise."""
    data = digits()
    X, X_test, truth, y_test = train_test_split(
        data.X, data.truth, test_size=0.3, stratify=data.truth, random_state=seed
    )
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(len(truth)) < 0.2, (truth + 1) % 10, truth)
    wrong = labels != truth
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    probs = out_of_fold(model, X, labels, seed)
    both = find_label_issues(labels, probs, filter_by="both")
    disagree = find_predicted_neq_given(labels, probs)
    true_joint = np.zeros((10, 10))
    np.add.at(true_joint, (labels, truth), 1 / len(labels))
    pruned = CleanLearning(model, seed=seed).fit(X, labels, pred_probs=probs)
    return {
        "f1_both": precision_recall_f1(both, wrong).f1,
        "f1_disagreement": precision_recall_f1(disagree, wrong).f1,
        "joint_error_per_cell": float(np.abs(estimate_joint(labels, probs) - true_joint).mean()),
        "accuracy_pruned": float((pruned.predict(X_test) == y_test).mean()),
        "accuracy_all": float((model.fit(X, labels).predict(X_test) == y_test).mean()),
    }


def on_cifar10n(seed: int) -> dict[str, float]:
    """Measure the precision of the flags on human noise."""
    train, _ = cifar10n_features("worse", rows=6000, seed=seed)
    X = (train.X - train.X.mean(axis=0)) / train.X.std()
    probs = out_of_fold(LogisticRegression(C=0.01, max_iter=60), X, train.given, seed)
    flags, wrong = find_label_issues(train.given, probs), train.given != train.truth
    precision = float(wrong[flags].mean())
    return {"cifar10n_precision": precision, "cifar10n_precision_over_base": precision / float(wrong.mean())}


def identity(seed: int) -> float:
    """Return 1.0 when perfect probabilities give the empirical joint and exactly the true errors."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, 1000)
    labels = np.where(rng.random(1000) < 0.2, rng.integers(0, 5, 1000), truth)
    perfect, joint = np.eye(5)[truth], np.zeros((5, 5))
    np.add.at(joint, (labels, truth), 1 / 1000)
    exact = np.allclose(estimate_joint(labels, perfect), joint, rtol=0, atol=1e-12)
    flags = find_label_issues(labels, perfect, filter_by="confident_learning")
    return float(exact and np.array_equal(flags, labels != truth) and not find_label_issues(truth, perfect).any())


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    return {**on_digits(seed), **on_cifar10n(seed), "identity": identity(seed)}
