"""The studio: see what is wrong with the labels of a data set and mend it, in the browser.

Needs the extra ``[studio]``. `open_studio` makes a project of a data set, `create_app` its web application.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from labelwright.errors import naming_extra

_FACE = {
    "Client": "labelwright.studio.client",
    "Studio": "labelwright.studio.studio",
    "create_app": "labelwright.studio.app",
    "open_studio": "labelwright.studio.studio",
}

__all__ = sorted(_FACE)


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'labelwright.studio' has no attribute {name!r}")
    with naming_extra("the studio"):
        return getattr(import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
