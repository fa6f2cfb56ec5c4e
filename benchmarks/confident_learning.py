"""How fast labels are checked, cleanlab and labelwright in turn in one process, beside the time of a copy.

Run: ``python -m benchmarks.confident_learning`` (about 6 minutes; ``--quick`` leaves out the 4 GB file)
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.records import medians, store
from labelwright.audit import (
    compute_confident_joint,
    find_label_issues,
    find_label_issues_batched,
    multilabel_find_label_issues,
    multilabel_quality_scores,
)

COMMAND = "python -m benchmarks.confident_learning"
SHAPES = ((200_000, 100), (1_000_000, 10))
FILE_ROWS, FILE_CLASSES = 200_000, 5000


def world(n: int, n_classes: int, dtype: type = np.float64) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """Return labels of which a tenth are wrong, and probabilities that mostly know the truth."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, n_classes, n)
    labels = np.where(rng.random(n) < 0.1, rng.integers(0, n_classes, n), truth)
    probs = rng.gamma(0.3, size=(n, n_classes)).astype(dtype)
    probs[np.arange(n), truth] += probs.sum(axis=1) * rng.random(n).astype(dtype) * 2
    probs /= probs.sum(axis=1, keepdims=True)
    return labels, probs


def joint_row(n: int, n_classes: int) -> dict[str, Any]:
    """Time thresholds and confident joint."""
    from cleanlab.count import compute_confident_joint as peer

    labels, probs = world(n, n_classes)
    touched = np.empty_like(probs)
    touched[:] = 0
    seconds = medians(
        {
            "ours": lambda: compute_confident_joint(labels, probs),
            "cleanlab": lambda: peer(labels, probs),
            "copy": lambda: np.copyto(touched, probs),
        }
    )
    same = bool(np.array_equal(compute_confident_joint(labels, probs), peer(labels, probs)))
    floors = seconds["ours"] / seconds["copy"]
    return {
        "work": f"thresholds and confident joint, {n} x {n_classes} float64",
        **_rounded(seconds),
        "times_faster": round(seconds["cleanlab"] / seconds["ours"], 1),
        "copies": round(floors, 2),
        "equal": same,
        "must": "equal to the count, at most 4 copies",
        "holds": same and floors <= 4,
    }


def issues_row(n: int, n_classes: int) -> dict[str, Any]:
    """Time flags and ranking."""
    from cleanlab.filter import find_label_issues as peer

    labels, probs = world(n, n_classes)
    ranked = {"return_indices_ranked_by": "self_confidence"}
    seconds = medians(
        {
            "ours": lambda: find_label_issues(labels, probs, **ranked),
            "cleanlab": lambda: peer(labels, probs, **ranked),
        }
    )
    same = bool(np.array_equal(find_label_issues(labels, probs, **ranked), peer(labels, probs, **ranked)))
    times = seconds["cleanlab"] / seconds["ours"]
    return {
        "work": f"find_label_issues, flags and ranking, {n} x {n_classes} float64",
        **_rounded(seconds),
        "times_faster": round(times, 1),
        "equal": same,
        "must": "same rows in the same order, at least 20 times faster",
        "holds": same and times >= 20,
    }


def multilabel_rows(n: int = 200_000, n_classes: int = 50) -> list[dict[str, Any]]:
    """Time the scores of rows with many tags; the peer takes lists only, so it gets lists and so do we."""
    from cleanlab.multilabel_classification.rank import get_label_quality_scores as peer

    rng = np.random.default_rng(0)
    tags = rng.random((n, n_classes)) < 0.06
    probs = np.clip(np.where(tags, 0.8, 0.1) + rng.normal(0, 0.15, tags.shape), 0.001, 0.999)
    lists = [np.flatnonzero(row).tolist() for row in tags]
    seconds = medians(
        {
            "ours": lambda: multilabel_quality_scores(lists, probs),
            "cleanlab": lambda: peer(lists, probs),
            "ours_from_matrix": lambda: multilabel_quality_scores(tags, probs),
        }
    )
    same = bool(np.allclose(multilabel_quality_scores(lists, probs), peer(lists, probs), rtol=0, atol=1e-12))
    times = seconds["cleanlab"] / seconds["ours"]
    return [
        {
            "work": f"multilabel scores, {n} x {n_classes} float64, from lists",
            **_rounded(seconds),
            "times_faster": round(times, 1),
            "equal": same,
            "must": "at least 5 times faster",
            "holds": same and times >= 5,
        },
        _multilabel_flags(lists[:20_000], probs[:20_000]),
    ]


