"""What processes of a studio do beside their work: end with the one that started them, and give memory back."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import sys
from threading import Thread

import pyarrow as pa

ORPHANED = 75  # the exit status of a process whose parent is gone


def end_with_parent() -> None:
    """End this process at once when the one that started it has ended, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent,), name="parent", daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(ORPHANED)


def return_memory() -> None:
    """Give what an audit needed for a moment back to the system; the allocators would keep it until the end."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None  # glibc has it
    if trim is not None:
        trim(0)
