"""Out-of-fold predictions: what a model says of each row when it has not seen the label of that row.

Auditors take these; predictions on the rows that a model was trained on hide label errors [P042]. Folds are
stratified and, where asked, keep groups whole. A row without a label is never trained on and gets the mean prediction
of all fold models. Every fold is fitted with one BLAS thread in a process of its own (spawned, never forked, so numba's
and OpenMP's threads stay sound), hence the bits do not depend on `jobs`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.data.cache import Cache
from labelwright.data.fold_inputs import checked_labels, checked_tags, folds_of_rows, rows_of
from labelwright.data.fold_models import ClassProbs, Predict, one_fold, tag_probs, value
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress

_SMALL = 20_000_000  # rows x features x outputs


def out_of_fold_probs(
    X: Any,
    labels: ArrayLike,
    n_classes: int,
    *,
    estimator: Any = None,
    folds: int = 5,
    groups: ArrayLike | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    cache: Cache | None = None,
) -> NDArray[np.float64]:
    """Return class probabilities of each row from models that were fitted without it.

    Parameters
    ----------
    X : array or sparse matrix (n, d), data frame or list, length n
        What `estimator` takes.
    labels : array of int, shape (n,)
        Classes 0 to K - 1; -1 = unlabelled.
    n_classes : int
        K. Columns are always 0 to K - 1; a class that a fold's training rows lack gets probability 0 there.
    estimator : scikit-learn classifier with ``predict_proba``, optional
        Cloned for each fold. Default: `LinearProbe`.
    folds : int
        At least 2; cut to the number of labelled rows (of groups).
    groups : array, shape (n,), optional
        Rows of one group are never on both sides of a fold.
    seed, jobs : int
        At most `jobs` processes; the result does not depend on it.
    cache : Cache, optional
        Used when the content of X and the estimator's parameters can be named.

    Returns
    -------
    array of float64, shape (n, K)
        Rows sum to 1 within 1e-6.

    Raises
    ------
    BadInput
        When labels are out of range, nothing is labelled, or lengths differ.

    Examples
    --------
    >>> X = [[0.0], [0.1], [1.0], [1.1]] * 5
    >>> out_of_fold_probs(X, [0, 0, 1, 1] * 5, 2).argmax(axis=1)[:4]
    array([0, 0, 1, 1])
    """
    labels = checked_labels(labels, n_classes)
    X = rows_of(X, len(labels), estimator)

    def compute() -> NDArray[np.float64]:
        model = estimator
        if model is None:
            from labelwright.data.probes import LinearProbe

            model = LinearProbe(seed)
        fold = folds_of_rows(labels, labels >= 0, folds, groups, seed)
        predict = ClassProbs(n_classes)
        workers = _worthwhile(jobs, estimator, X, n_classes)
        return _out_of_fold(X, labels, fold, model, predict, (n_classes,), seed, workers, progress)

    key = ["out_of_fold_probs", labels, n_classes, folds, seed]
    return _cached(cache, key, X, groups, estimator, compute)


def out_of_fold_tags(
    X: Any,
    tags: ArrayLike,
    *,
    estimator: Any = None,
    folds: int = 5,
    groups: ArrayLike | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    cache: Cache | None = None,
) -> NDArray[np.float64]:
    """Return the probability of each tag of each row, float64 (n, K), from models fitted without the row.

    Parameters
    ----------
    X : array (n, d)
    tags : array of int, shape (n, K)
        1, 0, and -1 = unknown; unknown tags are not trained on. Rows of nothing but -1 count as unlabelled.
    estimator : scikit-learn multi-label classifier, optional
        Its ``predict_proba`` gives (n, K), or a list of K arrays (n, 2). Rows with an unknown tag are then not
        trained on. Default: `TagProbe`, which masks single tags.

    Other parameters are those of `out_of_fold_probs`. Folds are stratified by the rarest tag that a row has.

    Examples
    --------
    >>> out_of_fold_tags([[0.0], [1.0]] * 20, [[0, 1], [1, 1]] * 20).round(0)[:2]
    array([[0., 1.],
           [1., 1.]])
    """
    tags = checked_tags(tags)
    X = rows_of(X, len(tags), estimator)

    def compute() -> NDArray[np.float64]:
        known = np.asarray((tags >= 0).any(axis=1) if estimator is None else (tags >= 0).all(axis=1))
        model = estimator
        if model is None:
            from labelwright.data.probes import TagProbe

            model = TagProbe(seed)
        rarity = np.where(tags == 1, (tags == 1).sum(axis=0), np.iinfo(np.int64).max)
        strata = np.where((tags == 1).any(axis=1), rarity.argmin(axis=1), tags.shape[1])
        fold = folds_of_rows(strata, known, folds, groups, seed)
        workers = _worthwhile(jobs, estimator, X, tags.shape[1])
        return _out_of_fold(X, tags, fold, model, tag_probs, (tags.shape[1],), seed, workers, progress)

    return _cached(cache, ["out_of_fold_tags", tags, folds, seed], X, groups, estimator, compute)


def out_of_fold_values(
    X: Any,
    values: ArrayLike,
    *,
    estimator: Any = None,
    folds: int = 5,
    groups: ArrayLike | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = SILENT,
    cache: Cache | None = None,
) -> NDArray[np.float64]:
    """Return the predicted value of each row, float64 (n,), from models fitted without the row.

    Parameters
    ----------
    X : array (n, d)
    values : array of float, shape (n,)
        NaN = unlabelled.
    estimator : scikit-learn regressor, optional
        Default: `RidgeProbe`.

    Other parameters are those of `out_of_fold_probs`. Folds are stratified by ten bins of the value.

    Examples
    --------
    >>> out_of_fold_values([[float(i)] for i in range(20)], range(20)).round()[:3]
    array([0., 1., 2.])
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or np.isinf(values).any():
        raise BadInput("the values to predict are not one finite number (or NaN) a row")
    X = rows_of(X, len(values), estimator)

    def compute() -> NDArray[np.float64]:
        model = estimator
        if model is None:
            from labelwright.data.probes import RidgeProbe

            model = RidgeProbe()
        known = ~np.isnan(values)
        bins = np.full(len(values), -1)
        bins[known] = np.argsort(np.argsort(values[known], kind="stable")) * 10 // max(known.sum(), 1)
        fold = folds_of_rows(bins, known, folds, groups, seed)
        workers = _worthwhile(jobs, estimator, X, 1)
        return _out_of_fold(X, values, fold, model, value, (), seed, workers, progress)

    return _cached(cache, ["out_of_fold_values", values, folds, seed], X, groups, estimator, compute)


