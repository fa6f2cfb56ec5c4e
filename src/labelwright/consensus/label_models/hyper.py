"""Hyper label model: one network, trained beforehand on made-up votes, that labels any table of votes in one pass.

Other label models fit their parameters to the votes at hand. This one has learned how to: see `hyper_network`. Each
class stands once against the rest (its votes +1, all others −1), and the K answers are scaled to sum to 1.

Known labels move the weights a little: √(known rows) steps at a rate of 1e-4.

Source: Wu et al., Learning hyper label model for programmatic weak supervision, ICLR 2023; in the survey [P121].
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray

from labelwright.consensus.base import LabelModel
from labelwright.consensus.label_models.hyper_network import Entries, HyperNetwork, row_loss
from labelwright.consensus.label_models.hyper_training import trained_network
from labelwright.consensus.table import VoteTable, summed
from labelwright.data.cache import Cache
from labelwright.errors import BadInput
from labelwright.progress import SILENT, Progress

Floats = NDArray[np.float64]
TUNING_RATE = 1e-4


class HyperLabelModel(LabelModel):
    """A network that was trained on synthetic votes and needs no fit. Needs the extra ``[torch]``.

    Parameters
    ----------
    steps : int, default 2000
        Batches of the training before first use: about a minute on one core. The weights are kept in the cache, so
        that it comes once for each user and seed.
    tables : int, default 4
        Synthetic tables a batch.
    seed : int, default 0
    cache : Cache, optional
    progress : Progress
        Shows the training before first use.

    Attributes
    ----------
    net_ : HyperNetwork

    Notes
    -----
    The network and the law of its synthetic votes are those of the authors' code; what is learned of a table, and how
    large it is, are ours (see `hyper_training`). Of the rows of held-out synthetic tables, eight networks give 87 to
    92 % the class that is likelier by the law, the weights that the authors publish 87 %.

    The law is far from real sources: its probabilities are near 1/2, so that only their order means something, and a
    network that follows it better is no better elsewhere. The one of the eight that did best on simulated independent
    sources (accuracy 0.79, majority voting 0.80) has a mean of 0.79 on three sets of labelling functions and of 0.80
    on twelve crowd sets, majority voting 0.80 on both. Take another label model.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[1, 1, -1], [0, -1, 0], [-1, 1, 1], [0, 0, 0]] * 9, n_classes=2)
    >>> HyperLabelModel(steps=40).fit(votes).predict_proba(votes)[:4].argmax(axis=1)
    array([1, 0, 1, 0])

    Source: Wu et al., ICLR 2023 [P121].
    """

    net_: HyperNetwork

    def __init__(
        self,
        *,
        steps: int = 2000,
        tables: int = 4,
        seed: int = 0,
        cache: Cache | None = None,
        progress: Progress = SILENT,
    ) -> None:
        if min(steps, tables) < 1:
            raise BadInput(f"{steps} steps of {tables} tables are no training", fix="choose at least 1 of each")
        self.steps, self.tables, self.seed, self.cache, self.progress = steps, tables, seed, cache, progress

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        net = trained_network(self.steps, self.tables, self.seed, self.cache, self.progress)
        self.net_ = _tuned(net, table, gold) if (gold >= 0).any() else net
        q = self._posterior(table)
        covered = table.covered()
        k = table.n_classes
        self.class_balance_ = q[covered].mean(axis=0) if covered.any() else np.full(k, 1 / k)
        right = summed(table.source, table.weight * q[table.row(), table.value], table.n_sources)
        self._right = right / np.maximum(summed(table.source, table.weight, table.n_sources), 1e-300)

    def _posterior(self, table: VoteTable) -> Floats:
        if table.n_classes == 1:
            return np.ones((table.n_rows, 1))
        q = np.empty((table.n_rows, table.n_classes))
        with torch.no_grad():
            for label in range(table.n_classes):
                q[:, label] = self.net_(against_the_rest(table, label)).sigmoid().numpy()
        return q / q.sum(axis=1, keepdims=True)

    def _accuracy(self) -> Floats:
        return self._right


def against_the_rest(table: VoteTable, label: int, gold: NDArray[np.int64] | None = None) -> Entries:
    """Return the votes as +1 for a class and −1 for all others; known classes as 1 and 0."""
    known = np.full(table.n_rows, np.nan) if gold is None else np.where(gold < 0, np.nan, gold == label)
    return Entries(
        row=torch.from_numpy(table.row()),
        source=torch.from_numpy(table.source.astype(np.int64)),
        value=torch.from_numpy(np.where(table.value == label, 1.0, -1.0)).float(),
        weight=torch.from_numpy(np.array(table.weight)).float(),
        n_rows=table.n_rows,
        n_sources=table.n_sources,
        labels=torch.from_numpy(known).float(),
    )


def _tuned(net: HyperNetwork, table: VoteTable, gold: NDArray[np.int64]) -> HyperNetwork:
    """Return a copy that was moved towards the known classes."""
    own = copy.deepcopy(net).train()
    optimizer = torch.optim.Adam(own.parameters(), lr=TUNING_RATE, amsgrad=True)
    sides = [against_the_rest(table, label, gold) for label in range(table.n_classes)]
    for _ in range(math.isqrt(int((gold >= 0).sum()))):
        optimizer.zero_grad()
        torch.stack([row_loss(own(side), side) for side in sides]).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return own.eval()
