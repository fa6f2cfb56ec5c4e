"""How probable each class is to be the truth, learned from the given labels alone.

Every source of evidence about row i (out-of-fold probabilities p, neighbours' votes v) is one that has not seen the
label of row i. They are joined, and the given label is what a noisy reader makes of the truth:

    π_i      = softmax( Σ_s log(source_s,i) A_s + b )          truth given the features
    P(y_i)   = Σ_k π_ik T[k, y_i]                              given label: truth k is read as y with T[k, y]
    r_ik     = π_ik T[k, y_i] / P(y_i)                         truth given the features and the label

A_s, b and T maximise Σ_i log P(y_i): no clean label is used. Where the sources are sure and the label disagrees in a
pattern, T takes it up; where they are torn, π does. Priors keep A_s near a multiple of the identity and T near "this
share e of labels is wrong, anyhow", worth at least ten rows a class, so that a few rows cannot teach a pattern. The
model is fitted first with e = 1/10, then twice with the share that the fit before it expected, if that is larger: many
rows of few errors need no help, and noise of 40 % is not drawn towards 10 %. Above 64 classes there are too few rows
for each pair: A_s is a number then, and errors spread evenly.

Sources: Sukhbaatar et al., Training Convolutional Networks with Noisy Labels, 2015 (the layer T); Kull et al., Beyond
temperature scaling: Dirichlet calibration, NeurIPS 2019 (the layer A); Northcutt et al., JAIR 2021 [P042] (the task).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.neighbor_ranking import neighbor_votes
from labelwright.audit.probabilities import as_labels, as_probabilities, blocks, not_probabilities
from labelwright.data.neighbors import Neighbors

MOST_PAIRED = 64  # classes up to which pairs of classes have parameters
MOST_ROWS = 20_000  # rows that the fit looks at
LEAST = 1e-6  # probabilities below this are all alike
SUPPOSED_ERROR, MOST_ERROR = 0.1, 0.9
PRIOR_ROWS, PRIOR_SHARE = 10.0, 0.03
STEPS = 100
ROUNDS = 3  # fits, each supposing the share of errors that the one before it found
NOISE_UNIT = 5.0  # logits of T move this much faster: their gradients are that much flatter
BLOCK = 1 << 20

Loss = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]


@dataclass(frozen=True)
class TruthModel:
    """A fitted model of the truth and of how it is misread.

    Parameters
    ----------
    mixing : float64, shape (S, K, K)
        A_s; multiples of the identity above 64 classes, then shape (S,).
    bias : float64, shape (K,)
    transition_matrix : float64, shape (K, K)
        T, rows = truth, columns = given label.
    """

    mixing: NDArray[np.float64]
    bias: NDArray[np.float64]
    transition_matrix: NDArray[np.float64]

    def posterior(
        self, labels: NDArray[np.integer], sources: Sequence[NDArray[np.floating]]
    ) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield blocks of rows and r (b, K) for them; an unlabelled row (-1) gets π."""
        transition = np.concatenate([self.transition_matrix, np.ones((len(self.bias), 1))], axis=1).astype(np.float32)
        step = max(1, BLOCK // len(self.bias))
        for start in range(0, len(labels), step):
            rows = slice(start, start + step)
            truth = _softmax(_mixed([_logs(source[rows]) for source in sources], self.mixing, self.bias))
            truth *= transition.T[labels[rows]]
            truth /= truth.sum(axis=1, keepdims=True)
            yield rows, truth


def fit_truth(labels: NDArray[np.integer], sources: Sequence[NDArray[np.floating]], *, seed: int = 0) -> TruthModel:
    """Fit the model to the given labels.

    Parameters
    ----------
    labels : int, shape (n,)
        Given classes in [0, K), -1 = unlabelled (not fitted to).
    sources : sequence of float arrays, each (n, K)
        Probabilities that have not seen the row's own label.
    seed : int
        Picks the rows to fit to when there are more than 20 000.
    """
    from scipy.optimize import minimize
    from threadpoolctl import threadpool_limits

    rows = np.flatnonzero(labels >= 0)
    n_classes = sources[0].shape[1]
    n_fit = min(len(rows), max(2000, min(MOST_ROWS, 100 * MOST_ROWS // n_classes)))
    if len(rows) > n_fit:
        rows = np.sort(np.random.default_rng(seed).choice(rows, n_fit, replace=False))
    paired = n_classes <= MOST_PAIRED
    layout = _Layout(len(sources), n_classes, paired)
    theta = layout.start()
    if len(rows) and n_classes > 1:
        logs, supposed = [_logs(source[rows]) for source in sources], SUPPOSED_ERROR
        with threadpool_limits(1):  # small products: threads cost more than they bring
            for _ in range(ROUNDS):
                loss = _loss(labels[rows], logs, layout, supposed)
                theta = minimize(loss, theta, jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "maxcor": 20}).x
                supposed = _expected_error(labels[rows], logs, layout, theta)
    mixing, bias, noise = layout.split(theta)
    return TruthModel(mixing, bias - bias.mean(), layout.transition(noise))


@dataclass(frozen=True)
class TruthEstimate:
    """What the model says about each labelled row, and about all of them.

    Parameters
    ----------
    rows : int64, shape (m,)
        The labelled rows.
    given : float64, shape (m,)
        Probability that the given label is the truth.
    other : int64, shape (m,)
        The most probable other class, the label itself when there is one class only.
    other_probability : float64, shape (m,)
    joint : float64, shape (K, K)
        Expected share of rows; rows = truth, columns = given label.
    model : TruthModel
    """

    rows: NDArray[np.int64]
    given: NDArray[np.float64]
    other: NDArray[np.int64]
    other_probability: NDArray[np.float64]
    joint: NDArray[np.float64]
    model: TruthModel


def estimate_truth(
    labels: ArrayLike, pred_probs: ArrayLike, *, neighbors: Neighbors | None = None, seed: int = 0
) -> TruthEstimate:
    """Fit a `TruthModel` to probabilities and, if there are any, neighbours; return what it says of each labelled row.

    Parameters
    ----------
    labels : int, shape (n,), -1 = unlabelled
    pred_probs : float, shape (n, K), in [0, 1]
        Out of sample.
    neighbors : Neighbors, optional
        Nearest other rows of each row by features; 50 to 100 of them are best.
    seed : int
        Picks the rows to fit to when there are more than 20 000.

    Examples
    --------
    >>> probs = np.array([[0.9, 0.1], [0.1, 0.9]]).repeat(50, axis=0)
    >>> labels = np.array([0, 1]).repeat(50)
    >>> labels[3] = 1
    >>> int(estimate_truth(labels, probs).given.argmin())
    3
    """
    probs = as_probabilities(pred_probs)
    given = np.asarray(labels)
    as_labels(np.where(given < 0, 0, given), probs.shape[1])
    as_probabilities(probs, len(given))
    n_bad = sum(int(np.count_nonzero(~((block >= -LEAST) & (block <= 1 + LEAST)))) for _, block in blocks(probs))
    if n_bad:
        raise not_probabilities(probs, n_bad)
    sources: list[NDArray[np.floating]] = [probs]
    if neighbors is not None and neighbors.k > 0:
        sources.append(neighbor_votes(given, neighbors, probs.shape[1]))
    model = fit_truth(given, sources, seed=seed)
    own, other, other_probability = np.empty(len(given)), np.empty(len(given), np.int64), np.empty(len(given))
    joint = np.zeros((probs.shape[1], probs.shape[1]))
    for block_rows, truth in model.posterior(given, sources):
        mine = given[block_rows]
        known = np.flatnonzero(mine >= 0)
        np.add.at(joint.T, mine[known], truth[known].astype(np.float64))
        at = np.arange(len(mine))
        own[block_rows] = truth[at, mine]
        truth[at, mine] = -1.0 if probs.shape[1] > 1 else 1.0
        other[block_rows] = truth.argmax(axis=1)
        other_probability[block_rows] = truth[at, other[block_rows]]
    rows = np.flatnonzero(given >= 0)
    joint /= max(len(rows), 1)
    return TruthEstimate(rows, own[rows], other[rows], other_probability[rows], joint, model)


@dataclass(frozen=True)
class _Layout:
    """Where the parameters stand in one vector."""

    n_sources: int
    n_classes: int
    paired: bool

    @property
    def _sizes(self) -> tuple[int, int]:
        k = self.n_classes
        return (self.n_sources * k * k, k) if self.paired else (self.n_sources, k)

    def start(self) -> NDArray[np.float64]:
        k = self.n_classes
        weight = np.full(self.n_sources, 1.0 / self.n_sources)
        mixing = weight[:, None, None] * np.eye(k) if self.paired else weight
        noise = np.log(_even(k, SUPPOSED_ERROR)) if self.paired else np.log([SUPPOSED_ERROR / (1 - SUPPOSED_ERROR)])
        return np.concatenate([mixing.ravel(), np.zeros(k), noise.ravel() / NOISE_UNIT])

    def split(self, theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        mixing, bias, noise = np.split(theta, np.cumsum(self._sizes))
        noise, k = noise * NOISE_UNIT, self.n_classes
        return (mixing.reshape(-1, k, k), bias, noise.reshape(k, k)) if self.paired else (mixing, bias, noise)

    def transition(self, noise: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.paired:
            return np.maximum(_softmax(noise), 1e-12)
        return _even(self.n_classes, 1 / (1 + np.exp(-noise[0])))


def _expected_error(
    labels: NDArray[np.integer], logs: list[NDArray[np.float32]], layout: _Layout, theta: NDArray[np.float64]
) -> float:
    """Return the share of labels that the fitted model expects to be wrong, at least one in ten."""
    mixing, bias, noise = layout.split(theta)
    joint = _softmax(_mixed(logs, mixing, bias)) * layout.transition(noise).T.astype(np.float32)[labels]
    right = joint[np.arange(len(labels)), labels] / joint.sum(axis=1)
    return float(np.clip(1 - right.mean(dtype=np.float64), SUPPOSED_ERROR, MOST_ERROR))


def _loss(labels: NDArray[np.integer], logs: list[NDArray[np.float32]], layout: _Layout, error: float) -> Loss:
    """Return the function that gives −log posterior / n of the parameters, and its gradient; error: supposed share."""
    n, k = logs[0].shape
    shares = k if layout.paired else 1  # rows of T that are learned, each with its own prior
    supposed = max(PRIOR_ROWS, PRIOR_SHARE * n / shares) * shares / k * _even(k, error)
    by_label = np.argsort(labels, kind="stable")
    usual = layout.split(layout.start())[0]
    present, starts = np.unique(labels[by_label], return_index=True)

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        mixing, bias, noise = layout.split(theta)
        transition = layout.transition(noise)
        truth = _softmax(_mixed(logs, mixing, bias))
        joint = truth * transition.T.astype(np.float32)[labels]
        likely = joint.sum(axis=1, keepdims=True)
        joint /= likely
        pull = joint - truth  # gradient of the log-likelihood for the logits of the truth
        read = np.zeros((k, k))  # expected rows of each (truth, given)
        read[:, present] = np.add.reduceat(joint[by_label], starts, axis=0).T
        total = -np.log(np.maximum(likely, 1e-30)).sum(dtype=np.float64)
        read += supposed
        total -= (supposed * np.log(transition)).sum()
        if layout.paired:
            by_mixing = np.stack([log.T @ pull for log in logs]).astype(np.float64)
            firm = 4.0 * np.where(np.eye(k, dtype=bool), 1, k)  # prior: 1 / variance of each entry
            by_mixing -= firm * (mixing - usual)
            total += (firm * (mixing - usual) ** 2).sum() / 2
            by_noise = read - transition * read.sum(axis=1, keepdims=True)
        else:
            by_mixing = np.array([(log * pull).sum(dtype=np.float64) for log in logs]) - 4.0 * (mixing - usual)
            total += 2.0 * ((mixing - usual) ** 2).sum()
            error = 1 - transition[0, 0]
            by_noise = np.array([read.sum() - np.trace(read) - error * read.sum()])
        by_bias = pull.sum(axis=0, dtype=np.float64) - bias
        total += (bias**2).sum() / 2
        return float(total / n), -np.concatenate([by_mixing.ravel(), by_bias, by_noise.ravel() * NOISE_UNIT]) / n

    return loss


def _mixed(
    logs: Sequence[NDArray[np.float32]], mixing: NDArray[np.float64], bias: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return Σ_s log_s A_s + b, (b, K)."""
    z = np.broadcast_to(bias.astype(np.float32), logs[0].shape).copy()
    for log, weight in zip(logs, mixing.astype(np.float32), strict=True):
        z += log @ weight if weight.ndim else log * weight
    return z


def _logs(source: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return log probabilities with the mean of each row at 0, in single precision."""
    logs = np.log(np.maximum(source, LEAST)).astype(np.float32)
    logs -= logs.mean(axis=1, keepdims=True)
    return logs


def _softmax(logits: NDArray) -> NDArray:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def _even(n_classes: int, error: float) -> NDArray[np.float64]:
    """Return the transition matrix of errors spread evenly over the other classes."""
    if n_classes == 1:
        return np.ones((1, 1))
    matrix = np.full((n_classes, n_classes), error / (n_classes - 1))
    np.fill_diagonal(matrix, 1 - error)
    return matrix
