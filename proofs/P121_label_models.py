"""P121: label models learn how good each source is from votes alone, and nearly reach the oracle that knows.

Simulated as on the card: two classes, n = 2000, 10 independent sources with accuracy U(0.52, 0.92) and coverage 20 to
70 %, balanced and 70 : 30 (class shares given): five models against majority voting and the oracle. GLAD against
Dawid-Skene when items differ in difficulty; MACE against majority with 40 % spammers. Then texts: votes of labelling
functions on YouTube and SMS, label model and linear end model on word counts, test part.

Source: A survey on programmatic weak supervision, 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import texts, weak_votes
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats, Holds
from labelwright.consensus import (
    EBCC,
    GLAD,
    IBCC,
    MACE,
    Automatic,
    DataProgramming,
    DawidSkene,
    LabelModel,
    MajorityVote,
    MatrixCompletion,
    TripletModel,
    WeakSupervisionPipeline,
    most_probable,
)
from labelwright.evidence import Votes
from labelwright.metrics.ranking import auroc
from labelwright.noise import Sources, cast_votes, glad_votes

DATA = ("youtube", "sms")
BUDGET_S = 120
SEEDS = 5
MODELS = {
    "data_programming": DataProgramming,
    "triplets": TripletModel,
    "matrix_completion": MatrixCompletion,
    "dawid_skene": DawidSkene,
}


def _gain(model: str, world: str) -> Beats:
    return Beats(
        baseline=f"{world}_majority", by=0.03, seeds=SEEDS, metric="accuracy",
        method_figure=f"{world}_{model}", baseline_figure=f"{world}_majority",
    )  # fmt: skip


def _near(model: str, world: str) -> AtMost:
    return AtMost(
        f"{world}_{model}_short",
        0.005,
        SEEDS,
        statement=f"{world}: {model} within 0.5 points of the oracle, on average",
    )


def _beats(method: str, baseline: str) -> Beats:
    return Beats(baseline=baseline, seeds=SEEDS, metric="accuracy", method_figure=method, baseline_figure=baseline)


CLAIM = All(
    *(_gain(model, world) for world in ("even", "uneven") for model in MODELS),
    *(_near(model, world) for world in ("even", "uneven") for model in MODELS),
    _beats("difficulty_glad", "difficulty_dawid_skene"),
    _beats("spam_mace", "spam_majority"),
    AtLeast("spammer_auroc", 0.95, SEEDS, statement="MACE's competence tells spammers: AUROC at least 0.95"),
    _beats("youtube_label_model", "youtube_majority"),
    _beats("sms_label_model", "sms_majority"),
    Holds("EBCC with one subtype is IBCC", ("identity",), SEEDS),
)


def accuracy(model: LabelModel, votes: Votes, truth: NDArray[np.int64]) -> float:
    """Return the share of rows with votes that a model gets right."""
    probs = model.fit(votes).predict_proba(votes)
    voted = votes.counts().sum(axis=1) > 0
    return float((most_probable(probs)[voted] == truth[voted]).mean())


def independent(share: float, name: str, rng: np.random.Generator) -> dict[str, float]:
    """Measure the models where sources err independently; `share` is that of class 1."""
    truth = (rng.random(2000) < share).astype(np.int64)
    right, coverage = rng.uniform(0.52, 0.92, 10), rng.uniform(0.2, 0.7, 10)
    cast = cast_votes(truth, Sources.skilled(right, n_classes=2, coverage=coverage), seed=rng)
    votes = Votes(cast.row, cast.source, cast.value, 2000, 10, 2)
    balance = [1 - share, share]
    figures = {f"{name}_{key}": accuracy(model(class_balance=balance), votes, truth) for key, model in MODELS.items()}
    figures[f"{name}_majority"] = accuracy(MajorityVote(), votes, truth)
    log_odds = np.log(right / (1 - right))
    score = np.bincount(votes.row, np.where(votes.value == 1, 1, -1) * log_odds[votes.source], 2000)
    voted = votes.counts().sum(axis=1) > 0
    oracle = score + np.log(share / (1 - share)) > 0
    figures[f"{name}_oracle"] = float((oracle == truth)[voted].mean())
    for key in MODELS:
        figures[f"{name}_{key}_short"] = figures[f"{name}_oracle"] - figures[f"{name}_{key}"]
    return figures


def difficulty_and_spam(rng: np.random.Generator) -> dict[str, float]:
    """Measure GLAD with items of different difficulty, and MACE with spammers."""
    truth = rng.integers(0, 4, 1000)
    cast = glad_votes(truth, rng.normal(1.0, 0.7, 100), rng.normal(0.0, 1.5, 1000), 4, seed=rng, coverage=0.05)
    votes = Votes(cast.row, cast.source, cast.value, 1000, 100, 4)
    figures = {
        "difficulty_glad": accuracy(GLAD(), votes, truth),
        "difficulty_dawid_skene": accuracy(DawidSkene(), votes, truth),
    }
    truth = rng.integers(0, 4, 600)
    honest = Sources.skilled(rng.uniform(0.6, 0.9, 12), n_classes=4, coverage=0.35)
    cast = cast_votes(truth, honest + Sources.spammers(8, 4, coverage=0.35), seed=rng)
    votes = Votes(cast.row, cast.source, cast.value, 600, 20, 4)
    mace = MACE()
    figures |= {"spam_mace": accuracy(mace, votes, truth), "spam_majority": accuracy(MajorityVote(), votes, truth)}
    figures["spammer_auroc"] = auroc(np.arange(20) >= 12, -mace.competence_)
    ebcc, ibcc = EBCC(1, tol=0, max_iter=10).fit(votes), IBCC(tol=0, max_iter=10).fit(votes)
    figures["identity"] = float(np.allclose(ebcc.predict_proba(votes), ibcc.predict_proba(votes), atol=1e-10))
    return figures


def end_to_end(name: str, rng: np.random.Generator) -> dict[str, float]:
    """Measure label model + end model against majority + end model, on a draw of 80 % of the training texts."""
    data, table = texts(name), weak_votes(name)  # type: ignore[arg-type]
    train, test = np.flatnonzero(data.split == "train"), np.flatnonzero(data.split == "test")
    train = np.sort(rng.choice(train, int(0.8 * len(train)), replace=False))
    words = TfidfVectorizer(min_df=2, ngram_range=(1, 2)).fit([data.texts[i] for i in train])
    features = words.transform(data.texts)
    figures = {}
    for figure, model in (("label_model", Automatic()), ("majority", MajorityVote())):
        pipeline = WeakSupervisionPipeline(model, LogisticRegression(C=10.0, max_iter=300))
        pipeline.fit(features[train], Votes.from_matrix(table[train], 2))
        figures[f"{name}_{figure}"] = float((pipeline.predict(features[test]) == data.labels[test]).mean())
    return figures


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    rng = np.random.default_rng(seed)
    figures = independent(0.5, "even", rng) | independent(0.3, "uneven", rng) | difficulty_and_spam(rng)
    for name in DATA:
        figures |= end_to_end(name, rng)
    return figures
