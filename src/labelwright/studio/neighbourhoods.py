"""Neighbourhoods: rows with similar features, found once for a studio, as groups to decide together.

They are found beside the work, when first asked for: k-means on a sample of the rows, then each row goes to the nearest
mean.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from threading import Lock, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from labelwright.audit.run import AuditResult
from labelwright.data.neighbors import FloatRows
from labelwright.errors import BadInput
from labelwright.studio import tables as t
from labelwright.studio.decisions import load_classes
from labelwright.studio.grouped import Neighbourhood, state_of, suspects_of
from labelwright.studio.project import facts

ROWS_EACH = 40  # rows of a neighbourhood, about
MOST = 200
LIKELIEST = 3
FITTED_ON, STEPS = 20_000, 10  # rows, rounds
A_MOMENT = 0.5  # seconds that a request may wait
_BLOCK = 20_000  # rows


class Neighbourhoods:
    """The neighbourhoods of an audited data set: k-means over its features.

    Parameters
    ----------
    audit : AuditResult
    """

    def __init__(self, audit: AuditResult) -> None:
        self._audit, self._begun, self._search = audit, Lock(), Thread(target=self._find, daemon=True)
        self._of_row: NDArray[np.int64] | None = None

    @property
    def of_row(self) -> NDArray[np.int64]:
        """Number of the neighbourhood of each row, once they are found; empty where there are no features."""
        self.found(None)
        if self._of_row is None:
            raise RuntimeError("the search for neighbourhoods has failed")
        return self._of_row

    def found(self, seconds: float | None = A_MOMENT) -> bool:
        """Begin the search, wait for it so long at most, and say whether it is over."""
        with self._begun:
            if self._search.ident is None:
                self._search.start()
        self._search.join(seconds)
        return not self._search.is_alive()

    def _find(self) -> None:
        features = self._audit.features
        matrix = np.empty((0, 1), np.float32) if features is None else features.matrix
        self._of_row = nearest_means(matrix, self._audit.options.seed)

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
        suspects, found = suspects_of(connection), []
        for number, members in self._suspects.items():
            common = Counter(labels.get(int(row)) for row in np.flatnonzero(self.of_row == number))
            own = {row: suspects[row] for row in members if row in suspects}
            found.append(
                {
                    "number": number,
                    "rows": sum(common.values()),
                    "labels": [classes.words(label, task) or "–" for label, _ in common.most_common(LIKELIEST)],
                    "total": len(own),
                    "left": sum(told.verdict is None for told in own.values()),
                    **state_of(connection, Neighbourhood(number, members), own),
                }
            )
        return sorted(found, key=lambda one: (-one["left"], one["number"]))


def nearest_means(matrix: FloatRows, seed: int) -> NDArray[np.int64]:
    """Return the number of the mean that is nearest to each row.

    Parameters
    ----------
    matrix : array of float32, shape (n, d)
    seed : int

    Returns
    -------
    array of int64, shape (n,)
        Empty for fewer than two rows.
    """
    if len(matrix) < 2:
        return np.empty(0, np.int64)
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    number = int(np.clip(len(matrix) // ROWS_EACH, 2, MOST))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(matrix))[:FITTED_ON])
    # Means that start at random rows end as well as spread ones, and the spreading took most of the time.
    with threadpool_limits(1):  # sums in one order, so that every process of a studio finds the same neighbourhoods
        means = KMeans(number, random_state=seed, n_init=1, max_iter=STEPS, init="random").fit(matrix[drawn])
        blocks = [means.predict(matrix[start : start + _BLOCK]) for start in range(0, len(matrix), _BLOCK)]
    return np.concatenate(blocks).astype(np.int64)
