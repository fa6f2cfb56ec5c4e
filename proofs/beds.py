"""Test beds that the proofs of the learning families share: data with a known truth, one way to train on them.

A bed is made once a seed and hands every method the same rows, labels and network. Accuracy is that of the last epoch
on clean held-out rows, never the best on test. Small networks train fastest on one thread, so a bed sets that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from proofs.datasets import Features, digits, graph, movielens, texts

from labelwright.evidence import Evidence, Hard
from labelwright.nn import GCN, MLP, SGD, AdamW, Loop, Objective, Task, Training, Using
from labelwright.nn.task import NetSpec
from labelwright.nn.views import TABLE_VIEWS, ViewPair
from labelwright.noise import TransitionMatrix

torch.set_num_threads(int(os.environ.get("LABELWRIGHT_PROOF_THREADS", "1")))

TB1_TRAINING = Training(epochs=100, batch_size=64, optimizer=SGD(0.05, 0.9, 5e-4), device="cpu")
TB1_NET = MLP((256, 256))


@dataclass(frozen=True, eq=False)
class Bed:
    """Rows to learn from and rows to be judged on.

    Parameters
    ----------
    x, x_test : float32 array (n, ...), (m, ...)
    given, truth, y_test : int64 array (n,), (n,), (m,)
        Labels as given, the truth about the same rows, and the truth of the test rows.
    n_classes : int
    net : callable (input shape, outputs) → network
    training : Training
    views : ViewPair
    """

    x: NDArray[np.float32]
    given: NDArray[np.int64]
    truth: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    n_classes: int
    net: NetSpec
    training: Training
    views: ViewPair = TABLE_VIEWS

    def task(self, evidence: Evidence | None = None, **more: Any) -> Task:
        """Return a fresh task: on the given labels, or on other evidence about the same rows."""
        evidence = Hard(self.given, self.n_classes) if evidence is None else evidence
        return Task(self.x, evidence, net=self.net, views=self.views, **({"n_outputs": self.n_classes} | more))

    def fitted(self, objective: Objective, evidence: Evidence | None = None, **training: Any) -> Loop:
        """Return the loop after training; `training` changes settings (epochs, optimizer, seed, ...)."""
        loop = Loop(objective, self.task(evidence), replace(self.training, **training))
        loop.fit()
        return loop

    def accuracy(self, loop: Loop) -> float:
        """Return the accuracy on the clean test rows."""
        return float((loop.predict_proba(self.x_test).argmax(dim=1).numpy() == self.y_test).mean())

    def memorized(self, loop: Loop) -> float:
        """Return how often the network gives back a training label that is wrong."""
        wrong = (self.given != self.truth) & (self.given >= 0)
        answer = loop.predict_proba(self.x[wrong]).argmax(dim=1).numpy()
        return float((answer == self.given[wrong]).mean()) if wrong.any() else 0.0


def halves(data: Features, seed: int, test_share: float = 0.3) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of a random training and test part."""
    order = np.random.default_rng(seed).permutation(len(data.truth))
    cut = round(test_share * len(order))
    return order[cut:], order[:cut]


def digits_bed(seed: int, noise: TransitionMatrix | None = None) -> Bed:
    """Return bed TB1: digits, 70/30, an MLP of 64-256-256-10, with labels corrupted by `noise`."""
    data = digits()
    train, test = halves(data, seed)
    x, truth = data.X / 16, data.truth
    given = truth[train]
    if noise is not None:
        given = noise.apply(given, seed + 1000)
    training = replace(TB1_TRAINING, seed=seed)
    return Bed(x[train], given.astype(np.int64), truth[train], x[test], truth[test], 10, TB1_NET, training)


