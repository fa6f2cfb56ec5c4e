"""Networks on a graph: graph convolution and graph attention from sparse products alone.

The graph belongs to the network; a batch is the whole graph, in the order of its nodes (``net.whole``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.nn.backbones.network import Network


def both_ways(edges: ArrayLike, n_nodes: int, *, self_loops: bool = True) -> NDArray[np.int64]:
    """Return edges int64 (2, m): each undirected edge in both directions once, with a loop at every node.

    Examples
    --------
    >>> both_ways([[0, 1]], 2).tolist()
    [[0, 0, 1, 1], [0, 1, 0, 1]]
    """
    pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= n_nodes):
        raise BadInput(f"an edge names a node outside 0..{n_nodes - 1}", fix="number the nodes from 0")
    loops = np.repeat(np.arange(n_nodes if self_loops else 0)[:, None], 2, axis=1)
    every = np.concatenate([pairs, pairs[:, ::-1], loops])
    return np.ascontiguousarray(np.unique(every, axis=0).T)


def normalized_adjacency(edges: NDArray[np.int64], n_nodes: int) -> Tensor:
    """Return D^-1/2 A D^-1/2 as a sparse tensor; edges (2, m) as `both_ways` gives them."""
    degree = np.bincount(edges[0], minlength=n_nodes).astype(np.float64)
    scale = 1 / np.sqrt(np.maximum(degree, 1))
    values = torch.tensor(scale[edges[0]] * scale[edges[1]], dtype=torch.float32)
    return torch.sparse_coo_tensor(
        torch.from_numpy(edges), values, (n_nodes, n_nodes), check_invariants=False
    ).coalesce()


class _Convolutions(nn.Module):
    """h ← relu(A h W) a layer."""

    adjacency: Tensor

    def __init__(self, adjacency: Tensor, sizes: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency, persistent=False)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = nn.functional.relu(torch.sparse.mm(self.adjacency, layer(self.dropout(x))))
        return x


class _Propagated(nn.Module):
    """The head of a graph convolution: one more product with the adjacency."""

    def __init__(self, body: _Convolutions, size: int, n_outputs: int, dropout: float) -> None:
        super().__init__()
        self._body, self.linear, self.dropout = [body], nn.Linear(size, n_outputs), nn.Dropout(dropout)

    def forward(self, h: Tensor) -> Tensor:
        return torch.sparse.mm(self._body[0].adjacency, self.linear(self.dropout(h)))


class GraphNetwork(Network):
    """A network that sees the whole graph at once."""

    whole = True


@dataclass(frozen=True, eq=False)
class GCN:
    """Graph convolutional network.

    Parameters
    ----------
    edges : int array (m, 2)
        Undirected edges between nodes.
    n_nodes : int
    hidden : sequence of int, default (64,)
    dropout : float, default 0.5
    """

    edges: ArrayLike
    n_nodes: int
    hidden: Sequence[int] = (64,)
    dropout: float = 0.5

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        """Return a fresh network for node features of `input_shape` (d,)."""
        adjacency = normalized_adjacency(both_ways(self.edges, self.n_nodes), self.n_nodes)
        body = _Convolutions(adjacency, (input_shape[0], *self.hidden), self.dropout)
        size = self.hidden[-1]
        return GraphNetwork(body, _Propagated(body, size, n_outputs, self.dropout), size)


class GraphAttention(nn.Module):
    """One layer of graph attention with several heads, concatenated or averaged.

    e_ij = leaky_relu(a_left · W h_i + a_right · W h_j) over the edges j → i, α = softmax over j, h'_i = Σ_j α_ij W h_j.
    """

    edges: Tensor

    def __init__(self, edges: Tensor, inputs: int, outputs: int, heads: int, *, average: bool, dropout: float) -> None:
        super().__init__()
        self.register_buffer("edges", edges, persistent=False)
        self.heads, self.outputs, self.average = heads, outputs, average
        self.project = nn.Linear(inputs, heads * outputs, bias=False)
        self.left = nn.Parameter(torch.empty(heads, outputs))
        self.right = nn.Parameter(torch.empty(heads, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs if average else heads * outputs))
        self.dropout = nn.Dropout(dropout)
        for weight in (self.left, self.right):
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return node features (n, heads · outputs), or (n, outputs) when averaged."""
        n = len(x)
        h = self.project(self.dropout(x)).view(n, self.heads, self.outputs)
        target, source = self.edges
        score = (h * self.left).sum(-1)[target] + (h * self.right).sum(-1)[source]
        score = nn.functional.leaky_relu(score, 0.2)
        top = torch.full((n, self.heads), -torch.inf, device=x.device, dtype=score.dtype)
        top = top.scatter_reduce(0, target[:, None].expand_as(score), score.detach(), "amax")
        weight = torch.exp(score - top[target])
        total = torch.zeros(n, self.heads, device=x.device, dtype=weight.dtype).index_add(0, target, weight)
        alpha = self.dropout(weight / total[target])
        mixed = torch.zeros_like(h).index_add(0, target, alpha[:, :, None] * h[source])
        return (mixed.mean(dim=1) if self.average else mixed.flatten(1)) + self.bias


@dataclass(frozen=True, eq=False)
class GAT:
    """Graph attention network of two layers.

    Parameters
    ----------
    edges : int array (m, 2)
    n_nodes : int
    hidden : int, default 8
        Width of each head.
    heads : int, default 8
    dropout : float, default 0.5
    """

    edges: ArrayLike
    n_nodes: int
    hidden: int = 8
    heads: int = 8
    dropout: float = 0.5

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        """Return a fresh network for node features of `input_shape` (d,)."""
        edges = torch.from_numpy(both_ways(self.edges, self.n_nodes))
        size = self.hidden * self.heads
        first: Any = GraphAttention(edges, input_shape[0], self.hidden, self.heads, average=False, dropout=self.dropout)
        last = GraphAttention(edges, size, n_outputs, 1, average=True, dropout=self.dropout)
        return GraphNetwork(nn.Sequential(first, nn.ELU()), last, size)
