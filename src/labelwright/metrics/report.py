"""What a measure says: a verdict, sections of scalars, tables, plots and pictures, alerts, and what to do next.

HTML is made elsewhere. A plot is a table that is also drawn, so every plot has its numbers beside it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

Scalar = str | int | float | bool | None
TableRows = tuple[tuple[Scalar, ...], ...]
Severity = Literal["info", "caution", "serious"]
SCHEMA_VERSION = 1


def rounded(value: float) -> float | None:
    """Return a number with five decimals for a table, None where it is not finite.

    Examples
    --------
    >>> rounded(1 / 3), rounded(float("nan"))
    (0.33333, None)
    """
    return round(float(value), 5) if math.isfinite(value) else None


@dataclass(frozen=True)
class Plot:
    """How a table is drawn beside its numbers.

    Parameters
    ----------
    kind : {"bars", "lines", "points", "heat"}
        Bars: one a row, named by the first column, as long as the first of `y`. Lines and points: each column of `y`
        over the numbers of the first column. Heat: the first column names the rows, `y` the cells.
    y : tuple of str
        Columns that are drawn, at least one.
    low, high : str
        Columns with the ends of an interval around the first of `y`; empty: none.
    unit : {"share", "number"}
        A share in [0, 1] is written as per cent.
    """

    kind: Literal["bars", "lines", "points", "heat"]
    y: tuple[str, ...]
    low: str = ""
    high: str = ""
    unit: Literal["share", "number"] = "number"


@dataclass(frozen=True)
class ReportTable:
    """A table for people, drawn too where it has a plot.

    Parameters
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuples of scalars, each as long as `columns`
    private : bool
        True when cells hold values of the data; such a table is left out of a redacted report.
    plot : Plot, optional
        Names columns of the table.
    file : str
        The name of a CSV file that holds the whole table beside the page, which then shows its first rows.
    people : str
        The column that names people; a redacted report writes numbers in their place.
    """

    title: str
    columns: tuple[str, ...]
    rows: TableRows
    private: bool = False
    plot: Plot | None = None
    file: str = ""
    people: str = ""

    def __post_init__(self) -> None:
        wrong = [i for i, row in enumerate(self.rows) if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"table {self.title!r}: row {wrong[0]} does not have {len(self.columns)} cells.")
        drawn = (*self.plot.y, *filter(None, (self.plot.low, self.plot.high))) if self.plot else ()
        absent = [name for name in drawn if name not in self.columns]
        if absent:
            raise ValueError(f"table {self.title!r}: the plot draws column {absent[0]!r}, which is not there.")
        if self.people and self.people not in self.columns:
            raise ValueError(f"table {self.title!r}: people stand in column {self.people!r}, which is not there.")


@dataclass(frozen=True)
class Picture:
    """An image in a report.

    Parameters
    ----------
    title : str
        What stands below it; it is also read out where the image cannot be seen.
    png : str
        A data URI, ``data:image/png;base64,...``.
    """

    title: str
    png: str


@dataclass(frozen=True)
class Alert:
    """Something about a data set that a person should know before using it.

    `evidence` names the section that shows it; `mitigation` says what can be done and `mitigation_possible` whether
    that is enough; `use_cases` lists the ids of the uses that it touches (empty: all).
    """

    category: str
    severity: Severity
    message: str
    evidence: str = ""
    mitigation: str = ""
    mitigation_possible: Literal["yes", "partly", "no"] = "partly"
    use_cases: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One titled part of a report."""

    title: str
    text: str = ""
    scalars: Mapping[str, Scalar] = field(default_factory=dict)
    tables: tuple[ReportTable, ...] = ()
    alerts: tuple[Alert, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Report:
    """Ordered sections; renders to a dict, JSON and Markdown, and comes back from JSON equal to itself.

    Parameters
    ----------
    title : str
        What was measured.
    sections : tuple of Section
        Each title once.
    verdict : str
        One or two plain sentences that answer the question.
    figures : mapping of str to scalar
        The few numbers that a reader wants first.
    next_steps : tuple of str
        What to do now, the most useful first.

    Examples
    --------
    >>> r = Report("Tiny", (Section("Size", scalars={"rows": 3}),))
    >>> Report.from_json(r.to_json()) == r
    True
    """

    title: str
    sections: tuple[Section, ...]
    verdict: str = ""
    figures: Mapping[str, Scalar] = field(default_factory=dict)
    next_steps: tuple[str, ...] = ()

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """All alerts, in the order of the sections."""
        return tuple(alert for section in self.sections for alert in section.alerts)

    def section(self, title: str) -> Section:
        """Return the section of that title; KeyError when there is none."""
        for section in self.sections:
            if section.title == title:
                return section
        raise KeyError(title)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dicts and scalars, with ``schema_version``."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    def to_json(self) -> str:
        """Return JSON; floats that are not finite are refused."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Rebuild a report from `to_dict`."""
        return cls(
            data["title"],
            tuple(_section(s) for s in data["sections"]),
            data.get("verdict", ""),
            dict(data.get("figures", {})),
            tuple(data.get("next_steps", ())),
        )

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Rebuild a report from `to_json`."""
        return cls.from_dict(json.loads(text))

    def to_markdown(self) -> str:
        """Return the report as Markdown, tables included."""
        lines = [f"# {self.title}", *(["", self.verdict] if self.verdict else [])]
        lines += ["", *(f"- **{name}**: {value}" for name, value in self.figures.items())] if self.figures else []
        for section in self.sections:
            lines += ["", f"## {section.title}"]
            if section.text:
                lines += ["", section.text]
            lines += ["", *(f"- **{name}**: {value}" for name, value in section.scalars.items())]
            for alert in section.alerts:
                lines.append(
                    f"- {alert.severity.upper()} ({alert.category}): {alert.message} {alert.mitigation}".rstrip()
                )
            for table in section.tables:
                lines += ["", f"**{table.title}**", "", *_markdown_rows(table.columns, table.rows)]
        if self.next_steps:
            lines += ["", "## What to do next", "", *(f"1. {step}" for step in self.next_steps)]
        return "\n".join(lines).rstrip() + "\n"


class Measure(Protocol):
    """An object that answers one question about labelled data with a report.

    Its parameters are set when it is made; `measure` takes the data.
    """

    @property
    def measure(self) -> Callable[..., Report]:
        """Return the report of the data that it is given."""
        ...


def _section(data: Mapping[str, Any]) -> Section:
    return Section(
        title=data["title"],
        text=data["text"],
        scalars=dict(data["scalars"]),
        tables=tuple(_table(t) for t in data["tables"]),
        alerts=tuple(
            Alert(**{**a, "use_cases": tuple(a["use_cases"]), "columns": tuple(a["columns"])}) for a in data["alerts"]
        ),
        pictures=tuple(Picture(**p) for p in data.get("pictures", ())),
    )


def _table(data: Mapping[str, Any]) -> ReportTable:
    plot = data.get("plot")
    return ReportTable(
        data["title"],
        tuple(data["columns"]),
        tuple(tuple(row) for row in data["rows"]),
        data["private"],
        None if plot is None else Plot(**{**plot, "y": tuple(plot["y"])}),
        data.get("file", ""),
        data.get("people", ""),
    )


def _markdown_rows(columns: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> list[str]:
    def line(cells: Sequence[Scalar]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(columns), line(["---"] * len(columns)), *(line(row) for row in rows)]
