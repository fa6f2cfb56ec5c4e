"""Robust active distillation: which rows to ask a teacher about when some of its answers are wrong.

A row's gain g_i is how much the student would learn from it: 1 − its margin. The sampler picks chances q; an adversary
then spoils any p rows, whose gain becomes 0. The best q for the worst adversary is, with g sorted downwards,

    H_k = Σ_{j ≤ k} 1/g_j,   k* = argmax_{k > p} (k − p)/H_k,   q_i = (1/g_i)/H_{k*} for the k* largest gains, else 0

All rows in the support have the same q_i·g_i, so that the adversary gains nothing by choosing; the value is
(k* − p)/H_{k*}. Rows of larger gain get less mass: they are where the teacher's error would cost most.

Source: Baykal et al., Robust active distillation, ICLR 2023 [P038].
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike

from labelwright.acquire.contract import Floats, Pool, Seed, Selection, checked_budget
from labelwright.acquire.inclusion import inclusion_probabilities, systematic_sample
from labelwright.acquire.uncertainty import margin_score
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_generator, as_vector

LEAST_GAIN = 1e-6


@dataclass(frozen=True, eq=False)
class GameSolution:
    """The best chances, float64 (n,) that sum to 1, how many rows have any, and the value of the game."""

    q: Floats
    support: int
    value: float


def rad_distribution(gains: ArrayLike, n_wrong: int, least_support: int = 1) -> GameSolution:
    """Return the chances with which rows are asked about, and what they are worth against the worst adversary.

    Parameters
    ----------
    gains : float array (n,)
        Clipped to [1e-6, 1].
    n_wrong : int
        p, how many of the n answers are wrong, in 0 to n − 1.
    least_support : int, default 1
        Rows that must have a chance, such as the size of a batch.

    Raises
    ------
    BadInput
        As many answers are wrong as there are rows: then no row is worth asking about.

    Examples
    --------
    >>> rad_distribution([0.5, 1.0], n_wrong=0).q
    array([0., 1.])
    >>> rad_distribution([0.5, 1.0], n_wrong=1).q.round(4)
    array([0.6667, 0.3333])

    Source: [P038].
    """
    g = np.clip(as_vector("gains", gains), LEAST_GAIN, 1.0)
    n = len(g)
    if not 0 <= n_wrong < n:
        raise BadInput(
            f"{n_wrong} of {n} answers are said to be wrong", fix="expect at least one right answer, and none below 0"
        )
    order = np.argsort(-g, kind="stable")
    total = np.cumsum(1 / g[order])
    k = np.arange(1, n + 1)
    worth = (k - n_wrong) / total
    worth[: min(max(n_wrong, least_support - 1), n - 1)] = -np.inf
    best = int(worth.argmax())
    q = np.zeros(n)
    q[order[: best + 1]] = 1 / (g[order[: best + 1]] * total[best])
    return GameSolution(q, best + 1, float(worth[best]))


class RobustActiveDistillation:
    """Draws rows for a teacher that errs, by the student's margins.

    Parameters
    ----------
    teacher_accuracy : float
        In (0, 1], counted on a few rows of known label. Nothing else is to be set.

    Notes
    -----
    Row i is drawn with chance min(1, c·q_i). A row's score is its gain; `probability` the chance. Train the student on
    all labels and all soft answers so far, then draw again.

    Examples
    --------
    >>> pool = Pool(pred_probs=[[0.5, 0.5], [0.6, 0.4], [1.0, 0.0]])
    >>> RobustActiveDistillation(teacher_accuracy=0.9).select(pool, 2, rng=0).rows
    array([0, 1])

    Source: Baykal et al., ICLR 2023 [P038].
    """

    def __init__(self, teacher_accuracy: float) -> None:
        if not 0 < teacher_accuracy <= 1:
            raise BadInput(
                f"the teacher's accuracy is {teacher_accuracy}", fix="give its share of right answers, above 0"
            )
        self.teacher_accuracy = teacher_accuracy

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return a batch by falling gain, each row with the chance with which it was drawn."""
        rows = pool.open_rows
        size = checked_budget(budget, len(rows))
        if not size:
            return Selection(rows, np.empty(0))
        gains = np.clip(margin_score(pool.need("pred_probs", self)[rows]), LEAST_GAIN, 1.0)
        n_wrong = min(ceil(len(rows) * (1 - self.teacher_accuracy) - 1e-9), len(rows) - 1)
        q = rad_distribution(gains, n_wrong, least_support=size).q
        chance = inclusion_probabilities(q, size)
        drawn = systematic_sample(chance, as_generator(rng))
        drawn = drawn[np.argsort(-gains[drawn], kind="stable")]
        return Selection(rows[drawn], gains[drawn], probability=chance[drawn])
