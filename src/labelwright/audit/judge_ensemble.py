"""An ensemble of judges: average what several models say of each item, doubt the labels that they outvote.

Judges m (language models with several prompts, classifiers, similarities) give p_m(k | x). Over those that answer:

    p_ik = mean over m of p_m(k | x_i)        c_i = max_k p_ik         flag i  ⇔  argmax_k p_ik ≠ y_i  and  c_i ≥ tau

How much a flag is worth is measured, not assumed: people check a sample in each bin of c, and

    errors = Σ over bins of flagged · precision  +  unflagged · error rate of a checked random sample of them

With flags of c ≥ tau, training data are mended by leaving rows out or by taking the ensemble's class, and models are
scored again on corrected test labels.

Source: Nahum et al., Are LLMs Better than Reported? Detecting Label Errors and Mitigating Their Effect on Model
Performance, arXiv 2410.18889 [P188].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.judge import Judge
from labelwright.errors import BadInput, quoted
from labelwright.metrics.agreement import fleiss_kappa
from labelwright.metrics.checks import as_labels, as_mask, as_vector, same_length
from labelwright.metrics.intervals import Interval, clopper_pearson

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
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
class ConfidenceBin:
    """Flags with confidence in [low, high), the last bin closed: how many, how many checked, how many were errors."""

    low: float
    high: float
    flagged: int
    checked: int
    errors: int

    @property
    def precision(self) -> Interval:
        """Share of errors among the checked flags with its exact interval; NaN to [0, 1] where none was checked."""
        low, high = clopper_pearson(self.errors, self.checked)
        return Interval(self.errors / self.checked if self.checked else float("nan"), low, high)


def precision_by_confidence(
    confidence: ArrayLike,
    flags: ArrayLike,
    checked: ArrayLike,
    is_error: ArrayLike,
    edges: Sequence[float] = EDGES,
) -> tuple[ConfidenceBin, ...]:
    """Count flags, checked flags and errors in bins of confidence.

    Parameters
    ----------
    confidence : float (n,), in [0, 1]
    flags, checked, is_error : bool (n,)
        `is_error` is read where `checked` is True.
    edges : sequence of float, ascending
    """
    c, flagged = as_vector("confidence", confidence), as_mask("flags", flags)
    seen, wrong = as_mask("checked", checked), as_mask("is_error", is_error)
    same_length(confidence=c, flags=flagged, checked=seen, is_error=wrong)
    place = np.clip(np.searchsorted(edges, c, side="right") - 1, 0, len(edges) - 2)
    counts = [
        np.bincount(place[mask], minlength=len(edges) - 1) for mask in (flagged, flagged & seen, flagged & seen & wrong)
    ]
    return tuple(
        ConfidenceBin(edges[b], edges[b + 1], *(int(count[b]) for count in counts)) for b in range(len(edges) - 1)
    )


def estimated_errors(
    bins: Sequence[ConfidenceBin], unflagged: int, checked: int, errors: int, *, seed: int = 0, draws: int = 4000
) -> Interval:
    """Estimate how many labels are wrong, with a 95 % interval; NaN when no flag, or no unflagged row, was checked.

    A bin of which none was checked counts with the next lower bin of which some were, else with the next higher. Each
    share has a Beta(errors + ½, right + ½) posterior; the interval holds the middle of their weighted sums.

    Parameters
    ----------
    bins : sequence of ConfidenceBin
    unflagged, checked, errors : int
        Rows that are not flagged, how many of a random sample of them were checked, and how many were wrong.
    """
    parts = _joined([(b.flagged, b.checked, b.errors) for b in bins if b.flagged])
    parts += [(unflagged, checked, errors)] if unflagged else []
    if any(not seen for _, seen, _ in parts):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng, total = np.random.default_rng(seed), np.zeros(draws)
    for rows, seen, wrong in parts:
        # What was checked is known; only the rest is estimated.
        total += wrong + (rows - seen) * rng.beta(wrong + 0.5, seen - wrong + 0.5, size=draws)
    estimate = sum(rows * wrong / seen for rows, seen, wrong in parts)
    low, high = np.quantile(total, [0.025, 0.975])
    return Interval(float(estimate), float(min(low, estimate)), float(max(high, estimate)))


def _joined(parts: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Join each part without checks to the one before it, those at the start to the first with checks."""
    out: list[tuple[int, int, int]] = []
    for part in parts:
        if out and (not part[1] or not out[-1][1]):
            a, b, c = (x + y for x, y in zip(out[-1], part, strict=True))
            out[-1] = (a, b, c)
        else:
            out.append(part)
    return out


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