def texts_bed(name: Literal["sms", "youtube"], seed: int, flips: float = 0.0) -> Bed:
    """Return bed TB4: spam texts as TF-IDF of 1,000 words, the published split (validation joins the test part).

    The network is an MLP of 64 with dropout 0.1, trained by Adam at 1e-3 for 10 epochs in batches of 32; `flips` is
    the share of training labels that are turned over.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    data = texts(name)
    train, test = data.split == "train", data.split != "train"
    words = TfidfVectorizer(max_features=1000, sublinear_tf=True)
    x = words.fit_transform([t for t, own in zip(data.texts, train, strict=True) if own]).toarray()
    x_test = words.transform([t for t, own in zip(data.texts, test, strict=True) if own]).toarray()
    truth = data.labels[train]
    given = symmetric(flips, 2).apply(truth, seed + 1000).astype(np.int64) if flips else truth
    training = Training(epochs=10, batch_size=32, optimizer=AdamW(1e-3), seed=seed, device="cpu")
    net = MLP((64,), dropout=0.1)
    return Bed(x.astype(np.float32), given, truth, x_test.astype(np.float32), data.labels[test], 2, net, training)


def graph_bed(name: Literal["cora", "citeseer"], seed: int, noise: TransitionMatrix | None = None) -> Bed:
    """Return bed TB3: a citation graph, the published split, with labels of the training nodes corrupted by `noise`.

    All nodes are seen; `given` is -1 outside the training nodes. The network is a GCN of 64, trained by Adam at 0.01
    with a weight decay of 5e-4 for 200 epochs of one batch. `x_test` is the whole graph: use `graph_accuracy`.
    """
    data = graph(name)
    n, n_classes = len(data.y), int(data.y.max()) + 1
    given = np.full(n, -1)
    seen = data.y[data.train]
    given[data.train] = seen if noise is None else noise.apply(seen, seed + 1000)
    x = data.X / np.maximum(data.X.sum(axis=1, keepdims=True), 1)
    adam = Using(lambda p: torch.optim.Adam(p, 0.01, weight_decay=5e-4))
    training = Training(epochs=200, batch_size=n, optimizer=adam, seed=seed, device="cpu")
    judged = np.where(data.test, data.y, -1)
    return Bed(x, given, data.y, x, judged, n_classes, GCN(data.edges, n, (64,)), training)


def graph_accuracy(bed: Bed, loop: Loop) -> float:
    """Return the accuracy on the test nodes of a graph bed."""
    known = bed.y_test >= 0
    return float((loop.predict_proba(bed.x_test).argmax(dim=1).numpy() == bed.y_test)[known].mean())


@dataclass(frozen=True, eq=False)
class VotesBed:
    """Votes, sparse (users, items): those `seen`, those `hidden` and the `later` ones, which are to be found."""

    seen: Any
    hidden: Any
    later: Any

    def ndcg(self, model: Any, k: int = 20) -> float:
        """Return NDCG@k of the later votes among all items but those seen or hidden, mean over users with any."""
        from sklearn.metrics import ndcg_score

        users = np.flatnonzero(np.diff(self.later.indptr))
        score = model.predict_proba(users).astype(np.float64)
        score[(self.seen + self.hidden)[users].toarray() > 0] = -1
        return float(ndcg_score(self.later[users].toarray(), score, k=k, ignore_ties=True))


def votes_bed(seed: int, hide: float = 0.4) -> VotesBed:
    """Return bed TB5: ratings of 4 and 5 of MovieLens as votes, the last 20 % of each user's to be found.

    A share `hide` of the others is hidden, a vote for a film with m votes in proportion to 1/sqrt(m).
    """
    from scipy.sparse import csr_matrix

    read = movielens().to_pandas()
    read[["user", "item"]] -= read[["user", "item"]].min()
    shape = (int(read.user.max()) + 1, int(read.item.max()) + 1)
    votes = read[read.rating >= 4].sort_values(["user", "timestamp", "item"], kind="stable")
    place = votes.groupby("user").cumcount() / votes.groupby("user")["item"].transform("size")
    later = (place >= 0.8).to_numpy()
    user, item = votes.user.to_numpy(), votes.item.to_numpy()
    chance = 1 / np.sqrt(np.bincount(item[~later], minlength=shape[1]).clip(1))[item[~later]]
    earlier = np.flatnonzero(~later)
    rng = np.random.default_rng(seed)
    gone = rng.choice(earlier, round(hide * len(earlier)), replace=False, p=chance / chance.sum())
    parts = np.setdiff1d(earlier, gone), gone, np.flatnonzero(later)
    return VotesBed(*(csr_matrix((np.ones(len(at)), (user[at], item[at])), shape) for at in parts))


def symmetric(rate: float, n_classes: int = 10) -> TransitionMatrix:
    """Return noise that changes a label with probability `rate` into any other one."""
    return TransitionMatrix.symmetric(rate, n_classes)


def pair_flip(rate: float, n_classes: int = 10) -> TransitionMatrix:
    """Return noise that changes class k into k + 1 with probability `rate`."""
    return TransitionMatrix.pairflip(rate, n_classes)


Method = Callable[[], Objective]
