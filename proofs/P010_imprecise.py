"""P010: one objective learns from every kind of imperfect label, and from six kinds at once better than from any.

Bed TB1 (digits, MLP of 64-256-256-10). One code path, `ImpreciseClassifier()` as it stands, against cross-entropy on
the given or hardened label of the same rows:

- 50 % symmetric noise (+10 points asked); candidate sets with q = 0.3; four labels a class and the rest unlabelled;
  one complementary label; bags of 8 with counts; partial 0.3 with noise 0.2 and half of the rows unlabelled (+5).

Then every row has one of six kinds of label (trusted, voted, candidates, coarse, bags of counts, none), on digits and
on 5,000 rows of CIFAR-10 features, against (a) the trusted rows alone, (b) everything hardened, (c) the best
specialist: one kind together with the trusted rows.

Source: Chen et al., Imprecise Label Learning, NeurIPS 2024.
"""

from __future__ import annotations

import numpy as np
from examples.mixed_evidence import gathered, hardened
from numpy.typing import NDArray
from proofs.beds import digits_bed, symmetric
from proofs.datasets import cifar10n_features

from labelwright.catalogue.claims import All, Beats
from labelwright.evidence import Bags, Candidates, Evidence, Hard, Mixed
from labelwright.learn import ImpreciseClassifier
from labelwright.learn.noisy import ImpreciseLabelLearner
from labelwright.nn import CrossEntropy
from labelwright.noise import complementary_labels, random_bags, uniform_candidates

DATA = ("digits", "cifar10n")
BUDGET_S = 900
SEEDS = 5
K = 10
KINDS = ("noisy", "candidates", "unlabelled", "complementary", "bags", "mixture")
MARGINS = {"noisy": 0.10, "mixture": 0.05}
CIFAR_FAMILIES = {"vehicle": "0189", "beast": "3457", "small": "26"}


def _beats(method: str, baseline: str, by: float = 0.0) -> Beats:
    return Beats(
        baseline=baseline,
        by=by,
        seeds=SEEDS,
        metric="test accuracy",
        method_figure=method,
        baseline_figure=baseline,
    )


CLAIM = All(
    *(_beats(kind, f"{kind}_hardened", MARGINS.get(kind, 0.0)) for kind in KINDS),
    *(
        _beats(f"{data}_six_kinds", f"{data}_{other}")
        for data in ("digits", "cifar")
        for other in ("trusted", "hardened", "specialist")
    ),
)

Rows = NDArray[np.int64]


def counted_bags(truth: Rows, size: int, seed: int) -> Bags:
    """Return the counts of all classes in random bags."""
    bags = random_bags(len(truth), size, seed)
    counts = np.zeros((bags.max() + 1, K), dtype=np.int64)
    np.add.at(counts, (bags, truth), 1)
    return Bags.counts(bags, counts, n_classes=K)


def masks(truth: Rows, rate: float, seed: int) -> NDArray[np.bool_]:
    """Return candidate sets: the truth and each other class with probability `rate`."""
    return np.asarray(uniform_candidates(truth, rate, K, seed).candidates.toarray() > 0)


def kinds(truth: Rows, given: Rows, seed: int) -> dict[str, tuple[Evidence, Rows]]:
    """Return each kind of evidence about the rows, and the label that people would harden it to (-1 = none)."""
    rng = np.random.default_rng(seed)
    n = len(truth)
    sets = masks(truth, 0.3, seed)
    few = np.full(n, -1)
    for k in range(K):
        few[rng.choice(np.flatnonzero(truth == k), 4, replace=False)] = k
    other = complementary_labels(truth, K, seed).labels
    bags = counted_bags(truth, 8, seed)
    most = np.argmax(bags.low + 1e-6 * rng.random(bags.low.shape), axis=1)
    ids = np.repeat(np.arange(bags.n_bags), bags.sizes)
    frequent = np.empty(n, dtype=np.int64)
    frequent[bags.rows] = most[ids]
    hidden = rng.random(n) < 0.5
    wrong = symmetric(0.2).apply(truth, seed + 7)
    loose = masks(wrong.astype(np.int64), 0.3, seed + 8)
    partly = np.where(hidden[:, None], True, loose)

    def guess(allowed: NDArray[np.bool_]) -> Rows:
        return np.asarray((allowed * rng.random(allowed.shape)).argmax(axis=1))

    return {
        "noisy": (Hard(given, K), given),
        "candidates": (Candidates.from_mask(sets), guess(sets)),
        "unlabelled": (Hard(few, K), few),
        "complementary": (Candidates.complementary(other, K), guess(np.arange(K) != other[:, None])),
        "bags": (bags, frequent),
        "mixture": (Candidates.from_mask(partly), np.where(hidden, -1, guess(loose))),
    }


