"""How long a person waits before anything happens: import, --help, and the demo with a cold cache.

Run: ``python -m benchmarks.startup``
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.records import store

COMMAND = "python -m benchmarks.startup"


def seconds(arguments: list[str], repeats: int = 5, **environment: str) -> float:
    """Return the median wall time of a whole process, after one warm-up run."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True, env={**os.environ, **environment})
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def cold_demo() -> float:
    """Return the wall time of the demo with no cache of ours and no compiled kernels."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = {"LABELWRIGHT_CACHE": str(Path(folder) / "cache"), "NUMBA_CACHE_DIR": str(Path(folder) / "numba")}
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "labelwright", "demo", "--out", str(Path(folder) / "out")],
            check=True,
            capture_output=True,
            env={**os.environ, **fresh},
            cwd=folder,
        )
        return time.perf_counter() - started


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    bare = seconds([sys.executable, "-c", "pass"])
    imported = seconds([sys.executable, "-c", "import labelwright"]) - bare
    helped = seconds([sys.executable, "-m", "labelwright", "--help"])
    demo = statistics.median(cold_demo() for _ in range(3))
    rows: list[dict[str, Any]] = [
        {
            "work": "import labelwright, interpreter start taken off",
            "seconds": imported,
            "must": "0.3 s",
            "holds": imported <= 0.3,
        },
        {"work": "labelwright --help, whole process", "seconds": helped, "must": "0.6 s", "holds": helped <= 0.6},
        {"work": "labelwright demo, cold cache, whole process", "seconds": demo, "must": "60 s", "holds": demo <= 60},
    ]
    store("startup", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row)
