"""The report: what an audit found, as plain data and as one HTML page."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelwright.report.html import render
    from labelwright.report.view import build_view

# `redact` stays out: it is also the name of the module that holds it.
_FACE = {"build_view": "labelwright.report.view", "render": "labelwright.report.html"}

__all__ = ["build_view", "render"]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
