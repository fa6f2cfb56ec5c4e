"""A gate: conditions on what an audit found, judged with intervals, with rows that people confirmed waived."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelwright.audit.gate.condition import Condition, parse_condition
    from labelwright.audit.gate.verdict import GateResult, Verdict, judge
    from labelwright.audit.gate.waivers import Waivers, find_waivers

# Public names and where they live. They load on first use.
_FACE = {
    "Condition": "labelwright.audit.gate.condition",
    "GateResult": "labelwright.audit.gate.verdict",
    "Verdict": "labelwright.audit.gate.verdict",
    "Waivers": "labelwright.audit.gate.waivers",
    "find_waivers": "labelwright.audit.gate.waivers",
    "judge": "labelwright.audit.gate.verdict",
    "parse_condition": "labelwright.audit.gate.condition",
}

__all__ = ["Condition", "GateResult", "Verdict", "Waivers", "find_waivers", "judge", "parse_condition"]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.audit.gate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
