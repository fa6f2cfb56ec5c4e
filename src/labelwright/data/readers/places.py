"""How messages name a file, quote the error of a library and count: inert, on one line, short."""

from __future__ import annotations

from pathlib import Path

from labelwright.inert import inert, shortened


def place(path: Path) -> str:
    """Return the name of a file or folder for a message.

    Examples
    --------
    >>> place(Path("data/tickets.csv"))
    'tickets.csv'
    """
    return shortened(inert(path.name or str(path)), 120)


def said(error: BaseException) -> str:
    """Return what a library's error says, or its kind when it says nothing."""
    return shortened(inert(" ".join(str(error).split())), 160) or type(error).__name__


def counted(n: int, noun: str) -> str:
    """Return a number with its noun: ``1 row``, ``1,204 rows``."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
