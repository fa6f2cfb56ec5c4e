"""Two versions of a data set held against each other, or one against conditions: `compare` and `check`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelwright.audit.summary import PART_WORDS
from labelwright.facade import Audit

if TYPE_CHECKING:
    from labelwright.audit.compare import AuditState, Comparison
    from labelwright.audit.gate import Verdict


def compare(old: Any, new: Any, *, id: str | None = None, rows_only: bool = False, **options: Any) -> Comparison:
    """Hold two audits, or two versions of a data set, against each other.

    Parameters
    ----------
    old, new : path, data frame or Audit that has run
        The folder of an audit, or data, which are then audited on the spot (from the cache where they are known).
    id : str, optional
        Join rows on this column.
    rows_only : bool
        Look for no findings: compare rows and labels alone, at once.
    **options
        As `Audit` takes them, for data that are audited on the spot; what is left out is as in the other audit.

    Examples
    --------
    >>> old = {"id": [1, 2, 3], "text": ["red", "green", "blue"], "label": ["a", "b", "a"]}
    >>> new = old | {"label": ["a", "b", "b"]}
    >>> compare(old, new, id="id", label="label", rows_only=True).row_counts()["relabelled"]
    1
    """
    from labelwright.audit.compare import compare_states

    before = audit_state(old, rows_only=rows_only, id=id, **options)
    after = audit_state(new, rows_only=rows_only, like=before, id=id, **options)
    return compare_states(before, after, id=id)


def check(
    data: Any,
    fail_on: str | Sequence[str],
    *,
    baseline: Any = None,
    decisions: Any = None,
    **options: Any,
) -> Verdict:
    """Judge data by conditions such as ``"label>2%"``; nothing is raised when one fails, see ``.failed``.

    Parameters
    ----------
    data : path, data frame or Audit that has run
        The folder of an audit, or data, which are then audited on the spot.
    fail_on : str or sequence of str
        See `labelwright.audit.gate.parse_condition`.
    baseline : path, data frame or Audit, optional
        An earlier audit, for conditions on what is new.
    decisions : path or data frame, optional
        Of people, see `labelwright.data.mend.read_decisions`: labels that they confirmed are waived.
    **options
        As in `compare`.

    Examples
    --------
    >>> frame = {"size": [1, 2, 3, 4] * 10 + [11, 12, 13, 14] * 10, "kind": ["small"] * 40 + ["large"] * 40}
    >>> frame["kind"][3] = "large"
    >>> check(frame, "label>50%", label="kind").failed
    False
    """
    from labelwright.audit.compare import compare_states
    from labelwright.audit.gate import judge, parse_condition
    from labelwright.data.mend import read_decisions

    conditions = [parse_condition(text) for text in ((fail_on,) if isinstance(fail_on, str) else fail_on)]
    decided = () if decisions is None else read_decisions(decisions)
    before = None if baseline is None else audit_state(baseline, **options)
    state = audit_state(data, like=before, **options)
    comparison = None if before is None else compare_states(before, state)
    return judge(state, conditions, baseline=comparison, decisions=decided)


def audit_state(data: Any, *, rows_only: bool = False, like: AuditState | None = None, **options: Any) -> AuditState:
    """Return the rows and findings of data: read from the folder of an audit, of an `Audit`, or audited on the spot.

    What `options` leave out about the columns is as in the state `like`.
    """
    from labelwright.audit.compare import AuditState, is_audit_folder, read_audit

    if isinstance(data, Audit):
        return AuditState.of_result(data.result)
    if isinstance(data, str | os.PathLike) and is_audit_folder(Path(data)):
        return read_audit(Path(data))
    if like is not None:
        plan = like.plan
        known = {"label": plan.label, "task": plan.task, "id": plan.id, "group": plan.group, "split": plan.split}
        if plan.task in PART_WORDS:  # these data have no columns to name
            known = {"task": plan.task}
        options = options | {name: value for name, value in known.items() if options.get(name) is None}
    audit = Audit(data, **options)
    return AuditState.of_dataset(audit.dataset) if rows_only else AuditState.of_result(audit.run().result)
