"""P175: ranking contradicted labels by their distance in the label tree finds more errors on a small budget.

Digits in a three-level tree of shapes, 15 % wrong labels, half of them far (another top branch), half near (the same
branch). Three out-of-fold classifiers (logistic regression, random forest, nearest neighbours). At a budget of 5 % of
the rows: precision of the consensus distance and of the distance order against random contradicted rows and against
ranking contradicted rows by confidence alone. On plain digits all but the random order find errors alone, so the second
comparison is made with noise on the pixels. Beside it, and deciding nothing,
CIFAR-10N `random1` (17 % wrong labels of people, tree of animals and vehicles, 2500 rows): people confuse siblings, so
far-first is not expected to help there.

Source: Parekh, Anand and Awekar, Budget sensitive reannotation of noisy relation classification data using label
hierarchy, 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import cifar10n_features, digits
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from labelwright.acquire import HierarchyReannotation, Pool, label_tree_distance, novelty_overlap
from labelwright.catalogue.claims import All, Beats, Holds

DATA = ("digits", "cifar10n")
BUDGET_S = 240
SEEDS = 5
BLUR = 0.4  # standard deviation of what is added to pixels in [0, 1]
SHAPES = (
    "round.closed.0", "straight.thin.1", "curved.top.2", "curved.top.3", "straight.open.4",
    "curved.bottom.5", "round.tail.6", "straight.thin.7", "round.closed.8", "round.tail.9",
)  # fmt: skip
THINGS = (
    "vehicle.other.airplane", "vehicle.road.automobile", "animal.other.bird", "animal.mammal.cat", "animal.mammal.deer",
    "animal.mammal.dog", "animal.other.frog", "animal.mammal.horse", "vehicle.other.ship", "vehicle.road.truck",
)  # fmt: skip
CLAIM = All(
    Beats(
        baseline="random contradicted rows", by=0.10, seeds=SEEDS, metric="precision at 5 % of the rows, digits",
        method_figure="digits_consensus", baseline_figure="digits_random",
    ),
    Beats(
        baseline="contradicted rows by confidence", by=0.0, seeds=SEEDS, metric="precision at 5 % of the rows, blurred",
        method_figure="blurred_consensus", baseline_figure="blurred_confidence",
    ),
    Holds("In a star tree all labels are two edges apart, and ties decide", ("identity",), SEEDS),
)  # fmt: skip


def opinions(X: NDArray[Any], labels: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return out-of-fold probabilities of three classifiers, (3, n, K)."""
    models = (
        LogisticRegression(C=0.1, max_iter=200),
        RandomForestClassifier(100, random_state=seed),
        KNeighborsClassifier(10),
    )
    probs = np.zeros((3, len(labels), 10))
    for train, held_out in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, labels):
        for r, model in enumerate(models):
            probs[r, held_out] = clone(model).fit(X[train], labels[train]).predict_proba(X[held_out])
    return probs


def precisions(
    name: str, probs: NDArray[np.float64], labels: NDArray[np.int64], truth: NDArray[np.int64],
    distance: NDArray[np.float64], rng: np.random.Generator,
) -> dict[str, float]:  # fmt: skip
    """Measure every order at a budget of 5 % of the rows."""
    budget, everything = len(labels) // 20, np.ones(len(labels), np.bool_)
    several = Pool(draws=probs, labels=labels, candidates=everything)
    one = Pool(pred_probs=probs[0], labels=labels, candidates=everything)
    consensus = HierarchyReannotation(distance).select(several, budget, 0).rows
    single = HierarchyReannotation(distance).select(one, budget, 0).rows
    near = HierarchyReannotation(distance, siblings_first=True).select(several, budget, 0).rows
    contradicted = np.flatnonzero((probs.argmax(axis=2) != labels).any(axis=0))
    given = probs.mean(axis=0)[np.arange(len(labels)), labels]
    sure = np.where(probs.argmax(axis=2) != labels, probs.max(axis=2), 0.0).mean(axis=0)
    by_confidence = contradicted[np.argsort(-sure[contradicted], kind="stable")[:budget]]
    least_self = np.argsort(given, kind="stable")[:budget]
    wrong = labels != truth
    return {
        f"{name}_consensus": float(wrong[consensus].mean()),
        f"{name}_distance": float(wrong[single].mean()),
        f"{name}_siblings_first": float(wrong[near].mean()),
        f"{name}_random": float(wrong[rng.permutation(contradicted)[:budget]].mean()),
        f"{name}_confidence": float(wrong[by_confidence].mean()),
        f"{name}_self_confidence": float(wrong[least_self].mean()),
        f"{name}_novelty": novelty_overlap(consensus, least_self),
    }


def on_digits(name: str, blur: float, seed: int) -> dict[str, float]:
    """Measure on digits with half of the wrong labels far, half near."""
    data, rng = digits(), np.random.default_rng(seed)
    distance, truth = label_tree_distance(SHAPES), data.truth
    same = np.array([[a.split(".")[0] == b.split(".")[0] for b in SHAPES] for a in SHAPES])
    labels = truth.copy()
    wrong = rng.permutation(len(truth))[: round(0.15 * len(truth))]
    for i, row in enumerate(wrong.tolist()):
        near = same[truth[row]] & (np.arange(10) != truth[row])
        labels[row] = rng.choice(np.flatnonzero(near if i % 2 else ~same[truth[row]]))
    X = data.X / 16 + rng.normal(0, blur, data.X.shape)
    return precisions(name, opinions(X, labels, seed), labels, truth, distance, rng)


def on_cifar10n(seed: int) -> dict[str, float]:
    """Measure on errors that people made."""
    train, _ = cifar10n_features("random1", rows=2500, seed=seed)
    X = (train.X - train.X.mean(axis=0)) / train.X.std()
    probs = opinions(X, train.given, seed)
    return precisions(
        "cifar10n", probs, train.given, train.truth, label_tree_distance(THINGS), np.random.default_rng(seed)
    )


def identity(seed: int) -> float:
    """Return 1.0 when a star tree leaves the ranking to the ties."""
    rng = np.random.default_rng(seed)
    star = label_tree_distance(["a", "b", "c", "d"])
    probs, labels = rng.dirichlet(np.ones(4), 60), rng.integers(0, 4, 60)
    pool = Pool(pred_probs=probs, labels=labels, candidates=np.ones(60, np.bool_))
    rows = HierarchyReannotation(star).select(pool, 60, 0).rows
    against = np.flatnonzero(probs.argmax(axis=1) != labels)
    by_ties = against[np.argsort(-probs[against].max(axis=1), kind="stable")]
    return float(np.array_equal(star, 2 * (1 - np.eye(4))) and np.array_equal(rows, by_ties))


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    return {
        **on_digits("digits", 0.0, seed),
        **on_digits("blurred", BLUR, seed),
        **on_cifar10n(seed),
        "identity": identity(seed),
    }
