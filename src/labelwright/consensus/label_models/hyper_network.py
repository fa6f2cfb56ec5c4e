"""The network of the hyper label model, and the synthetic votes that it learns from.

A layer sees every vote v_ij in {−1, +1} beside three means, over its row, its source and all votes:

    h_ij = LeakyReLU(A v_ij + B mean_row v + C mean_source v + D mean_all v + b)         widths 1, 8, 8, 8, 32

The mean of the last h over a row goes through a perceptron (32, 32, 32, 1) and a sigmoid: P(class 1). Nothing depends
on the order of rows or sources, nor on how many there are.

It is trained once on votes that no model made: labels uniform, votes uniform in {−1, 0, +1}. Where half or more of the
sources are worse than chance on a class, all votes on that class's rows are negated, which leaves every labelling for
which sources are better than chance equally likely.

Source: Wu et al., Learning hyper label model for programmatic weak supervision, ICLR 2023; in the survey [P121].
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, leaky_relu

from labelwright.data.cache import Cache
from labelwright.nn import AdamW, Cosine, Loop, Losses, Objective, Task, Training
from labelwright.nn.batch import Batches
from labelwright.progress import SILENT, Progress

WIDTHS = (1, 8, 8, 8, 32)
VERSION = 1  # raise it whenever weights of the same settings would differ


@dataclass(frozen=True, eq=False)
class Entries:
    """Votes of one or several tables, numbered through.

    Parameters
    ----------
    row, source, table : int64 tensor (v,)
    value : float tensor (v,)
        −1 or +1.
    weight : float tensor (v,)
    n_rows, n_sources, n_tables : int
    labels : float tensor (n_rows,)
        0 or 1 where known, else NaN.
    """

    row: Tensor
    source: Tensor
    table: Tensor
    value: Tensor
    weight: Tensor
    n_rows: int
    n_sources: int
    n_tables: int
    labels: Tensor

    def __len__(self) -> int:
        return self.n_rows


def _mean(h: Tensor, place: Tensor, weight: Tensor, size: int) -> Tensor:
    """Return the weighted mean of h (v, d) at each place, (size, d); 0 where there is nothing."""
    total = h.new_zeros(size).index_add(0, place, weight)
    return h.new_zeros(size, h.shape[1]).index_add(0, place, h * weight[:, None]) / total.clamp(min=1e-9)[:, None]


class _Layer(nn.Module):
    """The paper's W [W₄ v; W₁ mean; W₂ mean; W₃ mean] with each product of two linear maps as one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.by_row, self.by_source, self.by_table = (nn.Linear(inputs, outputs, bias=False) for _ in range(3))

    def forward(self, h: Tensor, at: Entries) -> Tensor:
        row = self.by_row(_mean(h, at.row, at.weight, at.n_rows))[at.row]
        source = self.by_source(_mean(h, at.source, at.weight, at.n_sources))[at.source]
        table = self.by_table(_mean(h, at.table, at.weight, at.n_tables))[at.table]
        return leaky_relu(self.own(h) + row + source + table)


class HyperNetwork(nn.Module):
    """Votes → logit of class 1 for every row, (n_rows,). [P121]"""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(a, b) for a, b in pairwise(WIDTHS))
        size = WIDTHS[-1]
        self.judge = nn.Sequential(
            nn.Linear(size, size), nn.LeakyReLU(), nn.Linear(size, size), nn.LeakyReLU(), nn.Linear(size, 1)
        )

    def forward(self, entries: Entries) -> Tensor:
        """Return the logits of all rows."""
        h = entries.value[:, None]
        for layer in self.layers:
            h = layer(h, entries)
        logits: Tensor = self.judge(_mean(h, entries.row, entries.weight, entries.n_rows))[:, 0]
        return logits


