"""labelwright: machine learning with imperfect labels."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from labelwright.facade import Audit
    from labelwright.versions import check, compare

# Public names and where they live. They load on first use, so that importing labelwright stays cheap.
_FACE = {"Audit": "labelwright.facade", "check": "labelwright.versions", "compare": "labelwright.versions"}

__all__ = ["Audit", "__version__", "check", "compare"]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
