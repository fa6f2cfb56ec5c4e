"""The classifier that people use: scikit-learn manners, any evidence, any objective."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from labelwright.errors import BadInput
from labelwright.evidence import Evidence, Hard, Reals, Tags, evidence_log_likelihood
from labelwright.learn.estimator import NetworkEstimator, fit_loop, location_and_scale, seed_of
from labelwright.learn.noise_start import estimated_transition
from labelwright.nn import Objective
from labelwright.nn.task import outputs_of


class ImpreciseClassifier(ClassifierMixin, NetworkEstimator):
    """Train a network on labels that are noisy, partial, voted, coarse, aggregated, missing, or all of these at once.

    Parameters
    ----------
    objective : Objective, optional
        The method: ``EarlyLearningRegularization(lam=3)``, ``PRODEN()``, ... By default imprecise label learning
        [P010], which takes any evidence; for tags binary cross-entropy on the known ones. A copy is trained; yours
        stays as it is.
    net : backbone or nn.Module, optional
        ``MLP((256, 256))`` for vectors and a small convolutional network for images by default.
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
    classes_ : array (K,)
    multilabel_ : bool
        It learned tags: each class has a probability of its own.
    loop_ : Loop
        The finished run: history, objective, predictions of any view.
    objective_ : Objective
        The trained objective.
    n_features_in_ : int

    Raises
    ------
    BadInput
        When labels and inputs do not fit, a class is missing, or evidence contradicts itself; names the row.

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.evidence import Candidates
    >>> X = np.repeat([[0.0], [5.0]], 20, axis=0)
    >>> y = Candidates.from_sets([[0]] * 15 + [[0, 1]] * 10 + [[1]] * 15, 2)
    >>> ImpreciseClassifier(epochs=20).fit(X, y).predict([[0.1], [4.9]]).tolist()
    [0, 1]
    """

    def fit(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train.

        Parameters
        ----------
        X : float array (n, d) of vectors, or (n, C, H, W) of images (bytes are divided by 255)
        y : Evidence about the n rows, or array (n,) of labels of any kind
            Plain labels are taken as given by somebody who errs: the noise is estimated and learnt.
        sample_weight : float array (n,), optional
            At least 0.
        """
        x, evidence = self._checked(X, y)
        weight = None if sample_weight is None else np.asarray(_check_sample_weight(sample_weight, x, dtype=np.float64))
        moments = location_and_scale(x, weight) if self.standardize else (np.zeros(1), np.ones(1))
        self.location_: NDArray[np.float64] = moments[0]
        self.scale_: NDArray[np.float64] = moments[1]
        inputs = self._standardized(x)
        objective = self._default_objective(inputs, evidence) if self.objective is None else self.objective
        self.loop_ = fit_loop(self, objective, inputs, evidence, weight)
        self.objective_ = self.loop_.objective
        self.n_iter_ = len(self.loop_.history)
        return self

    def _checked(self, X: Any, y: Any) -> tuple[NDArray[Any], Evidence]:
        """Return inputs and evidence that fit each other, and set `classes_`."""
        if isinstance(y, Evidence):
            if isinstance(y, Reals):
                raise BadInput("Reals are numbers, not classes", fix="use ImpreciseRegressor")
            x = np.asarray(validate_data(self, X, **_RULES))
            if len(x) != len(y):
                raise BadInput(f"X has {len(x)} rows, the evidence {len(y)}", fix="pass evidence about the rows of X")
            self.classes_, self.multilabel_ = np.arange(outputs_of(y)), isinstance(y, Tags)
            return x, y
        x, labels = validate_data(self, X, y, **_RULES)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self.multilabel_ = False
        return np.asarray(x), Hard(codes.astype(np.int32), len(self.classes_))

    def _default_objective(self, x: NDArray[np.float32], evidence: Evidence) -> Objective:
        from labelwright.learn.noisy import ImpreciseLabelLearner, LearntNoise
        from labelwright.learn.partial import IgnoreUnobserved

        if isinstance(evidence, Tags):
            return IgnoreUnobserved()
        if not isinstance(evidence, Hard):
            return ImpreciseLabelLearner()
        start = estimated_transition(x, evidence.labels, evidence.n_classes, seed_of(self.random_state))
        return ImpreciseLabelLearner(LearntNoise(start))

    def _standardized(self, x: NDArray[Any]) -> NDArray[np.float32]:
        inputs: NDArray[np.float32] = ((x - self.location_) / self.scale_).astype(np.float32)
        return inputs

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return class probabilities float64 (n, K), columns as in `classes_`; each row sums to 1 except for tags."""
        check_is_fitted(self, "loop_")
        x = np.asarray(validate_data(self, X, reset=False, **_RULES))
        probs = self.loop_.predict_proba(self._standardized(x)).cpu().numpy().astype(np.float64)
        answer: NDArray[np.float64] = probs if self.multilabel_ else probs / probs.sum(axis=1, keepdims=True)
        return answer

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each row, as in `classes_`; for tags bool (n, K), on where p > 1/2."""
        check_is_fitted(self, "loop_")
        if self.multilabel_:
            return self.predict_proba(X) > 0.5
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def score(self, X: ArrayLike, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy on plain labels, or the mean log-probability of evidence a row.

        Tags as a table of 0 and 1 count as right where a whole row is.
        """
        if isinstance(y, Evidence):
            return float(evidence_log_likelihood(self, X, y))
        return float(super().score(X, y, sample_weight))


_RULES: dict[str, Any] = {"dtype": "numeric", "allow_nd": True, "ensure_min_samples": 1}
