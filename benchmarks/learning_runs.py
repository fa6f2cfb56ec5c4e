"""Fits that can be stopped and gone on with: each (method, set, seed) is measured once and stored at once as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.learning_problems import Problem, problem
from benchmarks.records import RESULTS, machine
from labelwright.atomic import write_aside
from labelwright.evidence import Reals, Tags
from labelwright.learn import ImpreciseClassifier, ImpreciseRegressor
from labelwright.metrics import mean_average_precision

EPOCHS, LONGEST, SEEDS = 30, 10.0, (0, 1, 2)
Make = Callable[[Problem], Any]  # an objective, or an estimator of its own
Run = dict[str, Any]


class Runs:
    """The stored runs of one benchmark: ``results/NAME.json`` with one entry a method, set and seed."""

    def __init__(self, name: str, command: str, folder: Path = RESULTS) -> None:
        self.path, self.command = folder / f"{name}.json", command
        stored = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        self.runs: dict[str, Run] = stored.get("runs", {})

    def __getitem__(self, key: tuple[str, str, int]) -> Run | None:
        return self.runs.get(" | ".join(map(str, key)))

    def store(self, key: tuple[str, str, int], run: Run) -> None:
        """Add one run and write the file anew, whole or not at all."""
        self.runs[" | ".join(map(str, key))] = run
        record = {
            "schema_version": 1,
            "command": self.command,
            "measured": datetime.now(UTC).date().isoformat(),
            "machine": machine(),
            "epochs": EPOCHS,
            "runs": self.runs,
        }
        self.path.parent.mkdir(exist_ok=True)
        with write_aside(self.path) as aside:
            aside.write_text(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8")

    def too_long(self, method: str, name: str) -> bool:
        """Return whether a fit on this set took longer than `LONGEST`: one seed has to do then."""
        return any(bool((self[method, name, seed] or {}).get("too_long")) for seed in SEEDS)

    def values(self, method: str, name: str, seeds: Iterable[int] = SEEDS) -> list[float]:
        """Return the scores of a method on a set, without the runs that failed."""
        found = (self[method, name, seed] for seed in seeds)
        return [run["score"] for run in found if run is not None and run["score"] is not None]


def measured(make: Make, one: Problem, seed: int) -> Run:
    """Fit and judge; what goes wrong is part of the result. A fit of more than `LONGEST` CPU seconds says so."""
    started = time.process_time()
    try:
        made = make(one)
        if not hasattr(made, "fit"):
            kind = ImpreciseRegressor if isinstance(one.evidence, Reals) else ImpreciseClassifier
            made = kind(made, epochs=EPOCHS)
        if hasattr(made, "set_params"):
            made.set_params(random_state=seed)
        made.fit(one.x, one.evidence)
        seconds = time.process_time() - started
        run: Run = {"score": score(made, one), "cpu_seconds": round(seconds, 2)}
    except Exception as error:  # a failure is shown in the table, it must not end the run of all others
        return {"score": None, "error": f"{type(error).__name__}: {error}"[:200]}
    return run | ({"too_long": True} if seconds > LONGEST else {})


def score(model: Any, one: Problem) -> float:
    """Return accuracy; for tags the mean average precision; for numbers R²."""
    if isinstance(one.evidence, Tags):
        return float(mean_average_precision(one.y_test, model.predict_proba(one.x_test)))
    if isinstance(one.evidence, Reals):
        gap = np.mean((model.predict(one.x_test) - one.y_test) ** 2)
        return float(1 - gap / np.var(one.y_test))
    return float((model.predict(one.x_test) == one.y_test).mean())


def go_on(runs: Runs, wanted: Iterable[tuple[str, str, int, Make]], seconds: float) -> int:
    """Measure what is not there yet until the time is up; return how many runs are still missing."""
    until, missing = time.monotonic() + seconds, 0
    for method, name, seed, make in wanted:
        if runs[method, name, seed] is not None or runs.too_long(method, name):
            continue
        if time.monotonic() > until:
            missing += 1
            continue
        run = measured(make, problem(name, seed), seed)
        runs.store((method, name, seed), run)
        print(f"{name}, seed {seed}, {method}: {run}", flush=True)
    return missing
