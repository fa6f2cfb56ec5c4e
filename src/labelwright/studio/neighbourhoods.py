"""Neighbourhoods: rows with similar features, found once for a studio, as groups to decide together."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from labelwright.audit.run import AuditResult
from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.grouped import Neighbourhood, group_rows, sample_state
from labelwright.studio.project import facts

ROWS_EACH = 40  # rows of a neighbourhood, about
MOST = 200
LIKELIEST = 3


class Neighbourhoods:
    """The neighbourhoods of an audited data set: k-means over its features.

    Parameters
    ----------
    audit : AuditResult
    """

    def __init__(self, audit: AuditResult) -> None:
        self._audit = audit

    @cached_property
    def of_row(self) -> NDArray[np.int64]:
        """Number of the neighbourhood of each row; empty where there are no features."""
        features = self._audit.features
        if features is None or len(features.matrix) < 2:
            return np.empty(0, np.int64)
        from sklearn.cluster import MiniBatchKMeans

        number = int(np.clip(len(features.matrix) // ROWS_EACH, 2, MOST))
        means = MiniBatchKMeans(number, random_state=self._audit.options.seed, n_init=3, batch_size=4096)
        return np.asarray(means.fit_predict(features.matrix), np.int64)

    @cached_property
    def _suspects(self) -> dict[int, tuple[int, ...]]:
        issues = self._audit.issues
        rows = issues.filter(issues["is_issue"])
        chosen = {
            row
            for row, kind in zip(rows["row"].to_pylist(), rows["kind"].to_pylist(), strict=True)
            if kind == "label" and row is not None
        }
        found: dict[int, list[int]] = {}
        for row in sorted(chosen) if len(self.of_row) else ():
            found.setdefault(int(self.of_row[row]), []).append(row)
        return {number: tuple(members) for number, members in found.items()}

    def group(self, number: int) -> Neighbourhood:
        """Return the suspect rows of one neighbourhood; BadInput when it has none."""
        if number not in self._suspects:
            raise BadInput(f"there is no neighbourhood {number} with suspect labels", fix="reload the page")
        return Neighbourhood(number, self._suspects[number])

    def listed(self, connection: Connection) -> list[dict[str, Any]]:
        """Return every neighbourhood with suspect labels: its size, its commonest labels, how far it is decided."""
        task, classes = facts(connection)["task"], load_classes(connection)
        labels = {told.row: told.label for told in connection.execute(select(t.item.c.row, t.item.c.label))}
        found = []
        for number, members in self._suspects.items():
            common = Counter(labels.get(int(row)) for row in np.flatnonzero(self.of_row == number))
            group = Neighbourhood(number, members)
            found.append(
                {
                    "number": number,
                    "rows": sum(common.values()),
                    "labels": [classes.words(label, task) or "–" for label, _ in common.most_common(LIKELIEST)],
                    "total": len(group_rows(connection, group, decided=True)),
                    "left": len(group_rows(connection, group)),
                    **sample_state(connection, group),
                }
            )
        return sorted(found, key=lambda one: (-one["left"], one["number"]))
