"""The network of the hyper label model.

A layer sees every vote v_ij in {−1, +1} beside three means, over its row, its source and all votes:

    h_ij = LeakyReLU(A v_ij + B mean_row v + C mean_source v + D mean_all v + b)         widths 1, 8, 8, 8, 32

The mean of the last h over a row goes through a perceptron (32, 32, 32, 1) and a sigmoid: P(class 1). Nothing depends
on the order of rows or sources, nor on how many there are.

`hyper_training` says what it learns from.

Source: Wu et al., Learning hyper label model for programmatic weak supervision, ICLR 2023; in the survey [P121].
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, leaky_relu

WIDTHS = (1, 8, 8, 8, 32)


@dataclass(frozen=True, eq=False)
class Entries:
    """The votes of a table.

    Parameters
    ----------
    row, source : int64 tensor (v,)
    value : float tensor (v,)
        −1 or +1.
    weight : float tensor (v,)
    n_rows, n_sources : int
    labels : float tensor (n_rows,)
        0 or 1 where known, else NaN.
    """

    row: Tensor
    source: Tensor
    value: Tensor
    weight: Tensor
    n_rows: int
    n_sources: int
    labels: Tensor


def _mean(h: Tensor, place: Tensor, weight: Tensor, size: int) -> Tensor:
    """Return the weighted mean of h (v, d) at each place, (size, d); 0 where there is nothing."""
    total = h.new_zeros(size).index_add(0, place, weight)
    return h.new_zeros(size, h.shape[1]).index_add(0, place, h * weight[:, None]) / total.clamp(min=1e-9)[:, None]


class Layer(nn.Module):
    """The paper's W [W₄ v; W₁ mean; W₂ mean; W₃ mean] with each product of two linear maps as one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.by_row, self.by_source, self.by_table = (nn.Linear(inputs, outputs, bias=False) for _ in range(3))

    def forward(self, h: Tensor, at: Entries) -> Tensor:
        row = self.by_row(_mean(h, at.row, at.weight, at.n_rows))[at.row]
        source = self.by_source(_mean(h, at.source, at.weight, at.n_sources))[at.source]
        table = self.by_table(_mean(h, torch.zeros_like(at.row), at.weight, 1))
        return leaky_relu(self.own(h) + row + source + table)


class HyperNetwork(nn.Module):
    """Votes → logit of class 1 for every row, (n_rows,). [P121]"""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(a, b) for a, b in pairwise(WIDTHS))
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


def row_loss(logits: Tensor, entries: Entries) -> Tensor:
    """Return the mean binary cross-entropy of rows that have a vote and a known label; 0 without any."""
    voted = torch.zeros(entries.n_rows, dtype=torch.bool, device=logits.device).index_fill(0, entries.row, True)
    used = voted & ~entries.labels.isnan()
    if not used.any():
        return logits.sum() * 0
    return binary_cross_entropy_with_logits(logits[used], entries.labels[used])
