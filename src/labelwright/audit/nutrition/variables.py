"""Variables: the name, type, meaning and unit of every column. Source: [P022], module 3."""

from __future__ import annotations

from labelwright.audit.nutrition.answers import Answers
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.metrics.report import ReportTable, Scalar, Section


class Variables:
    """One line a column; what a description or unit nobody gave is left empty."""

    title = "Variables"

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def compute(self, table: NutritionTable) -> Section:
        """Return the section."""
        rows: list[tuple[Scalar, ...]] = []
        for name, column in table.columns.items():
            told = self.answers.variables.get(name, {})
            marks = ["sensitive"] * column.sensitive + ["label"] * (name == table.label)
            marks += [what for what in ("split", "id", "group") if getattr(table.dataset.plan, what) == name]
            rows.append((name, column.kind, told.get("description", ""), told.get("units", ""), ", ".join(marks)))
        columns = ("name", "type", "description", "units", "role")
        kinds = [column.kind for column in table.columns.values()]
        scalars: dict[str, Scalar] = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
        return Section(self.title, scalars=scalars, tables=(ReportTable("Columns", columns, tuple(rows)),))
