"""The integer program of fair abstention: who keeps, flips or loses the prediction so that groups fare alike.

For rows with predictions ŷ, w = 1 where a row is decided, h the decided label, u = w · h:

    minimise    Σ (1 − 2 y) u + y w                                    errors among decided rows
    fairness    |Σ_{g=a} u / n_a − Σ_{g=b} u / n_b| ≤ ε                fixed denominators: all rows of the group
    abstention  Σ_g w ≥ (1 − δ_g) n_g,   optionally |decided shares| differ by at most σ (all, y = 1, y = 0)
    no harm     errors_g ≤ e'_g · Σ_g w

Objective and constraints depend on counts in the cells (g, y, ŷ) only, so two whole numbers a cell (kept, flipped) say
it all: an exact reduction that HiGHS solves in milliseconds whatever n. `solve_item_level_ip` is the program as
published, three variables a row.

Source: Yin, Ton, Guo, Yao, Liu, Liu, Fair classifiers that abstain without harm, ICLR 2024 [P106].
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, eye_array

from labelwright.decide.abstention_rules import AbstentionRules
from labelwright.decide.contract import Bools, Floats, group_codes
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_mask, same_length
from labelwright.metrics.numerals import percent

KEEP, FLIP, ABSTAIN = 0, 1, 2


@dataclass(frozen=True)
class AbstentionPlan:
    """How many rows of each cell keep, flip and lose their prediction.

    Parameters
    ----------
    group, y, y_pred : arrays (c,)
        The cells.
    count, keep, flip : int arrays (c,)
        Rows of the cell; the rest of `count` abstains.
    errors : int
        Wrong among decided rows.
    """

    group: NDArray[Any]
    y: Bools
    y_pred: Bools
    count: NDArray[np.int64]
    keep: NDArray[np.int64]
    flip: NDArray[np.int64]
    errors: int

    @property
    def abstain(self) -> NDArray[np.int64]:
        """Rows of each cell that abstain, int (c,)."""
        return self.count - self.keep - self.flip


@dataclass(frozen=True)
class Cells:
    """Rows counted by (group, y, ŷ); `of_row` (n,) tells the cell of each."""

    group: NDArray[Any]
    y: Bools
    y_pred: Bools
    count: NDArray[np.int64]
    of_row: NDArray[np.int64]

    @property
    def groups(self) -> list[Hashable]:
        """The names of the groups."""
        return list(np.unique(self.group).tolist())


def count_cells(y: ArrayLike, y_pred: ArrayLike, groups: ArrayLike) -> Cells:
    """Count rows by group (n,), true label (n,) and prediction (n,); at least two groups."""
    truth, guess = as_mask("y", y), as_mask("y_pred", y_pred)
    found, code = group_codes(groups)
    same_length(y=truth, y_pred=guess, groups=code)
    names = np.array(found)
    if len(names) < 2:
        raise BadInput(f"there are {len(names)} groups", fix="fairness compares at least two")
    cell, of_row, count = np.unique(code * 4 + truth * 2 + guess, return_inverse=True, return_counts=True)
    return Cells(names[cell // 4], cell % 4 >= 2, cell % 2 == 1, count.astype(np.int64), of_row)


def solve_abstention_ip(y: ArrayLike, y_pred: ArrayLike, groups: ArrayLike, rules: AbstentionRules) -> AbstentionPlan:
    """Return the plan with the fewest errors that keeps all rules; BadInput where there is none.

    Parameters
    ----------
    y, y_pred : bool arrays (n,)
    groups : array (n,)
    rules : AbstentionRules

    Examples
    --------
    >>> from labelwright.decide import DemographicParity
    >>> plan = solve_abstention_ip([1, 0, 1, 0], [1, 0, 1, 1], ["a", "a", "b", "b"],
    ...                            AbstentionRules(DemographicParity(0.1), max_abstention=0.5))
    >>> plan.errors, int(plan.abstain.sum()), int(plan.flip.sum())
    (0, 1, 0)

    Source: Yin et al., 2024 [P106].
    """
    cells = count_cells(y, y_pred, groups)
    wrong = (cells.y != cells.y_pred).astype(float)
    cost = np.r_[wrong, 1 - wrong + rules.flip_penalty]
    limits = {group: rules.max_abstention_of(group) for group in cells.groups}
    rows, upper = _rules_on_counts(cells, rules, limits)
    counts = _solve(cost, rows, upper, np.r_[cells.count, cells.count].astype(float))
    if counts is None:
        least = feasible_abstention_rate(y, y_pred, groups, rules)
        raise BadInput(
            "no plan keeps all rules",
            fix=f"allow every group to abstain on {percent(least)}, or loosen the fairness rule",
        )
    keep, flip = np.rint(counts[: len(wrong)]).astype(np.int64), np.rint(counts[len(wrong) :]).astype(np.int64)
    errors = int(keep @ wrong + flip @ (1 - wrong))
    return AbstentionPlan(cells.group, cells.y, cells.y_pred, cells.count, keep, flip, errors)


def feasible_abstention_rate(y: ArrayLike, y_pred: ArrayLike, groups: ArrayLike, rules: AbstentionRules) -> float:
    """Return the smallest δ, the same for all groups, with which the other rules can be kept; in [0, 1].

    Found exactly, as one more variable of the program; `rules.max_abstention` does not count.

    Examples
    --------
    >>> from labelwright.decide import DemographicParity
    >>> y, groups = [1, 0, 1, 1], ["a", "a", "b", "b"]
    >>> feasible_abstention_rate(y, y, groups, AbstentionRules(DemographicParity(0.1)))
    0.5

    Source: Yin et al., 2024 [P106].
    """
    cells = count_cells(y, y_pred, groups)
    rows, upper = _rules_on_counts(cells, rules, None)
    sizes = np.array([float(cells.count[cells.group == group].sum()) for group in cells.groups])
    decided = np.stack([np.tile(cells.group == group, 2) for group in cells.groups]).astype(float)
    matrix = np.vstack([np.c_[rows, np.zeros(len(rows))], np.c_[-decided, -sizes]])  # n_g − decided_g ≤ δ n_g
    bounds = np.r_[cells.count, cells.count, 1.0].astype(float)
    whole = np.r_[np.ones(2 * len(cells.count)), 0]
    solved = _solve(np.r_[np.zeros(len(bounds) - 1), 1.0], matrix, np.r_[upper, -sizes], bounds, whole)
    if solved is None:
        raise BadInput("the rules cannot be kept at any abstention rate")
    return round(float(solved[-1]), 6)


def _rules_on_counts(
    cells: Cells, rules: AbstentionRules, limits: Mapping[Hashable, float] | None
) -> tuple[Floats, Floats]:
    """Rows A (r, 2c) and bounds b (r,) with A · (keep, flip) ≤ b; row counts add up to at most the cell."""
    c = len(cells.count)
    accepted = np.r_[cells.y_pred, ~cells.y_pred].astype(float)
    wrong = np.r_[cells.y != cells.y_pred, cells.y == cells.y_pred].astype(float)
    truth, group = np.tile(cells.y, 2), np.tile(cells.group, 2)
    rows, upper = [np.eye(c, 2 * c) + np.eye(c, 2 * c, c)], [cells.count.astype(float)]

    def add(row: Floats, bound: float) -> None:
        rows.append(row[None])
        upper.append(np.array([bound]))

    def alike(counted: Floats, among: Bools, within: float) -> None:  # shares of `among`, group against group
        n = {g: cells.count[(cells.group == g) & among[:c]].sum() for g in cells.groups}
        for a, b in combinations(cells.groups, 2):
            if n[a] and n[b]:
                row = counted * among * ((group == a) - (group == b) * (n[a] / n[b]))
                add(row, within * n[a])
                add(-row, within * n[a])

    for among in rules.fairness.conditions(truth):
        alike(accepted, among, rules.fairness.eps)
    if rules.max_abstention_gap is not None:
        for among in (np.ones(2 * c, bool), truth, ~truth):
            alike(np.ones(2 * c), among, rules.max_abstention_gap)
    for name in cells.groups:
        here = cells.group == name
        n, base = cells.count[here].sum(), cells.count[here & (cells.y != cells.y_pred)].sum()
        add((wrong - rules.no_harm.allowed_error(float(base / n))) * (group == name), 0.0)
        if limits is not None:
            add(-(group == name).astype(float), -(1 - limits[name]) * n)
    return np.vstack(rows), np.concatenate(upper)


def _solve(
    cost: Floats, rows: Any, upper: Floats, most: Floats, whole: Floats | None = None, seconds: float = 60
) -> Floats | None:
    solved = milp(
        cost,
        constraints=LinearConstraint(rows, ub=upper + 1e-9),
        integrality=np.ones(len(cost)) if whole is None else whole,
        bounds=Bounds(0, most),
        options={"mip_rel_gap": 1e-9, "time_limit": seconds},
    )
    return None if solved.x is None else np.asarray(solved.x)


def solve_item_level_ip(
    y: ArrayLike, y_pred: ArrayLike, groups: ArrayLike, rules: AbstentionRules, seconds: float = 60
) -> tuple[Bools, Bools, float]:
    """Solve the program as published, three binary variables a row: w, h (n,) and the objective.

    For checking the reduction by counts, which gives the same optimum. Parameters as in `solve_abstention_ip`;
    `seconds` limits the solver.

    Source: Yin et al., 2024 [P106].
    """
    cells = count_cells(y, y_pred, groups)
    truth, guess = cells.y[cells.of_row], cells.y_pred[cells.of_row]
    n, c = len(truth), len(cells.count)
    limits = {group: rules.max_abstention_of(group) for group in cells.groups}
    rows, upper = _rules_on_counts(cells, rules, limits)
    # (keep, flip) of a cell from (w, u): where ŷ = 1 keep = Σ u, flip = Σ w − u; where ŷ = 0 keep = Σ w − u, flip = Σ u
    member = csr_array((np.ones(n), (cells.of_row, np.arange(n))), shape=(c, n))
    up = csr_array(np.diag(cells.y_pred.astype(float))) @ member
    down = member - up
    counts = block_array([[down, None, up - down], [up, None, down - up]], format="csr")
    counts = csr_array(counts, shape=(2 * c, 2 * n)) if counts.shape[1] == 2 * n else counts
    from_w, from_u = counts[:, :n], counts[:, -n:]
    nothing = csr_array((len(rows), n))
    one, zero = eye_array(n), csr_array((n, n))
    matrix = block_array(
        [
            [csr_array(rows) @ from_w, nothing, csr_array(rows) @ from_u],
            [-one, zero, one],  # u ≤ w
            [zero, -one, one],  # u ≤ h
            [one, one, -one],  # w + h − 1 ≤ u
        ],
        format="csr",
    )
    bound = np.r_[upper, np.zeros(2 * n), np.ones(n)]
    flips = rules.flip_penalty * np.r_[guess, np.zeros(n), 1.0 - 2 * guess]  # Σ flips = Σ_{ŷ=1} (w − u) + Σ_{ŷ=0} u
    cost = np.r_[truth.astype(float), np.zeros(n), 1.0 - 2 * truth] + flips
    solved = _solve(cost, matrix, bound, np.ones(3 * n), seconds=seconds)
    if solved is None:
        raise BadInput("no plan keeps all rules", fix="allow more abstention or loosen the fairness rule")
    w, h = solved[:n] > 0.5, solved[n : 2 * n] > 0.5
    return w, h, float(cost @ np.rint(solved))
