"""When to stop: a criterion on held-out units that wrong labels cannot fool.

A network that memorises wrong training labels gains nothing on units that it never saw: their labels are wrong in
their own, independent way. So part of the units is held out, never trained on, and judged by the evidence about them
as it is. The score of a row looks at the predicted class alone and is bounded in [0, 1]: neither a confident
disagreement with a wrong label nor mere confidence, which memorising brings, moves it:

    s_i = L_i,ŷ / max_k L_ik with ŷ = argmax_k p_ik          (hard labels: agreement with the given label)

Units of several rows (bags, pairs) are judged by their log-probability a row instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence import Evidence, Mixed, Reals, RowEvidence, Tags, posterior


@dataclass(frozen=True)
class Stopping:
    """Hold units out, keep the weights of the best epoch, stop when no better one came for a while.

    Parameters
    ----------
    share : float, default 0.1
        Share of the units held out, in (0, 1).
    patience : int, default 10
        Epochs without a better score before the run ends.
    at_least : float, default 1e-4
        What counts as better.
    """

    share: float = 0.1
    patience: int = 10
    at_least: float = 1e-4

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise BadInput(f"the held-out share is {self.share}", fix="choose a share between 0 and 1")


def held_out_rows(
    rows: NDArray[np.int64], units: NDArray[np.int64] | None, share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which of `rows` are held out: whole random units until `share` of the rows is reached, at least one."""
    unit = np.arange(len(rows)) if units is None else np.unique(units[rows], return_inverse=True)[1]
    sizes = np.bincount(unit)
    if len(sizes) < 2:
        raise BadInput("one unit cannot be split into training and held-out rows", fix="leave stopping out")
    order = rng.permutation(len(sizes))
    taken = np.cumsum(sizes[order]) <= max(share * len(rows), sizes[order[0]])
    held = np.zeros(len(sizes), dtype=bool)
    held[order[taken][: len(sizes) - 1]] = True
    mask: NDArray[np.bool_] = held[unit]
    return mask


def evidence_agreement(prediction: NDArray[np.floating], evidence: Evidence) -> float:
    """Return how well predictions agree with evidence that they were not trained on; higher is better.

    Parameters
    ----------
    prediction : float array
        Class probabilities (n, K); for `Tags` the probability of each tag (n, K); for `Reals` values (n,).
    evidence : Evidence
        About the same rows.

    Returns
    -------
    float
        Mean of the bounded row score in [0, 1]; log-probability a row for groups; −median absolute error for `Reals`.

    Examples
    --------
    >>> from labelwright.evidence import Hard
    >>> evidence_agreement(np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]), Hard([0, 0, -1], 2))
    0.5
    """
    if isinstance(evidence, Reals) or (isinstance(evidence, Mixed) and isinstance(evidence.parts[0], Reals)):
        gaps = _gaps(np.asarray(prediction, dtype=np.float64).reshape(-1), evidence)
        return -float(np.median(gaps)) if len(gaps) else 0.0
    if isinstance(evidence, Tags):
        return _row_agreement(np.stack([1 - prediction, prediction], axis=-1), evidence)
    if isinstance(evidence, RowEvidence) or (isinstance(evidence, Mixed) and not evidence.group_parts()):
        return _row_agreement(prediction, evidence)
    with np.errstate(divide="ignore"):
        return float(posterior(np.log(prediction), evidence, eps=1e-3).log_z.sum() / max(len(evidence), 1))


def _gaps(value: NDArray[np.float64], evidence: Reals | Mixed) -> NDArray[np.float64]:
    """Return how far each value lies outside what is known of it, shuffled blocks in their likeliest order."""
    if isinstance(evidence, Mixed):
        pairs = zip(evidence.parts, evidence.rows, strict=True)
        return np.concatenate([_gaps(value[rows], part) for part, rows in pairs if isinstance(part, Reals)])
    low, high = evidence._ranked(value).T
    known = ~(np.isneginf(low) & np.isposinf(high))
    return np.asarray(np.maximum(np.maximum(low - value, value - high), 0)[known])


def _row_agreement(probs: NDArray[np.floating], evidence: RowEvidence | Mixed) -> float:
    likelihood = evidence.log_likelihood(eps=1e-3)
    speaks = np.ptp(likelihood, axis=-1) > 0  # a flat likelihood says nothing
    weight = np.exp(likelihood - likelihood.max(axis=-1, keepdims=True))
    weight = np.where(weight <= 1e-3, 0.0, weight)  # the smoothing's flat share is no agreement
    answer = probs.argmax(axis=-1)
    score = np.take_along_axis(weight, answer[..., None], axis=-1)[..., 0]
    return float(score[speaks].mean()) if speaks.any() else 0.0
