"""CIFAR-10N trained: cross-entropy, ELR, DivideMix and imprecise label learning on labels as people gave them.

With a GPU: ResNet-18 on the images, channels last, bf16, augmentation on the device. Without one: an MLP on the 256
cached features, the same script. Every run (method, labels, seed) is stored as soon as it ends, with its machine and
wall time, and is not done again: a cut series goes on where it stopped.

Run: ``python -m benchmarks.cifar10n_training [--labels worse aggregate] [--seeds 3] [--epochs N]``. It is no part of
``python -m benchmarks`` without names, because a GPU series takes hours.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.datasets import cifar10_images, cifar10n_features, cifar10n_labels

from benchmarks.records import RESULTS, machine
from labelwright.atomic import write_aside
from labelwright.evidence import Hard
from labelwright.learn.noise_start import estimated_transition
from labelwright.learn.noisy import DivideMix, EarlyLearningRegularization, ImpreciseLabelLearner, LearntNoise
from labelwright.nn import (
    IMAGE_VIEWS,
    MLP,
    SGD,
    TABLE_VIEWS,
    Cosine,
    CrossEntropy,
    FlipCrop,
    Loop,
    Objective,
    ResNet18,
    Task,
    Training,
    ViewPair,
)

COMMAND = "python -m benchmarks.cifar10n_training"
FILE = RESULTS / "cifar10n_training.json"
GPU = torch.cuda.is_available()
MEAN = np.array([0.4914, 0.4822, 0.4465], dtype=np.float32)[:, None, None]
STD = np.array([0.2470, 0.2435, 0.2616], dtype=np.float32)[:, None, None]
METHODS: dict[str, Callable[[NDArray[np.float64]], Objective]] = {
    "cross-entropy": lambda start: CrossEntropy(),
    "ELR": lambda start: EarlyLearningRegularization(lam=3.0, beta=0.7),
    "DivideMix": lambda start: DivideMix(),
    "imprecise label learning": lambda start: ImpreciseLabelLearner(LearntNoise(start)),
}


def pictures(part: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return standardised images (n, 3, 32, 32) and clean labels."""
    images = cifar10_images("train" if part == "train" else "test")
    return (images.pixels().transpose(0, 3, 1, 2).astype(np.float32) / 255 - MEAN) / STD, images.labels


def world(labels: str, rows: int | None, seed: int) -> dict[str, Any]:
    """Return training inputs with human labels, clean test rows, and how they are trained on."""
    train, test = cifar10n_features(labels, rows=rows, seed=seed)  # type: ignore[arg-type]
    found = {"features": train.X, "given": train.given, "y_test": test.truth}
    if not GPU:
        return found | {"x": train.X / 32, "x_test": test.X / 32, "net": MLP((512, 512)), "views": TABLE_VIEWS}
    x, _ = pictures("train")
    x_test, y_test = pictures("test")
    return found | {
        "x": x[train.rows],
        "x_test": x_test,
        "y_test": y_test,
        "given": cifar10n_labels(labels)[train.rows],  # type: ignore[arg-type]
        "net": ResNet18(),
        "views": ViewPair(FlipCrop(4), IMAGE_VIEWS.strong),
    }


def one(method: str, labels: str, seed: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """Train once and return accuracy, time and machine."""
    data = world(labels, rows, seed)
    start = estimated_transition(data["features"], data["given"], 10, seed)
    task = Task(data["x"], Hard(data["given"], 10), net=data["net"], views=data["views"])
    lr, decay = (0.05, 5e-4) if GPU else (0.02, 1e-3)
    training = Training(
        epochs=epochs,
        batch_size=128,
        optimizer=SGD(lr, 0.9, decay, nesterov=True, schedule=Cosine(), clip=5.0),
        seed=seed,
        precision="bf16-mixed" if GPU else "32-true",
        compile=GPU,
        channels_last=GPU,
    )
    started = time.perf_counter()
    loop = Loop(METHODS[method](start), task, training)
    loop.fit()
    seconds = time.perf_counter() - started
    answer = loop.predict_proba(data["x_test"]).argmax(dim=1).cpu().numpy()
    return {
        "method": method,
        "labels": labels,
        "seed": seed,
        "rows": len(task.rows),
        "epochs": epochs,
        "network": "ResNet-18 on images" if GPU else "MLP 512-512 on 256 features",
        "accuracy": float((answer == data["y_test"]).mean()),
        "seconds": round(seconds, 1),
        "machine": machine() | ({"gpu": torch.cuda.get_device_name()} if GPU else {}),
    }


def stored() -> list[dict[str, Any]]:
    """Return the runs done so far."""
    return json.loads(FILE.read_text(encoding="utf-8"))["runs"] if FILE.is_file() else []


def keep(runs: list[dict[str, Any]]) -> Path:
    """Write all runs in one step."""
    record = {"schema_version": 1, "command": COMMAND, "runs": runs}
    with write_aside(FILE) as aside:
        aside.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    FILE.chmod(0o644)
    return FILE


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Do the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", nargs="+", default=["worse"])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=120 if GPU else 20)
    parser.add_argument("--rows", type=int, default=None if GPU else 10_000)
    asked = parser.parse_args(arguments)
    runs = stored()
    for seed in range(asked.seeds):
        for labels in asked.labels:
            for method in asked.methods:
                network = "ResNet-18 on images" if GPU else "MLP 512-512 on 256 features"
                key = {"method": method, "labels": labels, "seed": seed, "epochs": asked.epochs, "network": network}
                if any(key.items() <= run.items() for run in runs):
                    continue
                runs.append(one(method, labels, seed, asked.epochs, asked.rows))
                keep(runs)
                print(f"{method:<26}{labels:<12}seed {seed}  {runs[-1]['accuracy']:.4f}  {runs[-1]['seconds']} s")
    return runs


if __name__ == "__main__":
    main()
