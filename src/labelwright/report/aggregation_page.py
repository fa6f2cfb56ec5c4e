"""The page about merged votes: one HTML file without network or script, in the style of the report."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labelwright import __version__
from labelwright.consensus.aggregation import Aggregation
from labelwright.consensus.annotators import LEAST_JUDGED
from labelwright.consensus.workflow import AboutVotes
from labelwright.report.aggregation_view import COEFFICIENTS, agreement_words, page_view, verdict
from labelwright.report.html import TEMPLATES, number, share, visible
from labelwright.report.plots import bar, heat_map, histogram, interval
from labelwright.report.vote_plots import span

if TYPE_CHECKING:
    from jinja2 import Environment


def render_aggregation(result: Aggregation, about: AboutVotes, summary: Mapping[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    result : Aggregation
    about : AboutVotes
    summary : mapping
        Of `summary_of`.
    """
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template("aggregation.html")
        .render(
            summary=summary,
            view=page_view(result, about, summary),
            about=about,
            verdict=verdict(summary, about),
            agreement=agreement_words(summary, about),
            coefficients=COEFFICIENTS,
            least_judged=LEAST_JUDGED,
            version=__version__,
            style=Markup(style),
            style_hash=digest,
        )
    )


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
    environment.filters |= {"number": number, "share": share}
    environment.globals |= {
        "bar": bar, "heat_map": heat_map, "histogram": histogram, "interval": interval, "span": span,
    }  # fmt: skip
    return environment
