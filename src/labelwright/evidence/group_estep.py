"""The E-step of grouped evidence: exact counting where it is enough, belief propagation where groups meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, is_torch, like, namespace, to_numpy
from labelwright.evidence.base import GroupEvidence
from labelwright.evidence.counting import count_factor
from labelwright.evidence.dense import combine, log_sum_exp
from labelwright.evidence.groups import Bags
from labelwright.evidence.result import Posterior
from labelwright.evidence.segments import segment_ids, segment_sum

Solved = tuple[Array, Array, tuple[str, ...], bool, bool]  # q (n, K), log_z (units,), method, exact, converged


def condition_groups(log_prior: Array, evidence: tuple[GroupEvidence, ...], units: NDArray[np.int64]) -> Posterior:
    """Return the posterior of all rows given several pieces of group evidence about the same rows.

    Shapes: log_prior (n, K), NumPy or torch; `units` int64 (n,) numbers the rows that `evidence` ties together. In
    torch the gradient of `log_z` with respect to `log_prior` is q. Counting on one set of bags that share no row,
    each with one constrained class, stays on a device; everything else, and all on the CPU, is solved in NumPy.
    """
    on_device = is_torch(log_prior) and log_prior.device.type != "cpu"
    prior = log_prior.detach() if on_device else to_numpy(log_prior).astype(np.float64)
    one = evidence[0]
    if len(evidence) == 1 and isinstance(one, Bags) and not one.overlap:
        table = one_class_view(one)
        if (table.kind != SEVERAL).all():
            solved = _count_one_class(prior, one, table, units)
        else:
            solved = _count_several(to_numpy(prior).astype(np.float64), one, table, units)
    else:
        from labelwright.evidence.factor_graph import solve_graph

        solved = solve_graph(to_numpy(prior).astype(np.float64), evidence, units)
    q, log_z, method, exact, converged = solved
    if not is_torch(log_prior):
        dtype = np.asarray(log_prior).dtype
        kind = dtype if dtype in (np.float32, np.float64) else np.float64
        return Posterior(q.astype(kind), log_z.astype(kind), method, exact, converged)
    import torch

    from labelwright.evidence.counting_torch import JointLogZ, log_z_of

    answer = like(q, log_prior.detach())
    unit = torch.as_tensor(np.array(units), device=answer.device)
    total = like(log_z, answer)
    return Posterior(answer, log_z_of(JointLogZ, log_prior, answer, total, unit), method, exact, converged)


FREE, ONE, SEVERAL = 0, 1, 2


@dataclass(frozen=True, eq=False)
class OneClassView:
    """Bags seen as counts of one class each: `kind` (g,) free, one class or several; `target`, `low`, `high` (g,)."""

    kind: NDArray[np.integer]
    target: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def one_class_view(bags: Bags) -> OneClassView:
    """Return which class each bag counts; with two classes both intervals become one."""
    sizes, low, high = bags.sizes, bags.low, bags.high
    if bags.log_potential is not None:
        target = np.full(bags.n_bags, bags.target)
        return OneClassView(np.full(bags.n_bags, ONE), target, low[:, bags.target], high[:, bags.target])
    if bags.n_classes == 2:
        least, most = np.maximum(low[:, 1], sizes - high[:, 0]), np.minimum(high[:, 1], sizes - low[:, 0])
        kind = np.where((least > 0) | (most < sizes), ONE, FREE)
        return OneClassView(kind, np.ones(bags.n_bags, dtype=np.int64), least, most)
    bound = (low > 0) | (high < sizes[:, None])
    target = bound.argmax(axis=1)
    each = np.arange(bags.n_bags)
    return OneClassView(np.minimum(bound.sum(axis=1), SEVERAL), target, low[each, target], high[each, target])


def target_message(
    log_p: Array, bags_offsets: NDArray[np.int64], view: OneClassView, log_potential: NDArray[np.float64] | None
) -> tuple[Array, Array]:
    """Return what each bag tells its rows, (t, K), and log Z (g,) for unnormalised log_p (t, K).

    The message depends on whether the row is of the bag's target class; it is log R1 there and log R0 elsewhere.
    """
    xp = namespace(log_p)
    bag = segment_ids(bags_offsets)
    own = view.target[bag][:, None] == np.arange(log_p.shape[1])
    is_target = xp.asarray(own, device=log_p.device) if is_torch(log_p) else own
    never = xp.full_like(log_p, -np.inf)
    yes = log_sum_exp(xp.where(is_target, log_p, never))
    no = log_sum_exp(xp.where(is_target, never, log_p))
    count = count_factor(yes - no, bags_offsets, view.low, view.high, log_potential)
    message = xp.where(is_target, count.message[:, 1:], count.message[:, :1])
    return message, count.log_z + segment_sum(log_sum_exp(log_p), bag, len(bags_offsets) - 1)


def _count_one_class(prior: Array, bags: Bags, view: OneClassView, units: NDArray[np.int64]) -> Solved:
    log_p = prior[_where(prior, bags.rows)]
    message, log_z = target_message(log_p, bags.offsets, view, bags.log_potential)
    check_bags(to_numpy(log_z), bags)
    joint_message = segment_sum(message, bags.rows, bags.n_rows)
    q, _ = combine(prior, joint_message)
    return q, unit_log_z(prior, bags, log_z, units), ("counting",), True, True


def unit_log_z(prior: Array, bags: Bags, log_z: Array, units: NDArray[np.int64]) -> Array:
    """Return log Z of each unit: bags that share no row, and the rows in no bag, which weigh their prior's total."""
    n_units = int(units.max(initial=-1)) + 1
    in_no_bag = np.ones(bags.n_rows, dtype=bool)
    in_no_bag[bags.rows] = False
    alone = np.flatnonzero(in_no_bag)
    filled = np.flatnonzero(bags.sizes > 0)
    first = bags.rows[bags.offsets[:-1][filled]]
    by_bag = segment_sum(log_z[_where(log_z, filled)], units[first], n_units)
    return by_bag + segment_sum(log_sum_exp(prior[_where(prior, alone)]), units[alone], n_units)


