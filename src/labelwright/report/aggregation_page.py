"""The page about merged votes: one HTML file without network or script, in the style of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelwright.consensus.aggregation import Aggregation
from labelwright.consensus.annotators import LEAST_JUDGED
from labelwright.consensus.workflow import AboutVotes
from labelwright.report.aggregation_view import COEFFICIENTS, agreement_words, page_view, verdict
from labelwright.report.pages import render_page


def render_aggregation(result: Aggregation, about: AboutVotes, summary: Mapping[str, Any]) -> str:
    """Return the page.

    Parameters
    ----------
    result : Aggregation
    about : AboutVotes
    summary : mapping
        Of `summary_of`.
    """
    return render_page(
        "aggregation.html",
        summary=summary,
        view=page_view(result, about, summary),
        about=about,
        verdict=verdict(summary, about),
        agreement=agreement_words(summary, about),
        coefficients=COEFFICIENTS,
        least_judged=LEAST_JUDGED,
    )
