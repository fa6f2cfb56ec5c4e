"""Pages of learning curves: one HTML file without network or script, in the style of the report."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from labelwright import __version__
from labelwright.report.html import TEMPLATES, visible

if TYPE_CHECKING:
    from jinja2 import Environment


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
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("curves.html")
        .render(page=page, version=__version__, style=Markup(style), style_hash=digest)
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
