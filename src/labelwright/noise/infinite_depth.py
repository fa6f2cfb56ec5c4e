"""Infinitely wide networks of any depth as classifiers in closed form, and the Hilbert kernel that the best become.

With S_0 the cosines of rows of length 1 and f the dual of the activation (`labelwright.noise.duals`), depth L
gives the kernels

    NNGP  S_l = f(S_{l−1}),      NTK  Θ_l = S_l + Θ_{l−1} · f'(S_{l−1}),  Θ_0 = S_0.

All of them fit every training label, wrong ones included. Whether that is harmful depends on the activation: one
nearest neighbour repeats a wrong label around it, a singular kernel of the right exponent averages it away.

Source: Radhakrishnan, Belkin, Uhler, Wide and Deep Neural Networks Achieve Optimality for Classification, PNAS 2023
[P145]; Devroye, Györfi, Krzyżak, The Hilbert kernel regression estimate, 1998.
"""

from __future__ import annotations

from math import inf, isinf, log
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, quoted
from labelwright.metrics.checks import as_array, same_length
from labelwright.noise.duals import Dual, activation_regime

Floats = NDArray[np.float64]
SAME = 1e-14  # cosines this close to 1 are the same row
BLOCK = 2**22


def on_sphere(X: ArrayLike, scale: float | None = None) -> Floats:
    """Return rows as points of a sphere in one orthant, (n, d + 1): (x / scale, 1), scaled to length 1.

    Parameters
    ----------
    X : float array (n, d)
        Centre it first.
    scale : float, optional
        At least the largest length of a row, so that no two rows are further apart than a right angle. Take that of the
        training rows for test rows.
    """
    x = as_array("X", X, 2)
    reach = float(np.linalg.norm(x, axis=1).max(initial=0.0)) if scale is None else float(scale)
    if not reach > 0:
        raise BadInput("all rows are 0", fix="give rows that differ, or a scale above 0")
    lifted = np.column_stack([x / reach, np.ones(len(x))])
    return np.asarray(lifted / np.linalg.norm(lifted, axis=1, keepdims=True))


class _KernelClassifier:
    """What both classifiers share: classes, one score a class from kernel weights, and rows seen in training."""

    classes_: NDArray[Any]

    def fit(self, X: ArrayLike, y: ArrayLike) -> Any:
        """Keep the rows.

        Parameters
        ----------
        X : float array (n, d + 1)
            Scaled to length 1 here; no row may be 0.
        y : array (n,)
            Classes, of any kind.
        """
        self.rows_ = _unit(X)
        labels = np.asarray(y)
        if labels.ndim != 1:
            raise BadInput(f"y has {labels.ndim} dimensions", fix="give one class a row")
        same_length(X=self.rows_, y=labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self._targets = np.eye(len(self.classes_))[codes]
        self._prepare()
        return self

    def _prepare(self) -> None:
        self._weights = self._targets

    def _scores(self, cosines: Floats) -> Floats:
        raise AssertionError("each classifier has its own scores")

    def decision_function(self, X: ArrayLike) -> Floats:
        """Return a score a class, float64 (m, K): sums of kernel weights, each row on its own scale."""
        if not hasattr(self, "rows_"):
            raise BadInput("the classifier is not fitted", fix="call fit first")
        x = _unit(X)
        if x.shape[1] != self.rows_.shape[1]:
            raise BadInput(f"X has {x.shape[1]} columns, {self.rows_.shape[1]} expected")
        step = max(BLOCK // max(len(self.rows_), 1), 1)
        parts = [self._block(x[i : i + step]) for i in range(0, len(x), step)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.classes_)))

    def _block(self, x: Floats) -> Floats:
        cosines = np.clip(x @ self.rows_.T, -1, 1)
        scores = self._scores(cosines)
        same = cosines >= 1 - SAME
        seen = same.any(axis=1)
        scores[seen] = same[seen].astype(np.float64) @ self._targets
        return scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of the highest score; a row of the training set gets its own label."""
        best = self.decision_function(X).argmax(axis=1)
        return np.asarray(self.classes_[best])


class HilbertKernelClassifier(_KernelClassifier):
    """All training rows vote with weight ‖x − x_i‖^(−α): every label is fitted, and it is consistent for α = dimension.

    Parameters
    ----------
    alpha : float, optional
        Exponent; by default the number of columns less 1, the dimension of their sphere.

    Examples
    --------
    >>> x = on_sphere(np.array([[-1.0], [-0.9], [1.0]]))
    >>> HilbertKernelClassifier().fit(x, ["a", "a", "b"]).predict(on_sphere([[-0.5], [0.8]], scale=1.0)).tolist()
    ['a', 'b']

    Source: Radhakrishnan, Belkin, Uhler, PNAS 2023 [P145].
    """

    def __init__(self, alpha: float | None = None) -> None:
        if alpha is not None and not alpha > 0:
            raise BadInput(f"alpha is {alpha}", fix="give an exponent above 0")
        self.alpha = alpha

    def _scores(self, cosines: Floats) -> Floats:
        alpha = self.rows_.shape[1] - 1 if self.alpha is None else self.alpha
        logs = -0.5 * alpha * np.log(np.maximum(2 - 2 * cosines, 1e-300))
        return _softened(np.ones_like(logs), logs) @ self._targets

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the share of the weights of each class, float64 (m, K)."""
        scores = self.decision_function(X)
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


