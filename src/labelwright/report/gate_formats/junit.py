"""The verdict of a gate as JUnit XML: one test case a condition, so that any CI system shows it."""

from __future__ import annotations

from xml.etree import ElementTree

from labelwright.audit.gate.verdict import GateResult, Verdict
from labelwright.report.gate_formats.found import counted_findings, shown

MOST_LISTED = 100


def to_junit(verdict: Verdict) -> str:
    """Return the verdict as a JUnit document in ASCII; what people must know stands in ``system-out``."""
    failures = str(sum(gate.failed for gate in verdict.gates))
    counts = {"tests": str(len(verdict.gates)), "failures": failures, "errors": "0"}
    suites = ElementTree.Element("testsuites", {"name": "labelwright check", **counts})
    name = shown(verdict.state.name)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": name, **counts, "skipped": "0"})
    for gate in verdict.gates:
        case = ElementTree.SubElement(
            suite, "testcase", {"name": gate.condition.text, "classname": "labelwright.check"}
        )
        if gate.failed:
            failure = ElementTree.SubElement(case, "failure", {"message": shown(gate.message), "type": "gate"})
            failure.text = "\n".join(_lines(verdict, gate))
        else:
            ElementTree.SubElement(case, "system-out").text = shown(gate.message)
    if verdict.notes:
        ElementTree.SubElement(suite, "system-out").text = "\n".join(shown(note) for note in verdict.notes)
    ElementTree.indent(suites, " ")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="us-ascii").decode() + "\n"
    )


def _lines(verdict: Verdict, gate: GateResult) -> list[str]:
    rest = len(gate.entries) - MOST_LISTED
    lines = [found.text for found in counted_findings(verdict, gate, MOST_LISTED)]
    return [*lines, f"and {rest:,} more"] if rest > 0 else lines
