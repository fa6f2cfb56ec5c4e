"""The papers that labelwright is founded on: find the component for a problem, and measure again what is claimed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FACE = {
    "All": "labelwright.catalogue.claims",
    "AtLeast": "labelwright.catalogue.claims",
    "AtMost": "labelwright.catalogue.claims",
    "Beats": "labelwright.catalogue.claims",
    "DataMissing": "labelwright.catalogue.claims",
    "Holds": "labelwright.catalogue.claims",
    "NotWorse": "labelwright.catalogue.claims",
    "Verdict": "labelwright.catalogue.claims",
    "Paper": "labelwright.catalogue.papers",
    "find_paper": "labelwright.catalogue.papers",
    "load_papers": "labelwright.catalogue.papers",
    "select_papers": "labelwright.catalogue.papers",
    "Hit": "labelwright.catalogue.search",
    "search_papers": "labelwright.catalogue.search",
    "Outcome": "labelwright.catalogue.prove",
    "choose_proofs": "labelwright.catalogue.prove",
    "find_proofs": "labelwright.catalogue.prove",
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.catalogue' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
