"""Exact nearest neighbours of 100,000 rows of 256 numbers, beside faiss (flat index, float32) on as many threads.

Run: ``python -m benchmarks.neighbors``. The large row is one round each, in turn; the small one five. CPU
seconds tell what the seconds would be on a machine less busy.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.records import medians, store
from labelwright.data.neighbors import nearest_neighbors

COMMAND = "python -m benchmarks.neighbors"
THREADS, K = 2, 10


def rows_of(n: int, d: int = 256, seed: int = 0) -> np.ndarray:
    """Return unit rows around 500 centres, as features of real data stand in clusters."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(500, d))[rng.integers(500, size=n)] + rng.normal(size=(n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def faiss_neighbors(X: np.ndarray) -> np.ndarray:
    """Return the K nearest other rows by inner product, as faiss gives them."""
    import faiss

    faiss.omp_set_num_threads(THREADS)
    return faiss.knn(X, X, K + 1, metric=faiss.METRIC_INNER_PRODUCT)[1][:, 1:]


def once(call: Any) -> tuple[float, float, Any]:
    """Time one call: seconds, CPU seconds, value."""
    started, spent = time.perf_counter(), time.process_time()
    value = call()
    return time.perf_counter() - started, time.process_time() - spent, value


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    small, large = rows_of(10_000), rows_of(100_000)
    timed = medians(
        {"ours": lambda: nearest_neighbors(small, K, jobs=THREADS), "faiss": lambda: faiss_neighbors(small)}
    )
    seconds, cpu, ours = once(lambda: nearest_neighbors(large, K, jobs=THREADS))
    faiss_seconds, faiss_cpu, theirs = once(lambda: faiss_neighbors(large))
    rows = [
        {
            "work": "exact k-NN, 10,000 x 256, k = 10, cosine, 2 threads",
            "seconds": timed["ours"],
            "faiss_seconds": timed["faiss"],
            "rounds": 5,
            "must": "",
            "holds": None,
        },
        {
            "work": "exact k-NN graph, 100,000 x 256, k = 10, cosine, 2 threads",
            "seconds": seconds,
            "faiss_seconds": faiss_seconds,
            "cpu_seconds": cpu,
            "faiss_cpu_seconds": faiss_cpu,
            "rounds": 1,
            "same_neighbours": float((ours.indices == theirs).mean()),
            "must": "under 60 s on 2 cores",
            "holds": seconds < 60,
        },
    ]
    store("neighbors", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row)
