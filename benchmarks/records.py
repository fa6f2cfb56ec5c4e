"""One form for every measured number: what was done, what came out, against what, on which machine."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Return the processor, the cores and the versions that a figure depends on."""
    import numpy

    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0] if models else name
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
    }


def medians(calls: Mapping[str, Callable[[], Any]], repeats: int = 5) -> dict[str, float]:
    """Time each call in turn, round after round, after one round of warm-up; median seconds of each."""
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


@dataclass(frozen=True)
class Spent:
    """Seconds that a call took: by the clock on the wall, and of processors, all threads together."""

    wall: float
    processor: float


def spent(call: Callable[[], Any]) -> tuple[Spent, Any]:
    """Return the seconds of one call and its result."""
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return Spent(time.perf_counter() - wall, time.process_time() - processor), result


def medians_spent(calls: Mapping[str, Callable[[], Any]], repeats: int = 5) -> dict[str, Spent]:
    """As `medians`, with processor seconds beside those of the clock."""
    for call in calls.values():
        call()
    rounds = [{name: spent(call)[0] for name, call in calls.items()} for _ in range(repeats)]
    return {
        name: Spent(
            statistics.median(one[name].wall for one in rounds),
            statistics.median(one[name].processor for one in rounds),
        )
        for name in calls
    }


def load() -> float:
    """Return how many processes waited for a processor in the last minute, on average: how quiet the machine is."""
    return round(os.getloadavg()[0], 2)


def renewed(name: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the stored rows of a benchmark with those of the same ``work`` in place of the old ones, new ones last."""
    path = RESULTS / f"{name}.json"
    old = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    fresh = {row["work"]: row for row in rows}
    kept = [fresh.pop(row["work"], row) for row in old]
    return [*kept, *fresh.values()]


def store(name: str, command: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write the rows of one benchmark to ``results/NAME.json``.

    Each row has ``work``, ``must``, ``holds`` (None where nothing is demanded) and the measured figures.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {
        "schema_version": 1,
        "command": command,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "rows": list(rows),
    }
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path