def _multilabel_flags(lists: list[list[int]], probs: NDArray[np.float64]) -> dict[str, Any]:
    from cleanlab.multilabel_classification.filter import find_label_issues as peer

    seconds = medians(
        {
            "ours": lambda: multilabel_find_label_issues(lists, probs),
            "cleanlab": lambda: peer(lists, probs, n_jobs=1),
        },
        repeats=5,
    )
    same = bool(np.array_equal(multilabel_find_label_issues(lists, probs), peer(lists, probs, n_jobs=1)))
    return {
        "work": f"multilabel flags, {len(lists)} x {probs.shape[1]} float64, from lists",
        **_rounded(seconds),
        "times_faster": round(seconds["cleanlab"] / seconds["ours"], 1),
        "equal": same,
        "must": "",
        "holds": None,
    }


def file_row(folder: Path) -> dict[str, Any]:
    """Time flags and ranking from a file, beside reading the file twice; watch the anonymous memory."""
    path = folder / "pred_probs.npy"
    labels = write_file(path)
    ranked = {"return_indices_ranked_by": "self_confidence"}
    before = _anonymous_mb()
    peak, ours = _with_peak(lambda: find_label_issues_batched(labels, pred_probs_file=path, **ranked))
    seconds = medians(
        {
            "ours": lambda: find_label_issues_batched(labels, pred_probs_file=path, **ranked),
            "reading_twice": lambda: (_read(path), _read(path)),
        }
    )
    in_memory = find_label_issues(labels, np.load(path), **ranked)
    same = bool(np.array_equal(ours, in_memory))
    ratio = seconds["ours"] / seconds["reading_twice"]
    return {
        "work": f"the same from a {FILE_ROWS} x {FILE_CLASSES} float32 file (4 GB)",
        **_rounded(seconds),
        "readings": round(ratio, 2),
        "anonymous_mb": round(peak - before),
        "equal": same,
        "must": "anonymous memory under 1000 MB, at most 3 times reading twice, same answer as in memory",
        "holds": same and ratio <= 3 and peak - before < 1000,
    }


def write_file(path: Path) -> NDArray[np.int64]:
    """Write float32 probabilities of 200 000 rows and 5000 classes; return the labels."""
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(FILE_ROWS, FILE_CLASSES))
    rng = np.random.default_rng(0)
    truth = rng.integers(0, FILE_CLASSES, FILE_ROWS)
    labels = np.where(rng.random(FILE_ROWS) < 0.1, rng.integers(0, FILE_CLASSES, FILE_ROWS), truth)
    for start in range(0, FILE_ROWS, 2000):
        block = rng.random((2000, FILE_CLASSES), dtype=np.float32) ** 8
        rows = np.arange(2000)
        block[rows, truth[start : start + 2000]] += 300 * rng.random(2000, dtype=np.float32)
        confused = rng.random(2000) < 0.2
        block[rows[confused], (truth[start : start + 2000][confused] + 1) % FILE_CLASSES] += 200
        out[start : start + 2000] = block / block.sum(axis=1, keepdims=True)
    out.flush()
    return labels


def _read(path: Path) -> None:
    buffer = bytearray(8 << 20)
    with path.open("rb", buffering=0) as stream:
        while stream.readinto(buffer):
            pass


def _anonymous_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def _with_peak(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the largest anonymous memory in MB while `call` ran, looked at every 5 ms, and what it returned."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], _anonymous_mb())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = call()
    finally:
        done.set()
        watcher.join()
    return peak[0], result


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {f"{name}_s": round(value, 4) for name, value in seconds.items()}


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    warnings.filterwarnings("ignore")
    rows = [joint_row(*shape) for shape in SHAPES] + [issues_row(*shape) for shape in SHAPES] + multilabel_rows()
    if "--quick" in sys.argv:
        return rows
    with tempfile.TemporaryDirectory() as folder:
        rows.append(file_row(Path(folder)))
    store("confident_learning", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row, flush=True)
