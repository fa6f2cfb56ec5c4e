"""Built-in features and out-of-fold predictions on real data: seconds, peak memory and what they are worth.

Run: ``python -m benchmarks.features`` (needs the real data). Each row is one round in a process of its own, without
a cache; the out-of-fold figures are for 5 folds and 2 processes. Memory is the largest sum of proportional set sizes
of the process and its workers; CPU seconds count both, and tell what the seconds would be on a machine less busy.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.records import store

COMMAND = "python -m benchmarks.features"
JOBS = 2


def texts_200() -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """30,000 texts of 200 classes (5 % of the labels wrong), as the end-to-end benchmark makes them."""
    from benchmarks.end_to_end import write_texts
    from labelwright.data.features import text_features

    with tempfile.TemporaryDirectory() as folder:
        write_texts(Path(folder) / "texts.csv")
        with (Path(folder) / "texts.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    labels = np.unique([row["topic"] for row in rows], return_inverse=True)[1]
    started = time.perf_counter()
    matrix, _ = text_features([row["text"] for row in rows], jobs=JOBS)
    return matrix, labels, time.perf_counter() - started


def ag_news() -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """7,600 news items of 4 classes."""
    from proofs.datasets import texts

    from labelwright.data.features import text_features

    data = texts("ag_news")
    started = time.perf_counter()
    matrix, _ = text_features(data.texts, jobs=JOBS)
    return matrix, data.labels, time.perf_counter() - started


def cifar10() -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """50,000 CIFAR-10 JPEGs with their published labels."""
    import pyarrow.parquet as pq
    from proofs.datasets import folder

    from labelwright.data.dataset import Source
    from labelwright.data.features import image_features
    from labelwright.data.images import ImageRows

    path = folder() / "cifar10" / "train.parquet"
    table = pq.read_table(path)
    rows = ImageRows(Source(table, path, "parquet", path.parent), "image")
    started = time.perf_counter()
    matrix, _ = image_features(rows, jobs=JOBS)
    return matrix, table["label"].to_numpy().astype(np.int64), time.perf_counter() - started


def adult() -> tuple[NDArray[np.float32], NDArray[np.int64], float]:
    """48,842 rows of the Adult census."""
    from proofs.datasets import adult as read

    from labelwright.data.features import table_features

    table = read()
    labels = table["income"].to_numpy().astype(np.int64)
    started = time.perf_counter()
    matrix, _ = table_features(table.drop_columns(["income", "split"]))
    return matrix, labels, time.perf_counter() - started


WORK = {
    "texts_200": ("30,000 texts x 200 classes: TF-IDF + SVD, 5 folds", 60.0, 2.0),
    "ag_news": ("AG News, 7,600 texts: TF-IDF + SVD, 5 folds", None, None),
    "cifar10": ("50,000 CIFAR-10 JPEGs: patch features, 5 folds", 360.0, 4.0),
    "adult": ("Adult, 48,842 rows: typed columns, 5 folds", None, None),
}


class Peak:
    """The largest memory of this process and its children, looked at twenty times a second."""

    def __enter__(self) -> Peak:
        self.bytes, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            self.bytes = max(self.bytes, sum(map(_proportional_bytes, ["self", *children])))


def _proportional_bytes(process: str) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def measure(name: str) -> dict[str, Any]:
    """Do one piece of work in this process and return its figures."""
    from joblib.externals.loky import get_reusable_executor

    from labelwright.data.crossval import out_of_fold_probs

    with Peak() as peak:
        matrix, labels, seconds = globals()[name]()
        started = time.perf_counter()
        probs = out_of_fold_probs(matrix, labels, int(labels.max()) + 1, jobs=JOBS)
        fold_seconds = time.perf_counter() - started
    loss = -np.log(np.maximum(probs[np.arange(len(labels)), labels], 1e-12)).mean()
    get_reusable_executor().shutdown(wait=True)  # so that the time of the workers is counted
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    what, most_seconds, most_gb = WORK[name]
    total, gigabytes = seconds + fold_seconds, peak.bytes / 1e9
    return {
        "work": what,
        "feature_seconds": seconds,
        "fold_seconds": fold_seconds,
        "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in spent),
        "peak_gb": gigabytes,
        "dimensions": matrix.shape[1],
        "accuracy": float((probs.argmax(axis=1) == labels).mean()),
        "log_loss": float(loss),
        "must": "" if most_seconds is None else f"{most_seconds:.0f} s, {most_gb:.0f} GB",
        "holds": None if most_seconds is None or most_gb is None else total < most_seconds and gigabytes < most_gb,
    }


def main() -> list[dict[str, Any]]:
    """Measure each piece of work in a fresh process and store the figures."""
    rows = []
    for name in WORK:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.features", name], check=True, capture_output=True, text=True
        )
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    store("features", COMMAND, rows)
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        for row in main():
            print(row)