@dataclass(frozen=True)
class CorrectedScore:
    """Accuracy of one model on given and on corrected labels, and its place among the models by each (1 = best)."""

    name: str
    reported: float
    corrected: float
    reported_rank: int
    corrected_rank: int


def reported_vs_corrected(
    predictions: Mapping[str, ArrayLike], labels: ArrayLike, corrected: ArrayLike
) -> tuple[CorrectedScore, ...]:
    """Score models on given and on corrected labels; rows with corrected label -1 are left out of both.

    Parameters
    ----------
    predictions : mapping of model name to int (n,)
    labels, corrected : int (n,)
    """
    given, truth = np.asarray(labels), np.asarray(corrected)
    keep = (truth >= 0) & (given >= 0)
    if given.shape != truth.shape or not keep.any():
        raise BadInput("no row has both a given and a corrected label", fix="give two arrays of one length")
    scores = {}
    for name, values in predictions.items():
        guess = np.asarray(values)
        if guess.shape != given.shape:
            raise BadInput(f"{quoted(name)} predicts {len(guess)} rows, there are {len(given)} labels")
        scores[name] = float((guess == given)[keep].mean()), float((guess == truth)[keep].mean())
    ranks = [{name: 1 + sum(o[j] > scores[name][j] for o in scores.values()) for name in scores} for j in (0, 1)]
    return tuple(CorrectedScore(name, a, b, ranks[0][name], ranks[1][name]) for name, (a, b) in scores.items())


@dataclass(frozen=True)
class AnnotatorCost:
    """How often one annotator (a judge, a crowd, an expert) is right on checked rows, and what that costs.

    `per_label` is the price of an answer, `per_right_label` that of a right one; None where it is not known.
    """

    name: str
    accuracy: Interval
    answers: int
    per_label: float | None
    per_right_label: float | None


def compare_annotators(
    answers: Mapping[str, ArrayLike], truth: ArrayLike, costs: Mapping[str, float] | None = None
) -> tuple[AnnotatorCost, ...]:
    """Compare annotators on rows whose truth is known, with exact 95 % intervals.

    Parameters
    ----------
    answers : mapping of name to int (n,), -1 = no answer
    truth : int (n,), -1 = not known
    costs : mapping of name to float, optional
        The price of one answer, ≥ 0, in any currency.

    Examples
    --------
    >>> compare_annotators({"model": [0, 1, 1]}, [0, 1, 0], {"model": 0.5})[0].per_right_label
    0.75
    """
    known, prices = np.asarray(truth, dtype=np.int64), costs or {}
    wrong = next((name for name, price in prices.items() if not price >= 0), None)
    if wrong is not None:
        raise BadInput(f"the price of {quoted(wrong)} is {prices[wrong]}", fix="give prices of 0 or more")
    found = []
    for name, values in answers.items():
        said = np.asarray(values, dtype=np.int64)
        both = (said >= 0) & (known >= 0)
        n, right = int(both.sum()), int((said == known)[both].sum())
        accuracy = Interval(right / n if n else float("nan"), *clopper_pearson(right, n))
        price = prices.get(name)
        per_right = None if price is None or not right else price * n / right
        found.append(AnnotatorCost(name, accuracy, n, price, per_right))
    return tuple(found)


def judge_agreement(answers: Sequence[ArrayLike], n_classes: int) -> float:
    """Return Fleiss' kappa among judges, each giving a class a row (n,), -1 = no answer; NaN for fewer than two."""
    votes = np.stack([as_labels("answers", answer, n_classes) for answer in answers], axis=1)
    counts = (votes[:, :, None] == np.arange(n_classes)).sum(axis=1)
    return fleiss_kappa(counts)


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
