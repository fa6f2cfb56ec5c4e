"""The verdict of a gate as workflow commands of GitHub Actions: an annotation a condition and a finding.

Every value is made inert and then escaped as the runner unescapes it, so that nothing in the data can end a message,
add a property or start a command of its own.
"""

from __future__ import annotations

from labelwright.audit.gate.verdict import Verdict
from labelwright.report.gate_formats.found import Found, counted_findings, relative_path, shown
from labelwright.report.gate_formats.text import outcome

MOST_LISTED = 10  # as many as the runner shows of one step


def to_github(verdict: Verdict) -> str:
    """Return one line a failed condition, then its first findings, then the outcome."""
    lines = []
    for gate in verdict.gates:
        sentence = f"{gate.condition.text}: {shown(gate.message)}"
        name = relative_path(verdict.state.source.path)
        lines.append(_command("error" if gate.failed else "notice", sentence, title="labelwright check", file=name))
    for gate in verdict.gates:
        if gate.failed:
            lines += [_annotation(found) for found in counted_findings(verdict, gate, MOST_LISTED)]
            rest = len(gate.entries) - MOST_LISTED
            lines += [f"{gate.condition.text}: and {rest:,} more findings"] if rest > 0 else []
    lines += [shown(note) for note in verdict.notes]
    return "\n".join([*lines, outcome(verdict)]) + "\n"


def _annotation(found: Found) -> str:
    line = {} if found.line is None else {"line": str(found.line)}
    return _command("warning", found.text, title=found.title, file=found.path, **line)


def _command(command: str, message: str, **properties: str) -> str:
    joined = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {joined}::{_message(message)}"


def _message(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _message(shown(value)).replace(":", "%3A").replace(",", "%2C")