class InfiniteDepthClassifier(_KernelClassifier):
    """The classifier that an infinitely wide network of a given depth becomes, or of infinite depth.

    Parameters
    ----------
    dual : Dual
        Of the activation.
    depth : int or math.inf, default math.inf
        Layers. At infinity: one nearest neighbour, a majority vote or a singular kernel, by `activation_regime`. The
        singular kernels are close to their limit from 50 to 200 layers on; a rectifier needs 50,000.
    kernel : {"nngp", "ntk"}, default "nngp"
        Training the last layer alone, or all of them. The limit is the same.

    Notes
    -----
    The theory is for rows in one orthant of the sphere; `on_sphere` takes them there. On 1500 rows of separable classes
    the singular kernel of exponent 2 errs on 1 %, 4 %, 8 % and 21 % of the test rows when 10, 20, 30 and 40 % of the
    labels are flipped, one nearest neighbour as often as labels are flipped: close to 0 only for light noise.

    Examples
    --------
    >>> x = on_sphere(np.array([[-1.0], [-0.9], [1.0]]))
    >>> model = InfiniteDepthClassifier(Dual([0, 1, 0, 1]), depth=60).fit(x, [0, 0, 1])
    >>> model.predict(on_sphere([[-0.5], [0.8]], scale=1.0))
    array([0, 1])

    Source: Radhakrishnan, Belkin, Uhler, PNAS 2023 [P145].
    """

    def __init__(self, dual: Dual, depth: float = inf, kernel: Literal["nngp", "ntk"] = "nngp") -> None:
        if kernel not in ("nngp", "ntk"):
            raise BadInput(f"the kernel {quoted(kernel)} is unknown", fix="use 'nngp' or 'ntk'")
        if not (isinf(depth) or depth == int(depth)) or depth < 1:
            raise BadInput(f"depth is {depth}", fix="give a whole number of layers, or math.inf")
        self.dual, self.depth, self.kernel = dual, depth, kernel
        self.regime = activation_regime(dual)

    def _prepare(self) -> None:
        self._weights = self._targets
        if isinf(self.depth):
            return
        cosines = np.clip(self.rows_ @ self.rows_.T, -1, 1)
        np.fill_diagonal(cosines, 1.0)
        if len(np.unique(self.rows_, axis=0)) < len(self.rows_):
            raise BadInput("two training rows are the same", fix="keep one of each: no network fits both their labels")
        kernel = self._finite(cosines)
        try:
            self._weights = np.asarray(np.linalg.solve(kernel, self._targets), dtype=np.float64)
        except np.linalg.LinAlgError:
            self._weights = np.asarray(np.linalg.lstsq(kernel, self._targets, rcond=None)[0], dtype=np.float64)

    def _finite(self, cosines: Floats) -> Floats:
        """Return the kernel matrix of the training rows, divided by its diagonal."""
        if self.regime.kind == "majority vote":
            kernel = self._plain(cosines)
            return np.asarray(kernel / kernel[0, 0])
        signs, logs = self._logs(cosines)
        scale = self._log_diagonal()
        kernel = signs * np.exp(np.minimum(logs - scale, 0.0))
        np.fill_diagonal(kernel, 1.0)
        return kernel

    def _scores(self, cosines: Floats) -> Floats:
        if isinf(self.depth):
            return self._limit(cosines)
        if self.regime.kind == "majority vote":
            return np.asarray(self._plain(cosines) @ self._weights)
        return np.asarray(_softened(*self._logs(cosines)) @ self._weights)

    def _limit(self, cosines: Floats) -> Floats:
        if self.regime.kind == "majority vote":
            return np.tile(self._targets.mean(axis=0), (len(cosines), 1))
        if self.regime.kind == "nearest neighbour":
            return self._targets[cosines.argmax(axis=1)].copy()
        logs = -0.5 * self.regime.alpha * np.log(np.maximum(2 - 2 * cosines, 1e-300))
        return np.asarray(_softened(np.ones_like(logs), logs) @ self._targets)

    def _plain(self, cosines: Floats) -> Floats:
        """Return S_L or Θ_L where f(0) > 0, so that nothing underflows."""
        s, tangent = cosines, cosines
        for _ in range(int(self.depth)):
            if self.kernel == "ntk":
                slope = self.dual.slope(s)
            s = np.minimum(self.dual.value(s), 1.0)
            if self.kernel == "ntk":
                tangent = s + tangent * slope
        return tangent if self.kernel == "ntk" else s

    def _logs(self, cosines: Floats) -> tuple[Floats, Floats]:
        from labelwright.noise._depth_kernels import iterate

        series = self.dual.coefficients
        first = int(np.argmax(series > 0))
        signs, logs = iterate(cosines.ravel(), series, first, int(self.depth), self.kernel == "ntk")
        return signs.reshape(cosines.shape), logs.reshape(cosines.shape)

    def _log_diagonal(self) -> float:
        """Return log Θ_L(x, x) = log Σ_l B^l, or log S_L(x, x) = 0."""
        if self.kernel == "nngp":
            return 0.0
        b, layers = self.regime.slope_at_one, int(self.depth) + 1
        return layers * log(b) + log((1 - b**-layers) / (b - 1)) if b > 1 else log(layers)


def _softened(signs: Floats, logs: Floats) -> Floats:
    """Return signs · exp(logs) with each row divided by its largest size."""
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(signs * np.exp(logs - np.where(np.isfinite(top), top, 0.0)))


def _unit(X: ArrayLike) -> Floats:
    x = as_array("X", X, 2)
    size = np.linalg.norm(x, axis=1, keepdims=True)
    if not len(x) or (size == 0).any():
        raise BadInput("a row of X is 0, or there is none", fix="rows are directions: centre them and use on_sphere")
    return np.asarray(x / size)