def accuracy(model: ImpreciseClassifier, x: NDArray, y: Evidence, x_test: NDArray, y_test: Rows) -> float:
    """Return the accuracy on clean test rows after training on (x, y)."""
    return float((model.fit(x, y).predict(x_test) == y_test).mean())


def six_kinds(
    x: NDArray, truth: Rows, x_test: NDArray, y_test: Rows, seed: int, epochs: int, families: dict[str, str] | None
) -> dict[str, float]:
    """Measure the mixture of six kinds of labels and what people would do instead."""
    evidence, rows = gathered(truth, seed, families)
    named = dict(zip(rows, evidence.parts, strict=True))

    def model(plain: bool = False) -> ImpreciseClassifier:
        return ImpreciseClassifier(CrossEntropy() if plain else None, epochs=epochs, random_state=seed)

    def specialist(kind: str) -> float:
        own = np.concatenate([rows["trusted"], rows[kind]])
        maps = (np.arange(len(rows["trusted"])), len(rows["trusted"]) + np.arange(len(rows[kind])))
        both = Mixed((named["trusted"], named[kind]), maps, len(own))
        return accuracy(model(), x[own], both, x_test, y_test)

    alone = {kind: specialist(kind) for kind in ("votes", "candidates", "coarse", "bags")}
    own = rows["trusted"]
    return {
        "six_kinds": accuracy(model(), x, evidence, x_test, y_test),
        "trusted": accuracy(model(plain=True), x[own], named["trusted"], x_test, y_test),
        "hardened": accuracy(model(plain=True), x, Hard(hardened(evidence, rows, seed), K), x_test, y_test),
        "specialist": max(alone.values()),
        **{f"specialist_{kind}": value for kind, value in alone.items()},
    }


def run(seed: int) -> dict[str, float]:
    """Measure every kind alone, then the mixtures on digits and on CIFAR-10 features."""
    bed = digits_bed(seed, symmetric(0.5))
    figures: dict[str, float] = {}
    for kind, (evidence, label) in kinds(bed.truth, bed.given, seed).items():
        objective = ImpreciseLabelLearner() if kind == "unlabelled" else None  # hard labels here are trusted
        if kind == "unlabelled":
            objective = ImpreciseLabelLearner([None])
            evidence = Mixed.of(evidence)
        ours = ImpreciseClassifier(objective, epochs=60, random_state=seed)
        theirs = ImpreciseClassifier(CrossEntropy(), epochs=60, random_state=seed)
        figures[kind] = accuracy(ours, bed.x, evidence, bed.x_test, bed.y_test)
        figures[f"{kind}_hardened"] = accuracy(theirs, bed.x, Hard(label, K), bed.x_test, bed.y_test)
    found = six_kinds(bed.x, bed.truth, bed.x_test, bed.y_test, seed, 60, None)
    figures |= {f"digits_{name}": value for name, value in found.items()}
    train, test = cifar10n_features("clean", rows=5000, seed=seed)
    found = six_kinds(train.X, train.truth, test.X[:2000], test.truth[:2000], seed, 25, CIFAR_FAMILIES)
    return figures | {f"cifar_{name}": value for name, value in found.items()}
