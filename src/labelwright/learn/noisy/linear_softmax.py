"""Multinomial logistic regression on a table of targets, which may be soft and may even hold negative entries.

    min over W, b of   sum_i w_i [ −sum_k t_ik log p_ik ] / sum_i w_i  +  l2/2 |W|²,     p_i = softmax(x_i W + b)

With targets that sum to 1 a row the loss is −<t_i, z_i> + logsumexp(z_i) of the logits: convex whatever the signs. It
is bounded below as long as the mean target has no negative entry, since the penalty holds W.

Source: block of the noisy-label cards [P082].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax, logsumexp, softmax

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array

Floats = NDArray[np.float64]

PASSES = 2000


@dataclass(frozen=True, eq=False)
class SoftmaxModel:
    """Coefficients float64 (d, K) and intercepts (K,), centred over the classes."""

    coef: Floats
    intercept: Floats

    def logits(self, X: Floats) -> Floats:
        """Return x W + b, (n, K)."""
        return np.asarray(X @ self.coef + self.intercept)

    def predict_proba(self, X: Floats) -> Floats:
        """Return probabilities, (n, K)."""
        return np.asarray(softmax(self.logits(X), axis=1))

    def cross_entropy(self, X: Floats, targets: Floats) -> Floats:
        """Return −sum_k t_k log p_k of each row, (n,)."""
        return np.asarray(-(targets * log_softmax(self.logits(X), axis=1)).sum(axis=1))


def softmax_regression(
    X: ArrayLike, targets: ArrayLike, l2: float, *, sample_weight: ArrayLike | None = None
) -> SoftmaxModel:
    """Fit by L-BFGS in float64; deterministic.

    Parameters
    ----------
    X : float array (n, d)
    targets : float array (n, K)
        Each row sums to 1 (within 1e-6); entries may be negative where the weighted mean row has none below 0.
    l2 : float > 0
        Weight of |W|²/2 beside the mean loss; the intercept bears none.
    sample_weight : float array (n,), optional
        Not negative, not all 0.

    Raises
    ------
    BadInput
        For shapes that do not fit, rows that do not sum to 1 and a mean target with a negative entry.

    Examples
    --------
    >>> softmax_regression([[0.0]], [[0.2, 0.8]], 1.0).predict_proba(np.zeros((1, 1))).round(3)
    array([[0.2, 0.8]])

    Source: [P082].
    """
    rows, table = as_array("X", X, 2), as_array("targets", targets, 2)
    weight = np.ones(len(rows)) if sample_weight is None else as_array("sample_weight", sample_weight, 1)
    _check(rows, table, weight, l2)
    share = weight / weight.sum()
    (d, k), wanted = (rows.shape[1], table.shape[1]), table * share[:, None]

    def objective(flat: Floats) -> tuple[float, Floats]:
        coef, intercept = flat[: d * k].reshape(d, k), flat[d * k :]
        logits = rows @ coef + intercept
        total = logsumexp(logits, axis=1, keepdims=True)
        value = float(share @ total[:, 0] - (wanted * logits).sum() + l2 / 2 * (coef**2).sum())
        slope = np.exp(logits - total) * share[:, None] - wanted
        return value, np.concatenate([(rows.T @ slope + l2 * coef).ravel(), slope.sum(axis=0)])

    from scipy.optimize import minimize

    options = {"maxiter": PASSES, "maxfun": 2 * PASSES, "gtol": 1e-8, "ftol": 1e-14, "maxcor": 20}
    found = minimize(objective, np.zeros(d * k + k), jac=True, method="L-BFGS-B", options=options).x
    coef, intercept = found[: d * k].reshape(d, k), found[d * k :]
    return SoftmaxModel(coef - coef.mean(axis=1, keepdims=True), intercept - intercept.mean())


def _check(rows: Floats, table: Floats, weight: Floats, l2: float) -> None:
    if len(rows) != len(table) or len(weight) != len(rows) or not len(rows) or not table.shape[1]:
        raise BadInput(f"X is {rows.shape}, targets are {table.shape}, weights {weight.shape}")
    if not l2 > 0:
        raise BadInput(f"l2 is {l2}", fix="choose a number above 0")
    if (weight < 0).any() or not weight.sum() > 0:
        raise BadInput("the weights are negative or all 0")
    off = np.abs(table.sum(axis=1) - 1) > 1e-6
    if off.any():
        raise BadInput("a row of targets does not sum to 1", where=f"row {int(np.argmax(off))}")
    mean = weight @ table / weight.sum()
    if (mean < -1e-6).any():
        raise BadInput(
            f"the mean target of class {int(mean.argmin())} is negative, the loss has no minimum",
            fix="clip the targets at 0, or blend less",
        )
