"""Label quality scores: how well each given label fits the predicted probabilities; low = suspect.

    self confidence              p_i(label)
    normalized margin            (p_i(label) − max over the other classes + 1) / 2
    confidence weighted entropy  log(1 + x) / x  with  x = H(p_i) / log K / p_i(label)

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021 [P042].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from labelwright.audit.confident_kernels import SLACK, take_given
from labelwright.audit.confident_learning import get_confident_thresholds
from labelwright.audit.confident_rows import confident_rows
from labelwright.audit.probabilities import as_labels, as_probabilities, blocks, for_blocks, value_dtype
from labelwright.errors import BadInput, did_you_mean, quoted

METHODS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")


def get_label_quality_scores(
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
) -> NDArray[np.floating]:
    """Score each given label by the probabilities; in [0, 1], low = suspect.

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
    method : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}
    adjust_pred_probs : bool
        First subtract each class's confident threshold (and add the largest), which helps when classes are
        unbalanced; not for the entropy.

    Returns
    -------
    float, shape (n,), in the precision of the probabilities.

    Examples
    --------
    >>> get_label_quality_scores([0, 1], [[0.75, 0.25], [0.5, 0.5]], method="normalized_margin")
    array([0.75, 0.5 ])
    """
    if method not in METHODS:
        raise BadInput(f"{quoted(method)} is no label quality score", fix=did_you_mean(str(method), METHODS))
    probs = as_probabilities(pred_probs)
    given = as_labels(labels, probs.shape[1])
    as_probabilities(probs, len(given))
    if adjust_pred_probs:
        if method == "confidence_weighted_entropy":
            raise BadInput(
                "adjust_pred_probs does not go with confidence_weighted_entropy", fix="leave one of them out"
            )
        return _adjusted_scores(given, probs, method)
    if method == "self_confidence":
        return _given_probability(given, probs)
    if method == "normalized_margin":
        return confident_rows(given, probs).normalized_margin
    return _confidence_weighted_entropy(given, probs)


label_quality_scores = get_label_quality_scores


def get_self_confidence_for_each_label(labels: ArrayLike, pred_probs: ArrayLike) -> NDArray[np.floating]:
    """Return the probability of each given label, shape (n,)."""
    return get_label_quality_scores(labels, pred_probs, method="self_confidence")


def get_normalized_margin_for_each_label(labels: ArrayLike, pred_probs: ArrayLike) -> NDArray[np.floating]:
    """Return (probability of the label − largest other probability + 1) / 2, shape (n,)."""
    return get_label_quality_scores(labels, pred_probs, method="normalized_margin")


def get_confidence_weighted_entropy_for_each_label(labels: ArrayLike, pred_probs: ArrayLike) -> NDArray[np.floating]:
    """Return log(1 + x) / x with x the normalised entropy over the probability of the label, shape (n,)."""
    return get_label_quality_scores(labels, pred_probs, method="confidence_weighted_entropy")


def get_normalized_entropy(pred_probs: ArrayLike) -> NDArray[np.floating]:
    """Return the entropy of each row divided by log K, in [0, 1], shape (n,); 0 when there is one class."""
    probs = as_probabilities(pred_probs)
    entropy = np.zeros(len(probs), value_dtype(probs))
    for start, block in blocks(probs):
        if ((block < 0) | (block > 1)).any():
            raise BadInput("pred_probs leave [0, 1]", fix="divide each row by its sum")
        entropy[start : start + len(block)] = -xlogy(block, block).sum(axis=1)
    return entropy / np.log(probs.shape[1]) if probs.shape[1] > 1 else entropy


def order_label_issues(
    label_issues_mask: ArrayLike,
    labels: ArrayLike,
    pred_probs: ArrayLike,
    *,
    rank_by: str = "self_confidence",
    rank_by_kwargs: dict[str, Any] | None = None,
) -> NDArray[np.int64]:
    """Return the flagged rows, worst label first, int64.

    Parameters
    ----------
    label_issues_mask : bool, shape (n,)
        True = flagged.
    labels : int, shape (n,), in [0, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
    rank_by : str
        A score of `get_label_quality_scores`, which takes `rank_by_kwargs`, too.

    Examples
    --------
    >>> order_label_issues([True, False, True], [0, 0, 0], [[0.4, 0.6], [0.9, 0.1], [0.2, 0.8]])
    array([2, 0])
    """
    flags = np.asarray(label_issues_mask, dtype=bool)
    scores = get_label_quality_scores(labels, pred_probs, method=rank_by, **(rank_by_kwargs or {}))
    flagged = np.flatnonzero(flags)
    return flagged[np.argsort(scores[flagged])]


def find_top_issues(quality_scores: ArrayLike, *, top: int | None = 10) -> NDArray[np.int64]:
    """Return the `top` rows with the lowest scores, worst first, int64; all of them for None.

    Examples
    --------
    >>> find_top_issues([0.9, 0.1, 0.5], top=2)
    array([1, 2])
    """
    return np.argsort(np.asarray(quality_scores))[:top]


def get_label_quality_ensemble_scores(
    labels: ArrayLike,
    pred_probs_list: Sequence[ArrayLike],
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
    weight_ensemble_members_by: str = "accuracy",
    custom_weights: ArrayLike | None = None,
    verbose: bool = False,
) -> NDArray[np.floating]:
    """Average the scores of several models' probabilities.

    Parameters
    ----------
    pred_probs_list : sequence of float arrays, each (n, K)
    weight_ensemble_members_by : {"accuracy", "uniform", "custom"}
        Weight each model by its agreement with the given labels, equally, or by `custom_weights`.
    """
    if not len(pred_probs_list):
        raise BadInput("pred_probs_list is empty", fix="give the probabilities of at least one model")
    scores = [
        get_label_quality_scores(labels, probs, method=method, adjust_pred_probs=adjust_pred_probs)
        for probs in pred_probs_list
    ]
    weights = _ensemble_weights(labels, pred_probs_list, weight_ensemble_members_by, custom_weights)
    if verbose:
        print("weights of the models:", ", ".join(f"{weight:.3f}" for weight in weights))
    return (np.stack(scores, axis=1) * weights).sum(axis=1)


def _ensemble_weights(
    labels: ArrayLike, pred_probs_list: Sequence[ArrayLike], by: str, custom: ArrayLike | None
) -> NDArray[np.float64]:
    m = len(pred_probs_list)
    if (custom is not None) != (by == "custom"):
        raise BadInput("custom_weights and weight_ensemble_members_by='custom' go together", fix="give both or neither")
    if custom is not None:
        weights = np.asarray(custom, dtype=np.float64)
        if weights.shape != (m,):
            raise BadInput(f"custom_weights has shape {weights.shape} for {m} models", fix="give one weight a model")
        return weights
    if by == "uniform":
        return np.full(m, 1 / m)
    if by == "accuracy":
        accuracy = np.array([(np.argmax(probs, axis=1) == np.asarray(labels)).mean() for probs in pred_probs_list])
        return accuracy / accuracy.sum()
    options = ("accuracy", "uniform", "custom")
    raise BadInput(f"weight_ensemble_members_by is {quoted(by)}", fix=did_you_mean(by, options))


def _given_probability(labels: NDArray[np.int32], probs: NDArray[np.floating]) -> NDArray[np.floating]:
    given = np.empty(len(labels), value_dtype(probs))

    def look(start: int, stop: int, block: NDArray[np.floating]) -> int:
        take_given(labels[start:stop], block, given[start:stop])
        return 0

    for_blocks(probs, look)
    return given


def _confidence_weighted_entropy(labels: NDArray[np.int32], probs: NDArray[np.floating]) -> NDArray[np.floating]:
    x = get_normalized_entropy(probs) / np.maximum(_given_probability(labels, probs), SLACK)
    return np.log(x + 1) / np.maximum(x, SLACK)


def _adjusted_scores(labels: NDArray[np.int32], probs: NDArray[np.floating], method: str) -> NDArray[np.floating]:
    thresholds = get_confident_thresholds(labels, probs)
    scores = np.empty(len(labels), value_dtype(probs) if thresholds.dtype == np.float32 else np.float64)
    for start, block in blocks(probs):
        adjusted = block - thresholds
        adjusted += thresholds.max()
        adjusted /= adjusted.sum(axis=1, keepdims=True)
        mine = np.arange(len(block)), labels[start : start + len(block)]
        score = adjusted[mine]
        if method == "normalized_margin":
            adjusted[mine] = -np.inf
            score = (score - adjusted.max(axis=1) + 1) / 2
        scores[start : start + len(block)] = score
    return scores
