"""The transition matrix: how a true class turns into an observed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_class_count, as_labels, as_share
from labelwright.metrics.classification import confusion_matrix
from labelwright.noise.draws import draw_by_row
from labelwright.noise.record import Seed, start

Floats = NDArray[np.float64]
SINGULAR = 1e12


@dataclass(frozen=True, eq=False)
class TransitionMatrix:
    """T[k, s] = P(observed class s | true class k): row = truth, column = observed, rows sum to 1.

    Parameters
    ----------
    matrix : float array (K, K)
        In [0, 1]; kept read-only. `numpy.asarray(T)` gives it back.

    Examples
    --------
    >>> TransitionMatrix.symmetric(0.2, 3).matrix
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])

    Source: shared block of [P125]; [P084].
    """

    matrix: Floats

    def __post_init__(self) -> None:
        matrix = np.array(as_array("the transition matrix", self.matrix, 2))
        if matrix.shape[0] != matrix.shape[1] or not len(matrix):
            raise BadInput(f"the transition matrix has shape {matrix.shape}", fix="give one row and column a class")
        if (matrix < 0).any() or (np.abs(matrix.sum(axis=1) - 1) > 1e-6).any():
            row = int(np.argmax((matrix < 0).any(axis=1) | (np.abs(matrix.sum(axis=1) - 1) > 1e-6)))
            raise BadInput(
                "the transition matrix must have rows of numbers of 0 or more that sum to 1",
                where=f"row {row}",
                fix="rows are true classes, columns observed ones; transpose it if it stands the other way",
            )
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def symmetric(cls, rate: float, n_classes: int) -> TransitionMatrix:
        """Every wrong class is equally likely: rate / (K − 1) off the diagonal, 1 − rate on it."""
        rate = as_share("rate", rate)
        n_classes = as_class_count(n_classes, 2 if rate else 1)
        off = rate / max(n_classes - 1, 1)
        return cls(np.full((n_classes, n_classes), off) + (1 - rate - off) * np.eye(n_classes))

    @classmethod
    def uniform_replacement(cls, rate: float, n_classes: int) -> TransitionMatrix:
        """With probability `rate` the label is redrawn from all K classes, so it is wrong with rate·(K − 1)/K."""
        rate = as_share("rate", rate)
        n_classes = as_class_count(n_classes)
        return cls(np.full((n_classes, n_classes), rate / n_classes) + (1 - rate) * np.eye(n_classes))

    @classmethod
    def pairflip(cls, rate: float, n_classes: int) -> TransitionMatrix:
        """Class k turns into (k + 1) mod K with probability `rate`."""
        rate = as_share("rate", rate)
        n_classes = as_class_count(n_classes, 2 if rate else 1)
        return cls((1 - rate) * np.eye(n_classes) + rate * np.roll(np.eye(n_classes), 1, axis=1))

    @classmethod
    def identity(cls, n_classes: int) -> TransitionMatrix:
        """No noise."""
        n_classes = as_class_count(n_classes)
        return cls(np.eye(n_classes))

    @classmethod
    def from_pairs(cls, pairs: Mapping[tuple[int, int], float], n_classes: int) -> TransitionMatrix:
        """Only the named confusions happen: ``{(true, observed): probability}``; the diagonal takes the rest.

        Examples
        --------
        >>> TransitionMatrix.from_pairs({(0, 1): 0.25}, 2).matrix.tolist()
        [[0.75, 0.25], [0.0, 1.0]]
        """
        n_classes = as_class_count(n_classes)
        matrix = np.zeros((n_classes, n_classes))
        for (true, observed), probability in pairs.items():
            if true == observed or not (0 <= true < n_classes and 0 <= observed < n_classes):
                raise BadInput(
                    f"({true}, {observed}) is not a pair of different classes", fix=f"use 0 to {n_classes - 1}"
                )
            matrix[true, observed] = as_share(f"probability of ({true}, {observed})", probability)
        if (matrix.sum(axis=1) > 1 + 1e-9).any():
            raise BadInput(
                "the confusions of a class sum to more than 1", where=f"class {int(matrix.sum(axis=1).argmax())}"
            )
        return cls(matrix + np.diag(np.maximum(1 - matrix.sum(axis=1), 0.0)))

    @classmethod
    def random(cls, diag_mean: float, n_classes: int, seed: Seed, sparsity: float = 0.0) -> TransitionMatrix:
        """Draw a matrix with a diagonal around `diag_mean` (sd 0.05, kept in [0, 1]) and uneven confusions.

        Parameters
        ----------
        diag_mean : float in [0, 1]
        n_classes : int, at least 2
        seed : int or numpy.random.Generator
        sparsity : float, default 0
            Chance that a confusion is impossible; at least one a class stays possible.
        """
        diag_mean, sparsity = as_share("diag_mean", diag_mean), as_share("sparsity", sparsity)
        n_classes = as_class_count(n_classes, 2)
        rng, _ = start(seed, "random_transition")
        off = rng.exponential(size=(n_classes, n_classes))
        off[rng.random(off.shape) < sparsity] = 0
        rescued = (np.arange(n_classes) + rng.integers(1, n_classes, size=n_classes)) % n_classes
        np.fill_diagonal(off, 0)
        off[np.arange(n_classes), rescued] += off.sum(axis=1) == 0
        spread = np.minimum(0.05, np.minimum(diag_mean, 1 - diag_mean) / 3)
        diagonal = np.clip(rng.normal(diag_mean, spread, size=n_classes), 0, 1)
        matrix = off / off.sum(axis=1, keepdims=True) * (1 - diagonal)[:, None]
        return cls(matrix + np.diag(diagonal))

    @classmethod
    def from_counts(cls, counts: ArrayLike, smoothing: float = 0.0) -> TransitionMatrix:
        """Estimate from counts (K, K), rows = truth; a class never seen as the truth is taken as noise-free.

        `smoothing` is added to every cell first.
        """
        table = as_array("counts", counts, 2) + smoothing
        if table.shape[0] != table.shape[1] or (table < 0).any():
            raise BadInput(f"counts must be a square table of numbers of 0 or more, not {table.shape}")
        totals = table.sum(axis=1, keepdims=True)
        return cls(np.divide(table, totals, out=np.eye(len(table)), where=totals > 0))

    @classmethod
    def from_labels(
        cls, truth: ArrayLike, observed: ArrayLike, n_classes: int, smoothing: float = 0.0
    ) -> TransitionMatrix:
        """Estimate from rows whose true and observed class are both known (-1 = unknown, left out)."""
        return cls.from_counts(confusion_matrix(truth, observed, n_classes), smoothing)

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.matrix)

    def __len__(self) -> int:
        return len(self.matrix)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        return np.array(self.matrix, dtype=dtype) if copy or dtype is not None else self.matrix

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TransitionMatrix) and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash((self.n_classes, self.matrix.tobytes()))

    def __matmul__(self, then: TransitionMatrix) -> TransitionMatrix:
        """Return the noise that comes from this noise followed by `then`."""
        if then.n_classes != self.n_classes:
            raise BadInput(f"matrices over {self.n_classes} and {then.n_classes} classes do not follow each other")
        return TransitionMatrix(self.matrix @ then.matrix)

    def apply(self, labels: ArrayLike, seed: Seed) -> NDArray[np.int32]:
        """Draw an observed class for each true one, int32 (n,); -1 (unknown) stays -1.

        Examples
        --------
        >>> TransitionMatrix.pairflip(1.0, 3).apply([0, 1, 2, -1], seed=0)
        array([ 1,  2,  0, -1], dtype=int32)
        """
        truth = as_labels("labels", labels, self.n_classes)
        rng, _ = start(seed, "transition")
        observed = draw_by_row(self.matrix, np.maximum(truth, 0), rng)
        return np.where(truth < 0, -1, observed).astype(np.int32)

    def noise_rate(self, prior: ArrayLike | None = None) -> float:
        """Return P(observed ≠ true) under class shares `prior` (K,), uniform by default."""
        return float(self._prior(prior) @ (1 - np.diag(self.matrix)))

    def observed_prior(self, prior: ArrayLike | None = None) -> Floats:
        """Return the shares of the observed classes, prior · T, (K,)."""
        return self._prior(prior) @ self.matrix

    def posterior(self, prior: ArrayLike | None = None) -> Floats:
        """Return P(true k | observed s) as (K, K): row = truth, column = observed, columns sum to 1.

        A class that is never observed keeps the prior in its column.
        """
        shares = self._prior(prior)
        joint = shares[:, None] * self.matrix
        totals = joint.sum(axis=0)
        fallback = np.broadcast_to(shares[:, None], joint.shape).copy()
        return np.divide(joint, totals, out=fallback, where=totals > 0)

    @property
    def condition_number(self) -> float:
        """Largest over smallest singular value; large means that noise can hardly be inverted."""
        return float(np.linalg.cond(self.matrix))

    def inverse(self) -> Floats:
        """Return T⁻¹ (K, K); BadInput when T is singular (two classes that cannot be told apart)."""
        if not self.condition_number < SINGULAR:
            raise BadInput("the transition matrix is singular: some classes cannot be told apart by what is observed")
        return np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)

    def _prior(self, prior: ArrayLike | None) -> Floats:
        if prior is None:
            return np.full(self.n_classes, 1 / self.n_classes)
        shares = as_array("prior", prior, 1)
        if len(shares) != self.n_classes or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
            raise BadInput(f"prior must hold {self.n_classes} shares that sum to 1")
        return shares
