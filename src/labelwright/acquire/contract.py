"""What every acquisition offers: given a pool of rows and a budget, which rows to ask about next.

Scores are oriented one way in the whole family: high = ask first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, quoted
from labelwright.evidence import Votes
from labelwright.metrics.checks import as_array, as_generator, as_labels, as_mask, as_probs

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Bools = NDArray[np.bool_]
Seed = int | np.random.Generator
ANYONE = -1  # in `Selection.ask`: whoever comes next


@dataclass(frozen=True, eq=False)
class Pool:
    """All rows that there are: what a model says of them, and what is known of their labels.

    Parameters
    ----------
    pred_probs : float array (n, K), optional
        P(class | x) from a model that was not trained on the row; rows sum to 1.
    features : float array (n, d), optional
        Finite.
    labels : int array (n,), optional
        Known classes, -1 = unlabelled. By default nothing is known.
    votes : Votes, optional
        What several sources said of the n rows.
    draws : float array (S, n, K), optional
        Probabilities of S models (an ensemble, or passes with dropout), whose mean stands for `pred_probs` if that is
        not given.
    candidates : bool array (n,), optional
        Rows that may be asked about. By default those without a label and without a vote.

    Raises
    ------
    BadInput
        Nothing is given, or lengths, numbers of classes or values do not fit.

    Examples
    --------
    >>> pool = Pool(pred_probs=[[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]], labels=[0, -1, -1])
    >>> pool.n_rows, pool.open_rows
    (3, array([1, 2]))
    """

    pred_probs: Floats | None = None
    features: NDArray[Any] | None = None
    labels: Rows = None  # type: ignore[assignment]
    votes: Votes | None = None
    draws: Floats | None = None
    candidates: Bools = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        draws = None if self.draws is None else _checked_draws(self.draws)
        given = self.pred_probs if self.pred_probs is not None or draws is None else draws.mean(axis=0)
        probs = None if given is None else as_probs("pred_probs", given)
        features = None if self.features is None else as_array("features", self.features, 2)
        sizes = {
            "pred_probs": None if probs is None else len(probs),
            "draws": None if draws is None else draws.shape[1],
            "features": None if features is None else len(features),
            "labels": None if self.labels is None else len(np.asarray(self.labels)),
            "votes": None if self.votes is None else self.votes.n_rows,
            "candidates": None if self.candidates is None else len(np.asarray(self.candidates)),
        }
        n = _common(sizes)
        k = probs.shape[1] if probs is not None else (self.votes and self.votes.n_classes) or 2**31
        labels = np.full(n, -1, np.int64) if self.labels is None else as_labels("labels", self.labels, k)
        if self.votes is not None and probs is not None and self.votes.n_classes != probs.shape[1]:
            raise BadInput(f"pred_probs has {probs.shape[1]} columns but the votes {self.votes.n_classes} classes")
        object.__setattr__(self, "draws", draws)
        object.__setattr__(self, "pred_probs", probs)
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "labels", labels)
        free = ~self.told if self.candidates is None else as_mask("candidates", self.candidates)
        object.__setattr__(self, "candidates", free)

    @property
    def n_rows(self) -> int:
        """Number of rows, n."""
        return len(self.labels)

    @property
    def told(self) -> Bools:
        """Rows of which something is known, bool (n,): a label or a vote."""
        told = self.labels >= 0
        if self.votes is not None:
            told = told | (np.bincount(self.votes.row[self.votes.value >= 0], minlength=self.n_rows) > 0)
        return np.asarray(told)

    @property
    def open_rows(self) -> Rows:
        """Rows that may be asked about, ascending, int64."""
        return np.flatnonzero(self.candidates)

    def need(self, name: str, who: Any) -> NDArray[Any]:
        """Return a field of arrays; BadInput says that acquisition `who` needs it when it is not given."""
        value = getattr(self, name)
        if value is None:
            raise BadInput(f"{type(who).__name__} needs {name}", fix=f"give the pool its {name}")
        return np.asarray(value)


def _checked_draws(draws: ArrayLike) -> Floats:
    array = as_array("draws", draws, 3)
    if not len(array):
        raise BadInput("draws has no model", fix="pass (models, rows, classes)")
    as_probs("draws", array.reshape(-1, array.shape[2]))
    return array


def _common(sizes: dict[str, int | None]) -> int:
    given = {name: size for name, size in sizes.items() if size is not None}
    if not given:
        raise BadInput("the pool is empty", fix="give it pred_probs, features, labels or votes")
    first, n = next(iter(given.items()))
    for name, size in given.items():
        if size != n:
            raise BadInput(f"{first} has {n} rows but {name} has {size}")
    return n


@dataclass(frozen=True, eq=False)
class Selection:
    """What to ask, first things first.

    Parameters
    ----------
    rows : int64 (b,)
    score : float64 (b,)
        High = ask first.
    part : int64 (b,), optional
        Part of the row that is asked about (pixel, tag, token) where rows have parts.
    probability : float64 (b,), optional
        Chance with which the row was drawn, in (0, 1], where rows are drawn and estimates must be weighted.
    ask : int64 (b,), optional
        Source to ask, -1 = anyone.

    Examples
    --------
    >>> len(Selection(np.array([4, 2]), np.array([0.9, 0.5])))
    2
    """

    rows: Rows
    score: Floats
    part: Rows | None = None
    probability: Floats | None = None
    ask: Rows | None = None

    def __post_init__(self) -> None:
        for name in ("score", "part", "probability", "ask"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.rows):
                raise BadInput(f"rows has {len(self.rows)} entries but {name} has {len(column)}")

    def __len__(self) -> int:
        return len(self.rows)


PoolT = TypeVar("PoolT", contravariant=True)


@runtime_checkable
class Acquisition(Protocol[PoolT]):
    """Something that chooses what to ask next. Rooms whose rows have parts take a pool of their own."""

    def select(self, pool: PoolT, budget: int, rng: Seed) -> Selection:
        """Return at most `budget` questions about the pool; the same `rng` gives the same questions."""
        ...


class ScoredAcquisition(ABC):
    """An acquisition that gives every row a score and asks about the highest."""

    @abstractmethod
    def scores(self, pool: Pool) -> Floats:
        """Return a score for every row, float64 (n,): high = ask first."""

    def select(self, pool: Pool, budget: int, rng: Seed) -> Selection:
        """Return the `budget` open rows of highest score; ties in random order.

        Parameters
        ----------
        pool : Pool
        budget : int
            At least 1; all open rows where there are fewer.
        rng : int or numpy.random.Generator
        """
        return highest(self.scores(pool), pool.open_rows, budget, rng)


def highest(scores: Floats, open_rows: Rows, budget: int, rng: Seed) -> Selection:
    """Return the `budget` open rows of highest score, highest first; ties in random order.

    Examples
    --------
    >>> highest(np.array([0.1, 0.9, 0.5]), np.array([0, 1, 2]), 2, 0).rows
    array([1, 2])
    """
    size = checked_budget(budget, len(open_rows))
    shuffled = as_generator(rng).permutation(open_rows)
    rows = shuffled[np.argsort(-scores[shuffled], kind="stable")[:size]]
    return Selection(rows, scores[rows])


def checked_budget(budget: int, available: int) -> int:
    """Return the budget as int, cut to what is available; BadInput when it is no whole number of at least 1."""
    if isinstance(budget, bool) or not isinstance(budget, (int, np.integer)) or budget < 1:
        raise BadInput(f"the budget is {quoted(budget)}", fix="ask for a whole number of at least 1")
    return min(int(budget), available)
