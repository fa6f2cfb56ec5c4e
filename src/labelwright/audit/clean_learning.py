"""Train any classifier on labels of which some are wrong: find them out of sample, leave them out, weight the rest.

    1. p        = out-of-fold probabilities of a copy of the classifier
    2. issues   = find_label_issues(labels, p)
    3. fit the classifier to the rows that remain, each of class k with weight 1 / N[k, k], N the noise matrix: a class
       that lost a share of its rows counts as if it had not

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021 [P042].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples, check_is_fitted, has_fit_parameter

from labelwright.audit.confident_learning import compute_confident_joint
from labelwright.audit.label_issues import find_label_issues
from labelwright.audit.label_quality import get_label_quality_scores
from labelwright.audit.latents import estimate_latent
from labelwright.errors import BadInput

LEAST_KEPT = 1e-3


class CleanLearning(ClassifierMixin, BaseEstimator):
    """A classifier that leaves out the rows whose label is probably wrong.

    Parameters
    ----------
    clf : scikit-learn classifier with predict_proba, optional
        None is a logistic regression.
    cv_n_folds : int, default 5
        Folds of the out-of-fold probabilities.
    seed : int, default 0
        Of the folds.
    find_label_issues_kwargs : mapping, optional
        Passed to `find_label_issues`; a class keeps at least 10 rows unless this says otherwise.

    Attributes
    ----------
    classes_ : the classes, sorted
    label_issues_mask_ : bool, shape (n,), rows left out
    label_quality_ : float, shape (n,), self confidence of each label
    pred_probs_ : float, shape (n, K), out of fold, or those given
    noise_matrix_ : float64, shape (K, K), given label (rows) for each truth (columns)
    sample_weight_ : float64, shape (n,), 0 where a row was left out
    clf_ : the fitted classifier

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2)) + np.repeat([[0, 0], [5, 5]], 100, axis=0)
    >>> y = np.repeat([0, 1], 100)
    >>> y[:5] = 1
    >>> np.flatnonzero(CleanLearning().fit(X, y).label_issues_mask_)
    array([0, 1, 2, 4])
    """

    def __init__(
        self,
        clf: Any = None,
        *,
        cv_n_folds: int = 5,
        seed: int = 0,
        find_label_issues_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.clf = clf
        self.cv_n_folds = cv_n_folds
        self.seed = seed
        self.find_label_issues_kwargs = find_label_issues_kwargs

    def find_label_issues(self, X: Any, labels: ArrayLike, *, pred_probs: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Return the rows whose label is probably wrong, bool (n,), and keep what they rest on."""
        X, given = _indexable(X), column_or_1d(labels, warn=True)
        check_classification_targets(given)
        if not len(given):
            raise BadInput("X has 0 samples, a minimum of 1 is required", fix="give rows")
        self.classes_, codes = np.unique(given, return_inverse=True)
        if _num_samples(X) != len(codes):
            raise BadInput(
                f"X has {_num_samples(X)} rows but there are {len(codes)} labels", fix="give one label a row"
            )
        if len(self.classes_) < 2:
            raise BadInput(f"there is only one class, {self.classes_[0]!r}", fix="give labels of two classes or more")
        self.pred_probs_ = self._out_of_fold(X, codes) if pred_probs is None else np.asarray(pred_probs)
        joint = compute_confident_joint(codes, self.pred_probs_)
        self.noise_matrix_ = estimate_latent(joint, codes).noise_matrix
        options = {"min_examples_per_class": 10, **(self.find_label_issues_kwargs or {})}
        self.label_issues_mask_ = np.asarray(find_label_issues(codes, self.pred_probs_, **options), dtype=bool)
        self.label_quality_ = get_label_quality_scores(codes, self.pred_probs_)
        return self.label_issues_mask_

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        pred_probs: ArrayLike | None = None,
        label_issues: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> CleanLearning:
        """Find the issues (or take `label_issues`), leave them out, fit.

        Parameters
        ----------
        X : array, sparse matrix or data frame with n rows
        y : shape (n,)
            Given labels of any kind that scikit-learn takes.
        pred_probs : float, shape (n, K), optional
            Out-of-sample probabilities, columns in sorted order of the classes.
        label_issues : bool, shape (n,), optional
            Rows to leave out.
        sample_weight : float, shape (n,), optional
            Weights to use in place of those for the classes.
        """
        if label_issues is None or not hasattr(self, "noise_matrix_"):
            self.find_label_issues(X, y, pred_probs=pred_probs)
        if label_issues is not None:
            self.label_issues_mask_ = np.asarray(label_issues, dtype=bool)
        X, given = _indexable(X), column_or_1d(y)
        keep = ~self.label_issues_mask_
        codes = np.searchsorted(self.classes_, given)
        by_class = 1 / np.maximum(np.diagonal(self.noise_matrix_), LEAST_KEPT)
        weight = by_class[codes] if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.sample_weight_ = np.where(keep, weight, 0.0)
        self.clf_ = self._fresh()
        weighted = has_fit_parameter(self.clf_, "sample_weight")
        fit_params = {"sample_weight": weight[keep]} if weighted else {}
        self.clf_.fit(_take(X, np.flatnonzero(keep)), given[keep], **fit_params)
        if hasattr(self.clf_, "n_features_in_"):
            self.n_features_in_ = self.clf_.n_features_in_
        return self

    def predict(self, X: Any) -> NDArray:
        """Return the class of each row."""
        check_is_fitted(self, "clf_")
        return np.asarray(self.clf_.predict(X))

    def predict_proba(self, X: Any) -> NDArray[np.floating]:
        """Return the probability of each class that was left in training, in the order of ``clf_.classes_``."""
        check_is_fitted(self, "clf_")
        return np.asarray(self.clf_.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        """Take what the classifier takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self._fresh()).input_tags
        return tags

    def _fresh(self) -> Any:
        if self.clf is not None:
            return clone(self.clf)
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)

    def _out_of_fold(self, X: Any, codes: NDArray[np.int64]) -> NDArray[np.float64]:
        from sklearn.model_selection import StratifiedKFold

        rarest = int(np.bincount(codes).min())
        if rarest < 2:
            name = self.classes_[int(np.bincount(codes).argmin())]
            raise BadInput(f"class {name!r} has a single row", fix="give each class two rows or more, or pred_probs")
        folds = StratifiedKFold(min(self.cv_n_folds, rarest), shuffle=True, random_state=self.seed)
        probs = np.zeros((len(codes), len(self.classes_)))
        for train, held_out in folds.split(np.zeros(len(codes)), codes):
            model = self._fresh().fit(_take(X, train), codes[train])
            probs[np.ix_(held_out, model.classes_)] = model.predict_proba(_take(X, held_out))
        return probs


def _indexable(X: Any) -> Any:
    """Return X as something whose rows can be taken."""
    if sparse.issparse(X):
        return X.tocsr()
    return X if hasattr(X, "iloc") or hasattr(X, "__getitem__") else np.asarray(X)


def _take(X: Any, rows: NDArray[np.intp]) -> Any:
    from sklearn.utils import _safe_indexing

    return _safe_indexing(X, rows)
