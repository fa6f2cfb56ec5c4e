"""The measure of [P011]: models judged on items with several right answers, and what a drop in accuracy is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.multilabel_eval import (
    Asma,
    ShiftDecomposition,
    asma,
    real_accuracy,
    shift_decomposition,
    top1_accuracy,
    variable_topk_accuracy,
)
from labelwright.errors import BadInput, quoted
from labelwright.metrics.checks import as_array, as_labels, as_mask, row_names
from labelwright.metrics.numerals import percent
from labelwright.metrics.report import Alert, Plot, Report, ReportTable, Scalar, Section, TableRows, rounded

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
LEAST_GROUP = 10  # items that a group needs to count in ASMA
MOST_MODELS = 9
TIES = 0.01


class MultiLabelTest:
    """Scores models against all valid labels of the items, and splits the drop between two test sets [P011].

    Parameters
    ----------
    least : int, default 10
        Items that a group of equally many valid labels needs to count in ASMA.
    """

    def __init__(self, least: int = LEAST_GROUP) -> None:
        if least < 1:
            raise BadInput(f"least is {least}", fix="give 1 or more")
        self.least = least

    def measure(
        self,
        scores: Mapping[str, ArrayLike],
        labels: ArrayLike,
        valid: ArrayLike,
        classes: Sequence[str],
        *,
        parts: Sequence[str] | None = None,
        ids: Sequence[str] | None = None,
        proposed: bool = False,
    ) -> Report:
        """Return the report.

        Parameters
        ----------
        scores : mapping of name to float (n, K)
            What each model says; higher is more.
        labels : int array (n,)
            The single labels as given, -1 = none.
        valid : bool array (n, K)
            All labels that are right for each item; items without any are left out.
        classes : sequence of str, length K
        parts : sequence of str (n,), optional
            The test set of each item; the two largest are compared.
        ids : sequence of str, optional
        proposed : bool
            True when nobody has confirmed the label sets.
        """
        if not scores:
            raise BadInput("there is no model", fix="give the scores of at least one")
        sets = as_mask("valid", valid, 2)
        y = as_labels("labels", labels, len(classes))
        if sets.shape != (len(y), len(classes)):
            raise BadInput(f"valid has shape {sets.shape}, expected ({len(y)}, {len(classes)})")
        tables = {name: as_array(f"scores of {name!r}", s, 2) for name, s in scores.items()}
        kept = sets.any(axis=1) & (y >= 0)
        if not kept.any():
            raise BadInput("no item has a valid label and a given one")
        size = sets[kept].sum(axis=1)
        found = {name: asma(s[kept], sets[kept], least=min(self.least, _largest(size))) for name, s in tables.items()}
        sections = [
            _models_section(tables, y, sets, kept, found),
            _groups_section(found, sets, kept, y, classes, ids, proposed),
        ]
        shift = None
        if parts is not None:
            shift, section = _shift_section(tables, y, sets, kept, np.asarray(parts), self.least)
            sections.append(section)
        several = float((size > 1).mean())
        first = next(iter(tables))
        return Report(
            "Models on items with several right answers",
            tuple(sections),
            _verdict(several, first, top1_accuracy(tables[first][kept], y[kept]), found[first], shift),
            {
                "test items": int(kept.sum()),
                "with several valid labels": int((size > 1).sum()),
                "models": len(tables),
                "left out: no valid label": int((~sets.any(axis=1)).sum()),
            },
            _steps(proposed, several),
        )


def _largest(size: NDArray[np.int64]) -> int:
    """Return the number of items in the largest group, so that tiny test sets still have one."""
    return int(np.bincount(size).max())


def _models_section(
    tables: Mapping[str, Floats], y: NDArray[np.int64], sets: Mask, kept: Mask, found: Mapping[str, Asma]
) -> Section:
    rows: list[tuple[Scalar, ...]] = []
    ties = 0.0
    for name, s in tables.items():
        top = variable_topk_accuracy(s[kept], sets[kept])
        ties = max(ties, top.tie_rate)
        values = (
            *(top1_accuracy(s[kept], y[kept]), real_accuracy(s[kept], sets[kept]), top.accuracy),
            *(found[name].hits, found[name].exact),
        )
        rows.append((name, *(rounded(v) for v in values)))
    columns = ("model", "top-1", "any valid label", "variable top-k", "ASMA", "ASMA, exact sets")
    rows.sort(key=lambda row: -float(row[4] or 0))
    alerts: tuple[Alert, ...] = ()
    if ties > TIES:
        alerts = (
            Alert(
                "measurement",
                "caution",
                f"Up to {percent(ties)} of the items have tied scores, whose order is that of the classes.",
                mitigation="Give probabilities with more digits.",
                mitigation_possible="yes",
            ),
        )
    return Section(
        "The models",
        "Top-1 asks for the given label. Any valid label: the best guess is right in some way. Variable top-k: of an "
        "item's k valid labels, how many are among the k best guesses. ASMA averages that over the groups of equally "
        "many valid labels, so that the mix of items does not count.",
        tables=(ReportTable("Accuracy", columns, tuple(rows), plot=Plot("bars", ("ASMA",), unit="share")),),
        alerts=alerts,
    )


def _groups_section(
    found: Mapping[str, Asma],
    sets: Mask,
    kept: Mask,
    y: NDArray[np.int64],
    classes: Sequence[str],
    ids: Sequence[str] | None,
    proposed: bool,
) -> Section:
    names = tuple(found)[:MOST_MODELS]
    groups = next(iter(found.values())).groups
    lines: TableRows = tuple(
        (str(k), n, *(rounded(found[name].groups[i][2]) for name in names)) for i, (k, n, _, _) in enumerate(groups)
    )
    by_size = ReportTable(
        "Variable top-k by the number of valid labels",
        ("valid labels", "items", *names),
        lines,
        plot=Plot("heat", names, unit="share"),
    )
    named = row_names(ids, len(sets))
    several = np.flatnonzero(kept & (sets.sum(axis=1) > 1))
    listed: TableRows = tuple(
        (named[i], classes[y[i]], "|".join(classes[k] for k in np.flatnonzero(sets[i]).tolist()))
        for i in several.tolist()
    )
    return Section(
        "Items with several valid labels",
        "Nobody has confirmed these sets: they are candidates from the models' own probabilities. Have people check "
        "them before you publish a figure."
        if proposed
        else "",
        tables=(
            by_size,
            _together_table(sets[kept], classes),
            ReportTable("Items", ("id", "given", "valid"), listed, private=True, file="several_labels.csv"),
        ),
    )


def _together_table(sets: Mask, classes: Sequence[str]) -> ReportTable:
    pairs = sets.astype(np.int64)
    together = pairs.T @ pairs
    np.fill_diagonal(together, 0)
    order = np.argsort(-np.triu(together).ravel(), kind="stable")[:12]
    rows: TableRows = tuple(
        (f"{classes[a]} + {classes[b]}", int(together[a, b]))
        for a, b in zip(*np.divmod(order, len(classes)), strict=True)
        if together[a, b]
    )
    return ReportTable("Labels that go together", ("labels", "items"), rows, plot=Plot("bars", ("items",)))


def _shift_section(
    tables: Mapping[str, Floats], y: NDArray[np.int64], sets: Mask, kept: Mask, parts: NDArray, least: int
) -> tuple[ShiftDecomposition, Section]:
    names, counts = np.unique(parts[kept], return_counts=True)
    if len(names) < 2:
        raise BadInput(f"all items are of test set {quoted(names[0])}", fix="name a column with two test sets")
    largest = np.sort(np.argsort(-counts, kind="stable")[:2])
    first, second = (kept & (parts == names[i]) for i in largest.tolist())
    size = sets.sum(axis=1)
    shared = [
        k for k in np.unique(size[kept]).tolist() if min((size[first] == k).sum(), (size[second] == k).sum()) >= least
    ]
    shifts, rows = [], list[tuple[Scalar, ...]]()
    for name, s in tables.items():
        right = s.argmax(axis=1) == y
        shift = shift_decomposition(right[first], size[first], right[second], size[second])
        drop = None
        if shared:
            a, b = (asma(s[part], sets[part], sizes=shared).hits for part in (first, second))
            drop = rounded(a - b)
        shifts.append(shift)
        rows.append((name, *(rounded(v) for v in (shift.total, shift.mix, shift.within, shift.mix_share)), drop))
    columns = ("model", "drop in top-1", "of it by the mix", "within groups", "share by the mix", "drop in ASMA")
    parts_rows: TableRows = tuple((str(k), *(rounded(v) for v in values)) for k, *values in shifts[0].groups)
    titles = [str(names[i]) for i in largest.tolist()]
    group_columns = ("valid labels", *(f"share in {t}" for t in titles), *(f"top-1 in {t}" for t in titles))
    return shifts[0], Section(
        f"From {titles[0]} to {titles[1]}",
        "The drop in top-1 is the sum of two parts: more items with several labels, on which a single label is a "
        "lottery, and lower accuracy on items of the same kind. Only the second is about the model. ASMA is compared "
        "on the numbers of valid labels that both sets have.",
        tables=(
            ReportTable("Drop", columns, tuple(rows), plot=Plot("bars", (columns[1],), unit="share")),
            ReportTable(f"Groups of {next(iter(tables))}", group_columns, parts_rows),
        ),
    )


def _verdict(several: float, name: str, top1: float, found: Asma, shift: ShiftDecomposition | None) -> str:
    head = (
        f"{percent(several)} of the items have several right answers; {name} has {percent(top1)} by single "
        f"labels and {percent(found.hits)} when all count (ASMA)."
    )
    if shift is None or not math.isfinite(shift.mix_share):
        return head
    return (
        f"{head} Of its drop of {100 * shift.total:.1f} points, {100 * shift.mix:.1f} come of the mix of items alone."
    )


def _steps(proposed: bool, several: float) -> tuple[str, ...]:
    steps = []
    if proposed:
        steps.append("Have people confirm the sets in several_labels.csv, and pass what they say with --votes")
    if several > 0:
        steps.append("Report ASMA beside top-1 wherever test sets are compared")
    return tuple(steps)
