"""Write a set of crowd votes as a CSV file: ``python -m proofs.crowd_csv weather_amt weather.csv``.

One row a vote: task, worker, label, and in ``checked`` the true label of every fifth task. The guide about many
annotators walks through ``weather_amt`` (300 tweets, orchidproject/active-crowd-toolkit, Apache-2.0).
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from proofs.datasets import crowd

CLASSES = {"weather_amt": ("negative", "neutral", "positive", "unrelated", "unclear")}
EVERY = 5


def write(name: str, path: Path) -> Path:
    """Write the votes of a set of classes and return the path."""
    votes = crowd(name)
    names = CLASSES.get(name) or tuple(str(k) for k in range(int(votes.label.max()) + 1))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "worker", "label", "checked"])
        for task, worker, label in zip(votes.task.tolist(), votes.worker.tolist(), votes.label.tolist(), strict=True):
            known = votes.truth[task] if task % EVERY == 0 else -1
            writer.writerow([f"task-{task}", f"worker-{worker}", names[label], names[known] if known >= 0 else ""])
    return path


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
