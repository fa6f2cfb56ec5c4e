"""How well wrong labels are ranked, against the best of cleanlab's three scores on the same probabilities.

CIFAR-10N: 256 shipped features, linear out-of-fold probabilities, truth = the clean labels, first 20 000 and all 50 000
rows; ours also sees the 100 nearest rows by those features. The model of truth was developed on the label columns
random2 and random3 and on simulated noise; aggregate, random1 and worse are reported here as they first came out.
MNIST and IMDB: published probabilities, no features, the rows that people checked.

Run: ``python -m benchmarks.label_ranking``
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import cifar10n_features, label_errors
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from benchmarks.records import store
from labelwright.audit import estimate_truth
from labelwright.data.neighbors import Neighbors, nearest_neighbors
from labelwright.metrics.ranking import average_precision

COMMAND = "python -m benchmarks.label_ranking"
WANTED = {"aggregate": 0.03, "random1": 0.03, "worse": 0.02}
NEIGHBORS, DRAWS = 100, 100


def linear_probabilities(X: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return five-fold out-of-fold probabilities of a linear model, float32 (n, K)."""
    scaled = (X - X.mean(axis=0)) / X.std()
    probs = np.zeros((len(labels), int(labels.max()) + 1), np.float32)
    for train, held_out in StratifiedKFold(5, shuffle=True, random_state=0).split(scaled, labels):
        model = LogisticRegression(C=0.01, max_iter=60).fit(scaled[train], labels[train])
        probs[held_out] = model.predict_proba(scaled[held_out])
    return probs


def peer_scores(labels: NDArray[np.int64], probs: NDArray[Any]) -> dict[str, NDArray[np.floating]]:
    """Return cleanlab's three scores."""
    from cleanlab.rank import get_label_quality_scores

    methods = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
    return {method: get_label_quality_scores(labels, probs, method=method) for method in methods}


def compare(
    work: str,
    wanted: float | None,
    labels: NDArray[np.int64],
    probs: NDArray[Any],
    wrong: NDArray[np.bool_],
    checked: NDArray[np.int64],
    neighbors: Neighbors | None = None,
) -> dict[str, Any]:
    """Return one row of the table: average precision of both sides and the paired bootstrap interval of the gain."""
    scores = {name: score[checked] for name, score in peer_scores(labels, probs).items()}
    peers = {name: average_precision(wrong, -score) for name, score in scores.items()}
    best = max(peers, key=lambda name: peers[name])
    peer = scores[best]
    truth = estimate_truth(labels, probs, neighbors=neighbors)
    ours = truth.given[checked]
    rng = np.random.default_rng(0)
    gains = []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(wrong), len(wrong))
        gains.append(average_precision(wrong[rows], -ours[rows]) - average_precision(wrong[rows], -peer[rows]))
    low, high = np.quantile(gains, [0.025, 0.975])
    mine = average_precision(wrong, -ours)
    gain = mine - peers[best]
    return {
        "work": work,
        "average_precision": round(mine, 4),
        "peer": round(peers[best], 4),
        "peer_score": best,
        "gain": round(gain, 4),
        "gain_low": round(float(low), 4),
        "gain_high": round(float(high), 4),
        "estimated_noise": round(float(1 - np.trace(truth.joint)), 4),
        "true_noise": round(float(wrong.mean()), 4) if len(wrong) == len(labels) else None,
        "must": f"+{wanted}" if wanted else "not worse within the interval",
        "holds": bool(gain >= wanted) if wanted else bool(high >= 0),
    }


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    rows = []
    for n in (20_000, 50_000):
        for noise, wanted in WANTED.items():
            train, _ = cifar10n_features(noise)  # type: ignore[arg-type]
            X, given, wrong = train.X[:n], train.given[:n], (train.given != train.truth)[:n]
            probs, near = linear_probabilities(X, given), nearest_neighbors(X, NEIGHBORS, metric="cosine")
            work = f"CIFAR-10N {noise}, {n} rows"
            rows.append(compare(f"{work}, features", wanted, given, probs, wrong, np.arange(n), near))
            alone = compare(f"{work}, probabilities alone", None, given, probs, wrong, np.arange(n))
            rows.append({**alone, "must": "", "holds": None})
            print(*rows[-2:], sep="\n", flush=True)
    for name in ("mnist", "imdb"):
        data = label_errors(name)  # type: ignore[arg-type]
        probs = data.pred_probs / data.pred_probs.sum(axis=1, keepdims=True)
        rows.append(
            compare(
                f"{name.upper()}, {len(data.checked)} checked", None, data.given, probs, data.is_error, data.checked
            )
        )
    store("label_ranking", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row)
