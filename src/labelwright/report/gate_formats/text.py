"""The verdict of a gate for a terminal."""

from __future__ import annotations

from labelwright.audit.gate.verdict import GateResult, Verdict
from labelwright.data.readers.places import counted
from labelwright.report.gate_formats.found import counted_findings, shown

SHOWN = 10


def to_text(verdict: Verdict) -> str:
    """Return the verdict as plain lines: every condition, the findings behind those that failed, then the outcome."""
    against = f", against {shown(verdict.baseline.old.name)}" if verdict.baseline is not None else ""
    lines = [f"{shown(verdict.state.name)}: {counted(len(verdict.state), 'row')}{against}", ""]
    for gate in verdict.gates:
        lines.append(f"{'FAILED' if gate.failed else 'passed'}  {gate.condition.text}: {shown(gate.message)}")
        if gate.failed:
            lines += _findings(verdict, gate)
    if verdict.notes:
        lines += ["", *(shown(note) for note in verdict.notes)]
    return "\n".join([*lines, "", outcome(verdict)]) + "\n"


def outcome(verdict: Verdict) -> str:
    """Return the last line: how many conditions hold."""
    failed = sum(gate.failed for gate in verdict.gates)
    if failed:
        return f"Gate failed: {failed} of {counted(len(verdict.gates), 'condition')}."
    return f"Gate passed: {counted(len(verdict.gates), 'condition')}."


def _findings(verdict: Verdict, gate: GateResult) -> list[str]:
    lines = [f"        {found.text}" for found in counted_findings(verdict, gate, SHOWN)]
    rest = len(gate.entries) - SHOWN
    return [*lines, f"        and {rest:,} more"] if rest > 0 else lines