@dataclass(frozen=True)
class SyntheticVotes:
    """Tables of votes by number, each made from the seed and its number: what the network is trained on.

    Parameters
    ----------
    n : int
        Tables.
    rows, sources : (fewest, most)
        All tables of a batch have one size, drawn from these ranges.
    seed : int
    """

    n: int
    rows: tuple[int, int] = (100, 400)
    sources: tuple[int, int] = (2, 20)
    seed: int = 0

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Entries:
        """Return the tables of these numbers as one batch."""
        numbers = np.asarray(index)
        rng = np.random.default_rng([self.seed, *numbers.tolist()])
        n = int(rng.integers(self.rows[0], self.rows[1] + 1))
        m = int(rng.integers(self.sources[0], self.sources[1] + 1))
        labels = rng.integers(0, 2, (len(numbers), n))
        votes = rng.integers(-1, 2, (len(numbers), n, m))
        return entries_of(better_than_chance(votes, labels), labels)


def better_than_chance(votes: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return votes (t, n, m) in {−1, 0, 1} with classes negated on which half or more of the sources do worse.

    `labels` (t, n) are 0 or 1; the right vote is −1 or 1.

    Examples
    --------
    >>> better_than_chance(np.array([[[-1], [-1]]]), np.array([[1, 0]])).ravel()
    array([ 1, -1])
    """
    out = np.asarray(votes, dtype=np.int64).copy()
    m = out.shape[2]
    for label, right in ((1, 1), (0, -1)):
        mine = (labels == label)[:, :, None]
        score = (out * right * mine).sum(axis=1)  # (t, m): right votes minus wrong ones
        negate = (score < 0).sum(axis=1) * 2 >= m
        out = np.where(mine & negate[:, None, None], -out, out)
    return out


def entries_of(votes: NDArray[np.integer], labels: NDArray[np.integer]) -> Entries:
    """Return dense tables (t, n, m) in {−1, 0, 1} and labels (t, n) as entries."""
    tables, n, m = votes.shape
    table, row, source = (torch.from_numpy(part) for part in np.nonzero(votes))
    value = torch.from_numpy(votes[votes != 0]).float()
    known = torch.from_numpy(labels.astype(np.float32).ravel())
    return Entries(
        table * n + row, table * m + source, table, value, torch.ones(len(value)), tables * n, tables * m, tables, known
    )


def row_loss(logits: Tensor, entries: Entries) -> Tensor:
    """Return the mean binary cross-entropy of rows that have a vote and a known label; 0 without any."""
    voted = torch.zeros(entries.n_rows, dtype=torch.bool, device=logits.device).index_fill(0, entries.row, True)
    used = voted & ~entries.labels.isnan()
    if not used.any():
        return logits.sum() * 0
    return binary_cross_entropy_with_logits(logits[used], entries.labels[used])


class _Hyper(Objective):
    def losses(self, batch: Batches) -> Losses:
        entries = batch["train"].x
        return Losses(cross_entropy=row_loss(self.net(entries), entries))


def trained_network(
    steps: int, tables: int, seed: int, cache: Cache | None = None, progress: Progress = SILENT
) -> HyperNetwork:
    """Return the network trained on `steps` batches of `tables` synthetic tables; its weights are kept in the cache.

    Training is that of the paper at a size for two cores: up to 400 rows and 20 sources, Adam with the long memory of
    second moments, and a learning rate that falls to 0.
    """

    def weights() -> NDArray:
        task = Task(SyntheticVotes(steps * tables, seed=seed), net=lambda shape, n: HyperNetwork(), n_outputs=1)
        task.new_net = lambda n_outputs=None: HyperNetwork()
        optimizer = AdamW(3e-3, amsgrad=True, schedule=Cosine(), clip=1.0)
        loop = Loop(_Hyper(), task, Training(1, tables, optimizer, seed=seed, device="cpu"), progress=progress)
        loop.fit()
        return nn.utils.parameters_to_vector(loop.objective.net.parameters()).detach().numpy()

    key = ["hyper label model", VERSION, torch.__version__, steps, tables, seed]
    flat = (cache or Cache()).array(key, weights)
    net = HyperNetwork()
    nn.utils.vector_to_parameters(torch.from_numpy(flat.copy()), net.parameters())
    return net.eval()
