"""What `--features efficientnet` brings to an audit of images, beside the built-in features.

5000 images of CIFAR-10 and the human labels of CIFAR-10N; a label is wrong where it differs from the clean one. The
whole audit runs as a user would run it. Nothing was chosen on these figures.

Run: ``python -m benchmarks.image_encoders``
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from proofs.datasets import CIFAR10_CLASSES, Noise, cifar10_images, cifar10n_labels

from benchmarks.records import spent, store
from labelwright import Audit
from labelwright.metrics.ranking import average_precision

COMMAND = "python -m benchmarks.image_encoders"
ROWS, WANTED = 5000, 0.05
ENCODERS = {"built-in": None, "efficientnet": "efficientnet"}
LABELS: tuple[Noise, ...] = ("aggregate", "random1", "worse")


def audited(table: pa.Table, features: str | None, wrong: NDArray[np.bool_]) -> dict[str, float]:
    """Return how well one audit ranks and flags wrong labels."""
    seconds, audit = spent(Audit(table, label="label", image="image", features=features, jobs=2).run)
    labels = next(scores for scores in audit.result.scores if scores.kind == "label")
    flagged = labels.is_issue
    return {
        "average_precision": round(average_precision(wrong, -labels.score), 4),
        "flags_precision": round(float(wrong[flagged].mean()), 4),
        "flags_recall": round(float(flagged[wrong].mean()), 4),
        "estimated_noise": round(float(audit.summary["noise_rate"]["estimate"]), 4),
        "seconds": round(seconds.wall, 1),
    }


def main() -> list[dict[str, Any]]:
    """Measure and store."""
    images = cifar10_images("train")
    chosen = np.sort(np.random.default_rng(1).choice(len(images.labels), ROWS, replace=False))
    pictures = pa.array([images.jpeg[i] for i in chosen], pa.binary())
    rows = []
    for noise in LABELS:
        given = cifar10n_labels(noise)[chosen]
        wrong = given != images.labels[chosen]
        table = pa.table({"image": pictures, "label": [CIFAR10_CLASSES[k] for k in given]})
        found = {name: audited(table, features, wrong) for name, features in ENCODERS.items()}
        gain = found["efficientnet"]["average_precision"] - found["built-in"]["average_precision"]
        rows += [
            {
                "work": f"CIFAR-10N {noise}, {ROWS} images: {name}",
                **figures,
                "true_noise": round(float(wrong.mean()), 4),
                "must": f"+{WANTED} of average precision" if name == "efficientnet" else "",
                "holds": gain >= WANTED if name == "efficientnet" else None,
            }
            for name, figures in found.items()
        ]
    store("image_encoders", COMMAND, rows)
    return rows


if __name__ == "__main__":
    for row in main():
        print(row)
