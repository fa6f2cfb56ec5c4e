"""The report of an audit as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright.errors import BadInput
from labelwright.report.pages import render_page
from labelwright.report.view import IMAGE_KINDS, PAIR_KINDS, SCHEMA_VERSION


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

    try:
        return render_page(
            "report.html",
            view=view,
            version=view["made"]["version"],
            found={entry["kind"]: entry for entry in view["found"]},
            pair_kinds=PAIR_KINDS,
            image_kinds=IMAGE_KINDS,
        )
    except (TemplateError, LookupError, TypeError, ValueError) as damage:
        raise BadInput(f"the stored view is damaged ({type(damage).__name__})", fix="run the audit again") from damage
