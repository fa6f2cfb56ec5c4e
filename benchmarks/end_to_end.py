"""Whole audits through the command line: wall time, and the peak memory of all its processes together.

Run: ``python -m benchmarks.end_to_end`` (needs the real data; see ``proofs/datasets.py``).
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.records import store

COMMAND = "python -m benchmarks.end_to_end"


def audit(data: Path, *options: str) -> dict[str, Any]:
    """Run one audit with a cold cache; return its seconds, its peak memory in GB and its summary."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "labelwright", "audit", str(data), *options, "--out", str(out), "--quiet"]
        started = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, "LABELWRIGHT_CACHE": str(Path(folder) / "cache")})
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        if process.returncode != 0:
            raise RuntimeError(f"the audit ended with exit code {process.returncode}")
        return {
            "seconds": seconds,
            "peak_gb": peak,
            "report_mb": (out / "report.html").stat().st_size / 1e6,
            "summary": json.loads((out / "summary.json").read_text()),
        }


def tree_memory(pid: int) -> float:
    """Return the memory of a process and all its descendants in GB, shared pages counted once; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [child for task in tasks for child in task.read_text().split()]
    except OSError:
        return 0.0
    own = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e9
    return own + sum(tree_memory(int(child)) for child in children)


def write_texts(path: Path, n: int = 30_000, n_classes: int = 200, seed: int = 0) -> None:
    """Write `n` rows of real sentences, each with words of its class mixed in, 5 % of the labels wrong."""
    from proofs.datasets import texts

    names: tuple[Literal["sst2", "ag_news", "sms"], ...] = ("sst2", "ag_news", "sms")
    sentences = [line for name in names for line in texts(name).texts]
    rng = random.Random(seed)
    vocabulary = sorted({word for sentence in sentences[:20_000] for word in sentence.split() if word.isalpha()})
    topics = [rng.sample(vocabulary, 12) for _ in range(n_classes)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "topic"])
        for i in range(n):
            k = rng.randrange(n_classes)
            given = rng.randrange(n_classes) if rng.random() < 0.05 else k
            words = rng.choice(sentences).split() + rng.choices(topics[k], k=4)
            rng.shuffle(words)
            writer.writerow([f"{' '.join(words)} {i % 7}", f"topic {given:03d}"])


def write_cifar(folder: Path) -> Path:
    """Write the 50,000 CIFAR-10 training images as JPEG files, one folder a class, labels from `aggregate`."""
    import pyarrow.parquet as pq
    from proofs.datasets import CIFAR10_CLASSES
    from proofs.datasets import folder as data_folder

    base = data_folder() / "cifar10"
    images = pq.read_table(base / "train.parquet", columns=["image"])["image"].to_pylist()
    given = pq.read_table(base / "cifar10n.parquet", columns=["aggregate"])["aggregate"].to_numpy()
    for name in CIFAR10_CLASSES:
        (folder / name).mkdir(parents=True)
    for i, image in enumerate(images):
        (folder / CIFAR10_CLASSES[int(given[i])] / f"{i:05d}.jpg").write_bytes(image)
    return folder


def main() -> list[dict[str, Any]]:
    """Measure and store; each audit in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.csv"
        write_texts(texts)
        found = audit(texts, "--label", "topic")
        rows.append(_row("30k texts, 200 classes, end to end", found, seconds=90, gigabytes=2))
    with tempfile.TemporaryDirectory() as folder:
        found = audit(write_cifar(Path(folder) / "cifar"))
        rows.append(_row("50k CIFAR-10 JPEGs, end to end", found, seconds=480, gigabytes=4))
    store("end_to_end", COMMAND, rows)
    return rows


def _row(work: str, found: dict[str, Any], *, seconds: float, gigabytes: float) -> dict[str, Any]:
    rate = found["summary"]["noise_rate"]
    return {
        "work": work,
        "seconds": found["seconds"],
        "peak_gb": found["peak_gb"],
        "report_mb": found["report_mb"],
        "noise_rate_estimated": float(np.round(rate["estimate"], 4)),
        "must": f"{seconds:.0f} s, {gigabytes:.0f} GB, report under 15 MB",
        "holds": found["seconds"] <= seconds and found["peak_gb"] <= gigabytes and found["report_mb"] < 15,
    }


if __name__ == "__main__":
    for row in main():
        print(row)
