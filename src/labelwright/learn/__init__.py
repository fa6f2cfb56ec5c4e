"""Learn well from labels that are noisy, partial, positive-only, aggregated or real-valued and imperfect.

Each kind has a room of its own: `learn.noisy`, `learn.partial`, `learn.bags`, `learn.regression`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Public names and the files they live in. They load on first use.
_FACE: dict[str, str] = {}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.learn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
