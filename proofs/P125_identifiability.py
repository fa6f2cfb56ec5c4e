"""P125: three noisy labels determine the noise, two do not, and neighbours serve as labels as far as they are alike.

Simulated: 50,000 triples from a random diagonally dominant T with 5 and 10 classes and uneven shares. Pairs: a second
T and π that give the same frequencies of one and of two labels to 1e-6, and other ones of three. CIFAR-10N random1 to
random3 (40,000 rows a seed): the T of three people's labels against the one counted with the clean labels, beside
anchor points (probabilities of a linear model on the 256 features at the rows that it is surest of; the best of three
quantiles, chosen with the truth at hand). Digits with 30 % even noise, one label a row, two nearest neighbours:
principal components, pixels, pixels with sensor noise and discriminant features (fitted to the true classes), with
the rank correlation of clusterability and error.

Source: Liu, Cheng, Zhang, Identifiability of Label Noise Transition Matrix, ICML 2023.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import cifar10n_features, cifar10n_labels, digits
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from labelwright.catalogue.claims import All, AtMost, Beats, Holds
from labelwright.data import nearest_neighbors
from labelwright.noise import (
    HighOrderConsensus,
    LabelMoments,
    TransitionMatrix,
    check_identifiable,
    clusterability_score,
    transition_error,
    transition_from_triplets,
)

DATA = ("digits", "cifar10n")
BUDGET_S = 240
SEEDS = 5
CLAIM = All(
    AtMost("error_5_classes", 0.05, seeds=SEEDS),
    AtMost("error_10_classes", 0.1, seeds=SEEDS),
    Holds("Two labels an item fit a second noise as well, three do not", ("pairs_ambiguous",), SEEDS),
    AtMost("cifar10n_error", 0.15, seeds=SEEDS),
    Beats(
        baseline="anchor points",
        seeds=SEEDS,
        metric="error of T on CIFAR-10N",
        method_figure="cifar10n_error",
        baseline_figure="cifar10n_anchor_error",
        lower_is_better=True,
    ),
    AtMost(
        "digits_rank_correlation",
        -0.8,
        seeds=SEEDS,
        statement="digits: rank correlation of clusterability and error over six kinds of features is at most -0.8",
    ),
    Beats(
        baseline="pixels",
        seeds=SEEDS,
        metric="digits, error of T",
        method_figure="digits_error_discriminant",
        baseline_figure="digits_error_pixels",
        lower_is_better=True,
    ),
)


def simulated(seed: int, n_classes: int) -> float:
    """Return the error of T from 50,000 triples."""
    rng = np.random.default_rng(seed)
    noise = TransitionMatrix.random(0.7, n_classes, seed=seed)
    truth = rng.choice(n_classes, size=50_000, p=rng.dirichlet(np.full(n_classes, 5.0)))
    triples = np.stack([noise.apply(truth, rng) for _ in range(3)], axis=1)
    return transition_error(transition_from_triplets(triples, n_classes).transition, noise)


def pairs_are_ambiguous(seed: int) -> float:
    """Turn diag(√π) T a little: what pairs show stays, what triples show does not."""
    rng = np.random.default_rng(seed)
    noise, prior = TransitionMatrix.random(0.7, 4, seed=seed), rng.dirichlet(np.full(4, 5.0))
    root = np.full((4, 4), -1.0)
    for angle in (s * 0.05 / 2**j for j in range(10) for s in (1, -1)):  # the first turn that leaves no entry negative
        if (root < 0).any():
            turn = np.eye(4)
            turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            root = turn @ (np.sqrt(prior)[:, None] * noise.matrix)
    one = LabelMoments.from_model(noise, prior)
    other = LabelMoments.from_model(root / root.sum(axis=1, keepdims=True), root.sum(axis=1) ** 2)
    same = max(np.abs(one.first - other.first).max(), np.abs(one.second - other.second).max()) < 1e-6
    verdicts = (not check_identifiable(noise, 2)) and bool(check_identifiable(noise, 3))
    return float(same and np.abs(one.third - other.third).max() > 1e-5 and verdicts)


def anchor_error(seed: int, truth: NDArray[np.int64], rows: NDArray[np.int64], true: TransitionMatrix) -> float:
    """Return the error of T read off at anchor points, at the best of three quantiles."""
    train, _ = cifar10n_features("random1")
    chosen = np.random.default_rng(seed).choice(rows, 10_000, replace=False)
    x = (train.X[chosen] - train.X[chosen].mean(axis=0)) / train.X[chosen].std()
    model = LogisticRegression(C=0.01, max_iter=60)
    probs = cross_val_predict(model, x, train.given[chosen], cv=2, method="predict_proba")
    errors = []
    for quantile in (0.97, 0.99, 1.0):
        level = np.quantile(probs, quantile, axis=0, method="lower")
        anchors = np.abs(probs - level).argmin(axis=0)
        errors.append(transition_error(probs[anchors], true))
    return min(errors)


def on_cifar10n(seed: int) -> dict[str, float]:
    """Measure T of three people's labels against the one that clean labels show."""
    labels = np.stack([cifar10n_labels(name) for name in ("random1", "random2", "random3")], axis=1)
    truth = cifar10n_labels("clean")
    rows = np.random.default_rng(seed).choice(len(truth), 40_000, replace=False)
    true = TransitionMatrix.from_labels(np.repeat(truth[rows], 3), labels[rows].ravel(), 10)
    found = transition_from_triplets(labels[rows], 10, seed=seed)
    return {
        "cifar10n_error": transition_error(found.transition, true),
        "cifar10n_anchor_error": anchor_error(seed, truth, rows, true),
        "cifar10n_misfit": found.misfit,
        "cifar10n_noise_rate_estimated": found.noise_rate,
        "cifar10n_noise_rate_true": float((labels[rows] != truth[rows, None]).mean()),
    }


def on_digits(seed: int) -> dict[str, float]:
    """Measure T from neighbours' labels in six kinds of features."""
    data, rng = digits(), np.random.default_rng(seed)
    noisy = TransitionMatrix.symmetric(0.3, 10).apply(data.truth, seed)
    true = TransitionMatrix.from_labels(data.truth, noisy, 10)
    blurred = data.X + rng.normal(scale=8, size=data.X.shape)
    kinds = {
        "two_components": PCA(2, random_state=0).fit_transform(data.X),
        "four_components": PCA(4, random_state=0).fit_transform(data.X),
        "sensor_noise": blurred,
        "eight_components": PCA(8, random_state=0).fit_transform(data.X),
        "discriminant": LinearDiscriminantAnalysis().fit(data.X, data.truth).transform(data.X),
        "pixels": data.X,
    }
    errors, alike = {}, []
    for name, features in kinds.items():
        near = nearest_neighbors(features, 2)
        alike.append(clusterability_score(data.truth, near))
        errors[name] = transition_error(HighOrderConsensus(10, steps=501).fit(noisy, near).transition_, true)
    figures = {f"digits_error_{name}": error for name, error in errors.items()}
    shares = {f"digits_clusterability_{name}": share for name, share in zip(kinds, alike, strict=True)}
    correlation = float(spearmanr(alike, list(errors.values())).statistic)
    return {**figures, **shares, "digits_rank_correlation": correlation}


def run(seed: int) -> dict[str, float]:
    """Measure every figure with one seed."""
    return {
        "error_5_classes": simulated(seed, 5),
        "error_10_classes": simulated(seed, 10),
        "pairs_ambiguous": pairs_are_ambiguous(seed),
        **on_cifar10n(seed),
        **on_digits(seed),
    }
