"""Pages of learning curves: one HTML file without network or script, in the style of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from labelwright.report.pages import render_page


@dataclass(frozen=True)
class CurveSection:
    """A picture and its numbers; without `chart` a table alone."""

    title: str
    lead: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    chart: Markup | None = None
    caption: str = ""


@dataclass(frozen=True)
class CurvesPage:
    """What a page says.

    Parameters
    ----------
    title, name, verdict, foot : str
    figures : sequence of (name, value)
    sections : sequence of CurveSection
    """

    title: str
    name: str
    verdict: str
    foot: str
    figures: Sequence[tuple[str, str]]
    sections: Sequence[CurveSection]


def render_curves(page: CurvesPage) -> str:
    """Return the page as HTML."""
    return render_page("curves.html", page=page)
