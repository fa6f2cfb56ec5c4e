"""The regressor that people use: scikit-learn manners, any evidence about numbers, any regression objective."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from labelwright.errors import BadInput
from labelwright.evidence import Evidence, Reals
from labelwright.evidence.scoring import EvidenceLogLikelihood
from labelwright.learn.estimator import NetworkEstimator, fit_loop, location_and_scale
from labelwright.learn.regression.gaussian import WIDEST, GaussianLikelihood, likeliest_scale
from labelwright.learn.regression.target_scale import TargetScale, entries

Floats = NDArray[np.float64]


class ImpreciseRegressor(RegressorMixin, NetworkEstimator):
    """Train a network on numbers that are exact, rounded, censored, shuffled, unknown, or all of these at once.

    Parameters
    ----------
    objective : Objective, optional
        The method: ``ConRRegularization()`` for rare targets, ``U2Objective(0.7)`` for values that may be too low, ...
        By default the Gaussian likelihood of the evidence with a learnt scale, which takes any evidence about numbers.
        A copy is trained; yours stays as it is. Targets reach it with mean 0 and standard deviation 1.
    net : backbone or nn.Module, optional
        One output. ``MLP((256, 256))`` for vectors and a small convolutional network for images by default.
    epochs : int, default 60
    batch_size : int, default 64
    optimizer : OptimizerSpec, optional
        AdamW at 1e-3 (a linear model at 0.05) with a cosine schedule by default.
    stopping : Stopping, optional
        Hold units out and keep the best epoch.
    views : ViewPair, optional
        How weak and strong views of an input are made.
    standardize : bool, default True
        Bring each column (each channel of images) to mean 0 and standard deviation 1 of the training rows. Columns
        whose spreads fall from first to last are taken for components of PCA or SVD: they share one scale, because
        their spreads say how much they matter. False leaves inputs as they are.
    device : {"auto", "cpu", "cuda"}
    checkpoint : path, optional
        Folder that a run interrupted goes on from.
    progress : Progress, optional
        Where a bar is shown.
    random_state : int or RandomState, optional
        0 when left out.

    Attributes
    ----------
    loop_ : Loop
        The finished run: history, objective.
    objective_ : Objective
        The trained objective, in standardised units.
    target_location_, target_scale_ : float
        What the targets were standardised by.
    noise_scale_ : float
        Likeliest standard deviation of the evidence around the predictions, in the targets' unit: of the rows held out
        for stopping where there are any, else of the training rows, where it is too small when they are memorised.
    n_features_in_ : int

    Raises
    ------
    BadInput
        When targets and inputs do not fit, a target is NaN (names the row), or no row says anything.

    Examples
    --------
    >>> from labelwright.evidence import Reals
    >>> X = np.linspace(-1, 1, 80)[:, None]
    >>> y = 10 + 3 * X[:, 0]
    >>> at_least_or_exact = Reals.between(y, np.where(np.arange(80) % 2, np.inf, y))
    >>> ImpreciseRegressor(epochs=80).fit(X, at_least_or_exact).predict([[0.5]]).round(0).tolist()
    [12.0]
    """

    def fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train.

        Parameters
        ----------
        X : float array (n, d) of vectors, or (n, C, H, W) of images (bytes are divided by 255)
        y : Reals (or Mixed of Reals) about the n rows, or float array (n,) without NaN
        sample_weight : float array (n,), optional
            At least 0.
        """
        x, evidence = self._checked(X, y)
        weight = None
        if sample_weight is not None:
            weight = np.asarray(_check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True))
        moments = location_and_scale(x, weight) if self.standardize else (np.zeros(1), np.ones(1))
        self.location_: Floats = moments[0]
        self.scale_: Floats = moments[1]
        targets = TargetScale.of(evidence, weight)
        self.target_location_, self.target_scale_ = targets.location, targets.scale
        objective = GaussianLikelihood() if self.objective is None else self.objective
        inputs = self._standardized(x)
        self.loop_ = fit_loop(self, objective, inputs, targets.standardized(evidence), weight)
        self.objective_ = self.loop_.objective
        self.n_iter_ = len(self.loop_.history)
        judged = self.loop_.task.rows if self.stopping is None else self.loop_.task.held_out
        around = self._answer(inputs[judged])
        self.noise_scale_ = likeliest_scale(around, evidence.take(judged), WIDEST * targets.scale)
        return self

    def _checked(self, X: Any, y: Any) -> tuple[NDArray[Any], Evidence]:
        """Return inputs and evidence that fit each other."""
        if isinstance(y, Evidence):
            entries(y)  # refuses evidence about classes
            x = np.asarray(validate_data(self, X, **_RULES))
            if len(x) != len(y):
                raise BadInput(f"X has {len(x)} rows, the evidence {len(y)}", fix="pass evidence about the rows of X")
            return x, y
        _refuse_gaps(y)
        x, values = validate_data(self, X, y, y_numeric=True, **_RULES)
        return np.asarray(x), Reals.values(np.asarray(values, dtype=np.float64))

    def _standardized(self, x: NDArray[Any]) -> NDArray[np.float32]:
        inputs: NDArray[np.float32] = ((x - self.location_) / self.scale_).astype(np.float32)
        return inputs

    def _answer(self, inputs: NDArray[np.float32]) -> Floats:
        """Return predictions for standardised inputs, in the targets' unit."""
        said = self.loop_.predict_proba(inputs).cpu().numpy().astype(np.float64).reshape(len(inputs))
        return TargetScale(self.target_location_, self.target_scale_).restored(said)

    def predict(self, X: ArrayLike) -> Floats:
        """Return the predicted numbers, float64 (n,), in the unit of the targets."""
        check_is_fitted(self, "loop_")
        return self._answer(self._standardized(np.asarray(validate_data(self, X, reset=False, **_RULES))))

    def score(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return R² on plain numbers, or the mean log-probability of evidence a row under `noise_scale_`."""
        if isinstance(y, Evidence):
            entries(y)
            return float(EvidenceLogLikelihood(scale=self.noise_scale_)(self, X, y))
        return float(super().score(X, y, sample_weight))


def _refuse_gaps(y: Any) -> None:
    """Raise BadInput naming the first target that is NaN or infinite; what is no number is left to scikit-learn."""
    try:
        given = np.asarray(y)
        numbers = np.zeros(0) if given.dtype.kind == "c" else given.astype(np.float64)
    except (TypeError, ValueError):
        return
    if numbers.ndim == 0:
        return
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        found = "NaN" if np.isnan(numbers[tuple(wrong[0])]) else "infinity"
        raise BadInput(
            f"{len(np.unique(wrong[:, 0]))} targets are NaN or infinite, the first is {found}",
            where=f"row {int(wrong[0, 0])}",
            fix="leave such rows out, or pass Reals.values(y): there NaN means unknown",
        )


_RULES: dict[str, Any] = {"dtype": "numeric", "allow_nd": True, "ensure_min_samples": 1}
