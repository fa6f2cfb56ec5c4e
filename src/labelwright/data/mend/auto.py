"""Decisions without a person: take the suggestions of an audit, and say how many of them are likely to be wrong.

A suggestion is taken where the score s_i of the label is at most a bound. The score is the audit's probability that the
given label is right, so by the audit's own account

    expected wrong ≥ Σ_i s_i          sd = sqrt(Σ_i s_i (1 − s_i)), rows taken as independent

with equality for two classes; with more, the truth may also be a third class, which the scores do not tell. This is an
estimate by a model that no person has checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelwright.data.mend.decisions import PART, Decision, Decisions
from labelwright.data.parts.formats import PART_TASKS
from labelwright.data.readers.places import counted, place, said
from labelwright.errors import BadInput

WHO = "labelwright --auto"
_TWO_SIDED_95 = 1.959964


@dataclass(frozen=True)
class AutoDecisions:
    """Suggestions taken as decisions, and how many of them the audit itself expects to be wrong.

    Parameters
    ----------
    decisions : Decisions
    expected_wrong : float
        In rows; a lower bound where `at_least`.
    low, high : float
        95 % interval of the number, were the audit's probabilities right.
    at_least : bool
        Whether there are more than two classes, so that suggestions may be wrong in a way that scores do not show.
    """

    decisions: Decisions
    expected_wrong: float
    low: float
    high: float
    at_least: bool

    def summary(self) -> dict[str, object]:
        """Return the estimate as strict JSON."""
        return {
            "changes": len(self.decisions),
            "estimate": round(self.expected_wrong, 6),
            "low": self.low,
            "high": self.high,
            "at_least": self.at_least,
            "basis": "model estimate",
        }

    def line(self) -> str:
        """Return the estimate in one sentence that says what it is."""
        about = "at least" if self.at_least else "about"
        return (
            f"--auto takes {counted(len(self.decisions), 'suggestion')} and expects {about} "
            f"{self.expected_wrong:.1f} of them to be wrong (model estimate, {self.low:.0f} to {self.high:.0f}; "
            "not checked by people: look at fifty drawn at random before you trust it)"
        )


def auto_decisions(audit: Path, max_score: float) -> AutoDecisions:
    """Take the suggestions of an audit for labels with a score of at most `max_score`.

    Parameters
    ----------
    audit : Path
        The folder that an audit wrote, or its ``issues.parquet``.
    max_score : float
        In [0, 1]; low scores are suspect.

    Raises
    ------
    BadInput
        There is no audit, it judged sets of tags, or nothing is left to take.
    """
    file = audit / "issues.parquet" if audit.is_dir() else audit
    return take_suggestions(_issues(file), _summary(file.parent / "summary.json"), max_score, place(file))


def take_suggestions(issues: pa.Table, summary: Mapping[str, Any], max_score: float, name: str) -> AutoDecisions:
    """Take the suggestions among the findings of an audit.

    Parameters
    ----------
    issues : pyarrow.Table
        With columns kind, level, id, score, is_issue, suggested, reason.
    summary : mapping
        The content of ``summary.json``: its task and classes.
    max_score : float
        In [0, 1].
    name : str
        What the findings are called in messages.

    Examples
    --------
    >>> rows = {"kind": "label", "level": "row", "id": "a", "score": 0.25, "is_issue": True, "suggested": "cat"}
    >>> issues = pa.table({key: [value] for key, value in {**rows, "reason": "alike"}.items()})
    >>> take_suggestions(issues, {"classes": ["cat", "dog"]}, 0.3, "issues.parquet").expected_wrong
    0.25
    """
    if not 0 <= max_score <= 1:
        raise BadInput(f"the score {max_score:g} lies outside of 0 to 1", fix="give --max-score between 0 and 1")
    if summary.get("task") == "multilabel":
        raise BadInput(
            "--auto knows one label a row, and this audit judged sets of tags",
            where=name,
            fix="decide from issues.csv by hand",
        )
    level = "part" if summary.get("task") in PART_TASKS else "row"
    of_labels = pc.and_(pc.equal(issues["kind"], "label"), pc.equal(issues["level"], level))
    judged = pc.and_(of_labels, pc.and_(issues["is_issue"], pc.is_valid(issues["suggested"])))
    taken = issues.filter(pc.and_(judged, pc.less_equal(issues["score"], max_score)))
    if not taken.num_rows:
        best = pc.min(issues.filter(judged)["score"]).as_py()
        fix = f"raise --max-score; the lowest score is {best:.3g}" if best is not None else "there is nothing to mend"
        raise BadInput(f"no suggestion has a score of at most {max_score:g}", where=name, fix=fix)
    return _taken(taken, name, two_classes=len(summary.get("classes") or ()) == 2)


def _taken(issues: pa.Table, name: str, *, two_classes: bool) -> AutoDecisions:
    columns = [issues[column].to_pylist() for column in ("id", "suggested", "score", "reason")]
    parts = issues["part"].to_pylist() if "part" in issues.column_names else [None] * issues.num_rows
    names = [row if part is None else f"{row}{PART}{part}" for row, part in zip(columns[0], parts, strict=True)]
    entries = tuple(
        Decision(row, "relabel", label, WHO, None, f"score {score:.4g}: {reason}", f"{name}, id {row}")
        for row, label, score, reason in zip(names, *columns[1:], strict=True)
    )
    scores = issues["score"].to_numpy()
    wrong, spread = float(scores.sum()), _TWO_SIDED_95 * float(np.sqrt((scores * (1 - scores)).sum()))
    low, high = max(wrong - spread, 0.0), min(wrong + spread, float(len(scores)))
    return AutoDecisions(Decisions(entries), wrong, np.floor(low), np.ceil(high), not two_classes)


def _issues(file: Path) -> pa.Table:
    wanted = ["kind", "level", "id", "part", "score", "is_issue", "suggested", "reason"]
    try:
        return pq.read_table(file, columns=wanted)
    except FileNotFoundError:
        raise BadInput("no audit is stored here", where=place(file.parent), fix="run labelwright audit first") from None
    except (OSError, pa.ArrowException) as error:
        raise BadInput(
            f"cannot be read as the findings of an audit ({said(error)})",
            where=place(file),
            fix="name the folder that labelwright audit wrote",
        ) from None


def _summary(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
