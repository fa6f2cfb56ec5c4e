"""The report of a measure without rows and without people's names, so that it can be passed on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labelwright.errors import BadInput
from labelwright.metrics.report import Report, ReportTable, Scalar, Section


def redact_measure(facts: Mapping[str, Any]) -> Report:
    """Return the report in ``report.json`` without row content: whatever is not known to be harmless is left out.

    Tables of rows go, and so do all pictures and the steps to take, which may name rows. People are called annotator 1,
    annotator 2, ... in the order of the tables that name them. Counts, shares and the names of classes, models and
    judges stay.

    Parameters
    ----------
    facts : mapping
        The content of ``report.json``.

    Examples
    --------
    >>> table = ReportTable("Scores", ("who", "score"), (("Ann", 0.9), ("Bob", 0.4)), people="who")
    >>> report = Report("Outlines", (Section("People", tables=(table,)),), "Bob scores low.")
    >>> clean = redact_measure(report.to_dict())
    >>> clean.verdict, clean.sections[0].tables[0].rows[0][0]
    ('annotator 2 scores low.', 'annotator 1')
    """
    try:
        report = Report.from_dict(facts)
        said = _Pseudonyms(report)
        return replace(
            report,
            sections=tuple(_section(section, said) for section in report.sections),
            verdict=said(report.verdict),
            figures={name: said.cell(value) for name, value in report.figures.items()},
            next_steps=(),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as damage:
        raise BadInput(f"the stored report is damaged ({type(damage).__name__})", fix="measure again") from damage


class _Pseudonyms:
    """Writes numbers in place of people's names, in cells and within sentences."""

    def __init__(self, report: Report) -> None:
        people = [name for section in report.sections for table in section.tables for name in _people(table)]
        self._names = {name: f"annotator {i + 1}" for i, name in enumerate(dict.fromkeys(people))}
        longest = sorted(map(re.escape, self._names), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(longest)})(?!\w)") if longest else None

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(lambda found: self._names[found[0]], text)

    def cell(self, value: Scalar) -> Scalar:
        return self(value) if isinstance(value, str) else value


def _people(table: ReportTable) -> list[str]:
    if not table.people:
        return []
    column = table.columns.index(table.people)
    return [str(row[column]) for row in table.rows if row[column] not in (None, "")]


def _section(section: Section, said: _Pseudonyms) -> Section:
    return replace(
        section,
        text=said(section.text),
        scalars={name: said.cell(value) for name, value in section.scalars.items()},
        tables=tuple(_table(table, said) for table in section.tables if not table.private),
        alerts=tuple(
            replace(alert, message=said(alert.message), mitigation=said(alert.mitigation)) for alert in section.alerts
        ),
        pictures=(),
    )


def _table(table: ReportTable, said: _Pseudonyms) -> ReportTable:
    rows = tuple(tuple(said.cell(cell) for cell in row) for row in table.rows)
    return replace(table, rows=rows, file="")
