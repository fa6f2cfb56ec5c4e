"""The truth about simulated sources: how well, how often and how independently they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_class_count, as_share
from labelwright.noise.transition import TransitionMatrix

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sources:
    """The truth about m sources. Join groups with ``+``; make them with `skilled`, `spammers`, ...

    Parameters
    ----------
    confusion : float64 array (m, K, K)
        Row = truth, column = answer; rows sum to 1.
    coverage : float64 array (m,)
        Chance of being asked about a row.
    abstain : float64 array (m,)
        Chance of giving no answer (-1) when asked.
    leader : int64 array (m,)
        Source that is copied, -1 = none.
    copy_rate, mean_seconds : float64 arrays (m,)
    role : tuple of str
        ``"skilled"``, ``"spammer"``, ``"adversary"`` or ``"copier"``.
    """

    confusion: Floats
    coverage: Floats
    abstain: Floats
    leader: Codes
    copy_rate: Floats
    mean_seconds: Floats
    role: tuple[str, ...]

    @classmethod
    def of(
        cls,
        confusion: Sequence[ArrayLike | TransitionMatrix] | NDArray,
        role: str = "skilled",
        coverage: ArrayLike = 1.0,
        abstain: ArrayLike = 0.0,
        mean_seconds: float = 10.0,
    ) -> Sources:
        """Return sources with the given confusion matrices, (m, K, K) or a sequence of TransitionMatrix."""
        stack = [TransitionMatrix(np.asarray(matrix)).matrix for matrix in confusion]
        m = len(stack)
        if not m or len({matrix.shape for matrix in stack}) != 1:
            raise BadInput("sources need one confusion matrix each, all over the same classes")
        return cls(
            confusion=np.stack(stack),
            coverage=_shares("coverage", coverage, m),
            abstain=_shares("abstain", abstain, m),
            leader=np.full(m, -1, dtype=np.int64),
            copy_rate=np.zeros(m),
            mean_seconds=np.full(m, float(mean_seconds)),
            role=(role,) * m,
        )

    @classmethod
    def skilled(
        cls, accuracy: ArrayLike, n_classes: int, coverage: ArrayLike = 1.0, abstain: ArrayLike = 0.0
    ) -> Sources:
        """Return one source an accuracy (m,); wrong answers are spread evenly."""
        rates = 1 - as_array("accuracy", accuracy, 1)
        return cls.of([TransitionMatrix.symmetric(r, n_classes) for r in rates.tolist()], "skilled", coverage, abstain)

    @classmethod
    def adversaries(cls, n: int, n_classes: int, strength: float = 0.9, coverage: ArrayLike = 1.0) -> Sources:
        """Return n sources that answer wrongly on purpose with probability `strength`."""
        return cls.of([TransitionMatrix.symmetric(strength, n_classes)] * n, "adversary", coverage)

    @classmethod
    def spammers(cls, n: int, n_classes: int, answer: int | None = None, coverage: ArrayLike = 1.0) -> Sources:
        """Return n sources that ignore the row: a random answer each time, or always `answer`."""
        if answer is not None and not 0 <= answer < as_class_count(n_classes):
            raise BadInput(f"answer {answer} is none of the {n_classes} classes")
        row = np.full(n_classes, 1 / n_classes) if answer is None else np.eye(n_classes)[answer]
        return cls.of([np.tile(row, (n_classes, 1))] * n, "spammer", coverage, mean_seconds=3.0)

    def with_copiers(self, n: int, leader: int, copy_rate: float, accuracy: float, coverage: float = 1.0) -> Sources:
        """Return these sources and n more that copy `leader` with `copy_rate` and else answer with `accuracy`."""
        if not 0 <= leader < len(self) or self.leader[leader] >= 0:
            raise BadInput(f"source {leader} cannot be copied", fix="name a source that copies nobody")
        more = Sources.skilled(np.full(n, accuracy), self.n_classes, coverage)
        copiers = Sources(
            more.confusion,
            more.coverage,
            more.abstain,
            np.full(n, leader, dtype=np.int64),
            np.full(n, as_share("copy_rate", copy_rate)),
            np.full(n, 3.0),
            ("copier",) * n,
        )
        return self._join(copiers)

    def __add__(self, other: Sources) -> Sources:
        shifted = np.where(other.leader >= 0, other.leader + len(self), -1)
        return self._join(Sources(**{**vars(other), "leader": shifted}))

    def __len__(self) -> int:
        return len(self.confusion)

    @property
    def n_classes(self) -> int:
        """K."""
        return int(self.confusion.shape[1])

    def _join(self, other: Sources) -> Sources:
        if other.n_classes != self.n_classes:
            raise BadInput(f"sources over {self.n_classes} and {other.n_classes} classes cannot be joined")
        arrays = {
            f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)])
            for f in fields(self)
            if f.name != "role"
        }
        return Sources(**arrays, role=self.role + other.role)


def _shares(name: str, values: ArrayLike, m: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in ((), (m,)) or not ((array >= 0) & (array <= 1)).all():
        raise BadInput(f"{name} must be one number in [0, 1], or {m} of them")
    return np.broadcast_to(array, (m,)).copy()
