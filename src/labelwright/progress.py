"""How long work tells that it is under way: a protocol that libraries below the command line can speak.

The default says nothing. The command line hands in a bar. `advance` may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Something that can show the progress of named stages."""

    def stage(self, name: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Open a stage of `total` steps (None = unknown); the value entered is ``advance(steps)``."""
        ...


class Silent:
    """Progress that shows nothing: the default of every library call."""

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Accept a stage and ignore its steps."""
        yield lambda steps: None


SILENT: Progress = Silent()
