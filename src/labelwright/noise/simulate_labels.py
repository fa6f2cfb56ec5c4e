"""Wrong class labels: symmetric, pair-flip, class-conditional, and dependent on the features or the annotator.

Labels are class numbers, -1 = unknown; an unknown label stays unknown and counts in no rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, softmax

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_class_count, as_labels, as_share
from labelwright.noise.draws import draw_each
from labelwright.noise.record import Corruption, Seed, share, start
from labelwright.noise.transition import TransitionMatrix

Floats = NDArray[np.float64]
BLOCK = 2**20


@dataclass(frozen=True, kw_only=True)
class NoisyLabels(Corruption):
    """Corrupted labels; the rate is the share of known labels that are wrong.

    `labels` int32 (n,), or (n, m) with one column an annotator (then `changed` lists rows with any wrong label).
    `transition` is set when every row of a class is corrupted alike; `flip_probs` (same shape as `labels`) is each
    row's chance of being corrupted, where rows differ.
    """

    labels: NDArray[np.int32]
    transition: TransitionMatrix | None = None
    flip_probs: Floats | None = None


def symmetric_noise(labels: ArrayLike, rate: float, n_classes: int, seed: Seed) -> NoisyLabels:
    """Replace each label with probability `rate` by one of the K − 1 other classes, drawn uniformly.

    Parameters
    ----------
    labels : int array (n,)
    rate : float in [0, 1]
    n_classes : int
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> symmetric_noise([0, 1, 0], rate=1.0, n_classes=2, seed=0).labels
    array([1, 0, 1], dtype=int32)
    """
    return _by_class(labels, TransitionMatrix.symmetric(rate, n_classes), seed, "symmetric")


def uniform_replacement_noise(labels: ArrayLike, rate: float, n_classes: int, seed: Seed) -> NoisyLabels:
    """Redraw each label with probability `rate` from all K classes; wrong with rate·(K − 1)/K, which is recorded.

    Examples
    --------
    >>> uniform_replacement_noise([0, 1, 2], rate=0.0, n_classes=3, seed=0).labels
    array([0, 1, 2], dtype=int32)
    """
    return _by_class(labels, TransitionMatrix.uniform_replacement(rate, n_classes), seed, "uniform_replacement")


def pairflip_noise(labels: ArrayLike, rate: float, n_classes: int, seed: Seed) -> NoisyLabels:
    """Turn each label k with probability `rate` into (k + 1) mod K.

    Examples
    --------
    >>> pairflip_noise([0, 1, 2], rate=1.0, n_classes=3, seed=0).labels
    array([1, 2, 0], dtype=int32)
    """
    return _by_class(labels, TransitionMatrix.pairflip(rate, n_classes), seed, "pairflip")


def class_conditional_noise(labels: ArrayLike, transition: TransitionMatrix | ArrayLike, seed: Seed) -> NoisyLabels:
    """Draw each label from its class's row of a transition matrix (rows = truth).

    The requested rate is the expected share of wrong labels for the classes that occur.
    """
    matrix = transition if isinstance(transition, TransitionMatrix) else TransitionMatrix(np.asarray(transition))
    return _by_class(labels, matrix, seed, "class_conditional")


def instance_dependent_noise(
    labels: ArrayLike, features: ArrayLike, rate: float, n_classes: int, seed: Seed, spread: float = 0.1
) -> NoisyLabels:
    """Corrupt each label with its own probability, into the class that its features suggest.

    q_i ~ Normal(rate, spread), cut to the widest interval around `rate` inside [0, 1], so that its mean is the rate;
    W_k ~ N(0, 1) of shape (d, K) for each true class k; logits = x_i W_y with the true class at −∞;
    P(s) = q_i · softmax(logits)_s, P(true) = 1 − q_i.

    Parameters
    ----------
    labels : int array (n,)
    features : float array (n, d)
        The larger their scale, the more certain is the wrong class given the features; standardise them first.
    rate : float in [0, 1]
    n_classes : int
    seed : int or numpy.random.Generator
    spread : float, default 0.1

    Source: Xia et al., Part-dependent label noise, NeurIPS 2020; shared block of [P125].
    """
    y, x = as_labels("labels", labels, n_classes), _features(features, labels)
    rng, recorded = start(seed, "instance_dependent")
    noisy, flips = _instance_labels(y, x, rate, n_classes, rng, spread)
    return _record(y, noisy, "instance_dependent", rate, recorded, flip_probs=flips)


def annotator_dependent_noise(
    labels: ArrayLike, features: ArrayLike, rates: ArrayLike, n_classes: int, seed: Seed, spread: float = 0.1
) -> NoisyLabels:
    """Let each annotator label every row with `instance_dependent_noise` of their own rate and projections.

    Parameters
    ----------
    rates : float array (m,)
        One rate an annotator; the recorded rates are means over annotators.

    Returns
    -------
    NoisyLabels
        Labels and flip probabilities of shape (n, m).
    """
    y, x = as_labels("labels", labels, n_classes), _features(features, labels)
    wanted = as_array("rates", rates, 1)
    if not len(wanted):
        raise BadInput("there is no annotator", fix="give at least one rate")
    rng, recorded = start(seed, "annotator_dependent")
    columns = [_instance_labels(y, x, rate, n_classes, rng, spread) for rate in wanted.tolist()]
    noisy = np.stack([column for column, _ in columns], axis=1)
    flips = np.stack([column for _, column in columns], axis=1)
    return _record(y, noisy, "annotator_dependent", float(wanted.mean()), recorded, flip_probs=flips)


def _by_class(labels: ArrayLike, transition: TransitionMatrix, seed: Seed, kind: str) -> NoisyLabels:
    rng, recorded = start(seed, kind)
    y = as_labels("labels", labels, transition.n_classes)
    known = y[y >= 0]
    expected = float((1 - np.diag(transition.matrix))[known].mean()) if len(known) else transition.noise_rate()
    return _record(y, transition.apply(y, rng), kind, expected, recorded, transition=transition)


def _record(
    truth: NDArray[np.int64],
    noisy: NDArray[np.int32],
    kind: str,
    rate: float,
    seed: int | None,
    transition: TransitionMatrix | None = None,
    flip_probs: Floats | None = None,
) -> NoisyLabels:
    wrong = noisy != (truth if noisy.ndim == 1 else truth[:, None])
    cells = np.count_nonzero(truth >= 0) * (1 if noisy.ndim == 1 else noisy.shape[1])
    return NoisyLabels(
        labels=noisy,
        kind=kind,
        requested_rate=float(rate),
        realised_rate=share(np.count_nonzero(wrong), cells),
        changed=np.flatnonzero(wrong if wrong.ndim == 1 else wrong.any(axis=1)),
        seed=seed,
        transition=transition,
        flip_probs=flip_probs,
    )


def _instance_labels(
    y: NDArray[np.int64], x: Floats, rate: float, n_classes: int, rng: np.random.Generator, spread: float
) -> tuple[NDArray[np.int32], Floats]:
    """Return noisy labels (n,) and flip probabilities (n,); one projection for each true class."""
    as_class_count(n_classes, 2)
    flips = _flip_probs(len(y), as_share("rate", rate), spread, rng)
    flips[y < 0] = 0
    noisy = y.astype(np.int32)
    flipped = np.flatnonzero(rng.random(len(y)) < flips)
    order = flipped[np.argsort(y[flipped], kind="stable")]
    ends = np.searchsorted(y[order], np.arange(n_classes), side="right")
    begin = 0
    for k, end in enumerate(ends):
        projection = rng.normal(size=(x.shape[1], n_classes))
        for at in range(begin, end, max(BLOCK // n_classes, 1)):
            rows = order[at : min(at + max(BLOCK // n_classes, 1), end)]
            logits = x[rows] @ projection
            logits[:, k] = -np.inf
            noisy[rows] = draw_each(softmax(logits, axis=1), rng)
        begin = end
    return noisy, flips


def _flip_probs(n: int, rate: float, spread: float, rng: np.random.Generator) -> Floats:
    """Draw n values of Normal(rate, spread) cut to rate ± min(rate, 1 − rate), by inverting the distribution."""
    if not spread >= 0:
        raise BadInput(f"spread is {spread!r}", fix="give a spread of 0 or more")
    reach = min(rate, 1 - rate)
    if reach == 0 or spread == 0:
        return np.full(n, rate)
    top = ndtr(reach / spread)
    level = 1 - top + rng.random(n) * (2 * top - 1)
    return np.clip(rate + spread * ndtri(level), rate - reach, rate + reach)


def _features(features: ArrayLike, labels: ArrayLike) -> Floats:
    x = as_array("features", features, 2)
    if len(x) != np.shape(labels)[0]:
        raise BadInput(f"features has {len(x)} rows but labels has {np.shape(labels)[0]}")
    return x
