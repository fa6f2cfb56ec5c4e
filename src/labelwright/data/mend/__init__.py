"""Mending: decisions about rows, made true in a new copy of the data; what was not decided keeps its bytes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public names and where they live. They load on first use.
_FACE: dict[str, str] = {
    "Applied": "labelwright.data.mend.run",
    "AutoDecisions": "labelwright.data.mend.auto",
    "Decision": "labelwright.data.mend.decisions",
    "Decisions": "labelwright.data.mend.decisions",
    "MendOptions": "labelwright.data.mend.formats",
    "apply_decisions": "labelwright.data.mend.run",
    "auto_decisions": "labelwright.data.mend.auto",
    "read_decisions": "labelwright.data.mend.decisions",
    "undo_moves": "labelwright.data.mend.undo",
}


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.data.mend' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
