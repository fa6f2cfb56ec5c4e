"""Whether the conditions of a gate hold: counts as they are, shares by the end of their interval that lets most pass.

A share of rows is estimated from the rows at hand, so it comes with an exact binomial interval (Clopper and Pearson,
Biometrika 1934, 95 %), and the noise rate with the interval of its own estimate. A gate "above 2 %" fails only when the
low end of the interval lies above 2 %, a gate "below 2 %" only when the high end lies below.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from labelwright.audit.compare.comparison import Comparison
from labelwright.audit.compare.issues import row_numbers
from labelwright.audit.compare.rows import RowChange
from labelwright.audit.compare.state import AuditState
from labelwright.audit.gate.condition import NOISE_RATE, Condition
from labelwright.audit.gate.waivers import WAIVED_KINDS, Waivers, find_waivers
from labelwright.audit.gate.words import said
from labelwright.data.mend.decisions import Decision
from labelwright.data.readers.places import counted
from labelwright.errors import BadInput, quoted
from labelwright.metrics.intervals import clopper_pearson

LEVEL = 0.95
IMAGE_KINDS = (
    *("dark", "light", "blurry", "low_information", "odd_size", "odd_aspect_ratio", "grayscale"),
    "unreadable_image",
)


@dataclass(frozen=True)
class GateResult:
    """What became of one condition.

    Parameters
    ----------
    condition : Condition
    failed : bool
    count : int or None
        Findings that count; None for the noise rate.
    of : int or None
        Rows that a share is taken of; None for counts.
    estimate, low, high : float or None
        Of a share.
    waived : int
        Findings left out because a person confirmed the label.
    flipped : int
        Findings left out because only the model changed (``new:`` alone).
    entries : array of int64
        Places in `Verdict.issues` of the findings that count.
    message : str
        One plain sentence.
    """

    condition: Condition
    failed: bool
    count: int | None
    of: int | None
    estimate: float | None
    low: float | None
    high: float | None
    waived: int
    flipped: int
    entries: NDArray[np.int64]
    message: str


@dataclass(frozen=True)
class Verdict:
    """What became of all conditions.

    Parameters
    ----------
    state : AuditState
    baseline : Comparison or None
    gates : tuple of GateResult
    waivers : Waivers
    issues : pyarrow.Table
        Of `AuditState.flagged`.
    is_waived : array of bool
        Which of `issues` a person's decision waives.
    notes : tuple of str
        What became of the decisions, and what a reader must know of the baseline.
    """

    state: AuditState
    baseline: Comparison | None
    gates: tuple[GateResult, ...]
    waivers: Waivers
    issues: pa.Table
    is_waived: NDArray[np.bool_]
    notes: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether any condition holds."""
        return any(gate.failed for gate in self.gates)


def judge(
    state: AuditState,
    conditions: Sequence[Condition],
    *,
    baseline: Comparison | None = None,
    decisions: Iterable[Decision] = (),
) -> Verdict:
    """Judge what an audit found.

    Parameters
    ----------
    state : AuditState
        With findings.
    conditions : sequence of Condition
        At least one.
    baseline : Comparison, optional
        Of an earlier audit with `state`; needed for ``new:``.
    decisions : iterable of Decision
        Of people, about rows.

    Raises
    ------
    BadInput
        When a condition cannot be judged: nothing of its kind was looked for, or it needs a baseline.

    Examples
    --------
    >>> from labelwright.audit.findings import SCHEMA
    >>> from labelwright.audit.gate.condition import parse_condition
    >>> from labelwright.data.load import load_dataset
    >>> state = AuditState.of_dataset(load_dataset({"text": list("abab"), "label": list("xyxy")}, label="label"))
    >>> from dataclasses import replace
    >>> audited = replace(state, issues=SCHEMA.empty_table(), summary={"noise_rate": None})
    >>> judge(audited, [parse_condition("outlier>0")]).failed
    False
    """
    if not conditions:
        raise BadInput("no condition is given", fix="say when to fail, for example --fail-on 'label>2%'")
    if state.issues is None or (baseline is not None and baseline.issues is None):
        raise BadInput("only audited data can be judged", fix="run labelwright audit first")
    waivers = find_waivers(state, decisions, None if baseline is None else baseline.rows)
    issues = state.flagged()
    is_waived = _waived(state, issues, waivers)
    court = _Court(state, baseline, issues, is_waived)
    gates = tuple(court.noise_rate(one) if one.what == NOISE_RATE else court.findings(one) for one in conditions)
    notes = [*waivers.lines(), *(() if baseline is None else baseline.notes)]
    if waivers.unguarded:
        notes.append(
            f"{counted(waivers.unguarded, 'confirmed label')} without a hash in the column content: without a baseline "
            "nobody sees whether the row was edited afterwards"
        )
    return Verdict(state, baseline, gates, waivers, issues, is_waived, tuple(notes))


