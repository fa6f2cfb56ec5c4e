"""What the command line asks of mending: which of its options go together, and the lines that answer."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labelwright.data.mend.auto import auto_decisions
from labelwright.data.mend.decisions import Decisions, read_decisions
from labelwright.data.mend.formats import MendOptions
from labelwright.data.mend.run import Applied, apply_decisions
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress


@dataclass(frozen=True)
class Request:
    """One call of ``labelwright apply``.

    Parameters
    ----------
    decisions, data, out : Path or None
    options : MendOptions
    auto : bool
        `decisions` is the folder of an audit whose suggestions are taken up to the score `max_score`.
    in_place : bool
        Move images within `data`.
    undo : Path or None
        The manifest of an in-place run to take back; then nothing else is given.
    dry_run : bool
    """

    decisions: Path | None
    data: Path | None
    out: Path | None
    options: MendOptions
    auto: bool = False
    max_score: float | None = None
    in_place: bool = False
    undo: Path | None = None
    dry_run: bool = False

    def carry_out(
        self, *, json: bool = False, say: Callable[[str], None] = print, progress: Progress = SILENT
    ) -> list[str]:
        """Do what is asked and return the lines to print; what must be known beforehand goes to `say` first."""
        self._check()
        if self.undo is not None:
            from labelwright.data.mend.undo import undo_moves

            undone = undo_moves(self.undo, dry_run=self.dry_run)
            return [json_module.dumps(undone.summary())] if json else undone.lines()
        assert self.decisions is not None and self.data is not None
        expected = None
        decisions: Decisions
        if self.auto:
            expected = auto_decisions(self.decisions, 0.0 if self.max_score is None else self.max_score)
            decisions = expected.decisions
            if not json:
                say(expected.line())
        else:
            decisions = read_decisions(self.decisions)
        done = self._applied(decisions, self.data, progress)
        if not json:
            return done.lines()
        estimate = {} if expected is None else {"expected_wrong": expected.summary()}
        return [json_module.dumps({**done.summary(), **estimate})]

    def _applied(self, decisions: Decisions, data: Path, progress: Progress) -> Applied:
        with progress.stage("mend"):
            if self.in_place:
                from labelwright.data.mend.in_place import apply_in_place

                return apply_in_place(decisions, data, self.options, dry_run=self.dry_run)
            return apply_decisions(decisions, data, self.out, self.options, dry_run=self.dry_run)

    def _check(self) -> None:
        """Refuse options that do not go together."""
        if self.undo is not None:
            if any((self.decisions, self.data, self.out, self.auto, self.in_place)):
                raise BadInput("--undo takes the manifest alone", fix="leave out DECISIONS, DATA and the rest")
            return
        if self.decisions is None or self.data is None:
            raise BadInput("DECISIONS and DATA are needed", fix="labelwright apply decisions.csv DATA --out NEW")
        if self.auto and self.max_score is None:
            raise BadInput("--auto needs a bound on the score", fix="give --max-score, for example 0.05")
        if self.max_score is not None and not self.auto:
            raise BadInput("--max-score belongs to --auto", fix="add --auto, or leave it out")
        if self.in_place and (self.out is not None or self.options.link):
            raise BadInput("--in-place writes no new folder", fix="leave out --out and --link")
        if not (self.in_place or self.dry_run) and self.out is None:
            raise BadInput("where to write is not said", fix="give --out with a new folder")
