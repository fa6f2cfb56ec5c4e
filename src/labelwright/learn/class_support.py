"""Which classes the evidence speaks of: by no row, by one alone, or only by rows that contradict themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput, listed
from labelwright.evidence import Bags, Candidates, Evidence, Hard, Votes
from labelwright.learn.gathered import Gathered


def class_notes(gathered: Gathered) -> tuple[str, ...]:
    """Return a note on each class or tag that no row, or one row alone, speaks of."""
    task, names = gathered.dataset.plan.task, gathered.names
    if task == "multilabel":
        return _rare((np.asarray(gathered.dataset.labels) == 1).sum(axis=0), names, "tag")
    if task == "regression" or not all(isinstance(part, Hard | Candidates | Votes | Bags) for part in gathered.parts):
        return ()
    return _rare(_named(gathered).sum(axis=0), names, "label")


def refuse_contradictions(gathered: Gathered) -> None:
    """Refuse rows whose candidates and trusted label exclude each other, by their lines and classes."""
    if len(gathered.parts) < 2:
        return
    against = contradictory_rows(gathered)
    if not len(against):
        return
    named = _named(gathered)
    sure = np.delete(named, against, axis=0).any(axis=0)
    only = [gathered.names[k] for k in np.flatnonzero(named.any(axis=0) & ~sure)]
    more = f", and no other row speaks of {listed(only)}" if only else ""
    said = "1 row contradicts itself" if len(against) == 1 else f"{len(against):,} rows contradict themselves"
    raise BadInput(
        f"{said}: candidates and label have no class in common{more}",
        where=gathered.dataset.source.where(int(against[0])),
        fix="mend these rows, or leave out --trusted",
    )


def contradictory_rows(gathered: Gathered) -> NDArray[np.int64]:
    """Return the rows whose candidate sets and trusted label have no class in common."""
    possible = np.ones((len(gathered.dataset), len(gathered.names)), dtype=bool)
    for number, (part, rows) in enumerate(zip(gathered.parts, gathered.rows, strict=True)):
        if isinstance(part, Candidates) or (isinstance(part, Hard) and gathered.noisy != number):
            possible[rows] &= _says(part) | ~_says(part).any(axis=1, keepdims=True)
    return np.flatnonzero(~possible.any(axis=1))


def _named(gathered: Gathered) -> NDArray[np.bool_]:
    """Return which classes any evidence about a row speaks for, bool (n, K)."""
    named = np.zeros((len(gathered.dataset), len(gathered.names)), dtype=bool)
    for part, rows in zip(gathered.parts, gathered.rows, strict=True):
        named[rows] |= _says(part)
    return named


def _says(part: Evidence) -> NDArray[np.bool_]:
    if isinstance(part, Hard):
        table: NDArray[np.bool_] = part.labels[:, None] == np.arange(part.n_classes)
        return table
    if isinstance(part, Candidates):
        return part.mask()
    if isinstance(part, Votes):
        return np.asarray(part.counts() > 0)
    assert isinstance(part, Bags)
    table = np.zeros((len(part), part.n_classes), dtype=bool)
    table[part.rows] = np.repeat(part.high > 0, np.diff(part.offsets), axis=0)
    return table


def _rare(counts: NDArray[np.integer], names: tuple[str, ...], what: str) -> tuple[str, ...]:
    none = [names[k] for k in np.flatnonzero(counts == 0)]
    one = [names[k] for k in np.flatnonzero(counts == 1)]
    said = (f"no row has the {what} {listed(none)}",) if none else ()
    return (*said, *([f"one row alone has the {what} {listed(one)}"] if one else []))
