"""Ways into the data: the confusion of given and suggested labels, a map of the features, slices, copies."""

from __future__ import annotations

from collections.abc import Set
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, not_, select

from labelwright.audit.run import AuditResult
from labelwright.data.neighbors import FloatRows
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.project import facts
from labelwright.studio.queues import waiting_rows, waits

MOST_POINTS = 100_000
MOST_CLASSES = 60
PAIR_KINDS = ("exact_duplicate", "near_duplicate", "split_leak")


def confusion(connection: Connection) -> dict[str, Any]:
    """Return how often each given class is suspected to be another: classes, and cells with counts and what is left."""
    task, classes = facts(connection)["task"], load_classes(connection)
    i = t.item.c
    left = func.count().filter(i.verdict.is_(None))
    query = select(i.given, i.suggested, func.count().label("number"), left.label("left"))
    query = query.where(i.flagged, not_(waits()), i.given.is_not(None), i.suggested.is_not(None))
    query = query.group_by(i.given, i.suggested)
    cells = [
        {**cell._mapping, "from": classes.words(cell.given, task), "to": classes.words(cell.suggested, task)}
        for cell in connection.execute(query)
    ]
    totals: dict[str, int] = {}
    for cell in cells:
        for name in (cell["from"], cell["to"]):
            totals[name] = totals.get(name, 0) + cell["number"]
    order = sorted(totals, key=lambda name: (-totals[name], name))[:MOST_CLASSES]
    return {"classes": order, "left_out": max(len(totals) - MOST_CLASSES, 0), "cells": cells}


class FeatureMap:
    """Two numbers a row: the plane in which the features vary most; made once for a studio."""

    def __init__(self, audit: AuditResult) -> None:
        matrix = None if audit.features is None else audit.features.matrix
        self.rows, self.places = _plane(matrix, audit.options.seed)

    def points(self, connection: Connection) -> dict[str, Any]:
        """Return row numbers, places in [0, 1], class numbers now, and which are suspect and undecided."""
        i = t.item.c
        labels, suspect = {}, set()
        for told in connection.execute(select(i.row, i.label, i.flagged, i.verdict, i.check_place)):
            labels[told.row] = told.label
            if told.flagged and told.verdict is None and told.check_place is None:
                suspect.add(told.row)
        task, classes = facts(connection)["task"], load_classes(connection)
        if task == "regression":
            codes, names = _fifths({label for label in labels.values() if label is not None})
        else:
            known = sorted({label for label in labels.values() if label is not None})
            codes = {label: k for k, label in enumerate(known)}
            names = [str(classes.words(name, task)) for name in known]
        rows = [int(row) for row in self.rows]
        return {
            "rows": rows,
            "x": self.places[:, 0].round(4).tolist(),
            "y": self.places[:, 1].round(4).tolist(),
            "label": [codes.get(labels.get(row) or "", -1) for row in rows],
            "names": names[:1000],
            "suspect": [int(row in suspect) for row in rows],
        }


def _fifths(labels: Set[str]) -> tuple[dict[str, int], list[str]]:
    """Return the fifth of the numbers that each of them lies in, and from where to where these go."""
    values = np.array([float(label) for label in labels])
    if not len(values):
        return {}, []
    edges = np.unique(np.quantile(values, [0, 0.2, 0.4, 0.6, 0.8, 1]))
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    names = [f"{low:g} – {high:g}" for low, high in pairwise(edges.tolist())] or [f"{edges[0]:g}"]
    return dict(zip(labels, places.tolist(), strict=True)), names


def _plane(matrix: FloatRows | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if matrix is None or not len(matrix):
        return np.empty(0, np.int64), np.empty((0, 2))
    rows = np.arange(len(matrix))
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_POINTS, replace=False))
    from sklearn.decomposition import PCA

    wide = matrix[rows] if matrix.shape[1] > 1 else np.column_stack([matrix[rows], np.zeros(len(rows))])
    places = PCA(2, random_state=seed).fit_transform(wide) if len(rows) > 2 else wide[:, :2].astype(float)
    low, high = np.quantile(places, [0.005, 0.995], axis=0)
    span = np.where(high > low, high - low, 1.0)
    return rows, np.clip((places - low) / span, 0, 1)


def copies(connection: Connection, *, limit: int = 50, after: int = 0) -> list[dict[str, Any]]:
    """Return pairs of copies, the most alike first: kind, both rows, both labels now, what the audit said.

    A pair stays out while one of its rows waits in the random sample: the other's label would sway the person.
    """
    f, i = t.finding.c, t.item.c
    other, hidden = t.item.alias("other"), waiting_rows(connection)
    task, classes = facts(connection)["task"], load_classes(connection)
    query = (
        select(f.kind, f.row, f.other_row, f.reason, i.label, other.c.label.label("other_label"))
        .join(t.item, i.row == f.row)
        .join(other, other.c.row == f.other_row)
        .where(f.kind.in_(PAIR_KINDS), f.row.not_in(hidden), f.other_row.not_in(hidden))
        .order_by(i.label == other.c.label, f.score, f.id)
        .limit(limit)
        .offset(after)
    )
    return [
        {
            **told._mapping,
            "label": classes.words(told.label, task),
            "other_label": classes.words(told.other_label, task),
        }
        for told in connection.execute(query)
    ]


def slices(connection: Connection) -> list[dict[str, Any]]:
    """Return each class now with its rows, suspect labels, and how many of these people changed; most suspect first."""
    i, task, classes = t.item.c, facts(connection)["task"], load_classes(connection)
    changed = func.count().filter(i.verdict.in_(("relabel", "reject")))
    query = select(i.given, func.count().label("rows"), func.count().filter(i.flagged, not_(waits())).label("suspect"),
                   changed.label("changed"))  # fmt: skip
    found = [
        {**told._mapping, "name": classes.words(told.given, task)}
        for told in connection.execute(query.where(i.given.is_not(None)).group_by(i.given))
    ]
    return sorted(found, key=lambda one: (-one["suspect"] / one["rows"], -one["suspect"], str(one["name"])))