def _where(model: Array, index: NDArray[np.int64]) -> Any:
    if is_torch(model):
        import torch

        return torch.as_tensor(np.array(index), device=model.device)
    return index


def check_bags(log_z: NDArray[np.float64], bags: Bags) -> None:
    """Raise BadInput naming the first bag whose counts the rows' own evidence makes impossible."""
    impossible = np.flatnonzero(np.isneginf(log_z))
    if len(impossible):
        g = int(impossible[0])
        first = int(bags.rows[bags.offsets[g]]) if bags.sizes[g] else None
        raise BadInput(
            f"the counts of {len(impossible)} bags contradict what is known about their rows",
            where=f"bag {g}" + (f" (row {first} and others)" if first is not None else ""),
            fix="mend the counts, or say them softly with a potential",
        )


def _count_several(prior: NDArray[np.float64], bags: Bags, view: OneClassView, units: NDArray[np.int64]) -> Solved:
    from labelwright.evidence.multicounts import EXACT_COST, exact_cost

    several = view.kind == SEVERAL
    bags = _tightened(bags, several)
    small = exact_cost(bags.high, bags.sizes) <= EXACT_COST
    fixed = (bags.low == bags.high).all(axis=1)
    choices = (
        ("counting", ~several),
        ("multiclass counting", several & small),
        ("sinkhorn", several & ~small & fixed),
        ("one-vs-rest", several & ~small & ~fixed),
    )
    q, _ = combine(prior, np.zeros_like(prior))
    log_z, used, settled = np.zeros(bags.n_bags), [], True
    for method, mask in choices:
        chosen = np.flatnonzero(mask)
        if len(chosen) == 0:
            continue
        used.append(method)
        part = bags.of_groups(chosen)
        q[part.rows], log_z[chosen], done = _several(method, prior[part.rows], part)
        settled = settled and done
    check_bags(log_z, bags)
    exact = not {"sinkhorn", "one-vs-rest"} & set(used)
    return q, unit_log_z(prior, bags, log_z, units), tuple(used), exact, settled


def _tightened(bags: Bags, chosen: NDArray[np.bool_]) -> Bags:
    """Return bags whose intervals know of each other: what all other classes need at least, a class cannot have."""
    low, high, sizes = bags.low, bags.high, bags.sizes[:, None]
    least = np.maximum(low, sizes - (high.sum(axis=1, keepdims=True) - high))
    most = np.minimum(high, sizes - (low.sum(axis=1, keepdims=True) - low))
    rows = chosen[:, None]
    return Bags(bags.rows, bags.offsets, np.where(rows, least, low), np.where(rows, most, high), bags.n_rows)


def _several(
    method: str, log_p: NDArray[np.float64], bags: Bags
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Return q (t, K), log Z (g,) and whether it converged, for entries in the order of ``bags.rows``."""
    from labelwright.evidence.multicounts import exact_counts, sinkhorn_counts

    if method == "counting":
        message, log_z = target_message(log_p, bags.offsets, one_class_view(bags), None)
        check_bags(log_z, bags)
        return combine(log_p, message)[0], log_z, True
    rows = np.ascontiguousarray(log_p)
    if method == "multiclass counting":
        q, log_z = exact_counts(rows, bags.offsets, np.array(bags.low), np.array(bags.high))
        return q, log_z, True
    if method == "sinkhorn":
        q, log_z, done = sinkhorn_counts(rows, bags.offsets, np.array(bags.low))
        return q, log_z, bool(done.all())
    return _one_vs_rest(rows, bags)


def _one_vs_rest(log_p: NDArray[np.float64], bags: Bags) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Count each class against the rest and renormalise the rows: an approximation; log Z is the classes' sum."""
    q, log_z = np.empty_like(log_p), np.zeros(bags.n_bags)
    bag = segment_ids(bags.offsets)
    norm = segment_sum(log_sum_exp(log_p), bag, bags.n_bags)
    for c in range(bags.n_classes):
        target = np.full(bags.n_bags, c)
        view = OneClassView(np.full(bags.n_bags, ONE), target, bags.low[:, c], bags.high[:, c])
        message, z = target_message(log_p, bags.offsets, view, None)
        check_bags(z, bags)
        q[:, c] = combine(log_p, message)[0][:, c]
        log_z += z - norm
    total = q.sum(axis=1, keepdims=True)
    lost = np.flatnonzero(total == 0)
    if len(lost):
        raise BadInput("the counts leave a row without a possible class", where=f"row {bags.rows[lost[0]]}")
    return q / total, log_z + norm, True
