"""P086: the condition for majority voting to be optimal is exact, and where it is certified nothing better is lost.

(1) 4000 random two-coin worlds a seed with identical sources and 800 with different ones: the closed condition against
every outcome by enumeration. (2) Real votes: CIFAR-10N, pairs of classes, rows whose three labels all lie in the pair,
and the binary crowd sets. Where `certify_majority` certifies (no true label used), majority and Dawid-Skene differ by
less than half a point. (3) Classes 5 : 95, one-coin error 0.2: refused, and the oracle and Dawid-Skene win.

Source: The majority vote paradigm shift: when popular meets optimal, 2025.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import cifar10n_labels, crowd

from labelwright.catalogue.claims import All, AtLeast, AtMost, Beats, Holds
from labelwright.consensus import (
    CertificateStatus,
    DawidSkene,
    MajorityVote,
    certify_majority,
    majority_is_optimal,
    most_probable,
    oracle_map,
)
from labelwright.evidence import Votes
from labelwright.noise import Sources, cast_votes

CROWD_SETS = ("bluebird", "ducks", "rte", "product", "sentiment_polarity")
DATA = ("cifar10n", *(f"crowd_{name}" for name in CROWD_SETS))
SEEDS = 5
CLAIM = All(
    AtMost("mismatches", 0.0, SEEDS, every_seed=True, statement="identical sources: no mismatch in 4000 worlds a seed"),
    AtMost("mismatches_different", 0.0, SEEDS, every_seed=True, statement="different sources: no mismatch in 800"),
    AtLeast(
        "certified_sets", 5.0, SEEDS, statement="at least five real sets are certified, so that the next is no void"
    ),
    AtMost("largest_difference", 0.005, SEEDS, statement="certified: majority and Dawid-Skene differ by < 0.5 points"),
    Holds("an unbalanced set (5 : 95, error 0.2) is refused", ("refused",), SEEDS),
    Beats(baseline="majority", by=0.02, seeds=SEEDS, metric="accuracy on the unbalanced set", method_figure="oracle"),
    Beats(
        baseline="majority", by=0.02, seeds=SEEDS, metric="accuracy on the unbalanced set", method_figure="dawid_skene"
    ),
)


def enumerated(prior: float, a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether majority and oracle agree on every untied outcome."""
    outcomes = np.array(list(product((0, 1), repeat=len(a))))
    lead = 2 * outcomes.sum(axis=1) - len(a)
    untied = lead != 0
    return bool((oracle_map(outcomes[untied], prior, a, b) == (lead[untied] > 0)).all())


def mismatches(rng: np.random.Generator, worlds: int, alike: bool) -> float:
    """Count random worlds where the condition and the enumeration differ."""
    wrong = 0
    for _ in range(worlds):
        prior, h = rng.uniform(0.02, 0.98), int(rng.integers(1, 8))
        a, b = rng.uniform(0.05, 0.98, (2, 1 if alike else h))
        if alike and a[0] + b[0] <= 1:
            a, b = 1 - a, 1 - b
        found = majority_is_optimal(prior, float(a[0]), float(b[0]), h) if alike else majority_is_optimal(prior, a, b)
        wrong += found.holds != enumerated(prior, np.resize(a, h), np.resize(b, h))
    return float(wrong)


def accuracy(votes: Votes, truth: NDArray[np.int64], model: object) -> float:
    """Return the share of rows of known truth that a model gets right."""
    probs = model.fit(votes).predict_proba(votes)  # type: ignore[attr-defined]
    known = (truth >= 0) & (votes.counts().sum(axis=1) > 0)
    return float((most_probable(probs)[known] == truth[known]).mean())


def real_sets(rng: np.random.Generator) -> list[tuple[Votes, NDArray[np.int64]]]:
    """Return eight random pairs of CIFAR-10N classes and the binary crowd sets."""
    clean = cifar10n_labels("clean")
    labels = np.stack([cifar10n_labels(name) for name in ("random1", "random2", "random3")], axis=1)
    pairs = list(combinations(range(10), 2))
    sets = []
    for at in rng.choice(len(pairs), 8, replace=False):
        first, second = pairs[int(at)]
        inside = np.isin(labels, (first, second)).all(axis=1) & np.isin(clean, (first, second))
        sets.append(
            (Votes.from_matrix((labels[inside] == second).astype(int), 2), (clean[inside] == second).astype(np.int64))
        )
    for name in CROWD_SETS:
        data = crowd(name)
        votes = Votes(data.task, data.worker, data.label, len(data.truth), int(data.worker.max()) + 1, 2)
        sets.append((votes, data.truth))
    return sets


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    rng = np.random.default_rng(seed)
    figures = {"mismatches": mismatches(rng, 4000, True), "mismatches_different": mismatches(rng, 800, False)}
    differences = [
        abs(accuracy(votes, truth, MajorityVote()) - accuracy(votes, truth, DawidSkene()))
        for votes, truth in real_sets(rng)
        if certify_majority(votes).status is CertificateStatus.CERTIFIED
    ]
    figures["certified_sets"] = float(len(differences))
    figures["largest_difference"] = max(differences, default=0.0)
    truth = (rng.random(6000) < 0.05).astype(np.int64)
    cast = cast_votes(truth, Sources.skilled([0.8] * 3, n_classes=2), seed=rng)
    votes = Votes(cast.row, cast.source, cast.value, 6000, 3, 2)
    gold = np.where(np.arange(6000) < 1000, truth, -1)
    figures["refused"] = float(certify_majority(votes, gold).status is CertificateStatus.VIOLATED)
    figures["oracle"] = float((oracle_map(votes.to_matrix(), 0.05, 0.8, 0.8) == truth).mean())
    figures["dawid_skene"] = accuracy(votes, truth, DawidSkene())
    figures["baseline"] = accuracy(votes, truth, MajorityVote())
    return figures
