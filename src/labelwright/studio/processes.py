"""What every process of a studio does that another one of it started."""

from __future__ import annotations

import multiprocessing
import os
from threading import Thread

ORPHANED = 75  # the exit status of a process whose parent is gone


def end_with_parent() -> None:
    """End this process at once when the one that started it has ended, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(ORPHANED)
