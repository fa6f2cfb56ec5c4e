"""The page of a measure: one HTML file without network or script, in the style of the report."""

from __future__ import annotations

import re

from labelwright.metrics.report import Report
from labelwright.report.pages import render_page

MOST_SHOWN = 50


def render_measure(name: str, report: Report, *, redacted: bool = False) -> str:
    """Return the page of a report; each table shows its first 50 rows.

    Parameters
    ----------
    name : str
        Of the measure.
    report : Report
    redacted : bool
        Say that rows and names are left out.
    """
    return render_page(
        "measure.html", name=name, report=report, redacted=redacted, anchors=_anchors(report), most=MOST_SHOWN
    )


def _anchors(report: Report) -> list[str]:
    """Return an id for each section: its words, and its place where two would be alike."""
    words = [re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") for section in report.sections]
    return [f"s-{word}" if words.count(word) == 1 and word else f"s-{word}{i}" for i, word in enumerate(words)]
