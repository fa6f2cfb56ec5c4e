"""What all pages are made with: one HTML file each, no network, no script, what the data say escaped and made inert."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labelwright import __version__
from labelwright.inert import inert
from labelwright.report import plots
from labelwright.report.measure_plots import draw
from labelwright.report.vote_plots import span

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+=*")


def render_page(template: str, **content: Any) -> str:
    """Return a page: a template of this package, filled.

    Parameters
    ----------
    template : str
        Its file, which extends ``page.html``.
    **content
        What it shows. Style and version are added; a ``version`` of the content's own goes before.
    """
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    filled = {"version": __version__} | content | {"style": Markup(style), "style_hash": digest}
    return _environment().get_template(template).render(filled)


def visible(value: Any) -> Any:
    """Make control and direction characters visible, keeping line ends; what is not text passes through."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return "" if value is None else value
    return "\n".join(inert(line) for line in value.split("\n"))


def picture(value: Any) -> str:
    """Return an image as it may stand in ``src``: a PNG data URI and nothing else."""
    return value if isinstance(value, str) and _PICTURE.fullmatch(value) else ""


def number(value: Any) -> str:
    """Write a number for people: ``12,345``, ``0.0312``."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value):
        return "–"
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:.4g}"


def share(value: Any, digits: int = 1) -> str:
    """Write a share in [0, 1] as per cent, with a no-break space."""
    return "–" if value is None else f"{100 * float(value):.{digits}f}\u00a0%"


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
    environment.globals |= {
        "heat_map": plots.heat_map,
        "feature_map": plots.feature_map,
        "map_key": plots.map_key,
        "ring_key": plots.ring_key,
        "bar": plots.bar,
        "interval": plots.interval,
        "histogram": plots.histogram,
        "span": span,
        "draw": draw,
    }
    return environment
