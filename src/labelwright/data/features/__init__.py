"""From rows to vectors without any download: text, tables and images, or vectors that the caller brings.

Everything is seeded and the same on every run; an optional package never changes what the default is.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FACE: dict[str, str] = {
    "Features": "labelwright.data.features.build",
    "FittedFeatures": "labelwright.data.features.fitted",
    "fit_features": "labelwright.data.features.fitted",
    "build_features": "labelwright.data.features.build",
    "text_features": "labelwright.data.features.text",
    "table_features": "labelwright.data.features.table",
    "image_features": "labelwright.data.features.patches",
}

__all__ = [
    "Features",
    "FittedFeatures",
    "build_features",
    "fit_features",
    "image_features",
    "table_features",
    "text_features",
]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.data.features' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