def _worthwhile(jobs: int, estimator: Any, X: Any, outputs: int) -> int:
    """Return 1 where the default estimator is done before other processes would have started, else `jobs`."""
    return 1 if estimator is None and X.size * outputs < _SMALL else jobs


def _out_of_fold(
    X: Any,
    targets: NDArray,
    fold: NDArray[np.int64],
    estimator: Any,
    predict: Predict,
    width: tuple[int, ...],
    seed: int,
    jobs: int,
    progress: Progress,
) -> NDArray[np.float64]:
    """Fit each fold's model and gather what it says of the rows that it has not seen."""
    import joblib

    n_folds = int(fold.max()) + 1
    others = np.flatnonzero(fold < 0)
    out = np.zeros((len(fold), *width))
    task = joblib.delayed(one_fold)
    work = (task(X, targets, fold, f, estimator, predict, seed) for f in range(n_folds))
    workers = max(1, min(jobs, n_folds))
    backend = {"backend": "loky", "inner_max_num_threads": 1} if workers > 1 else {"backend": "sequential"}
    with progress.stage("out-of-fold predictions", n_folds) as advance, joblib.parallel_config(**backend):
        for f, (seen, unlabelled) in enumerate(joblib.Parallel(n_jobs=workers, return_as="generator")(work)):
            out[fold == f] = seen
            out[others] += unlabelled / n_folds
            advance(1)
    return out


def _cached(
    cache: Cache | None, key: list[Any], X: Any, groups: Any, estimator: Any, compute: Callable[[], NDArray]
) -> NDArray[np.float64]:
    """Go through the cache when all that decides the result can be named, else compute."""
    from labelwright.data.cache import content_hash

    if cache is None:
        return compute()
    import sklearn

    try:
        model = _estimator_key(estimator)
        named = content_hash([*key, X, None if groups is None else np.asarray(groups), model, sklearn.__version__])
    except TypeError:
        return compute()
    return cache.array(named, compute)


def _estimator_key(estimator: Any) -> list[Any]:
    """Return what names an estimator: its class and parameters, estimators inside included."""
    if estimator is None:
        return ["default"]
    if not hasattr(estimator, "get_params") or not type(estimator).__module__.startswith("sklearn."):
        raise TypeError("only scikit-learn's own estimators are decided by their class and parameters")
    return [type(estimator).__module__, type(estimator).__qualname__, _parameters(estimator.get_params(deep=False))]


def _parameters(value: Any) -> Any:
    if hasattr(value, "get_params"):
        return _estimator_key(value)
    if isinstance(value, dict):
        return {str(name): _parameters(inner) for name, inner in value.items()}
    return [_parameters(inner) for inner in value] if isinstance(value, list | tuple) else value
