"""Provenance: where the data come from and how they changed. Source: [P022], module 2."""

from __future__ import annotations

from labelwright.audit.nutrition.answers import Answers
from labelwright.audit.nutrition.table import NutritionTable
from labelwright.metrics.report import ReportTable, Section

_CHANGE = ("version", "date", "change", "author")


class Provenance:
    """Source, author, contact and version history, as far as someone told."""

    title = "Provenance"

    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def compute(self, table: NutritionTable) -> Section:
        """Return the section; what nobody answered stands as None."""
        a = self.answers
        scalars = {
            "source": a.source or None,
            "made by": a.made_by or None,
            "contact": a.contact or None,
            "one row is": a.row_means or None,
            "updated": a.update_cadence or None,
        }
        rows = tuple(tuple(change.get(key, "") for key in _CHANGE) for change in a.version_history)
        tables = (ReportTable("Version history", _CHANGE, rows),) if rows else ()
        text = "" if a.given else "Nobody has answered the questionnaire, so the origin of this data is not known."
        return Section(self.title, text, scalars, tables)
