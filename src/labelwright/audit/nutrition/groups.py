"""How groups of rows fare: their share, their labels and the errors in them. Sources: [P065], [P042] for the errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.nutrition.label_facts import surest_disagreement
from labelwright.audit.nutrition.table import Column, NutritionTable
from labelwright.metrics.report import ReportTable, Scalar

SUREST_SHARE = 0.3
SMALLEST_GROUP = 30
LEVEL = 0.95


@dataclass(frozen=True)
class GroupRate:
    """A rate in one group: `count` of `n`; `name` is the value of the column, to be printed where it may be."""

    group: int
    name: str
    count: int
    n: int

    @property
    def rate(self) -> float:
        """The rate, in [0, 1]."""
        return self.count / self.n


def group_codes(column: Column) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return group numbers, largest group first, -1 = missing, and group names; numbers are cut at their median."""
    if column.codes is not None:
        codes, names = column.codes, column.levels
    elif column.numbers is not None:
        middle = float(np.nanmedian(column.numbers)) if column.n_unique else 0.0
        codes = np.where(column.missing, -1, (column.numbers > middle).astype(np.int32)).astype(np.int32)
        names = (f"up to {middle:g}", f"above {middle:g}")
    else:
        return np.full(len(column), -1, dtype=np.int32), ()
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(names) + 1, dtype=np.int32)
    rank[order], rank[-1] = np.arange(len(names)), -1
    return rank[codes], tuple(names[k] for k in order.tolist())


def widest_gap(rates: list[GroupRate], level: float = LEVEL) -> tuple[GroupRate, GroupRate, float] | None:
    """Return the lowest and highest of the groups that differ most beyond chance, with the gap; None without any.

    A gap counts when it lies outside the interval of that `level` around no difference. Groups under 30 rows are left
    out.
    """
    from scipy.special import ndtri

    big = [r for r in rates if r.n >= SMALLEST_GROUP]
    if len(big) < 2:
        return None
    count = np.array([r.count for r in big], dtype=np.float64)
    n = np.array([r.n for r in big], dtype=np.float64)
    gap = (count / n)[None, :] - (count / n)[:, None]  # rows: the lower group
    pooled = (count[None, :] + count[:, None]) / (n[None, :] + n[:, None])
    error = np.sqrt(pooled * (1 - pooled) * (1 / n[None, :] + 1 / n[:, None]))
    clear = np.where(gap > ndtri((1 + level) / 2) * error, gap, 0.0)
    low, high = np.unravel_index(int(clear.argmax()), clear.shape)
    return (big[low], big[high], float(clear[low, high])) if clear[low, high] > 0 else None


def level_for_all_pairs(rates: list[GroupRate]) -> float:
    """Return the level a pair needs so that the chance of any false gap among all pairs of groups stays at 5 %."""
    k = sum(r.n >= SMALLEST_GROUP for r in rates)
    return 1 - (1 - LEVEL) / max(k * (k - 1) // 2, 1)


def label_rates(table: NutritionTable, column: Column) -> list[list[GroupRate]]:
    """Return, for each class, the share of it in every group; for a number as label, the share above its median."""
    codes, names = group_codes(column)
    labels, task = table.dataset.labels, table.dataset.plan.task
    if task == "regression":
        known = np.isfinite(labels)
        hits = [np.asarray(labels > np.median(labels[known]))] if known.any() else []
    elif labels.ndim == 2:
        known = (labels >= 0).all(axis=1)
        hits = [labels[:, k] == 1 for k in range(labels.shape[1])]
    else:
        known = labels >= 0
        hits = [labels == k for k in range(len(table.dataset.space or ()))]
    kept = known & (codes >= 0)
    totals = np.bincount(codes[kept], minlength=len(names))
    rates = []
    for hit in hits:
        found = np.bincount(codes[kept & hit], minlength=len(names))
        rates.append([GroupRate(g, names[g], int(found[g]), int(totals[g])) for g in range(len(names)) if totals[g]])
    return rates


def error_rates(table: NutritionTable, column: Column) -> list[GroupRate]:
    """Return the label errors of every group: contradictions on the 30 % of its rows where the model is surest.

    A raw count of flagged rows mixes errors with difficulty, and groups differ in difficulty; see
    `surest_disagreement`. Empty without `pred_probs`.
    """
    if table.pred_probs is None or not table.is_classification:
        return []
    codes, names = group_codes(column)
    rates = []
    for g, name in enumerate(names):
        rows = np.flatnonzero((codes == g) & (table.dataset.labels >= 0))
        if len(rows) >= SMALLEST_GROUP:
            found = surest_disagreement(table.dataset.labels[rows], table.pred_probs[rows], SUREST_SHARE)
            rates.append(GroupRate(g, name, found.contradicted, found.rows))
    return rates


def group_table(table: NutritionTable, column: Column) -> ReportTable:
    """Return a table of the groups of one column; their names stand in it unless the column is sensitive."""
    codes, names = group_codes(column)
    errors = {rate.group: rate for rate in error_rates(table, column)}
    n = max(int((codes >= 0).sum()), 1)
    rows: list[tuple[Scalar, ...]] = []
    for g, name in enumerate(names[:50]):
        inside = codes == g
        flagged = None if table.label_issue is None else round(100 * float(table.label_issue[inside].mean()), 2)
        sure = round(100 * errors[g].rate, 2) if g in errors else None
        shown = "(not shown)" if column.sensitive else name
        count = int(inside.sum())
        rows.append((f"group {g + 1}", shown, count, round(100 * count / n, 2), flagged, sure))
    head = ("group", "value", "rows", "%", "suspect labels, %", "contradicted where surest, %")
    return ReportTable(f"Groups of {column.name}", head, tuple(rows), private=True)
