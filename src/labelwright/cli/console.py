"""How commands speak: plain lines on stdout, progress and complaints on stderr, data only as inert text."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labelwright.inert import display_width, inert, shortened
from labelwright.progress import SILENT, Advance, Progress

QUIET_SECONDS = 2.0


def say(line: str = "") -> None:
    """Print one line to stdout, inert."""
    sys.stdout.write(inert(line) + "\n")


def as_json(facts: Mapping[str, Any]) -> str:
    """Return facts as one line of JSON."""
    return json.dumps(facts)


def complain(line: str) -> None:
    """Print ``error: ...`` to stderr, on one line, inert."""
    sys.stderr.write(f"error: {inert(line)}\n")


def keep_traceback(bug: BaseException) -> Path:
    """Write the traceback of a bug to a private file and return its path."""
    import platformdirs

    from labelwright.atomic import write_aside

    path = Path(platformdirs.user_cache_dir("labelwright")) / "last-error.txt"
    with write_aside(path) as aside:
        aside.write_text("".join(traceback.format_exception(bug)), encoding="utf-8")
    return path


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], widest: int = 48) -> list[str]:
    """Lay out a table in plain text: two spaces between columns, cells inert and cut at `widest` characters."""
    cells = [[shortened(inert(cell), widest) for cell in row] for row in (header, *rows)]
    widths = [max(display_width(row[j]) for row in cells) for j in range(len(header))]
    return [
        "  ".join(cell + " " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


class Bars:
    """Progress on stderr: bars on a terminal, elsewhere a line when a stage of over two seconds ends.

    Stages may lie within stages: one display shows them all, for as long as the outermost lasts.
    """

    def __init__(self) -> None:
        self._display: Any = None

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Show a stage until its block ends."""
        if not sys.stderr.isatty():
            yield from _as_line(name)
        elif self._display is None:
            self._display = _new_display()
            try:
                with self._display:
                    yield from self._as_bar(name, total)
            finally:
                self._display = None
        else:
            yield from self._as_bar(name, total)

    def _as_bar(self, name: str, total: int | None) -> Iterator[Advance]:
        display = self._display
        task = display.add_task(inert(name), total=total)
        try:
            yield lambda steps: display.advance(task, steps)
        finally:
            display.remove_task(task)


def _as_line(name: str) -> Iterator[Advance]:
    started = time.monotonic()
    yield lambda steps: None
    if time.monotonic() - started > QUIET_SECONDS:
        sys.stderr.write(f"{inert(name)}: {time.monotonic() - started:.0f} s\n")


def _new_display() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def progress_for(quiet: bool) -> Progress:
    """Return bars, or silence when the caller asked for it."""
    return SILENT if quiet else Bars()
