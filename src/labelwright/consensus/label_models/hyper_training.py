"""What the hyper label model learns from: votes that no model made, and how likely each class then is.

Labels are uniform and votes are uniform in {−1, 0, +1}. Where half or more of the sources are worse than chance on a
class, all votes on that class's rows are negated. A labelling y of the votes X then has the probability

    P(y | X) ∝ Π_classes ( [worse sources < m/2] + [better sources ≥ m/2] )

The authors learn from the one labelling that was drawn, which says next to nothing (a log-loss of 0.690 where knowing
nothing has 0.693). The mean over all labellings is the same loss but for a constant, so the network here learns from
P(class 1 | X), estimated with 8 random labellings a row: minutes in place of days.

Tables are dense in training; the network is the same function.

Source: Wu et al., Learning hyper label model for programmatic weak supervision, ICLR 2023; in the survey [P121].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, leaky_relu

from labelwright.consensus.label_models.hyper_network import HyperNetwork, Layer
from labelwright.data.cache import Cache
from labelwright.nn import AdamW, Cosine, Loop, Losses, Objective, Task, Training
from labelwright.nn.batch import Batches
from labelwright.progress import SILENT, Progress

VERSION = 2  # raise it whenever weights of the same settings would differ
DRAWS_A_ROW = 4  # each is used with its negation


@dataclass(frozen=True, eq=False)
class Tables:
    """Tables of one size.

    Parameters
    ----------
    votes : float tensor (t, n, m) in {−1, 0, 1}
    target : float tensor (t, n)
        P(class 1).
    """

    votes: Tensor
    target: Tensor

    def __len__(self) -> int:
        return len(self.votes)


@dataclass(frozen=True)
class SyntheticVotes:
    """Tables of votes by number, each made from the seed and its number.

    Parameters
    ----------
    n : int
        Tables.
    rows, sources : (fewest, most)
        All tables of a batch have one size, drawn from these ranges, rows evenly on a logarithmic scale.
    seed : int
    """

    n: int
    rows: tuple[int, int] = (20, 400)
    sources: tuple[int, int] = (2, 60)
    seed: int = 0

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Tables:
        """Return the tables of these numbers as one batch."""
        numbers = np.asarray(index)
        rng = np.random.default_rng([self.seed, *numbers.tolist()])
        n = int(math.exp(rng.uniform(math.log(self.rows[0]), math.log(self.rows[1] + 1))))
        m = int(rng.integers(self.sources[0], self.sources[1] + 1))
        labels = rng.integers(0, 2, (len(numbers), n))
        votes = better_than_chance(rng.integers(-1, 2, (len(numbers), n, m)), labels)
        table = torch.from_numpy(votes).float()
        return Tables(table, chance_of_one(table, DRAWS_A_ROW * n, rng, torch.from_numpy(labels).float()))


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


def chance_of_one(votes: Tensor, draws: int, rng: np.random.Generator, otherwise: Tensor) -> Tensor:
    """Return P(class 1 | votes) of each row, (t, n), estimated from random labellings and their negations.

    Parameters
    ----------
    votes : float tensor (t, n, m) in {−1, 0, 1}
    draws : int
        Labellings; all tables share them.
    rng : numpy.random.Generator
    otherwise : float tensor (t, n)
        For tables that no labelling fits.
    """
    t, n, m = votes.shape
    signs = torch.from_numpy(rng.integers(0, 2, (draws, n), dtype=np.int8)).float() * 2 - 1
    agreed = (signs @ votes.permute(1, 0, 2).reshape(n, t * m)).view(draws, t, m)  # Σ_i s_i v_ij
    total = votes.sum(dim=1)
    # Right votes minus wrong ones, doubled: of a labelling on class 1 and 0, then of its negation.
    plain = _fits(agreed + total) * _fits(agreed - total)
    negated = _fits(total - agreed) * _fits(-agreed - total)
    found = (plain + negated).sum(dim=0)[:, None]
    mean = (plain - negated).T @ signs / found.clamp(min=1)
    return torch.where(found > 0, (1 + mean) / 2, otherwise)


def _fits(score: Tensor) -> Tensor:
    """Return how many of a labelling and its negation end as this one, (draws, t), from scores of sources."""
    m = score.shape[2]
    return (2 * (score < 0).sum(dim=2) < m).float() + (2 * (score > 0).sum(dim=2) >= m).float()


def dense_logits(net: HyperNetwork, votes: Tensor) -> Tensor:
    """Return what the network says of tables (t, n, m) in {−1, 0, 1}: logits (t, n)."""
    mask = (votes != 0).float()
    by_row, by_source = 1 / mask.sum(dim=2).clamp(min=1), 1 / mask.sum(dim=1).clamp(min=1)
    by_table = 1 / mask.sum(dim=(1, 2)).clamp(min=1)
    h = votes[..., None]
    for layer in net.layers:
        assert isinstance(layer, Layer)
        in_source = h.sum(dim=1)
        row = layer.by_row(h.sum(dim=2) * by_row[..., None])
        source = layer.by_source(in_source * by_source[..., None])
        table = layer.by_table(in_source.sum(dim=1) * by_table[:, None])
        h = leaky_relu(layer.own(h) + row[:, :, None] + (source + table[:, None])[:, None]) * mask[..., None]
    logits: Tensor = net.judge(h.sum(dim=2) * by_row[..., None])[..., 0]
    return logits


class _Hyper(Objective):
    def losses(self, batch: Batches) -> Losses:
        tables = batch["train"].x
        voted = (tables.votes != 0).any(dim=2)
        logits = dense_logits(self.net, tables.votes)
        return Losses(cross_entropy=binary_cross_entropy_with_logits(logits[voted], tables.target[voted]))


def train_network(steps: int, tables: int, seed: int, progress: Progress = SILENT) -> HyperNetwork:
    """Return a network trained on `steps` batches of `tables` synthetic tables, by Adam at a rate that falls to 0."""
    task = Task(SyntheticVotes(steps * tables, seed=seed), net=lambda shape, n: HyperNetwork(), n_outputs=1)
    task.new_net = lambda n_outputs=None: HyperNetwork()
    optimizer = AdamW(3e-3, amsgrad=True, schedule=Cosine(), clip=1.0)
    loop = Loop(_Hyper(), task, Training(1, tables, optimizer, seed=seed, device="cpu"), progress=progress)
    loop.fit()
    net: HyperNetwork = loop.objective.net
    return net.eval()


def trained_network(
    steps: int, tables: int, seed: int, cache: Cache | None = None, progress: Progress = SILENT
) -> HyperNetwork:
    """Return `train_network`'s network; its weights are kept in the cache."""

    def weights() -> NDArray:
        net = train_network(steps, tables, seed, progress)
        return nn.utils.parameters_to_vector(net.parameters()).detach().numpy()

    key = ["hyper label model", VERSION, torch.__version__, steps, tables, seed]
    flat = (cache or Cache()).array(key, weights)
    net = HyperNetwork()
    nn.utils.vector_to_parameters(torch.from_numpy(flat.copy()), net.parameters())
    return net.eval()
