"""What checks by people say of judges: how often a doubt is right, how many labels are wrong, what a right label costs.

How much a flag is worth is measured, not assumed: people check a sample in each bin of the confidence c, and

    errors = Σ over bins of flagged · precision  +  unflagged · error rate of a checked random sample of them

Source: Nahum et al., Are LLMs Better than Reported? Detecting Label Errors and Mitigating Their Effect on Model
Performance, arXiv 2410.18889 [P188].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labelwright.errors import BadInput, quoted
from labelwright.metrics.agreement import fleiss_kappa
from labelwright.metrics.checks import as_labels, as_mask, as_vector, same_length
from labelwright.metrics.intervals import Interval, clopper_pearson

EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


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
