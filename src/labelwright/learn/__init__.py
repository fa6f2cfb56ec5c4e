"""Learn well from imperfect labels: one estimator, and a room for each kind of imperfection.

The sub-families have their own faces: `labelwright.learn.noisy`, `.partial`, `.bags`, `.regression`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_HERE = "labelwright.learn"

# Public names and the files they live in. They load on first use.
_FACE = {
    name: f"{_HERE}.{room}"
    for room, names in {
        "classifier": ("ImpreciseClassifier",),
        "regressor": ("ImpreciseRegressor",),
        "noise_start": ("estimated_transition",),
        "choose": ("Choice", "choose_method"),
        "gathered": ("LabelSources",),
        "workflow": ("TrainOptions", "train_model"),
        "trained_model": ("TrainedModel",),
        "calibrate": ("calibrate_model",),
        "evaluate": ("evaluate_predictions",),
        "evaluation": ("accuracy_under_noise", "checked_accuracy", "corrected_accuracy"),
    }.items()
    for name in names
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'labelwright.learn' has no attribute {name!r}")
    with naming_extra("training networks"):
        return getattr(import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
