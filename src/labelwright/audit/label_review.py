"""A review of test labels: which items people should look at, what their votes decide, how many labels are wrong.

Source: Northcutt, Athalye, Mueller, Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks,
NeurIPS Datasets and Benchmarks 2021 [P016].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.confident_learning import confident_thresholds
from labelwright.audit.label_issues import find_label_issues
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_codes
from labelwright.metrics.intervals import Interval, clopper_pearson

Codes = NDArray[np.int64]
OUTCOMES = ("given is right", "correctable", "several labels", "neither", "no agreement")
RIGHT, CORRECTABLE, SEVERAL, NEITHER, NO_AGREEMENT = range(5)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items for review: their rows, int64 (m,), and the label that reviewers are offered beside the given one."""

    rows: Codes
    guessed: Codes


def flag_candidates(labels: ArrayLike, pred_probs: ArrayLike) -> Candidates:
    """Return the items that confident learning flags (pruning by noise rate), most suspect first, with a guess.

    The guess is the most probable other class among those at or above their confident threshold (the mean probability
    of a class over items given it); where there is none, the most probable other class.

    Parameters
    ----------
    labels : int array (n,), in [0, K)
    pred_probs : float array (n, K)
        Out of sample.

    Examples
    --------
    >>> probs = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.9]] * 5)
    >>> flag_candidates([0, 0, 0, 0, 1, 1, 1, 1, 1, 1], probs).guessed
    array([0])

    Source: Northcutt, Athalye, Mueller 2021 [P016]; Northcutt, Jiang, Chuang, JAIR 2021.
    """
    y = as_codes("labels", labels)
    probs = np.asarray(pred_probs, dtype=np.float64)
    rows = np.asarray(find_label_issues(y, probs, return_indices_ranked_by="normalized_margin"), dtype=np.int64)
    level = np.asarray(confident_thresholds(y, probs), dtype=np.float64)
    other = probs[rows].copy()
    other[np.arange(len(rows)), y[rows]] = -1
    sure = np.where(other >= level, other, -1)
    guessed = np.where((sure >= 0).any(axis=1), sure.argmax(axis=1), other.argmax(axis=1))
    return Candidates(rows, guessed.astype(np.int64))


def resolve_review_votes(votes: ArrayLike) -> Codes:
    """Return what the reviewers of each item decided, int64 (m,): a position in `OUTCOMES`.

    With five votes: the label is right when 3 or more say "given"; else it is an error, correctable when 3 or more say
    "guessed", with several labels when 3 or more say "both", neither when 3 or more say "neither", and without
    agreement otherwise. With another number of votes the majority takes the place of 3.

    Parameters
    ----------
    votes : int array (m, 4)
        Votes for given, guessed, both, neither.

    Examples
    --------
    >>> resolve_review_votes([[3, 2, 0, 0], [0, 4, 1, 0], [2, 2, 1, 0]])
    array([0, 1, 4])

    Source: Northcutt, Athalye, Mueller 2021 [P016].
    """
    table = as_array("votes", votes, 2)
    if table.shape[1] != 4 or (table < 0).any() or (table != np.round(table)).any():
        raise BadInput(f"votes has shape {table.shape}", fix="give counts for given, guessed, both and neither")
    total = table.sum(axis=1)
    if (total == 0).any():
        raise BadInput("an item has no vote", where=f"item {int((total == 0).argmax())}", fix="leave it out")
    most = table.argmax(axis=1)
    return np.where(table.max(axis=1) >= total // 2 + 1, most, NO_AGREEMENT).astype(np.int64)


def error_prevalence(n_items: int, n_flagged: int, n_reviewed: int, n_errors: int, level: float = 0.95) -> Interval:
    """Return the share of wrong labels in a test set: a lower bound, as only flagged items were looked at.

    When a random sample of the flagged items was reviewed: flagged · (errors / reviewed) / items, with the exact
    binomial interval of errors / reviewed; when all were, the interval has no width.

    Examples
    --------
    >>> error_prevalence(10_000, 275, 275, 54).estimate
    0.0054

    Source: Northcutt, Athalye, Mueller 2021 [P016].
    """
    if not 0 <= n_errors <= n_reviewed <= n_flagged <= n_items or n_items == 0:
        raise BadInput("counts must fall: items, flagged, reviewed, errors", fix="check their order")
    if n_reviewed == 0:
        return Interval(float("nan"), 0.0, n_flagged / n_items, level)
    share = n_flagged / n_items
    low, high = (
        (n_errors / n_reviewed,) * 2 if n_reviewed == n_flagged else clopper_pearson(n_errors, n_reviewed, level)
    )
    return Interval(share * n_errors / n_reviewed, share * low, share * high, level)
