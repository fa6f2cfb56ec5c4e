"""What changed between two audits: rows, labels and findings, and which findings only the model changed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelwright.audit.compare.comparison import Comparison, compare_states
    from labelwright.audit.compare.issues import IssueChanges
    from labelwright.audit.compare.rows import RowChange, RowChanges
    from labelwright.audit.compare.state import AuditState
    from labelwright.audit.compare.stored import is_audit_folder, read_audit

# Public names and where they live. They load on first use.
_FACE = {
    "AuditState": "labelwright.audit.compare.state",
    "Comparison": "labelwright.audit.compare.comparison",
    "IssueChanges": "labelwright.audit.compare.issues",
    "RowChange": "labelwright.audit.compare.rows",
    "RowChanges": "labelwright.audit.compare.rows",
    "compare_states": "labelwright.audit.compare.comparison",
    "is_audit_folder": "labelwright.audit.compare.stored",
    "read_audit": "labelwright.audit.compare.stored",
}

__all__ = [
    "AuditState",
    "Comparison",
    "IssueChanges",
    "RowChange",
    "RowChanges",
    "compare_states",
    "is_audit_folder",
    "read_audit",
]


def __getattr__(name: str) -> Any:
    if name in _FACE:
        return getattr(import_module(_FACE[name]), name)
    raise AttributeError(f"module 'labelwright.audit.compare' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_FACE])