@dataclass(frozen=True)
class _Court:
    """What every condition is judged by."""

    state: AuditState
    baseline: Comparison | None
    issues: pa.Table
    is_waived: NDArray[np.bool_]

    def noise_rate(self, condition: Condition) -> GateResult:
        """Judge the estimated share of wrong labels."""
        rate = None if self.state.summary is None else self.state.summary["noise_rate"]
        if rate is None:
            raise BadInput(
                f"{quoted(condition.text)}: this audit has no noise rate ({self.state.plan.task})",
                fix="a noise rate needs one label a row and a model of it; use label>2% instead",
            )
        none = np.empty(0, dtype=np.int64)
        values = rate["estimate"], rate["low"], rate["high"]
        return self._result(condition, None, None, values, 0, 0, none)

    def findings(self, condition: Condition) -> GateResult:
        """Judge the number of findings of some kinds, or the share of the rows that have one."""
        self._check_looked_for(condition)
        chosen = np.asarray(pc.is_in(self.issues["kind"], pa.array(condition.kinds)).to_numpy(), dtype=bool)
        flipped = 0
        if condition.only_new:
            masks = self._new_masks(condition)
            flipped = int(np.count_nonzero(chosen & masks["flipped_on"] & ~self.is_waived))
            chosen = chosen & masks["new"]
        waived = int(np.count_nonzero(chosen & self.is_waived))
        entries = np.flatnonzero(chosen & ~self.is_waived)
        if not condition.is_share:
            return self._result(condition, len(entries), None, None, waived, flipped, entries)
        rows = row_numbers(self.issues.take(pa.array(entries)))
        among = self._rows_of(condition)
        k, n = int(np.count_nonzero(among[np.unique(rows[rows >= 0])])), int(np.count_nonzero(among))
        low, high = clopper_pearson(k, n, LEVEL)
        values = (k / n, low, high) if n else (0.0, 0.0, 1.0)
        return self._result(condition, k, n, values, waived, flipped, entries)

    def _new_masks(self, condition: Condition) -> dict[str, NDArray[np.bool_]]:
        if self.baseline is None or self.baseline.issues is None:
            raise BadInput(
                f"{quoted(condition.text)}: what is new shows only beside an earlier audit",
                fix="give --baseline, the folder of an earlier audit",
            )
        return self.baseline.issues.masks()

    def _rows_of(self, condition: Condition) -> NDArray[np.bool_]:
        """Return the rows that a share is taken of: those judged, and of these the changed ones for ``new:``."""
        among = np.ones(len(self.state), dtype=bool)
        if condition.what == "label":
            among = _judged(self.state)
        if condition.only_new and self.baseline is not None:
            among = among & (self.baseline.rows.change != RowChange.UNCHANGED)
        return among

    def _check_looked_for(self, condition: Condition) -> None:
        """A gate on something that was never looked for would pass for ever: refuse it."""
        what, plan = condition.what, self.state.plan
        fix = None
        if what == "label" and not _judged(self.state).any():
            fix = "label errors need labels of two classes and something to judge them by"
        elif what == "split_leak" and plan.split is None:
            fix = "audit with --split COL"
        elif what in IMAGE_KINDS and plan.image is None and plan.modality != "image":
            fix = "leave the condition out: these data are not images"
        if fix is not None:
            raise BadInput(f"{quoted(condition.text)}: {what} was not looked for in {quoted(self.state.name)}", fix=fix)

    def _result(
        self,
        condition: Condition,
        count: int | None,
        of: int | None,
        values: tuple[float, float, float] | None,
        waived: int,
        flipped: int,
        entries: NDArray[np.int64],
    ) -> GateResult:
        estimate, low, high = values if values is not None else (None, None, None)
        deciding: Any = count if values is None else low if condition.wants_more else high
        # Nothing was there to take a share of: no evidence, no failure.
        failed = condition.holds(deciding) and of != 0
        message = said(condition, values, failed=failed, count=count, of=of, waived=waived, flipped=flipped)
        return GateResult(condition, failed, count, of, estimate, low, high, waived, flipped, entries, message)


def _judged(state: AuditState) -> NDArray[np.bool_]:
    """Return the rows whose label was judged; bool, shape (n,)."""
    assert state.issues is not None
    label = state.issues.filter(
        pc.and_(pc.equal(state.issues["kind"], "label"), pc.equal(state.issues["level"], "row"))
    )
    judged = np.zeros(len(state), dtype=bool)
    judged[row_numbers(label)] = True
    return judged


def _waived(state: AuditState, issues: pa.Table, waivers: Waivers) -> NDArray[np.bool_]:
    """Return which issues are waived: those about the label of a confirmed row, or of a row all of whose doubtful tags
    are confirmed."""
    rows = row_numbers(issues)
    kinds = np.asarray(pc.is_in(issues["kind"], pa.array(WAIVED_KINDS)).to_numpy(zero_copy_only=False), dtype=bool)
    confirmed = np.append(waivers.rows, False)
    if waivers.parts:
        assert state.issues is not None
        tags = state.issues.filter(pc.and_(pc.equal(state.issues["level"], "part"), state.issues["is_issue"]))
        doubt: dict[int, set[str]] = {}
        for row, part in zip(tags["row"].to_pylist(), tags["part"].to_pylist(), strict=True):
            doubt.setdefault(row, set()).add(part)
        for row, parts in doubt.items():
            confirmed[row] |= all((row, part) in waivers.parts for part in parts)
    return kinds & confirmed[rows]
