"""Whether a process still turns its loop: it counts up a number in memory that another process looks at.

The time of silence is that between the looks of the other process, each of them of bounded length. So nobody is taken
for dead because all processes were stopped together: by Ctrl-Z, a machine that slept, or one that hung.
"""

from __future__ import annotations

from typing import Any


class Pulse:
    """How long a process has been silent, as seen by the one that looks at it.

    Parameters
    ----------
    count : shared number (``.value``)
        That the process changes as long as it is alive.
    longest_look : float, default 2
        Seconds, > 0; more than these between two looks are not counted.
    """

    def __init__(self, count: Any, longest_look: float = 2.0) -> None:
        self.count, self.longest_look, self.silent = count, longest_look, 0.0
        self._seen = count.value

    def look(self, seconds: float) -> float:
        """Return the seconds of silence, `seconds` after the last look."""
        now = self.count.value
        self.silent = 0.0 if now != self._seen else self.silent + min(seconds, self.longest_look)
        self._seen = now
        return self.silent
