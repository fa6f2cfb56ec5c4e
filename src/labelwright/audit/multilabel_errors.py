"""Find wrong tags: which classes a row should not have, and which it lacks.

For each class run confident learning on the binary problem "has it or not" with probabilities [1 − p, p]; a row is
suspect when any of its tags is. Rows are ordered by the pooled scores of their tags (`multilabel_quality`).

Source: Thyagarajan, Snorrason, Northcutt, Mueller, Identifying Incorrect Annotations in Multi-Label Classification
Data, 2022 [P071].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.label_issues import FILTERS, RANKING, find_label_issues
from labelwright.audit.label_quality import get_label_quality_scores
from labelwright.audit.multilabel_joint import binary_problems
from labelwright.audit.multilabel_quality import (
    Pooling,
    multilabel_class_scores,
    multilabel_quality_scores,
    pool_class_scores,
)
from labelwright.audit.multilabel_tags import as_tags
from labelwright.audit.probabilities import as_probabilities
from labelwright.audit.scores import Scores
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.evidence.space import LabelSpace


@dataclass(frozen=True)
class MultiLabelIssues:
    """Auditor of data in which a row may have any number of classes.

    Parameters
    ----------
    filter_by : str, default "prune_by_noise_rate"
        How each class is flagged; see `find_label_issues`.
    pooling : callable, optional
        How the scores of a row's tags become one; None is `ExponentialAverage(0.8)`.
    """

    filter_by: str = "prune_by_noise_rate"
    pooling: Pooling | None = None

    def score(self, tags: ArrayLike, pred_probs: ArrayLike, space: LabelSpace) -> Scores:
        """Score the suspect tags.

        Parameters
        ----------
        tags : int8, shape (n, K)
            1 = has it, 0 = has it not, -1 = unknown.
        pred_probs : float, shape (n, K)
            Out of sample, one probability a class.
        space : LabelSpace
            The K classes.

        Returns
        -------
        Scores of kind ``"label"``, level ``"part"``: one entry for each flagged tag, `part` the class. A row's own
        score comes from `row_scores`.
        """
        given, probs = self._checked(tags, pred_probs, space)
        flags = multilabel_class_flags(given, probs, filter_by=self.filter_by)
        rows, classes = np.nonzero(flags)
        fit = multilabel_class_scores(given, probs)[rows, classes].astype(np.float64)
        has = given[rows, classes] == 1
        names = [space.names[k] for k in classes.tolist()]
        return Scores(
            kind="label",
            level="part",
            score=np.clip(fit, 0.0, 1.0),
            is_issue=np.ones(len(rows), dtype=bool),
            rows=rows.astype(np.int64),
            part=names,
            given=["yes" if tag else "no" for tag in has.tolist()],
            suggested=["no" if tag else "yes" for tag in has.tolist()],
            reason=[_reason(*entry) for entry in zip(names, has.tolist(), fit.tolist(), strict=True)],
        )

    def row_scores(self, tags: ArrayLike, pred_probs: ArrayLike, space: LabelSpace) -> Scores:
        """Score each row by all its tags: kind ``"label"``, level ``"row"``; an issue when one of its tags is one."""
        given, probs = self._checked(tags, pred_probs, space)
        flags = multilabel_class_flags(given, probs, filter_by=self.filter_by)
        rows = np.flatnonzero((given >= 0).any(axis=1))
        score = multilabel_quality_scores(given, probs, pooling=self.pooling)[rows]
        given_sets = [_named(np.flatnonzero(given[i] == 1), space) for i in rows]
        fixed = np.where(flags, 1 - given, given)
        return Scores(
            kind="label",
            level="row",
            score=np.clip(score, 0.0, 1.0),
            is_issue=np.any(flags[rows], axis=1),
            rows=rows.astype(np.int64),
            given=given_sets,
            suggested=[_named(np.flatnonzero(fixed[i] == 1), space) if flags[i].any() else None for i in rows],
            reason=[_row_reason(given[i], flags[i], space) for i in rows],
        )

    def _checked(
        self, tags: ArrayLike, pred_probs: ArrayLike, space: LabelSpace
    ) -> tuple[NDArray[np.int8], NDArray[np.floating]]:
        probs = as_probabilities(pred_probs)
        if probs.shape[1] != len(space):
            raise BadInput(f"pred_probs has {probs.shape[1]} columns for {len(space)} classes", fix="give one a class")
        return as_tags(tags, len(space), len(probs)), probs


def multilabel_class_flags(
    tags: Any, pred_probs: ArrayLike, *, filter_by: str = "prune_by_noise_rate", **options: Any
) -> NDArray[np.bool_]:
    """Flag each suspect tag, bool (n, K); options as for `find_label_issues`."""
    probs = as_probabilities(pred_probs)
    flags = np.zeros(probs.shape, dtype=bool)
    joints = options.pop("confident_joint", None)
    to_remove = options.pop("num_to_remove_per_class", None)
    for k, (rows, tag, pair) in enumerate(binary_problems(tags, probs)):
        if not len(rows):
            continue
        flags[rows, k] = find_label_issues(
            tag,
            pair,
            filter_by=filter_by,
            confident_joint=None if joints is None else joints[k],
            num_to_remove_per_class=None if to_remove is None else [to_remove[k], 0],
            **options,
        )
    return flags


def multilabel_find_label_issues(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    return_indices_ranked_by: str | None = None,
    rank_by_kwargs: dict[str, Any] | None = None,
    filter_by: str = "prune_by_noise_rate",
    frac_noise: float = 1.0,
    num_to_remove_per_class: Sequence[int] | None = None,
    min_examples_per_class: int = 1,
    confident_joint: ArrayLike | None = None,
) -> NDArray:
    """Flag the rows that have a wrong tag; parameters as for `find_label_issues`.

    Examples
    --------
    >>> probs = [[0.9, 0.1], [0.9, 0.2], [0.1, 0.9], [0.2, 0.8], [0.9, 0.1]]
    >>> multilabel_find_label_issues([[0], [0], [1], [1], []], probs)
    array([False, False, False, False,  True])
    """
    if filter_by not in FILTERS:
        raise BadInput(f"{quoted(filter_by)} is no filter", fix=did_you_mean(filter_by, FILTERS))
    probs = as_probabilities(pred_probs)
    tags = as_tags(labels, probs.shape[1], len(probs))
    if filter_by in RANKING:
        pooled = multilabel_quality_scores(tags, probs)
        errors = multilabel_class_flags(tags, probs, filter_by="confident_learning").any(axis=1)
        flags = np.zeros(len(tags), dtype=bool)
        flags[np.argsort(pooled)[: np.count_nonzero(errors)]] = True
    else:
        by_class = multilabel_class_flags(
            tags,
            probs,
            filter_by=filter_by,
            frac_noise=frac_noise,
            num_to_remove_per_class=num_to_remove_per_class,
            min_examples_per_class=min_examples_per_class,
            confident_joint=confident_joint,
        )
        flags = np.asarray(by_class.any(axis=1))
    if return_indices_ranked_by is None:
        return flags
    flagged = np.flatnonzero(flags)
    scores = multilabel_label_quality_scores(tags, probs, method=return_indices_ranked_by, **(rank_by_kwargs or {}))
    return flagged[np.argsort(scores[flagged])]


def multilabel_label_quality_scores(
    labels: Any,
    pred_probs: ArrayLike,
    *,
    method: str = "self_confidence",
    adjust_pred_probs: bool = False,
    pooling: Pooling | None = None,
) -> NDArray[np.float64]:
    """Score the tags of each row by any label quality score, pooled: float64 (n,) in [0, 1], low = suspect.

    Parameters
    ----------
    labels : list of lists of class numbers, or 0/1 matrix (n, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Probability of each tag, out of sample; rows need not sum to 1.
    method : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}
    adjust_pred_probs : bool
        Take the mean probability of each class off first.
    pooling : Pooling, optional
        Makes one score a row of those of its tags, as in `multilabel_quality_scores`.

    Examples
    --------
    >>> scores = multilabel_label_quality_scores([[0], [0, 1]], [[0.9, 0.1], [0.9, 0.1]])
    >>> bool(scores[0] > scores[1])
    True
    """
    if method == "self_confidence" and not adjust_pred_probs:
        return multilabel_quality_scores(labels, pred_probs, pooling=pooling)
    by_class = multilabel_label_quality_scores_per_class(
        labels, pred_probs, method=method, adjust_pred_probs=adjust_pred_probs
    )
    return pool_class_scores(by_class, pooling)


def multilabel_label_quality_scores_per_class(
    labels: Any, pred_probs: ArrayLike, *, method: str = "self_confidence", adjust_pred_probs: bool = False
) -> NDArray[np.float64]:
    """Score each tag of each row by any label quality score: float64 (n, K) in [0, 1]; an unknown tag scores 1.

    Parameters
    ----------
    labels : list of lists of class numbers, or 0/1 matrix (n, K)
    pred_probs : float, shape (n, K), in [0, 1]
        Probability of each tag, out of sample; rows need not sum to 1.
    method : {"self_confidence", "normalized_margin", "confidence_weighted_entropy"}
    adjust_pred_probs : bool
        Take the mean probability of each class off first.

    Examples
    --------
    >>> multilabel_label_quality_scores_per_class([[0], [0, 1]], [[0.9, 0.1], [0.9, 0.2]]).round(2)
    array([[0.9, 0.9],
           [0.9, 0.2]])
    """
    probs = as_probabilities(pred_probs)
    scores = np.ones(probs.shape)
    for k, (rows, tag, pair) in enumerate(binary_problems(labels, probs)):
        scores[rows, k] = get_label_quality_scores(tag, pair, method=method, adjust_pred_probs=adjust_pred_probs)
    return scores


def _named(classes: NDArray[np.intp], space: LabelSpace) -> str:
    return ", ".join(space.names[k] for k in classes.tolist()) or "none"


def _reason(name: str, has: bool, fit: float) -> str:
    if has:
        return f"tagged {quoted(name)}; the model, trained without this row, gives that {fit:.2f}"
    return f"not tagged {quoted(name)}; the model, trained without this row, gives that {1 - fit:.2f}"


def _row_reason(given: NDArray[np.int8], flags: NDArray[np.bool_], space: LabelSpace) -> str | None:
    if not flags.any():
        return None
    extra = [space.names[k] for k in np.flatnonzero(flags & (given == 1)).tolist()]
    lacking = [space.names[k] for k in np.flatnonzero(flags & (given == 0)).tolist()]
    parts = [f"probably not {', '.join(map(quoted, extra))}"] if extra else []
    parts += [f"probably also {', '.join(map(quoted, lacking))}"] if lacking else []
    return "; ".join(parts)
