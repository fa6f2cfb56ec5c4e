"""Worlds in which labels are bought round by round, shared by the proofs of the acquisition family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from proofs.datasets import crowd, digits, folder

from labelwright.acquire import LearningCurve, Pool, Selection
from labelwright.acquire.activelab import vote_quality
from labelwright.acquire.probe import FittedProbe, fit_probe
from labelwright.data.crossval import out_of_fold_probs
from labelwright.evidence import Votes
from labelwright.noise import Sources, ask_by_coverage, cast_votes

Choose = Callable[[Pool, int, np.random.Generator], Selection]


@dataclass(frozen=True)
class VoteWorld:
    """Rows whose votes are uncovered one by one.

    Parameters
    ----------
    X, X_test : float64 (n, d), (t, d)
    y_test : int64 (t,)
    table : int32 (n, m)
        All votes there are, -1 = none.
    n_classes : int
    """

    X: NDArray[np.float64]
    X_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    table: NDArray[np.int32]
    n_classes: int


def digits_votes(seed: int, n_sources: int = 10) -> VoteWorld:
    """Digits, 1200 rows to buy, the others as test; simulated people."""
    data = digits()
    return skilled_votes(data.X / 16.0, data.truth, 1200, np.random.default_rng(seed), n_sources)


def skilled_votes(
    X: NDArray[np.float64], truth: NDArray[np.int64], rows: int, rng: np.random.Generator, n_sources: int = 10
) -> VoteWorld:
    """Return real rows, some to buy and the others as test; everybody would answer, and is right in 55 to 95 %."""
    order, k = rng.permutation(len(truth)), int(truth.max()) + 1
    pool, test = order[:rows], order[rows:]
    sources = Sources.skilled(np.linspace(0.55, 0.95, n_sources), n_classes=k)
    cast = cast_votes(truth[pool], sources, seed=rng, asked=ask_by_coverage(rows, np.ones(n_sources), rng))
    table = np.full((rows, n_sources), -1, np.int32)
    table[cast.row, cast.source] = cast.value
    return VoteWorld(X[pool], X[test], truth[test], table, k)


def labelme_votes() -> VoteWorld:
    """LabelMe scenes: 1000 images, 2547 votes of 59 people, VGG features."""
    votes = crowd("labelme")
    stored = np.load(folder() / "crowd" / "labelme_features.npz")
    table = np.full((len(stored["X_train"]), int(votes.worker.max()) + 1), -1, np.int32)
    table[votes.task, votes.worker] = votes.label
    scale = float(stored["X_train"].std())
    return VoteWorld(
        stored["X_train"].astype(np.float64) / scale,
        stored["X_test"].astype(np.float64) / scale,
        stored["y_test"].astype(np.int64),
        table,
        8,
    )


def vote_curve(
    world: VoteWorld, choose: Choose, *, start: int, rounds: int, per_round: int, may_reask: bool, seed: int
) -> LearningCurve:
    """Buy one vote a row and round, train on the consensus, measure on clean test rows.

    Every method has the same consensus (that of ActiveLab), the same model and the same first rows; whoever answers is
    drawn evenly among those whose vote on the row is still covered.
    """
    rng = np.random.default_rng(seed)
    shown = np.full_like(world.table, -1)
    _uncover(world.table, shown, rng.permutation(np.flatnonzero((world.table >= 0).any(axis=1)))[:start], rng)
    costs, scores = [float(start)], []
    for left in range(rounds, -1, -1):
        probs, model = _opinion(world, shown, seed)
        scores.append(float((model.predict_proba(world.X_test).argmax(axis=1) == world.y_test).mean()))
        if not left:
            break
        hidden = ((world.table >= 0) & (shown < 0)).any(axis=1)
        free = hidden if may_reask else hidden & ~(shown >= 0).any(axis=1)
        pool = Pool(
            pred_probs=probs, features=world.X, candidates=free, votes=Votes.from_matrix(shown, world.n_classes)
        )
        rows = choose(pool, per_round, rng).rows
        _uncover(world.table, shown, rows, rng)
        costs.append(costs[-1] + len(rows))
    return LearningCurve(np.array(costs), np.array(scores))


def _opinion(world: VoteWorld, shown: NDArray[np.int32], seed: int) -> tuple[NDArray[np.float64], FittedProbe]:
    """Return out-of-sample probabilities of all rows, and the model trained on the consensus of the votes."""
    voted, votes = (shown >= 0).any(axis=1), Votes.from_matrix(shown, world.n_classes)
    labels = np.full(len(shown), -1, np.int64)
    labels[voted] = votes.counts()[voted].argmax(axis=1)
    quality = vote_quality(votes, out_of_fold_probs(world.X, labels, world.n_classes, seed=seed)[None])
    labels[voted] = quality.consensus[voted]
    probs = out_of_fold_probs(world.X, labels, world.n_classes, seed=seed)
    model = fit_probe(world.n_classes, seed)(world.X[voted], labels[voted])
    probs[~voted] = model.predict_proba(world.X[~voted])
    return probs, model


def _uncover(
    table: NDArray[np.int32], shown: NDArray[np.int32], rows: NDArray[np.int64], rng: np.random.Generator
) -> None:
    """Show one more vote of each row, of a source drawn evenly."""
    hidden = (table[rows] >= 0) & (shown[rows] < 0)
    source = np.where(hidden, rng.random(hidden.shape), -1.0).argmax(axis=1)
    shown[rows, source] = table[rows, source]
