"""ActiveLab scores beside cleanlab's, and greedy k-centre: seconds, and the same ranking.

20,000 rows, 50 annotators, 10 classes, about five votes a row; cleanlab is timed once, because a call takes long. At
cleanlab's temperature the scores are the same; with our own (see `activelab_scores`) the rank correlation says how far
the order moves. Greedy k-centre: 100,000 x 256, budget 1000, two threads.

Run: ``python -m benchmarks.acquisition_speed``
"""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.neighbors import once, rows_of
from benchmarks.records import medians, store
from labelwright.acquire import activelab_scores
from labelwright.data.covering import k_center_greedy
from labelwright.evidence import Votes

COMMAND = "python -m benchmarks.acquisition_speed"
ROWS, ANNOTATORS, CLASSES, COVERAGE, BUDGET = 20_000, 50, 10, 0.1, 1000


def voted() -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return a table of votes (n, m), -1 = none, and probabilities of a fair model."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, ROWS)
    right = rng.random((ROWS, ANNOTATORS)) < rng.uniform(0.4, 0.95, ANNOTATORS)
    table = np.where(right, y[:, None], rng.integers(0, CLASSES, (ROWS, ANNOTATORS)))
    seen = rng.random(table.shape) < COVERAGE
    seen[np.arange(ROWS), rng.integers(0, ANNOTATORS, ROWS)] = True
    logits = rng.normal(size=(ROWS, CLASSES)) + 2.0 * np.eye(CLASSES)[y]
    probs = np.exp(logits)
    return np.where(seen, table, -1).astype(np.int32), probs / probs.sum(axis=1, keepdims=True)


def scores() -> dict[str, Any]:
    """Time the scores of both sides and compare their orders."""
    from cleanlab.internal.multiannotator_utils import find_best_temp_scaler
    from cleanlab.multiannotator import get_active_learning_scores
    from scipy.stats import spearmanr

    table, probs = voted()
    labels, votes = np.where(table < 0, np.nan, table), Votes.from_matrix(table, CLASSES)
    ours = medians({"ours": lambda: activelab_scores(votes, probs)})["ours"]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        seconds, _, theirs = once(lambda: get_active_learning_scores(labels, probs.copy())[0])
        heat = find_best_temp_scaler(labels, probs)
    at_theirs = activelab_scores(votes, probs, temperature=heat)
    largest = float(np.abs((1 - at_theirs) - theirs).max())
    return {
        "work": "ActiveLab scores, 20,000 rows x 50 annotators x 10 classes",
        "seconds": ours,
        "cleanlab_seconds": seconds,
        "times_faster": seconds / ours,
        "largest_difference_same_temperature": largest,
        "rank_correlation_own_temperature": float(spearmanr(activelab_scores(votes, probs), 1 - theirs).statistic),
        "must": "same ranking, at least 25 times faster",
        "holds": largest < 1e-9 and seconds / ours >= 25,
    }


def covering() -> dict[str, Any]:
    """Time greedy k-centre on clustered rows and on the hardest kind, rows without any structure."""
    clustered, plain = rows_of(100_000), np.random.default_rng(1).normal(size=(100_000, 256)).astype(np.float32)
    k_center_greedy(clustered[:500], 5, jobs=2)
    seconds, cpu, _ = once(lambda: k_center_greedy(clustered, BUDGET, jobs=2))
    started = time.perf_counter()
    k_center_greedy(plain, BUDGET, jobs=2)
    other = time.perf_counter() - started
    return {
        "work": "greedy k-centre, 100,000 x 256, budget 1000, 2 threads",
        "seconds": seconds,
        "cpu_seconds": cpu,
        "seconds_normal_rows": other,
        "must": "under 30 s on 2 cores",
        "holds": max(seconds, other) < 30,
    }


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    rows = [scores(), covering()]
    store("acquisition_speed", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row)
