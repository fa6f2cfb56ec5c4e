"""An ensemble of judges: average what several models say of each item, doubt the labels that they outvote.

Judges m (language models with several prompts, classifiers, similarities) give p_m(k | x). Over those that answer:

    p_ik = mean over m of p_m(k | x_i)        c_i = max_k p_ik         flag i  ⇔  argmax_k p_ik ≠ y_i  and  c_i ≥ tau

How much a flag is worth is measured by people's checks (`judge_checks`). With flags of c ≥ tau, training data are
mended by leaving rows out or by taking the ensemble's class, and models are scored again on corrected test labels.

Source: Nahum et al., Are LLMs Better than Reported? Detecting Label Errors and Mitigating Their Effect on Model
Performance, arXiv 2410.18889 [P188].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.judge import Judge
from labelwright.errors import BadInput, quoted
from labelwright.metrics.checks import as_labels, same_length

Floats = NDArray[np.float64]


class JudgeEnsemble:
    """Several judges that answer the same question; their mean is the ensemble's answer.

    Parameters
    ----------
    judges : sequence of Judge
        A model with three prompts is three judges.
    options : sequence of str
        The answers, in the order of the classes.

    Attributes
    ----------
    by_judge_ : dict of str to float64 (n, K)
        What each judge said, after `score`; NaN rows where it gave no answer.

    Examples
    --------
    >>> from labelwright.audit.judge import SimilarityJudge
    >>> flat = SimilarityJudge("flat", lambda texts: np.ones((len(texts), 1)), {"a": "a", "b": "b"})
    >>> JudgeEnsemble([flat], ["a", "b"]).score(["x"])
    array([[0.5, 0.5]])
    """

    def __init__(self, judges: Sequence[Judge], options: Sequence[str]) -> None:
        if not judges:
            raise BadInput("there is no judge", fix="give at least one")
        if len(options) < 2:
            raise BadInput(f"there are {len(options)} answers", fix="give at least two")
        self.judges, self.options = tuple(judges), tuple(options)

    def score(self, items: Sequence[Any]) -> Floats:
        """Return the mean of the judges' probabilities, float64 (n, K)."""
        self.by_judge_: dict[str, Floats] = {}
        for i, judge in enumerate(self.judges):
            name = judge.name if judge.name not in self.by_judge_ else f"{judge.name} ({i + 1})"
            self.by_judge_[name] = _checked(name, judge.score(items, self.options), len(items), len(self.options))
        return mean_of_judges(list(self.by_judge_.values()))


def mean_of_judges(probs: Sequence[ArrayLike]) -> Floats:
    """Return the mean over judges, float64 (n, K); a judge's NaN rows are left out, rows that none answered are even.

    Examples
    --------
    >>> mean_of_judges([[[1.0, 0.0]], [[0.5, 0.5]], [[np.nan, np.nan]]])
    array([[0.75, 0.25]])
    """
    stack = np.stack([np.asarray(p, dtype=np.float64) for p in probs])
    answered = ~np.isnan(stack).any(axis=2, keepdims=True)
    count = answered.sum(axis=0)
    total = np.where(answered, stack, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), 1.0 / stack.shape[2])


def flag_by_disagreement(labels: ArrayLike, probs: ArrayLike, tau: float = 0.0) -> NDArray[np.bool_]:
    """Flag rows whose label is not the most probable class, where that class has at least probability tau; bool (n,).

    Parameters
    ----------
    labels : int (n,), -1 = unlabelled, never flagged
    probs : float (n, K)
    tau : float, default 0.0
        Above 1 nothing is flagged. With one judge and tau = 0 this is the baseline of confident learning.

    Examples
    --------
    >>> flag_by_disagreement([0, 0], [[0.2, 0.8], [0.45, 0.55]], tau=0.7)
    array([ True, False])
    """
    p, y = _rows(labels, probs)
    return (p.argmax(axis=1) != y) & (p.max(axis=1) >= tau) & (y >= 0)


