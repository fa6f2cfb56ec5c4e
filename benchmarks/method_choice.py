"""Does `--method auto` choose well? Held against cross-entropy and against the best choice in hindsight.

    python -m benchmarks.method_choice [SET ...]

One seed a set, 800 rows to learn from, clean test rows, 30 epochs, default settings of every method. Prints one line
of a Markdown table a set; nothing is tuned.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import cifar10n_features, digits, texts

from labelwright.audit.noise_rate import NoiseEstimate, estimate_noise
from labelwright.data.crossval import out_of_fold_probs
from labelwright.data.features import text_features
from labelwright.data.neighbors import nearest_neighbors
from labelwright.evidence import Hard
from labelwright.learn import ImpreciseClassifier, choose_method
from labelwright.learn.methods import find_method
from labelwright.noise import TransitionMatrix

ROWS, TEST, EPOCHS = 800, 2000, 30
OTHERS = ("CrossEntropy", "EarlyLearningRegularization", "GeneralizedCrossEntropy", "ForwardCorrection")
Set = tuple[NDArray, NDArray, NDArray, NDArray, int]  # x, given, x_test, y_test, classes


def digit_set(noise: TransitionMatrix | None) -> Set:
    """Handwritten digits with planted noise."""
    data = digits()
    order = np.random.default_rng(0).permutation(len(data.truth))
    train, test = order[:ROWS], order[ROWS:]
    given = data.truth[train] if noise is None else noise.apply(data.truth[train], 1)
    return data.X[train], given, data.X[test], data.truth[test], 10


def cifar_set(kind: str) -> Set:
    """CIFAR-10N features with the labels of people."""
    train, test = cifar10n_features(kind, rows=ROWS)  # type: ignore[arg-type]
    return train.X, train.given, test.X[:TEST], test.truth[:TEST], 10


def news_set(noise: TransitionMatrix | None) -> Set:
    """AG News with planted noise."""
    news = texts("ag_news")
    order = np.random.default_rng(0).permutation(len(news))[: ROWS + TEST]
    x, _ = text_features([news.texts[i] for i in order])
    y = news.labels[order]
    given = y[:ROWS] if noise is None else noise.apply(y[:ROWS], 1)
    return x[:ROWS], given, x[ROWS:], y[ROWS:], len(news.class_names)


SETS: dict[str, Callable[[], Set]] = {
    "digits, clean": lambda: digit_set(None),
    "digits, 20 % even": lambda: digit_set(TransitionMatrix.symmetric(0.2, 10)),
    "digits, 50 % even": lambda: digit_set(TransitionMatrix.symmetric(0.5, 10)),
    "digits, 30 % to the next": lambda: digit_set(TransitionMatrix.pairflip(0.3, 10)),
    "CIFAR-10N, aggregate": lambda: cifar_set("aggregate"),
    "CIFAR-10N, worse": lambda: cifar_set("worse"),
    "AG News, clean": lambda: news_set(None),
    "AG News, 30 % even": lambda: news_set(TransitionMatrix.symmetric(0.3, 4)),
    "AG News, 30 % to the next": lambda: news_set(TransitionMatrix.pairflip(0.3, 4)),
}


def rows(names: list[str]) -> Iterator[tuple[str, NoiseEstimate, str, dict[str, float]]]:
    """Yield set, noise estimate, chosen method and the accuracy of every method."""
    for name in names:
        x, given, x_test, y_test, k = SETS[name]()
        centre = x.mean(axis=0)
        x = (x - centre).astype(np.float32)
        probs = out_of_fold_probs(x, given, k, seed=0)
        near = nearest_neighbors(x, 100, metric="cosine")
        noise = estimate_noise(given, probs, neighbors=near, seed=0)
        evidence = Hard(given.astype(np.int32), k)
        choice = choose_method(evidence, noise)
        scale = np.sqrt(np.mean(np.square(x)))
        found = {}
        for method in dict.fromkeys([choice.name, *OTHERS, "ImpreciseLabelLearner"]):
            objective = choice.objective if method == choice.name else find_method(method).build({}, noise)
            model = ImpreciseClassifier(objective, epochs=EPOCHS, standardize=False).fit(x / scale, evidence)
            centred = (x_test - centre).astype(np.float32) / scale
            found[method] = float((model.predict(centred) == y_test).mean())
        yield name, noise, choice.name, found


def main() -> None:
    """Print the table."""
    for name, noise, chosen, found in rows(sys.argv[1:] or list(SETS)):
        best = max(found, key=lambda method: found[method])
        told = f"| {name} | {noise.noise_rate:.0%} | {chosen} | {found[chosen]:.3f} | {found['CrossEntropy']:.3f} "
        print(told + f"| {best} {found[best]:.3f} |", flush=True)
        print({k: round(v, 3) for k, v in found.items()}, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
