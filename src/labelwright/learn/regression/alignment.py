"""The two steps that find which outcome belongs to which row: assignment, and a fit to aligned data [P058]."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.learn.regression.glm import GAUSSIAN, Family, irls
from labelwright.metrics.checks import as_array, as_codes
from labelwright.metrics.matching import hungarian

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def recover_permutation(
    Y: ArrayLike, linear: ArrayLike, family: Family = GAUSSIAN, *, known: ArrayLike | None = None
) -> Codes:
    """Return for each row of Y the row of the linear predictor that it most likely belongs to, one to one.

    Parameters
    ----------
    Y : float array (n, m)
        NaN where a response is missing.
    linear : float array (n, m)
        x_k B for every row k of X.
    family : Family, default GAUSSIAN
        Gaussian responses should have the same noise variance in every column (1 for a proper likelihood).
    known : int array (n,), optional
        Row of X of each row of Y, -1 where that is unknown.

    Returns
    -------
    int64 array (n,)
        A permutation. Ties (equal rows) are broken by the solver, always in the same way.

    Raises
    ------
    BadInput
        For shapes that do not fit and known pairs that use a row twice.

    Notes
    -----
    O(n³): blocks of some thousand rows at the most.

    Examples
    --------
    >>> recover_permutation([[3.0], [1.0]], [[0.9], [3.1]])
    array([1, 0])

    Source: [P058].
    """
    responses, predictor = _responses(Y), as_array("linear", linear, 2)
    if responses.shape != predictor.shape:
        raise BadInput(f"Y is {responses.shape} but the linear predictor is {predictor.shape}")
    pairs = _known(known, len(responses))
    open_rows = np.flatnonzero(pairs < 0)
    open_places = np.setdiff1d(np.arange(len(responses)), pairs[pairs >= 0])
    gain = _gain(responses[open_rows], predictor[open_places], family)
    found = hungarian(gain)
    permutation = pairs.copy()
    permutation[open_rows[found.rows]] = open_places[found.columns]
    return permutation


def _gain(Y: Floats, linear: Floats, family: Family) -> Floats:
    """Return the log-likelihood (a, b) of each row of Y at each place, up to a term of the row or place alone."""
    seen = ~np.isnan(Y)
    gain = np.where(seen, Y, 0.0) @ linear.T
    if not seen.all():
        gain = gain - seen @ family.psi(linear).T
    return np.asarray(gain)


class Alignment:
    """Checked data with both steps of the alternation."""

    def __init__(
        self, X: ArrayLike, Y: ArrayLike, family: Family, ridge: float | Floats, known: ArrayLike | None
    ) -> None:
        self.X, self.Y, self.family = as_array("X", X, 2), _responses(Y), family
        self.ridge = np.broadcast_to(np.asarray(ridge, dtype=np.float64), self.X.shape[1:])
        if len(self.X) != len(self.Y):
            raise BadInput(f"X has {len(self.X)} rows but Y has {len(self.Y)}")
        if not np.max(self.ridge, initial=0.0) > 0:
            raise BadInput("ridge is not above 0", fix="aligned data can be separable: choose a number such as 1e-3")
        self.known = _known(known, len(self.Y))
        self.seen = ~np.isnan(self.Y)
        if not self.seen.any(axis=0).all():
            raise BadInput(
                "an outcome has no value at all", where=f"column {int(np.argmin(self.seen.any(axis=0)))} of Y"
            )
        self.filled = np.where(self.seen, self.Y, 0.0)
        family.check(self.Y[self.seen])

    def first_fit(self) -> Floats:
        """Fit the known pairs when they determine the model, else the data as given."""
        rows = np.flatnonzero(self.known >= 0)
        if len(rows) > self.X.shape[1]:
            return self._irls(self.X[self.known[rows]], rows, None)
        return self.fit(np.where(self.known >= 0, self.known, np.arange(len(self.Y))), None)

    def fit_rows(self, rows: Codes) -> Floats:
        """Return B on some rows as given."""
        return self._irls(self.X[rows], rows, None)

    def fit(self, permutation: Codes, start: Floats | None) -> Floats:
        """Return B (p, m) on the data so aligned."""
        return self._irls(self.X[permutation], np.arange(len(self.Y)), start)

    def _irls(self, X: Floats, rows: Codes, start: Floats | None) -> Floats:
        weight = self.seen[rows].astype(np.float64)
        return irls(X, self.filled[rows], self.family, ridge=self.ridge, weight=weight, start=start).coef

    def assign(self, B: Floats) -> Codes:
        """Return the most likely permutation for B."""
        return recover_permutation(self.Y, self.X @ B, self.family, known=self.known)

    def value(self, B: Floats, permutation: Codes) -> float:
        """Return the penalised log-likelihood."""
        return float(self.row_values((self.X @ B)[permutation]).sum() - (self.ridge @ B**2).sum() / 2)

    def row_values(self, linear: Floats) -> Floats:
        """Return the log-likelihood of each row of Y at a linear predictor (n, m) of its own, (n,)."""
        return np.asarray(np.where(self.seen, self.filled * linear - self.family.psi(linear), 0.0).sum(axis=1))

    def dispersion(self, linear: Floats) -> float:
        """Return the variance of the responses in units of the family's own (Pearson)."""
        mean, variance = self.family.mean(linear), self.family.variance(linear)
        squares = ((self.filled - mean) ** 2 / np.maximum(variance, np.finfo(float).tiny))[self.seen]
        free = max(squares.size - self.X.shape[1] * linear.shape[1], 1)
        return max(float(squares.sum()) / free, np.finfo(float).tiny)


def alternate(alignment: Alignment, B: Floats, max_rounds: int) -> tuple[Floats, Codes, list[float], bool]:
    """Assign and fit in turn until the permutation repeats; return B, permutation, likelihoods, converged."""
    trace: list[float] = []
    permutation = np.full(len(alignment.Y), -1)
    for _ in range(max_rounds):
        fresh = alignment.assign(B)
        if (fresh == permutation).all():
            return B, permutation, trace, True
        trace.append(alignment.value(B, fresh))
        B, permutation = alignment.fit(fresh, B), fresh
        trace.append(alignment.value(B, permutation))
    return B, permutation, trace, False


def _responses(Y: ArrayLike) -> Floats:
    """Return Y as float64 (n, m), NaN where missing; BadInput for infinity, other shapes and rows without any value."""
    values = np.asarray(Y, dtype=np.float64)
    if values.ndim != 2:
        raise BadInput(f"Y has {values.ndim} dimensions, 2 expected", fix="give one column an outcome")
    if np.isinf(values).any():
        raise BadInput("Y holds infinity", where=f"row {int(np.argwhere(np.isinf(values))[0][0])}")
    return values


def _known(known: ArrayLike | None, n: int) -> Codes:
    """Return the row of X of each row of Y, -1 where unknown, int64 (n,)."""
    if known is None:
        return np.full(n, -1, dtype=np.int64)
    pairs = as_codes("known", known)
    if len(pairs) != n or ((pairs < -1) | (pairs >= n)).any():
        raise BadInput(f"known pairs are not {n} row numbers", fix="give the row of X of each row of Y, -1 = unknown")
    used = pairs[pairs >= 0]
    if len(np.unique(used)) != len(used):
        raise BadInput("known pairs use a row of X twice")
    return pairs
