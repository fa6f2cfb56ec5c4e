"""BADGE: a batch of rows that are unsure and differ from one another.

The gradient that a row would send to the last layer if its most probable class ŷ were its label is

    g_x = (p − onehot(ŷ)) ⊗ h(x)

long where the model is unsure, and turned by what the row looks like. Rows are drawn by k-means++ seeding on g, from
the longest on. No gradient is ever built: ⟨g_x, g_z⟩ = ⟨p_x − ŷ_x, p_z − ŷ_z⟩ · ⟨h_x, h_z⟩.

Source: Ash et al., Deep batch active learning by diverse, uncertain gradient lower bounds, ICLR 2020.
"""

from __future__ import annotations

import numpy as np

from labelwright.acquire.contract import Floats, Pool, Seed, Selection, checked_budget
from labelwright.data.covering import d2_sampling


class BADGE:
    """Draws rows by k-means++ on the gradients of their own predictions.

    Notes
    -----
    Needs `pred_probs` and `features` (of a network: what enters its last layer). A row's score is the length of its
    gradient; rows come in the order of the draw.

    Examples
    --------
    >>> pool = Pool(pred_probs=[[1.0, 0.0], [0.5, 0.5], [1.0, 0.0]], features=[[1.0], [1.0], [2.0]])
    >>> BADGE().select(pool, 1, rng=0).rows
    array([1])
    """

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the rows in the order of the draw."""
        rows = pool.open_rows
        slope, h = last_layer_slope(pool.need("pred_probs", self)[rows]), pool.need("features", self)[rows]
        length = (slope**2).sum(axis=1) * (h**2).sum(axis=1)

        def squared_distances(i: int) -> Floats:
            return np.asarray(length + length[i] - 2 * (slope @ slope[i]) * (h @ h[i]))

        size = checked_budget(budget, len(rows))
        if not size:
            return Selection(rows, np.empty(0))
        drawn = d2_sampling(len(rows), size, squared_distances, rng, first=int(length.argmax()))
        return Selection(rows[drawn], np.sqrt(length[drawn]))


def last_layer_slope(pred_probs: Floats) -> Floats:
    """Return p − onehot(argmax p), float64 (n, K)."""
    slope = np.array(pred_probs, dtype=np.float64)
    slope[np.arange(len(slope)), slope.argmax(axis=1)] -= 1
    return slope
