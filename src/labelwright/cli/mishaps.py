"""What a person can mend outside the data: a full disk, missing rights, too little memory. One line, exit code 2."""

from __future__ import annotations

import errno
import os
import re

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_REMEDIES = {
    **dict.fromkeys(_FULL, "make room and run the same command again"),
    **dict.fromkeys(_CLOSED, "choose another place, or change its rights"),
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.EIO: "check the disk",
}
_RUST = re.compile(r"\(os error (\d+)\)")  # how libraries written in Rust tell of it


def mishap(bug: BaseException) -> str | None:
    """Return what happened and the remedy in one line; None where `bug` is none of these.

    Examples
    --------
    >>> mishap(OSError(28, "No space left on device", "out/report.html"))
    'out/report.html: No space left on device. Fix: make room and run the same command again.'
    >>> mishap(KeyError("x")) is None
    True
    """
    if isinstance(bug, MemoryError):
        return "the memory of this machine does not suffice. Fix: give fewer rows at a time, or close other programs."
    number = bug.errno if isinstance(bug, OSError) else _number_in(str(bug))
    if number not in _REMEDIES:
        return None
    place = f"{bug.filename}: " if isinstance(bug, OSError) and bug.filename is not None else ""
    return f"{place}{os.strerror(number)}. Fix: {_REMEDIES[number]}."


def _number_in(text: str) -> int | None:
    found = _RUST.search(text)
    return int(found[1]) if found else None
