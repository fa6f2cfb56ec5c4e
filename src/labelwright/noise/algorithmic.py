"""Arithmetic with wrong labels: a small laboratory in which memorising and generalising can be told apart.

All pairs (m, n) of numbers below p with the class (m + n) mod p, some of the training labels redrawn. The solution that
generalises is periodic: each neuron is a cosine of one frequency. The inverse participation ratio of a vector a,

    IPR(a) = Σ_j (|a_j| / ‖a‖)^(2r),      a the magnitudes of a discrete Fourier transform,

is 1 for one frequency and 1 / F for an even mixture of F: neurons that store labels are not periodic.

Source: Doshi, Das, He, Gromov, To grok or not to grok: Disentangling generalization and memorization on corrupted
algorithmic datasets, ICLR 2024 [P149].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_share
from labelwright.noise.probe import ProbeAccuracies, probe_accuracies
from labelwright.noise.record import Seed, start

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Phase = Literal["coexistence", "partial inversion", "full inversion", "memorization", "forgetting", "confusion"]
SLACK = 0.05


@dataclass(frozen=True, eq=False)
class ModularData:
    """All pairs of numbers below p and which of them are for training.

    Parameters
    ----------
    p : int
    pairs : int64 (p², 2)
    truth : int64 (p²,)
    given : int64 (n_train,)
        Training labels, some of them wrong.
    train, test : int64
        Rows of `pairs`.
    selected : int64
        Positions in `train` whose label was redrawn; it may have come out right.
    corruption : float
        Share of training labels that were redrawn.
    """

    p: int
    pairs: Codes
    truth: Codes
    given: Codes
    train: Codes
    test: Codes
    selected: Codes
    corruption: float

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Which training labels are really wrong, bool (n_train,)."""
        return self.given != self.truth[self.train]

    def one_hot(self, rows: ArrayLike | None = None) -> NDArray[np.float32]:
        """Return pairs as two ones among 2 p columns, float32 (m, 2 p)."""
        chosen = self.pairs if rows is None else self.pairs[np.asarray(rows)]
        out = np.zeros((len(chosen), 2 * self.p), dtype=np.float32)
        at = np.arange(len(chosen))
        out[at, chosen[:, 0]] = 1
        out[at, self.p + chosen[:, 1]] = 1
        return out

    def accuracies(self, predicted: ArrayLike) -> ProbeAccuracies:
        """Return the four accuracies of predictions for all pairs, int (p²,)."""
        answers = np.asarray(predicted)
        if answers.shape != self.truth.shape:
            raise BadInput(f"predicted has shape {answers.shape}", fix=f"give one class for each of {len(self.truth)}")
        return probe_accuracies(
            answers[self.train], self.truth[self.train], self.given, answers[self.test], self.truth[self.test]
        )


def corrupted_modular_dataset(
    p: int,
    fraction: float,
    corruption: float,
    seed: Seed,
    operation: Callable[[Codes, Codes], Codes] = np.add,
) -> ModularData:
    """Make the table of an operation modulo p, split it, and redraw a share of the training labels evenly.

    Parameters
    ----------
    p : int, at least 2
        A prime, for the theory.
    fraction : float in (0, 1)
        Share of the pairs that are for training.
    corruption : float in [0, 1]
        Share of training labels that are redrawn from all p classes: wrong with corruption · (1 − 1 / p).
    seed : int or numpy.random.Generator
    operation : callable, default numpy.add
        Of two arrays of numbers; `numpy.multiply` for products.

    Examples
    --------
    >>> data = corrupted_modular_dataset(5, fraction=0.6, corruption=0.0, seed=0)
    >>> len(data.train), len(data.test), bool(data.changed.any())
    (15, 10, False)

    Source: Doshi et al., ICLR 2024 [P149].
    """
    if isinstance(p, bool) or not isinstance(p, (int, np.integer)) or not 2 <= p <= 1000:
        raise BadInput(f"p is {p!r}", fix="give a whole number from 2 to 1000")
    n_train = round(as_share("fraction", fraction) * p * p)
    if not 0 < n_train < p * p:
        raise BadInput(f"fraction is {fraction}", fix="leave pairs for training and for testing")
    rng, _ = start(seed, "corrupted_modular_dataset")
    first, second = np.divmod(np.arange(p * p), p)
    truth = np.asarray(operation(first, second) % p, dtype=np.int64)
    order = rng.permutation(p * p)
    train, test = order[:n_train], order[n_train:]
    redrawn = round(as_share("corruption", corruption) * n_train)
    given = truth[train].copy()
    given[:redrawn] = rng.integers(0, p, redrawn)
    return ModularData(
        int(p), np.column_stack([first, second]), truth, given, train, test, np.arange(redrawn), float(corruption)
    )


