"""How well wrong numbers are ranked and flagged, against both of cleanlab's scores for the same predictions.

Errors are planted in 5 % of 5000 rows of real tables: ``swapped`` (the value of another row) or ``off`` (moved by 0.5
to 2 standard deviations). Predictions: gradient boosting, five folds. Means over three draws of rows and errors. The
mixture was chosen on bike rentals and pensions; houses are reported as they first came out.

Run: ``python -m benchmarks.regression_errors``
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import folder

from benchmarks.records import store
from labelwright.audit import RegressionErrors
from labelwright.metrics.ranking import average_precision

COMMAND = "python -m benchmarks.regression_errors"
TARGETS = {"bike_hours": "count", "pension401k": "net_tfa", "california_housing": "median_house_value"}
LEFT_OUT = ("casual", "registered", "tfa", "nifa", "net_nifa", "tfa_he", "tw", "net_n401", "instant", "dateday")
"""Parts of a target, and names of rows."""
ROWS, SHARE, SEEDS = 5000, 0.05, 3
Planted = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def planted(name: str, kind: str, seed: int) -> Planted:
    """Return features (n, d), values with planted errors (n,) and which are wrong (n,)."""
    import pandas as pd

    frame = pd.read_parquet(folder() / "tabular" / f"{name}.parquet").dropna()
    frame = frame.drop(columns=[column for column in LEFT_OUT if column in frame])
    rng = np.random.default_rng(seed)
    frame = frame.iloc[rng.permutation(len(frame))[:ROWS]]
    truth = frame.pop(TARGETS[name]).to_numpy(np.float64)
    X = pd.get_dummies(frame).to_numpy(np.float64)
    wrong, given = rng.random(len(truth)) < SHARE, truth.copy()
    n = int(wrong.sum())
    if kind == "swapped":
        given[wrong] = truth[rng.integers(0, len(truth), n)]
    else:
        given[wrong] += rng.choice([-1, 1], n) * truth.std() * rng.uniform(0.5, 2.0, n)
    return X, given, given != truth


def predictions(X: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return five-fold out-of-fold predictions of gradient boosting, (n,)."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    model = HistGradientBoostingRegressor(random_state=0, max_iter=100)
    return np.asarray(cross_val_predict(model, X, values, cv=KFold(5, shuffle=True, random_state=0)))


def measured(name: str, kind: str, seed: int) -> dict[str, float]:
    """Return average precision and seconds of both sides, and how the flags did, for one draw."""
    from cleanlab.regression.rank import get_label_quality_scores as peer

    X, values, wrong = planted(name, kind, seed)
    guess = predictions(X, values)
    found: dict[str, float] = {}

    def note(side: str, score: Callable[[], NDArray[np.float64]]) -> None:
        start = time.perf_counter()
        found[side] = average_precision(wrong, -score())
        found[f"{side}_s"] = time.perf_counter() - start

    ours = RegressionErrors()
    note("ours", lambda: ours.score(values, guess).score)
    note("cleanlab outre", lambda: peer(values, guess, method="outre"))
    note("cleanlab residual", lambda: peer(values, guess, method="residual"))
    flags = ours.score(values, guess).is_issue
    found["precision"] = float(wrong[flags].mean()) if flags.any() else 1.0
    found["recall"] = float(flags[wrong].mean())
    return found


def row(name: str, kind: str) -> dict[str, Any]:
    """Return one row of the table: means over the draws."""
    draws = [measured(name, kind, seed) for seed in range(SEEDS)]
    mean = {key: float(np.mean([draw[key] for draw in draws])) for key in draws[0]}
    best = max(("cleanlab outre", "cleanlab residual"), key=lambda side: mean[side])
    return {
        "work": f"{name}, values {kind}, {ROWS} rows",
        "average_precision": round(mean["ours"], 3),
        "peer": round(mean[best], 3),
        "peer_score": best.split()[1],
        "gain": round(mean["ours"] - mean[best], 3),
        "ours_s": round(mean["ours_s"], 3),
        "peer_s": round(mean[f"{best}_s"], 3),
        "precision_of_flags": round(mean["precision"], 3),
        "recall_of_flags": round(mean["recall"], 3),
    }


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    rows = []
    for name in TARGETS:
        for kind in ("swapped", "off"):
            rows.append(row(name, kind))
            print(rows[-1], flush=True)
    store("regression_errors", COMMAND, rows)
    return rows


if __name__ == "__main__":
    main()
