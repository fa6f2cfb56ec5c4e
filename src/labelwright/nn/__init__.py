"""The one training loop and its services. Needs the extra ``labelwright[torch]``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_HERE = "labelwright.nn"

# Public names and the files they live in. They load on first use.
_FACE = {
    name: f"{_HERE}.{room}"
    for room, names in {
        "batch": ("Batch", "Batches", "Clock"),
        "stream": ("InOrder", "Sampler", "Shuffled", "Stream", "Weighted", "class_balanced"),
        "views": (
            "IMAGE_VIEWS",
            "TABLE_VIEWS",
            "ColourJitter",
            "Cutout",
            "FeatureDropout",
            "FlipCrop",
            "InTurn",
            "Jitter",
            "View",
            "ViewPair",
            "unchanged",
        ),
        "task": ("Rows", "Task"),
        "objective": ("Losses", "Objective"),
        "supervised": ("CrossEntropy",),
        "optimizers": ("SGD", "AdamW", "Configured", "Using"),
        "training": ("Training",),
        "stopping": ("Stopping", "evidence_agreement"),
        "loop": ("Loop", "Outputs"),
        "history": ("History",),
        "guards": ("TrainingFailed",),
        "memory": ("FeatureQueue", "LossHistory", "RowMemory"),
        "ema": ("AveragedNet",),
        "schedules": (
            "Constant",
            "Cosine",
            "CosineRestarts",
            "Exponential",
            "Steps",
            "linear_rampup",
            "sigmoid_rampup",
        ),
        "backbones": (
            "GAT",
            "GCN",
            "MLP",
            "Linear",
            "Module",
            "Network",
            "PointNet",
            "ResNet18",
            "SmallCNN",
            "Standardized",
            "TwoTowers",
            "UNet",
        ),
    }.items()
    for name in names
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'labelwright.nn' has no attribute {name!r}")
    with naming_extra("training networks"):
        return getattr(import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