def inverse_participation_ratio(rows: ArrayLike, r: int = 2) -> Floats:
    """Return Σ_j (a_j / ‖a‖)^(2r) of each row's Fourier magnitudes, float64 (n,), in (0, 1]; 0 for a row of zeros.

    Parameters
    ----------
    rows : float array (n, p)
        Transformed by a real FFT; the constant part counts as a frequency.
    r : int, default 2

    Examples
    --------
    >>> wave = np.cos(2 * np.pi * 3 * np.arange(47) / 47)
    >>> inverse_participation_ratio([wave]).round(12)
    array([1.])

    Source: Doshi et al., ICLR 2024 [P149].
    """
    if r < 2:
        raise BadInput(f"r is {r}", fix="use 2 or more; with 1 every vector has 1")
    size = np.abs(np.fft.rfft(as_array("rows", rows, 2), axis=1))
    norm = np.linalg.norm(size, axis=1, keepdims=True)
    return np.asarray((np.divide(size, norm, out=np.zeros_like(size), where=norm > 0) ** (2 * r)).sum(axis=1))


def periodicity_of_weights(first: ArrayLike, second: ArrayLike, r: int = 2) -> Floats:
    """Return the mean ratio of a neuron's three rows, float64 (N,): high = periodic, it generalises.

    Parameters
    ----------
    first : float array (N, 2 p)
        Weights into each neuron: of m, then of n.
    second : float array (p, N)
        Weights out of each neuron.
    r : int, default 2

    Source: Doshi et al., ICLR 2024 [P149].
    """
    w1, w2 = as_array("first", first, 2), as_array("second", second, 2)
    p = w2.shape[0]
    if w1.shape != (w2.shape[1], 2 * p):
        raise BadInput(f"the weights have shapes {w1.shape} and {w2.shape}", fix="give (N, 2 p) and (p, N)")
    parts = (w1[:, :p], w1[:, p:], w2.T)
    return np.asarray(np.mean([inverse_participation_ratio(part, r) for part in parts], axis=0))


def periodic_weights(p: int, width: int, seed: Seed) -> tuple[Floats, Floats]:
    """Return weights of a network that adds modulo p without having learned it: (N, 2 p) and (p, N).

    U_k = cos(2π s_k m / p + a_k), V_k = cos(2π s_k n / p + b_k), W_k = cos(2π s_k q / p + a_k + b_k), frequencies s_k
    and phases drawn; each neuron is squared.

    Source: Gromov, Grokking modular arithmetic, arXiv 2301.02679; Doshi et al., ICLR 2024 [P149].
    """
    if p < 3 or width < 1:
        raise BadInput(f"p is {p} and width {width}", fix="use p of 3 or more and one neuron or more")
    rng, _ = start(seed, "periodic_weights")
    turns = 2 * np.pi * (1 + rng.permutation(width) % ((p - 1) // 2))[:, None] * np.arange(p) / p
    a, b = rng.uniform(-np.pi, np.pi, (2, width, 1))
    return np.hstack([np.cos(turns + a), np.cos(turns + b)]), np.cos(turns + a + b).T


def training_phase(train: float, test: float, corruption: float, p: int) -> Phase:
    """Name what a network did with corrupted labels, from its accuracy by training labels and on test pairs.

    - coexistence: it fits all training labels, wrong ones too, and generalises.
    - partial inversion: it generalises and gave up some of the wrong labels.
    - full inversion: it generalises and fits none of the wrong labels but by chance: train = 1 − ξ + ξ / p.
    - memorization: it fits all training labels and does not generalise.
    - forgetting: it does neither, even on right labels.
    - confusion: anything else.

    Parameters
    ----------
    train, test, corruption : float in [0, 1]
    p : int

    Examples
    --------
    >>> training_phase(train=0.65, test=1.0, corruption=0.35, p=97)
    'full inversion'

    Source: Doshi et al., ICLR 2024 [P149].
    """
    a, b, xi = as_share("train", train), as_share("test", test), as_share("corruption", corruption)
    fits, generalises = a >= 1 - SLACK, b >= 1 - SLACK
    inverted = 1 - xi + xi / p
    if generalises:
        if abs(a - inverted) <= SLACK and not (fits and inverted < 1 - SLACK):
            return "full inversion" if xi else "coexistence"
        return "coexistence" if fits else "partial inversion" if a > inverted else "confusion"
    if fits:
        return "memorization"
    return "forgetting" if a < 0.5 and b < 0.5 else "confusion"
