"""Rows that a model is measured on: held out before training, judged by the labels they have, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.evidence import Bags, Candidates, Evidence, Hard, Mixed, Reals, Tags, Votes
from labelwright.metrics import mean_average_precision
from labelwright.metrics.calibration import expected_calibration_error
from labelwright.metrics.intervals import bootstrap, wilson
from labelwright.metrics.numerals import number_text, percent
from labelwright.nn.stopping import held_out_rows


@dataclass(frozen=True)
class HeldOut:
    """How a model does on rows that it never saw.

    Parameters
    ----------
    measure : str
        What is counted, in plain words.
    value, low, high : float
        A figure with its 95 % interval (no interval for bags: ``low`` and ``high`` are NaN).
    n : int
        Rows judged.
    calibration_error : float or None
        Mean gap between confidence and agreement (ECE), where rows have one label.
    is_share : bool
        The figure is a share; else it has the unit of the numbers.
    """

    measure: str
    value: float
    low: float
    high: float
    n: int
    calibration_error: float | None = None
    is_share: bool = True


def figure(value: float, is_share: bool) -> str:
    """Return a held-out figure as people read it.

    Examples
    --------
    >>> figure(0.8312, True), figure(48213.7, False)
    ('83.1%', '48,214')
    """
    return percent(value) if is_share else number_text(value)


def split_rows(evidence: Evidence, rows: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Return which of `rows` are held out: a share of every class for labels, of whole units for anything else.

    At least one row of each class stays in training. Nothing is held out when there is nothing to spare.
    """
    rng = np.random.default_rng(seed)
    held = np.zeros(len(rows), dtype=bool)
    if share <= 0:
        return held
    if isinstance(evidence, Hard):
        labels = evidence.labels[rows]
        for k in np.unique(labels):
            own = rng.permutation(np.flatnonzero(labels == k))
            held[own[: min(round(share * len(own)), len(own) - 1)]] = True
        return held
    units = evidence.units()
    if len(np.unique(units[rows])) < 5:
        return held
    return held_out_rows(rows, units, share, rng)


def judged(probs: NDArray[np.float64], evidence: Evidence) -> HeldOut | None:
    """Return how probabilities (n, K) of held-out rows agree with the evidence about them, None when it is silent."""
    parts = evidence.parts if isinstance(evidence, Mixed) else (evidence,)
    maps = evidence.rows if isinstance(evidence, Mixed) else (np.arange(len(evidence)),)
    for kind in (Hard, Votes, Candidates, Bags):
        for part, rows in zip(parts, maps, strict=True):
            found = _judged_part(probs[rows], part) if isinstance(part, kind) else None
            if found is not None:
                return found
    return None


def _judged_part(probs: NDArray[np.float64], part: Evidence) -> HeldOut | None:
    answer = probs.argmax(axis=1) if len(probs) else np.empty(0, np.int64)
    if isinstance(part, Hard):
        known = part.labels >= 0
        right = answer[known] == part.labels[known]
        if not len(right):
            return None
        error = expected_calibration_error(probs[known].max(axis=1), right)
        return _share("agreement with the given labels", right, error)
    if isinstance(part, Votes):
        counts = part.counts()
        asked = counts.sum(axis=1) > 0
        right = counts[asked, answer[asked]] == counts[asked].max(axis=1)
        return _share("agreement with the majority of votes", right) if asked.any() else None
    if isinstance(part, Candidates):
        right = part.mask()[np.arange(len(part)), answer] if len(part) else np.empty(0, bool)
        return _share("answers that stand in the row's candidate set", right) if len(right) else None
    assert isinstance(part, Bags)
    sizes = np.diff(part.offsets)
    if not sizes.sum():
        return None
    sums = np.add.reduceat(np.vstack([probs[part.rows], probs[:1]]), part.offsets[:-1], axis=0)[sizes > 0]
    target = (part.low + part.high)[sizes > 0] / 2
    gap = float((np.abs(sums - target).sum(axis=1) / (2 * sizes[sizes > 0])).mean())
    return HeldOut(
        "share of a bag's rows that its expected counts get right", 1 - gap, np.nan, np.nan, int(sizes.sum())
    )


def judged_tags(probs: NDArray[np.float64], evidence: Tags, incomplete: bool, seed: int) -> HeldOut | None:
    """Return how tag probabilities (n, K) of held-out rows rank the tags that are on, None when no tag is known.

    Mean average precision over the classes; where lists are incomplete, the label ranking average precision of each
    row's own tags. Both count what is not known to be on as off.
    """
    on = evidence.dense() > 0
    rows = np.flatnonzero(on.any(axis=1)) if incomplete else np.flatnonzero(np.diff(evidence.offsets) > 0)
    if not on[rows].any():
        return None
    if incomplete:
        measure, statistic = "ranking of a row's listed tags (label ranking average precision)", _ranking
    else:
        measure, statistic = "mean average precision over the tags", mean_average_precision
    found = bootstrap(statistic, [on[rows], probs[rows]], seed, n=200)
    return HeldOut(measure, found.estimate, found.low, found.high, len(rows))


def _ranking(on: NDArray[np.bool_], probs: NDArray[np.float64]) -> float:
    from sklearn.metrics import label_ranking_average_precision_score

    return float(label_ranking_average_precision_score(on, probs))


def judged_numbers(values: NDArray[np.float64], evidence: Reals, seed: int) -> HeldOut | None:
    """Return how far predictions (n,) of held-out rows lie from what is known of them, None when nothing is."""
    low, high = evidence.bounds.T
    known = np.isfinite(evidence.bounds).any(axis=1)
    if not known.any():
        return None
    gaps = np.maximum(np.maximum(low - values, values - high), 0)[known]
    exact = bool((low[known] == high[known]).all())
    measure = "mean absolute error" if exact else "mean distance from what is known of each number"
    found = bootstrap(np.mean, [gaps], seed, n=200)
    return HeldOut(measure, found.estimate, found.low, found.high, len(gaps), is_share=False)


def _share(measure: str, right: NDArray[np.bool_], error: float | None = None) -> HeldOut:
    low, high = wilson(int(right.sum()), len(right))
    return HeldOut(measure, float(right.mean()), float(low), float(high), len(right), error)
