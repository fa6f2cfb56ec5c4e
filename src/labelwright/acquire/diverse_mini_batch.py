"""Diverse mini-batches: of the most doubtful rows those that stand for the rest, so that no question is asked twice.

The β·b rows of smallest margin are cut into b clusters by k-means, each row weighted by its doubt
1 − (p_(1) − p_(2)); the row nearest to each centre is asked about.

Source: Zhdanov, Diverse mini-batch active learning, 2019.
"""

from __future__ import annotations

import numpy as np

from labelwright.acquire.clusters import cluster_rows, nearest_to_centers
from labelwright.acquire.contract import Pool, Seed, Selection, checked_budget, highest
from labelwright.acquire.uncertainty import margin_score
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator

LEAST_WEIGHT = 1e-6  # k-means needs weights above 0


class DiverseMiniBatch:
    """Asks about one row of each cluster of the most doubtful rows.

    Parameters
    ----------
    beta : float, default 10.0
        How many times the budget are looked at, at least 1; with 1 it is `Margin`. The paper uses 10.

    Notes
    -----
    Needs `pred_probs` and `features`, whose Euclidean distances mean alikeness. A row's score is its doubt, that of
    `Margin`, and rows come by falling score.

    Examples
    --------
    >>> pool = Pool(pred_probs=[[0.5, 0.5], [0.5, 0.5], [0.6, 0.4], [1.0, 0.0]], features=[[0.0], [0.1], [9.0], [5.0]])
    >>> sorted(DiverseMiniBatch(beta=1.5).select(pool, 2, rng=0).rows.tolist())[1]
    2
    """

    def __init__(self, beta: float = 10.0) -> None:
        if not beta >= 1:
            raise BadInput(f"beta is {beta}", fix="choose at least 1")
        self.beta = beta

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows by falling doubt."""
        doubt, X = margin_score(pool.need("pred_probs", self)), pool.need("features", self)
        rows, generator = pool.open_rows, as_generator(rng)
        size = checked_budget(budget, len(rows))
        looked_at = highest(doubt, rows, max(int(self.beta * size), 1), generator).rows
        if size == len(looked_at):
            return Selection(looked_at, doubt[looked_at])
        found = cluster_rows(X[looked_at], size, generator, weight=np.maximum(doubt[looked_at], LEAST_WEIGHT))
        chosen = looked_at[nearest_to_centers(X[looked_at], found.centers)]
        chosen = chosen[np.argsort(-doubt[chosen], kind="stable")]
        return Selection(chosen, doubt[chosen])
