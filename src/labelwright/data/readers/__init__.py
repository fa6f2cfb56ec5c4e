"""Readers: a file, a folder or a data frame becomes a `Source`, every cell as it was written.

Nothing is unpickled, nothing is fetched, and files outside the data's own folder (or the `root` given) stay shut.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelwright.data.readers.dispatch import read_source
    from labelwright.data.readers.frames import from_frame

_FACE = {
    "read_source": "labelwright.data.readers.dispatch",
    "from_frame": "labelwright.data.readers.frames",
}

__all__ = ["from_frame", "read_source"]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.data.readers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
