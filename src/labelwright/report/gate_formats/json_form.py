"""The verdict of a gate as JSON; see ``check.schema.json``."""

from __future__ import annotations

import json
from typing import Any

from labelwright import __version__
from labelwright.audit.gate.verdict import LEVEL, GateResult, Verdict
from labelwright.report.gate_formats.found import counted_findings

SCHEMA_VERSION = 1
MOST_LISTED = 1000


def to_json(verdict: Verdict) -> str:
    """Return the verdict as one JSON object, ASCII on one line."""
    return json.dumps(verdict_dict(verdict), allow_nan=False) + "\n"


def verdict_dict(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as plain data; at most 1,000 findings a condition."""
    return {
        "schema_version": SCHEMA_VERSION,
        "labelwright": __version__,
        "data": verdict.state.name,
        "n_rows": len(verdict.state),
        "baseline": None if verdict.baseline is None else verdict.baseline.to_dict(),
        "passed": not verdict.failed,
        "gates": [_gate(verdict, gate) for gate in verdict.gates],
        "decisions": dict(verdict.waivers.counts),
        "notes": list(verdict.notes),
    }


def _gate(verdict: Verdict, gate: GateResult) -> dict[str, Any]:
    condition = gate.condition
    return {
        "condition": condition.text,
        "passed": not gate.failed,
        "what": condition.what,
        "only_new": condition.only_new,
        "operator": condition.operator,
        "bound": condition.bound,
        "unit": "share" if condition.is_share else "count",
        "count": gate.count,
        "of": gate.of,
        "estimate": gate.estimate,
        "low": gate.low,
        "high": gate.high,
        "level": None if gate.estimate is None else LEVEL,
        "waived": gate.waived,
        "flipped_by_model": gate.flipped,
        "message": gate.message,
        "findings": [
            {"kind": found.kind, "id": found.id, "row": found.row, "line": found.line, "text": found.text}
            for found in counted_findings(verdict, gate, MOST_LISTED)
        ],
        "findings_left_out": max(0, len(gate.entries) - MOST_LISTED),
    }
