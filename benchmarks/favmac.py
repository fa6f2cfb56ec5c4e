"""FavMac online: 100,000 rows of 20 labels, additive cost, and the cost guarantee over 1000 streams.

Run: ``python -m benchmarks.favmac``. A row is answered, its labels become known, the threshold moves. CPU time tells
what the time would be on a machine less busy; one thread works. The guarantee: 1000 streams of 200 rows, target 0.1;
mean cost over streams of the answers at each step.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.records import medians, store
from labelwright.decide import AdditiveSetFunction, FavMac

COMMAND = "python -m benchmarks.favmac"
ROWS, LABELS, TARGET = 100_000, 20, 0.1
STREAMS, STEPS = 1000, 200


def rows_of(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (n, 20) of a model that is too sure of itself, and labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, (n, LABELS))
    return 1 / (1 + np.exp(-1.5 * logits)), rng.random((n, LABELS)) < 1 / (1 + np.exp(-logits))


def one_by_one(
    value: AdditiveSetFunction, cost: AdditiveSetFunction, probs: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Return seconds and CPU seconds of `partial_fit` row by row."""
    online = FavMac(value, cost, TARGET).fit(probs[:1], y[:1])
    started, spent = time.perf_counter(), time.process_time()
    for i in range(1, len(probs)):
        online.partial_fit(probs[i : i + 1], y[i : i + 1])
    return time.perf_counter() - started, time.process_time() - spent


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    value, cost = AdditiveSetFunction(1 + np.arange(LABELS)), AdditiveSetFunction(2 + np.arange(LABELS) % 3)
    probs, y = rows_of(ROWS, seed=0)
    timed = medians({"stream": lambda: FavMac(value, cost, TARGET).predict_then_update(probs, y)})
    before = time.process_time()
    FavMac(value, cost, TARGET).predict_then_update(probs, y)
    stream_cpu = time.process_time() - before
    wall, cpu = one_by_one(value, cost, probs, y)
    costs = np.empty((STREAMS, STEPS))
    for i in range(STREAMS):
        p, t = rows_of(STEPS, seed=1 + i)
        costs[i] = cost.cost(FavMac(value, cost, TARGET).predict_then_update(p, t), t)
    mean, se = costs.mean(axis=0), costs.std(axis=0, ddof=1) / np.sqrt(STREAMS)
    rows: list[dict[str, Any]] = [
        {
            "work": f"{ROWS:,} rows x {LABELS} labels, answered and learned one by one, one call",
            "microseconds_a_row": 1e6 * timed["stream"] / ROWS,
            "cpu_microseconds_a_row": 1e6 * stream_cpu / ROWS,
            "rounds": 5,
            "must": "under 50 µs a row (CPU)",
            "holds": stream_cpu / ROWS < 50e-6,
        },
        {
            "work": f"{ROWS:,} rows x {LABELS} labels, a call of partial_fit for each",
            "microseconds_a_row": 1e6 * wall / ROWS,
            "cpu_microseconds_a_row": 1e6 * cpu / ROWS,
            "rounds": 1,
            "must": "under 50 µs an update (CPU)",
            "holds": cpu / ROWS < 50e-6,
        },
        {
            "work": f"{STREAMS} streams x {STEPS} rows, target {TARGET}",
            "mean_cost": float(costs.mean()),
            "largest_mean_cost_of_a_step": float(mean.max()),
            "its_excess_in_standard_errors": float(((mean - TARGET) / np.maximum(se, 1e-12)).max()),
            "rounds": 1,
            "must": "mean cost of no step more than 3 standard errors above the target",
            "holds": bool((mean <= TARGET + 3 * se).all()),
        },
    ]
    store("favmac", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row)