def flag_ordinal(ratings: ArrayLike, probs: ArrayLike, tau: float = 0.0, step: float = 1.0) -> NDArray[np.bool_]:
    """Flag ratings that lie more than one step of the scale from the expected rating Σ_k k · p_ik; bool (n,).

    Parameters are those of `flag_by_disagreement`; class k is the k-th step of the scale.
    """
    p, y = _rows(ratings, probs)
    expected = p @ np.arange(p.shape[1])
    return (np.abs(expected - y) > step) & (p.max(axis=1) >= tau) & (y >= 0)


@dataclass(frozen=True)
class Names:
    """Classes are names: a judge's answer is the most probable one, any other label is doubted.

    Examples
    --------
    >>> Names().answer(np.array([[0.4, 0.0, 0.35, 0.25]]))
    array([0])
    """

    def answer(self, probs: Floats) -> NDArray[np.int64]:
        """Return the most probable class, int64 (n,)."""
        return probs.argmax(axis=1)

    def flag(self, labels: ArrayLike, probs: ArrayLike, tau: float = 0.0) -> NDArray[np.bool_]:
        """Return `flag_by_disagreement`."""
        return flag_by_disagreement(labels, probs, tau)


@dataclass(frozen=True)
class Ratings:
    """Classes are the steps of a scale, in order: a judge's answer is the step nearest to the expected one.

    Parameters
    ----------
    step : float, default 1.0
        Ratings that lie farther than this from the expected one are doubted; at least 0.5.

    Examples
    --------
    >>> Ratings().answer(np.array([[0.4, 0.0, 0.35, 0.25]])), Ratings().flag([0, 1], [[0.4, 0.0, 0.35, 0.25]] * 2)
    (array([1]), array([ True, False]))
    """

    step: float = 1.0

    def __post_init__(self) -> None:
        if not self.step >= 0.5:
            raise BadInput(f"step is {self.step}", fix="give 0.5 or more: the nearest step cannot be doubted")

    def answer(self, probs: Floats) -> NDArray[np.int64]:
        """Return the step nearest to Σ_k k · p_ik, int64 (n,)."""
        return np.rint(probs @ np.arange(probs.shape[1])).astype(np.int64)

    def flag(self, labels: ArrayLike, probs: ArrayLike, tau: float = 0.0) -> NDArray[np.bool_]:
        """Return `flag_ordinal`."""
        return flag_ordinal(labels, probs, tau, self.step)


def filter_flagged(labels: ArrayLike, probs: ArrayLike, tau: float) -> NDArray[np.bool_]:
    """Return the rows that stay when flags with confidence of at least tau are left out, bool (n,)."""
    return ~flag_by_disagreement(labels, probs, tau)


def flip_flagged(labels: ArrayLike, probs: ArrayLike, tau: float) -> NDArray[np.int64]:
    """Return labels (n,) with flags of confidence at least tau replaced by the ensemble's class.

    Examples
    --------
    >>> flip_flagged([0, 0], [[0.1, 0.9], [0.4, 0.6]], tau=0.8)
    array([1, 0])
    """
    p, y = _rows(labels, probs)
    return np.where(flag_by_disagreement(y, p, tau), p.argmax(axis=1), y)


def _rows(labels: ArrayLike, probs: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    p = np.asarray(probs, dtype=np.float64)
    if p.ndim != 2:
        raise BadInput(f"probs has shape {p.shape}", fix="give one row an item, one column a class")
    y = as_labels("labels", labels, p.shape[1])
    same_length(labels=y, probs=p)
    return p, y


def _checked(name: str, scores: Any, n: int, k: int) -> Floats:
    probs = np.asarray(scores, dtype=np.float64)
    if probs.shape != (n, k):
        raise BadInput(f"judge {quoted(name)} gave an array {probs.shape} for {n} items and {k} answers")
    silent = np.isnan(probs).any(axis=1)
    read = probs[~silent]
    if not (np.isfinite(read).all() and (read >= 0).all() and np.allclose(read.sum(axis=1), 1, atol=1e-3)):
        raise BadInput(f"judge {quoted(name)} gave no probabilities", fix="return rows that sum to 1, NaN where unread")
    return probs
