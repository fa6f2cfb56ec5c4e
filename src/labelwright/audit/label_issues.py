"""Find the rows whose label is probably wrong, from the labels and out-of-sample probabilities.

With the calibrated confident joint C (rows = given, columns = truth) and n_k rows given class k, the filters are

    prune_by_noise_rate     for each pair k ≠ j the C[k, j] rows of class k with the largest p_j − p_k
    prune_by_class          the n_k − C[k, k] rows of class k with the smallest p_k
    both                    the rows that both of these flag
    confident_learning      the rows counted off the diagonal of C
    predicted_neq_given     the rows whose most probable class is not the label
    low_normalized_margin   the rows with the lowest score, as many as `num_label_issues` estimates
    low_self_confidence     likewise

and a row whose most probable class is its label (ties to the label) is never flagged by the first five.

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021 [P042].
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_rows import ConfidentRows, Rule, confident_rows
from labelwright.audit.joint_counts import JointCounts
from labelwright.audit.label_quality import METHODS, get_label_quality_scores
from labelwright.audit.prune_counts import prune_counts
from labelwright.audit.prune_rows import pruned_rows
from labelwright.errors import BadInput, did_you_mean, quoted

PRUNING = ("prune_by_noise_rate", "prune_by_class", "both")
RANKING = ("low_normalized_margin", "low_self_confidence")
FILTERS = (*PRUNING, "confident_learning", "predicted_neq_given", *RANKING)


def find_label_issues(
    labels: ArrayLike | Sequence[Sequence[int]],
    pred_probs: ArrayLike,
    *,
    return_indices_ranked_by: str | None = None,
    rank_by_kwargs: dict[str, Any] | None = None,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: Sequence[int] | None = None,
    min_examples_per_class: int = 1,
    confident_joint: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: bool = False,
    multi_label: bool = False,
    rule: Rule = "reference",
) -> NDArray:
    """Flag the rows whose given label is probably wrong.

    Parameters
    ----------
    labels : int, shape (n,), in [0, K)
        For `multi_label`, one list of class numbers a row, or a 0/1 matrix (n, K).
    pred_probs : float32 or float64, shape (n, K), in [0, 1]
        Out of sample: from a model that was not trained on the row. May be memory-mapped.
    return_indices_ranked_by : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}, optional
        Return the flagged rows, worst first by this score, in place of a mask.
    rank_by_kwargs : dict, optional
        Passed to `get_label_quality_scores` for the ranking.
    filter_by : str
        One of `FILTERS`.
    frac_noise : float
        Share of the estimated errors to flag, in (0, 1]; for the pruning filters.
    num_to_remove_per_class : sequence of int, length K, optional
        How many rows of each class to flag in place of the estimate; for the pruning filters.
    min_examples_per_class : int
        A class keeps at least this many rows.
    confident_joint : shape (K, K), optional
        Counts to use in place of those from `pred_probs`; for the pruning filters.
    n_jobs : int, optional
        Threads. Never changes the result.
    rule : {"reference", "paper"}
        See `compute_confident_joint`.

    Returns
    -------
    bool, shape (n,), True = suspect; or int64 row numbers, worst first.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]
    >>> find_label_issues([0, 0, 0, 1, 1], probs)
    array([False, False,  True, False, False])
    """
    _check(filter_by, frac_noise, num_to_remove_per_class, return_indices_ranked_by)
    if multi_label:
        from labelwright.audit.multilabel_errors import multilabel_find_label_issues

        return multilabel_find_label_issues(
            labels,
            pred_probs,
            return_indices_ranked_by=return_indices_ranked_by,
            rank_by_kwargs=rank_by_kwargs,
            filter_by=filter_by,
            frac_noise=frac_noise,
            num_to_remove_per_class=num_to_remove_per_class,
            min_examples_per_class=min_examples_per_class,
            confident_joint=confident_joint,
        )
    rows = confident_rows(labels, pred_probs, rule=rule, jobs=n_jobs)
    if filter_by in PRUNING:
        own = confident_joint is None
        joint = rows.counts.calibrated(rows.label_counts) if own else JointCounts.of_dense(np.asarray(confident_joint))
        counts = prune_counts(joint, rows.label_counts, min_examples_per_class, frac_noise, num_to_remove_per_class)
        flags = pruned_rows(rows, np.asarray(pred_probs), counts, filter_by, min_examples_per_class)
    elif filter_by in RANKING:
        flags = _lowest(rows, filter_by.removeprefix("low_"))
    else:
        flags = rows.off_diagonal & ~rows.agrees if filter_by == "confident_learning" else ~rows.agrees
    if verbose:
        print(f"{np.count_nonzero(flags)} of {len(flags)} labels are suspect")
    if return_indices_ranked_by is None:
        return flags
    return _ranked(rows, np.asarray(pred_probs), flags, return_indices_ranked_by, rank_by_kwargs or {})


def find_label_issues_batched(
    labels: ArrayLike | None = None,
    pred_probs: ArrayLike | None = None,
    *,
    labels_file: str | Path | None = None,
    pred_probs_file: str | Path | None = None,
    return_mask: bool = False,
    **options: Any,
) -> NDArray:
    """Do what `find_label_issues` does on arrays or on `.npy` files larger than memory; the answer is the same.

    Parameters
    ----------
    labels_file, pred_probs_file : path, optional
        `.npy` files in place of the arrays. They are memory-mapped and read in blocks.
    return_mask : bool
        Return a mask; else the flagged rows, ascending or as `return_indices_ranked_by` orders them.
    **options
        As for `find_label_issues`.
    """
    from labelwright.audit.probabilities import open_npy

    given = open_npy(labels_file) if labels_file is not None else labels
    probs = open_npy(pred_probs_file) if pred_probs_file is not None else pred_probs
    if given is None or probs is None:
        raise BadInput("labels or pred_probs are missing", fix="give each as an array or as a .npy file")
    found = find_label_issues(given, probs, **options)
    return found if return_mask or found.dtype != np.bool_ else np.flatnonzero(found)


def find_predicted_neq_given(
    labels: ArrayLike | Sequence[Sequence[int]], pred_probs: ArrayLike, *, multi_label: bool = False
) -> NDArray:
    """Flag the rows whose most probable class is not the label: the baseline of confident learning.

    Examples
    --------
    >>> find_predicted_neq_given([0, 0], [[0.9, 0.1], [0.2, 0.8]])
    array([False,  True])
    """
    if multi_label:
        return find_label_issues(labels, pred_probs, filter_by="predicted_neq_given", multi_label=True)
    rows = confident_rows(labels, pred_probs)
    return rows.predicted != rows.labels


def find_label_issues_using_argmax_confusion_matrix(
    labels: ArrayLike, pred_probs: ArrayLike, *, calibrate: bool = True, filter_by: str = "prune_by_noise_rate"
) -> NDArray:
    """Flag rows with the confusion matrix of the most probable class in place of the confident joint (a baseline).

    Parameters
    ----------
    labels, pred_probs, filter_by
        As in `find_label_issues`.
    calibrate : bool
        Make the rows of the confusion matrix add up to the counts of the labels.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]
    >>> find_label_issues_using_argmax_confusion_matrix([0, 0, 0, 1, 1], probs)
    array([False, False,  True, False, False])
    """
    rows = confident_rows(labels, pred_probs)
    confusion = JointCounts.of_rows(rows.labels, rows.predicted, rows.n_classes)
    counts = confusion.calibrated(rows.label_counts) if calibrate else confusion
    return find_label_issues(labels, pred_probs, confident_joint=counts.dense(), filter_by=filter_by)


def _check(filter_by: str, frac_noise: float, num_to_remove: Sequence[int] | None, rank_by: str | None) -> None:
    if filter_by not in FILTERS:
        raise BadInput(f"{quoted(filter_by)} is no filter", fix=did_you_mean(str(filter_by), FILTERS))
    if rank_by is not None and rank_by not in METHODS:
        raise BadInput(f"{quoted(rank_by)} is no label quality score", fix=did_you_mean(str(rank_by), METHODS))
    if not 0 <= frac_noise <= 1:
        raise BadInput(f"frac_noise is {frac_noise}, not in [0, 1]", fix="give the share of errors to flag")
    if filter_by not in PRUNING and num_to_remove is not None:
        raise BadInput(
            f"num_to_remove_per_class does not go with {quoted(filter_by)}", fix="use filter_by='prune_by_class'"
        )
    if filter_by not in PRUNING and frac_noise != 1.0:
        warnings.warn(f"frac_noise has no effect with filter_by={filter_by!r}", stacklevel=3)


def _lowest(rows: ConfidentRows, method: str) -> NDArray[np.bool_]:
    """Flag as many of the lowest scores as there are confident errors."""
    how_many = int(np.count_nonzero(rows.off_diagonal & ~rows.agrees))
    scores = rows.given if method == "self_confidence" else rows.normalized_margin
    flags = np.zeros(len(scores), dtype=bool)
    flags[np.argsort(scores)[:how_many]] = True
    return flags


def _ranked(
    rows: ConfidentRows, pred_probs: NDArray, flags: NDArray[np.bool_], method: str, options: dict[str, Any]
) -> NDArray[np.int64]:
    flagged = np.flatnonzero(flags)
    if options.get("adjust_pred_probs"):
        scores = get_label_quality_scores(rows.labels, pred_probs, method=method, **options)[flagged]
    elif method == "self_confidence":
        scores = rows.given[flagged]
    elif method == "normalized_margin":
        scores = rows.normalized_margin[flagged]
    else:
        scores = get_label_quality_scores(rows.labels[flagged], pred_probs[flagged], method=method)
    return flagged[np.argsort(scores)]
