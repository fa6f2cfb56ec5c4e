"""The verdict of a gate as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format): one result a finding.

A rule is a kind of finding. Results of a condition that failed are errors, others notes; findings that people's
decisions waive are listed as suppressed. The noise rate is about no row: its verdict stands among the notifications.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from labelwright import __version__
from labelwright.audit.gate.verdict import Verdict
from labelwright.audit.kinds import kind_of
from labelwright.report.gate_formats.found import Found, counted_findings, shown, waived_findings

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 5000  # what code scanning services show of one run


def to_sarif(verdict: Verdict) -> str:
    """Return the verdict as a SARIF log in ASCII."""
    findings = _levels(verdict)
    waived = waived_findings(verdict, MOST_RESULTS - len(findings))
    kinds = list(dict.fromkeys(found.kind for found in [*(found for found, _ in findings), *waived]))
    place = {kind: index for index, kind in enumerate(kinds)}
    results = [_result(found, level, place) for found, level in findings]
    results += [_suppressed(_result(found, "note", place), found) for found in waived]
    run = {
        "tool": {"driver": {"name": "labelwright", "version": __version__, "rules": [_rule(kind) for kind in kinds]}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(verdict)}],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _levels(verdict: Verdict) -> list[tuple[Found, str]]:
    """Return each counted finding once, as an error when any condition that counts it failed; errors first."""
    entries: dict[int, str] = {}
    found: dict[int, Found] = {}
    for gate in sorted(verdict.gates, key=lambda gate: not gate.failed):
        room = MOST_RESULTS - len(entries)
        listed = counted_findings(verdict, gate, MOST_RESULTS)
        for entry, one in zip(gate.entries.tolist(), listed, strict=False):
            if entry in entries or room > 0:
                room -= entry not in entries
                entries.setdefault(entry, "error" if gate.failed else "note")
                found.setdefault(entry, one)
    return [(found[entry], level) for entry, level in entries.items()]


def _rule(kind: str) -> dict[str, Any]:
    words = kind_of(kind)
    return {
        "id": kind,
        "name": words.title,
        "shortDescription": {"text": shown(f"{words.title}: {words.meaning}")},
        "help": {"text": shown(words.remedy)},
    }


def _result(found: Found, level: str, place: dict[str, int]) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(found.path, safe="/", errors="backslashreplace")}}
    if found.line is not None:
        physical["region"] = {"startLine": found.line}
    where = "row" if found.row is None else f"row {found.row}"
    logical = {"name": found.about, "fullyQualifiedName": f"{where} {found.about}", "kind": "element"}
    return {
        "ruleId": found.kind,
        "ruleIndex": place[found.kind],
        "level": level,
        "message": {"text": found.text},
        "locations": [{"physicalLocation": physical, "logicalLocations": [logical]}],
        "partialFingerprints": {"labelwright/v1": f"{found.kind} {found.about}"},
    }


def _suppressed(result: dict[str, Any], found: Found) -> dict[str, Any]:
    return result | {"suppressions": [{"kind": "external", "justification": f"confirmed by {found.waived_by}"}]}


def _notifications(verdict: Verdict) -> list[dict[str, Any]]:
    gates = [
        {
            "level": "error" if gate.failed else "note",
            "message": {"text": shown(f"{gate.condition.text}: {gate.message}")},
        }
        for gate in verdict.gates
    ]
    return gates + [{"level": "note", "message": {"text": shown(note)}} for note in verdict.notes]
