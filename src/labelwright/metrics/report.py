"""What a measure says: sections of scalars, tables and text, with alerts. HTML is made elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Scalar = str | int | float | bool | None
Severity = Literal["info", "caution", "serious"]
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ReportTable:
    """A small table for people.

    Parameters
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuples of scalars, each as long as `columns`
    private : bool
        True when cells hold values of the data; such a table is left out of a redacted report.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    private: bool = False

    def __post_init__(self) -> None:
        wrong = [i for i, row in enumerate(self.rows) if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"table {self.title!r}: row {wrong[0]} does not have {len(self.columns)} cells.")


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


@dataclass(frozen=True)
class Report:
    """Ordered sections; renders to a dict, JSON and Markdown, and comes back from JSON equal to itself.

    Examples
    --------
    >>> r = Report("Tiny", (Section("Size", scalars={"rows": 3}),))
    >>> Report.from_json(r.to_json()) == r
    True
    """

    title: str
    sections: tuple[Section, ...]

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
        return cls(data["title"], tuple(_section(s) for s in data["sections"]))

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Rebuild a report from `to_json`."""
        return cls.from_dict(json.loads(text))

    def to_markdown(self) -> str:
        """Return the report as Markdown, tables included."""
        lines = [f"# {self.title}"]
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
        return "\n".join(lines).rstrip() + "\n"


def _section(data: Mapping[str, Any]) -> Section:
    return Section(
        title=data["title"],
        text=data["text"],
        scalars=dict(data["scalars"]),
        tables=tuple(
            ReportTable(t["title"], tuple(t["columns"]), tuple(tuple(row) for row in t["rows"]), t["private"])
            for t in data["tables"]
        ),
        alerts=tuple(
            Alert(**{**a, "use_cases": tuple(a["use_cases"]), "columns": tuple(a["columns"])}) for a in data["alerts"]
        ),
    )


def _markdown_rows(columns: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> list[str]:
    def line(cells: Sequence[Scalar]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(columns), line(["---"] * len(columns)), *(line(row) for row in rows)]
