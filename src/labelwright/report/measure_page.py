"""The page of a measure: one HTML file without network or script, in the style of the report."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from labelwright import __version__
from labelwright.metrics.report import Report
from labelwright.report.html import TEMPLATES, number, picture, share, visible
from labelwright.report.measure_plots import draw

if TYPE_CHECKING:
    from jinja2 import Environment

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
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("measure.html")
        .render(
            name=name,
            report=report,
            redacted=redacted,
            anchors=_anchors(report),
            most=MOST_SHOWN,
            version=__version__,
            style=Markup(style),
            style_hash=digest,
        )
    )


def _anchors(report: Report) -> list[str]:
    """Return an id for each section: its words, and its place where two would be alike."""
    words = [re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") for section in report.sections]
    return [f"s-{word}" if words.count(word) == 1 and word else f"s-{word}{i}" for i, word in enumerate(words)]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share, "picture": picture}
    environment.globals |= {"draw": draw}
    return environment
