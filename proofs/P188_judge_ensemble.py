"""P188: an ensemble of judges finds wrong labels better than its best member, and sure doubts are mostly right.

AG News (its test part, 2600 texts; each seed trains on 1200 of them and tests on 400), 10 % of labels flipped evenly.
Judges: MiniLM similarity to a description of each class in three phrasings, and two logistic
models trained on 200 clean texts each that nobody else uses. Precision of doubts must rise with the ensemble's
confidence (Spearman above 0.8 over bins with 10 doubts or more) and reach two thirds in the top bin; its average
precision must beat that of the best single judge, chosen in hindsight. Leaving out or flipping doubts of confidence at
least 0.9 must beat training on all labels and leaving out as many random rows. A competent model scores higher on
corrected test labels than on flipped ones, by the share of its disagreements that are errors.

Source: Nahum et al., Are LLMs Better than Reported?, arXiv 2410.18889.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import texts
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from labelwright.audit import (
    EstimatorJudge,
    JudgeEnsemble,
    SimilarityJudge,
    filter_flagged,
    find_predicted_neq_given,
    flag_by_disagreement,
    flip_flagged,
    precision_by_confidence,
    reported_vs_corrected,
)
from labelwright.catalogue.claims import All, AtLeast, Beats, Holds
from labelwright.data.cache import Cache
from labelwright.data.features.minilm import minilm_features
from labelwright.metrics.ranking import average_precision

DATA = ("ag_news",)
BUDGET_S = 300
SEEDS = 5
TRAIN, TEST, SEED_TEXTS = 1200, 400, 200
PHRASINGS = (
    {
        "world": "world news and politics",
        "sports": "sports news",
        "business": "business news",
        "sci/tech": "science and technology news",
    },
    {
        "world": "An article about governments, wars, elections and international affairs.",
        "sports": "An article about games, teams, players and championships.",
        "business": "An article about companies, markets, prices and the economy.",
        "sci/tech": "An article about computers, the internet, space and research.",
    },
    {
        "world": "What happened between countries today?",
        "sports": "Who won the match?",
        "business": "How did the stock market do?",
        "sci/tech": "What is new in software and science?",
    },
)
CLAIM = All(
    AtLeast("confidence_precision_rank_correlation", 0.8, seeds=SEEDS),
    AtLeast("precision_top_bin", 2 / 3, seeds=SEEDS),
    Beats(
        baseline="the best single judge, in hindsight",
        by=0.0,
        seeds=SEEDS,
        metric="average precision for wrong labels",
        method_figure="ap_ensemble",
        baseline_figure="ap_best_judge",
    ),
    Beats(
        baseline="training on all labels",
        by=0.0,
        seeds=SEEDS,
        metric="test accuracy, flipping",
        method_figure="accuracy_flip",
        baseline_figure="accuracy_all",
    ),
    Beats(
        baseline="leaving out as many random rows",
        by=0.0,
        seeds=SEEDS,
        metric="test accuracy, leaving out",
        method_figure="accuracy_filter",
        baseline_figure="accuracy_random",
    ),
    Holds("corrected scores are above reported ones", ("corrected_above_reported",), SEEDS),
    Holds("One judge with tau = 0 is the confusion baseline, tau > 1 flags nothing", ("identity",), SEEDS),
)


@lru_cache(maxsize=1)
def vectors() -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """Return MiniLM vectors of 2600 texts drawn once, their labels, and the class names."""
    data = texts("ag_news")
    rows = np.random.default_rng(188).choice(len(data), 2600, replace=False)
    chosen = [data.texts[i][:400] for i in rows]
    found = Cache().array(("proof minilm", chosen), lambda: minilm_features(chosen)[0])
    return found.astype(np.float64), data.labels[rows], data.class_names


@lru_cache(maxsize=1)
def described() -> dict[str, NDArray[np.float64]]:
    """Return the vector of every description."""
    lines = [text for phrasing in PHRASINGS for text in phrasing.values()]
    return dict(zip(lines, minilm_features(lines)[0].astype(np.float64), strict=True))


def encode(items: list[object]) -> NDArray[np.float64]:
    """Return vectors as they are and descriptions by their text."""
    return np.array([described()[item] if isinstance(item, str) else item for item in items])


def flipped(truth: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return labels of which 10 % are another class."""
    other = (truth + rng.integers(1, 4, len(truth))) % 4
    return np.where(rng.random(len(truth)) < 0.1, other, truth)


def fitted(X: NDArray[np.float64], y: NDArray[np.int64]) -> LogisticRegression:
    """Return a logistic model."""
    return LogisticRegression(C=10.0, max_iter=300).fit(X, y)


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    X, truth, names = vectors()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))
    train, test, a, b = np.split(order[: TRAIN + TEST + 2 * SEED_TEXTS], np.cumsum([TRAIN, TEST, SEED_TEXTS]))
    labels, test_labels = flipped(truth[train], rng), flipped(truth[test], rng)
    wrong = labels != truth[train]
    judges = [
        SimilarityJudge(f"phrasing {i}", encode, dict(zip(names, p.values(), strict=True)))
        for i, p in enumerate(PHRASINGS)
    ]
    judges += [EstimatorJudge(f"seed {i}", fitted(X[part], truth[part])) for i, part in enumerate((a, b))]
    ensemble = JudgeEnsemble(judges, names)
    probs = ensemble.score(X[train])
    flags = flag_by_disagreement(labels, probs)
    everyone = np.ones(len(labels), bool)
    bins = [c for c in precision_by_confidence(probs.max(axis=1), flags, everyone, wrong) if c.flagged >= 10]
    rank = float(spearmanr([c.low for c in bins], [c.precision.estimate for c in bins]).statistic)
    each = [average_precision(wrong, -p[np.arange(len(labels)), labels]) for p in ensemble.by_judge_.values()]
    keep = filter_flagged(labels, probs, 0.9)
    random = rng.permutation(len(labels)) >= (~keep).sum()
    accuracy = {
        name: float((fitted(X[train][rows], y[rows]).predict(X[test]) == truth[test]).mean())
        for name, rows, y in (
            ("all", everyone, labels),
            ("filter", keep, labels),
            ("flip", everyone, flip_flagged(labels, probs, 0.9)),
            ("random", random, labels),
        )
    }
    scored = reported_vs_corrected({"model": fitted(X[a], truth[a]).predict(X[test])}, test_labels, truth[test])[0]
    single = ensemble.by_judge_["seed 0"]
    same = np.array_equal(flag_by_disagreement(labels, single), find_predicted_neq_given(labels, single))
    return {
        "confidence_precision_rank_correlation": rank,
        "precision_top_bin": bins[-1].precision.estimate,
        "top_bin_starts_at": bins[-1].low,
        "ap_ensemble": average_precision(wrong, -probs[np.arange(len(labels)), labels]),
        "ap_best_judge": max(each),
        "flagged_at_0.9": float((~keep).sum()),
        **{f"accuracy_{name}": value for name, value in accuracy.items()},
        "reported": scored.reported,
        "corrected": scored.corrected,
        "corrected_above_reported": float(scored.corrected > scored.reported),
        "identity": float(same and not flag_by_disagreement(labels, probs, 1.01).any()),
    }
