"""The transition matrix from one noisy label an item: an item and its two nearest neighbours serve as three labels.

It rests on 2-NN clusterability: an item and its two nearest neighbours have the same true class, and the same T. How
far that holds depends on the features; `clusterability_score` measures it against any proxy of the classes.

Sources: Zhu, Song, Liu, Clusterability as an Alternative to Anchor Points When Learning with Noisy Labels, ICML 2021;
Liu, Cheng, Zhang, Identifiability of Label Noise Transition Matrix, ICML 2023 [P125].
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_class_count, as_codes, as_labels
from labelwright.noise.consensus_matching import Solution, diagonal_start, match_consensus
from labelwright.noise.label_moments import LabelMoments
from labelwright.noise.matrix_error import transition_error
from labelwright.noise.record import start
from labelwright.noise.transition import TransitionMatrix
from labelwright.noise.triplets import TransitionEstimate, estimate_from_moments

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LocalTransitions:
    """One T for each region of the feature space.

    Parameters
    ----------
    matrices : float64 (R + 1, K, K)
        Rows = truth; the last one is the global T, for rows that no region holds.
    region : int64 (n,)
        Which of them is a row's.
    """

    matrices: Floats
    region: Codes

    def of_rows(self) -> Floats:
        """Return T of every row, (n, K, K)."""
        return self.matrices[self.region]


class HighOrderConsensus:
    """Estimates T and the class shares from one noisy label an item and nearest neighbours.

    Parameters
    ----------
    n_classes : int
        K, from 2 to 200.
    steps : int, default 1500
    learning_rate : float, default 0.1
    n_bootstrap : int, default 0
        Draws for intervals of the entries. They treat triples as independent, though neighbours share labels.
    seed : int, default 0

    Attributes
    ----------
    transition_ : TransitionMatrix
        Rows = truth, columns = observed.
    prior_ : float64 (K,)
    estimate_ : TransitionEstimate
        With misfit, intervals and identifiability.
    agreement_ : float
        Share of neighbour pairs with the same noisy label. For the same noise, the higher the more clusterable.

    Notes
    -----
    The reference averages over 50 samples of 15,000 rows because it searches neighbours by brute force in each. Here
    neighbours are given once, of all rows, which is their limit with nearer neighbours.
    On digits with 30 % even noise the error of T follows clusterability over six kinds of features (rank correlation
    -0.9 over five seeds), but discriminant features are not clearly better than pixels: pixels of digits are
    more clusterable already (0.98 against 0.96).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = np.repeat([0, 1], 6000)
    >>> noisy = TransitionMatrix.symmetric(0.2, 2).apply(truth, rng)
    >>> near = (np.arange(12_000)[:, None] // 3 * 3 + (np.arange(12_000)[:, None] + [1, 2]) % 3)  # groups of three
    >>> HighOrderConsensus(2).fit(noisy, near).transition_.matrix.round(1)
    array([[0.8, 0.2],
           [0.2, 0.8]])

    Source: Zhu, Song, Liu, ICML 2021; Liu, Cheng, Zhang, ICML 2023 [P125].
    """

    transition_: TransitionMatrix
    prior_: Floats
    estimate_: TransitionEstimate
    agreement_: float

    def __init__(
        self,
        n_classes: int,
        *,
        steps: int = 1500,
        learning_rate: float = 0.1,
        n_bootstrap: int = 0,
        seed: int = 0,
    ) -> None:
        self.n_classes = as_class_count(n_classes, 2)
        self.steps, self.learning_rate = steps, learning_rate
        self.n_bootstrap, self.seed = n_bootstrap, seed

    def fit(self, labels: ArrayLike, neighbors: Any) -> HighOrderConsensus:
        """Estimate from labels and the neighbours of each row.

        Parameters
        ----------
        labels : int array (n,)
            Noisy labels, -1 = unknown; a triple with an unknown label is left out.
        neighbors : int array (n, k), k ≥ 2, or an object with such `indices`
            Nearest other rows, nearest first, such as `labelwright.data.nearest_neighbors` gives.

        Raises
        ------
        BadInput
            When a row is its own neighbour, or fewer than two are given.
        """
        noisy, near = _checked(labels, neighbors, self.n_classes)
        triples = _triples(noisy, near)
        moments = LabelMoments.from_triples(triples, self.n_classes)
        self.agreement_ = float(np.trace(moments.second))
        self.estimate_ = estimate_from_moments(
            moments,
            seed=self.seed,
            steps=self.steps,
            learning_rate=self.learning_rate,
            n_bootstrap=self.n_bootstrap,
        )
        self.transition_, self.prior_ = self.estimate_.transition, self.estimate_.prior
        return self

    def local_transitions(
        self, labels: ArrayLike, neighbors: Any, *, most_regions: int = 300, steps: int = 501
    ) -> LocalTransitions:
        """Estimate T around centres drawn until every row is near one, each blended with the global T.

        A region is a centre and its k nearest rows. Its T_local and shares π give π_k · T_local[k] + (1 − π_k) · T[k]
        in row k: what the region does not hold is taken from the whole.

        Parameters
        ----------
        labels, neighbors
            As in `fit`, which must have run; k is the size of a region, 250 in the reference.
        most_regions : int, default 300
        steps : int, default 501
        """
        if not hasattr(self, "transition_"):
            raise BadInput("the global transition matrix is not fitted", fix="call fit first")
        noisy, near = _checked(labels, neighbors, self.n_classes)
        rng, _ = start(self.seed, "local_transitions")
        triples = _triples(noisy, near)
        region, order = np.full(len(noisy), -1), rng.permutation(len(noisy))
        matrices: list[Floats] = []
        for centre in order.tolist():
            if len(matrices) >= most_regions:
                break
            if region[centre] >= 0:
                continue
            members = np.append(near[centre], centre)
            region[members[region[members] < 0]] = len(matrices)
            matrices.append(self._local(triples[members], steps))
        region[region < 0] = len(matrices)
        return LocalTransitions(np.stack([*matrices, self.transition_.matrix]), region)

    def _local(self, triples: Codes, steps: int) -> Floats:
        if not (triples >= 0).all(axis=1).any():
            return self.transition_.matrix
        moments = LabelMoments.from_triples(triples, self.n_classes)
        t, prior = diagonal_start(self.n_classes)
        begin = Solution(t, prior, np.inf, 0.0)
        found = match_consensus(moments, begin, steps, self.learning_rate, few_classes=True)
        share = found.prior[:, None]
        return share * found.transition + (1 - share) * self.transition_.matrix


def clusterability_score(classes: ArrayLike, neighbors: Any) -> float:
    """Return the share of rows whose two nearest neighbours have the row's class, in [0, 1].

    Parameters
    ----------
    classes : int array (n,)
        True classes, or a proxy such as a model's predictions; -1 = unknown (rows that need it are left out). With
        noisy labels the score is low because of the noise too.
    neighbors : int array (n, k), k ≥ 2, or an object with such `indices`

    Examples
    --------
    >>> clusterability_score([0, 0, 0, 1], [[1, 2], [0, 2], [0, 1], [0, 1]])
    0.75

    Source: Zhu, Song, Liu, ICML 2021; [P125].
    """
    known = as_codes("classes", classes)
    triples = _triples(known, _neighbor_rows(neighbors, len(known)))
    triples = triples[(triples >= 0).all(axis=1)]
    return float((triples == triples[:, :1]).all(axis=1).mean()) if len(triples) else float("nan")


@dataclass(frozen=True)
class DisentanglementGain:
    """What better features do for the estimate of T: figures with the first and with the second features.

    `agreement`: share of neighbour pairs with the same noisy label. `misfit`: as in `TransitionEstimate`. `error`:
    distance to the true T, where it is known, else NaN. `clusterability`: by the true classes, where known.
    """

    agreement: tuple[float, float]
    misfit: tuple[float, float]
    error: tuple[float, float]
    clusterability: tuple[float, float]

    @property
    def error_gain(self) -> float:
        """Return by how much the error falls; NaN when the true T is unknown."""
        return self.error[0] - self.error[1]


def disentanglement_gain(
    labels: ArrayLike,
    before: Any,
    after: Any,
    n_classes: int,
    *,
    truth: ArrayLike | None = None,
    steps: int = 1500,
    seed: int = 0,
) -> DisentanglementGain:
    """Compare two kinds of features by the T that their neighbours give.

    Disentangled features, whose parts are independent given the class, act as further labels of an item, so that T is
    determined better. Without true classes a higher agreement says that neighbours share their class more often.

    Parameters
    ----------
    labels : int array (n,)
    before, after : neighbours, int arrays (n, k) or objects with `indices`
        Of the two kinds of features.
    n_classes : int
    truth : int array (n,), optional
    steps, seed
        As in `HighOrderConsensus`.

    Source: Liu, Cheng, Zhang, ICML 2023 [P125].
    """
    fits = [HighOrderConsensus(n_classes, steps=steps, seed=seed).fit(labels, near) for near in (before, after)]
    nothing = (float("nan"), float("nan"))
    gain = DisentanglementGain(
        _pair(*(fit.agreement_ for fit in fits)), _pair(*(fit.estimate_.misfit for fit in fits)), nothing, nothing
    )
    if truth is None:
        return gain
    true = TransitionMatrix.from_labels(truth, labels, n_classes)
    return replace(
        gain,
        error=_pair(*(transition_error(fit.transition_, true) for fit in fits)),
        clusterability=_pair(*(clusterability_score(truth, near) for near in (before, after))),
    )


def _pair(first: float, second: float) -> tuple[float, float]:
    return first, second


def _checked(labels: ArrayLike, neighbors: Any, n_classes: int) -> tuple[Codes, Codes]:
    noisy = as_labels("labels", labels, n_classes)
    return noisy, _neighbor_rows(neighbors, len(noisy))


def _neighbor_rows(neighbors: Any, n: int) -> Codes:
    near = np.asarray(getattr(neighbors, "indices", neighbors))
    if near.ndim != 2 or near.dtype.kind not in "iu" or near.shape[1] < 2:
        raise BadInput(
            f"neighbors has shape {near.shape} and type {near.dtype}", fix="give the row numbers of 2 or more a row"
        )
    if len(near) != n:
        raise BadInput(f"neighbors has {len(near)} rows but there are {n} labels")
    if near.size and (near.min() < 0 or near.max() >= n):
        raise BadInput(f"neighbors names rows outside 0 to {n - 1}")
    own = (near == np.arange(n)[:, None]).any(axis=1)
    if own.any():
        raise BadInput("a row is its own neighbour", where=f"row {int(own.argmax())}", fix="leave the row itself out")
    return near.astype(np.int64)


def _triples(noisy: Codes, near: Codes) -> Codes:
    return np.column_stack([noisy, noisy[near[:, 0]], noisy[near[:, 1]]])
