"""How accurate predictions are when the test labels are wrong too.

Agreement with given labels is not accuracy. Let A[i, k] = P(prediction i, truth k), T[k, j] = P(given j | truth k), and
let errors of the model and of the labels be independent once the truth is known. What can be counted is

    C[i, j] = P(prediction i, given j) = Σ_k A[i, k] T[k, j],      so  A = C T⁻¹  and  accuracy = Σ_k A[k, k]

T is the audit's model estimate [P042]. The interval draws C and the audit's joint (T) anew. Where model and
annotators fall for the same rows the independence fails, and the corrected figure is too high; labels that people
checked need no model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.noise_rate import NoiseEstimate
from labelwright.errors import BadInput
from labelwright.metrics.intervals import Interval, clopper_pearson

WORST_CONDITION = 30.0  # above it the inverse blows up what is left to chance
DRAWS = 500


@dataclass(frozen=True)
class NoisyAccuracy:
    """What can be said of the accuracy of predictions.

    Parameters
    ----------
    n : int
        Rows with a given label and a prediction.
    agreement : Interval
        With the given labels: counted, Clopper-Pearson.
    corrected : Interval or None
        Accuracy on corrected labels: a model estimate, bootstrap.
    why_not : str
        Why there is no corrected figure.
    checked : Interval or None
        Accuracy on rows that people checked: counted, Clopper-Pearson.
    n_checked : int
    """

    n: int
    agreement: Interval
    corrected: Interval | None
    why_not: str = ""
    checked: Interval | None = None
    n_checked: int = 0


def corrected_accuracy(counts: ArrayLike, transition: ArrayLike) -> float:
    """Return Σ_k A[k, k] with A = C T⁻¹, negative cells cut off and each prediction's share kept.

    Parameters
    ----------
    counts : array (K, K)
        Rows = prediction, columns = given label; brought to sum 1.
    transition : array (K, K)
        Rows = truth, columns = given label; rows sum to 1.

    Examples
    --------
    >>> T = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> A = np.array([[0.48, 0.02], [0.03, 0.47]])  # prediction and truth
    >>> round(corrected_accuracy(A @ T, T), 6)
    0.95
    """
    C, T = np.asarray(counts, np.float64), np.asarray(transition, np.float64)
    C = C / C.sum()
    A = np.maximum(np.linalg.solve(T.T, C.T).T, 0.0)
    total, wanted = A.sum(axis=1, keepdims=True), C.sum(axis=1, keepdims=True)
    A = A * np.divide(wanted, total, out=np.zeros_like(total), where=total > 0)
    return float(np.trace(A))


def accuracy_under_noise(
    predicted: ArrayLike, given: ArrayLike, noise: NoiseEstimate | None, *, level: float = 0.95, seed: int = 0
) -> NoisyAccuracy:
    """Return agreement with given labels, and what accuracy on corrected labels would be.

    Parameters
    ----------
    predicted, given : int array (n,)
        Classes in 0..K - 1; rows with a given label of -1 are left out.
    noise : NoiseEstimate, optional
        Of the labels, made by anything but these predictions.
    level : float, default 0.95
    seed : int
        Of the bootstrap.

    Examples
    --------
    >>> answer = accuracy_under_noise([0, 1, 1, 0], [0, 1, 0, -1], None)
    >>> answer.n, round(answer.agreement.estimate, 3)
    (3, 0.667)
    """
    guess, label = np.asarray(predicted, np.int64), np.asarray(given, np.int64)
    if guess.shape != label.shape:
        raise BadInput(f"{len(guess)} predictions and {len(label)} labels", fix="give one prediction a row")
    guess, label = guess[label >= 0], label[label >= 0]
    n = len(label)
    if n == 0:
        raise BadInput("no row has both a label and a prediction", fix="check --id, or give labels")
    right = int((guess == label).sum())
    low, high = clopper_pearson(right, n, level)
    agreement = Interval(right / n, low, high, level)
    why = _why_not(noise)
    if why or noise is None:
        return NoisyAccuracy(n, agreement, None, why)
    k = len(noise.joint)
    counts = np.bincount(guess * k + label, minlength=k * k).reshape(k, k)
    return NoisyAccuracy(n, agreement, _bootstrapped(counts, noise, level, seed))


def _why_not(noise: NoiseEstimate | None) -> str:
    if noise is None:
        return "the noise of the labels could not be estimated"
    condition = float(np.linalg.cond(noise.transition_matrix))
    if not condition < WORST_CONDITION:
        return (
            f"two classes are taken for each other so often (condition number {condition:.3g}) that the given labels "
            "hardly tell them apart"
        )
    return ""


def _bootstrapped(counts: NDArray[np.int64], noise: NoiseEstimate, level: float, seed: int) -> Interval:
    """Draw both tables anew (Bayesian bootstrap); the estimate itself is that of the data."""
    n = int(counts.sum())
    estimate = corrected_accuracy(counts, noise.transition_matrix)
    rng = np.random.default_rng(seed)
    drawn = _drawn(counts, rng)
    joints = _drawn(noise.joint * (n / noise.joint.sum()), rng)
    values = []
    for C, joint in zip(drawn, joints, strict=True):
        total = joint.sum(axis=1, keepdims=True)
        T = np.where(total > 0, joint / np.where(total > 0, total, 1), noise.transition_matrix)
        if np.linalg.cond(T) < 100 * WORST_CONDITION:
            values.append(corrected_accuracy(C, T))
    low, high = np.quantile(values or [0.0, 1.0], [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, min(float(low), estimate), max(float(high), estimate), level)


def _drawn(counts: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return tables (draws, K, K) from the Dirichlet of counts with half a row on the diagonal and half a row off it.

    The halves are Jeffreys' prior of the share on the diagonal: where everything agrees, the interval still has width.
    """
    k = len(counts)
    prior = np.full((k, k), 0.5 / max(k * k - k, 1))
    np.fill_diagonal(prior, 0.5 / k)
    return rng.dirichlet((counts + prior).ravel(), size=DRAWS).reshape(DRAWS, k, k)


def checked_accuracy(predicted: ArrayLike, truth: ArrayLike, level: float = 0.95) -> tuple[Interval | None, int]:
    """Return the accuracy on rows that people checked (truth >= 0) with its exact interval, and their number.

    Examples
    --------
    >>> checked_accuracy([0, 1, 1], [0, 1, -1])[1]
    2
    """
    guess, known = np.asarray(predicted, np.int64), np.asarray(truth, np.int64)
    rows = known >= 0
    n = int(rows.sum())
    if n == 0:
        return None, 0
    right = int((guess[rows] == known[rows]).sum())
    low, high = clopper_pearson(right, n, level)
    return Interval(right / n, low, high, level), n
