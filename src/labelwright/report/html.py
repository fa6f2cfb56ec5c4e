"""The report as one HTML file: no network, no script, everything from the data escaped and made inert."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labelwright.errors import BadInput
from labelwright.inert import inert
from labelwright.report import plots
from labelwright.report.view import IMAGE_KINDS, PAIR_KINDS, SCHEMA_VERSION

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]+=*")


def render(view: Mapping[str, Any]) -> str:
    """Return the report of a view as HTML.

    Parameters
    ----------
    view : mapping
        Of `build_view`, `redact`, or a stored ``view.json``.

    Raises
    ------
    BadInput
        When the view was written by another version of the format, or is damaged.
    """
    if not isinstance(view, Mapping):
        raise BadInput("the stored view is damaged (it is no mapping)", fix="run the audit again")
    if view.get("schema_version") != SCHEMA_VERSION:
        raise BadInput(
            f"the stored view has format {view.get('schema_version')}, this version reads {SCHEMA_VERSION}",
            fix="run the audit again",
        )
    from jinja2 import TemplateError

    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    try:
        return (
            _environment()
            .get_template("report.html")
            .render(
                view=view,
                found={entry["kind"]: entry for entry in view["found"]},
                style=Markup(style),
                style_hash=digest,
                pair_kinds=PAIR_KINDS,
                image_kinds=IMAGE_KINDS,
            )
        )
    except (TemplateError, LookupError, TypeError, ValueError) as damage:
        raise BadInput(f"the stored view is damaged ({type(damage).__name__})", fix="run the audit again") from damage


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
    }
    return environment
