"""The verdict of a gate in the forms that people and CI systems read: text, JSON, JUnit, SARIF, GitHub annotations."""

from __future__ import annotations

from collections.abc import Callable

from labelwright.audit.gate.verdict import Verdict
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.report.gate_formats.github import to_github
from labelwright.report.gate_formats.json_form import to_json
from labelwright.report.gate_formats.junit import to_junit
from labelwright.report.gate_formats.sarif import to_sarif
from labelwright.report.gate_formats.text import to_text

FORMATS: dict[str, Callable[[Verdict], str]] = {
    "text": to_text,
    "json": to_json,
    "junit": to_junit,
    "sarif": to_sarif,
    "github": to_github,
}

__all__ = ["FORMATS", "format_verdict", "to_github", "to_json", "to_junit", "to_sarif", "to_text"]


def check_format(name: str) -> None:
    """Refuse a format that there is not, before the long work starts."""
    if name not in FORMATS:
        raise BadInput(f"there is no format {quoted(name)}", fix=did_you_mean(name, FORMATS))


def format_verdict(verdict: Verdict, name: str) -> str:
    """Return a verdict in a format, ending in a line end; BadInput when there is no such format."""
    check_format(name)
    return FORMATS[name](verdict)
