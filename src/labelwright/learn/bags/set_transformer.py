"""Attention blocks for sets: items look at each other, and the answer does not depend on their order.

    MAB(X, Y) = H + ReLU(Linear(H)),   H = X W_q + MultiHead(X W_q, Y W_k, Y W_v)
    SAB(X) = MAB(X, X)      ISAB(X) = MAB(X, MAB(I, X)) with learnt points I      PMA(X) = MAB(S, X) with learnt seeds S

Source: Lee et al., Set Transformer, ICML 2019; used by [P029].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labelwright.errors import BadInput


class MAB(nn.Module):
    """Multihead attention block: x looks at y.

    Parameters
    ----------
    dim_x, dim_y, dim : int
        Lengths of x, y and of the result; `dim` is a multiple of `heads`.
    heads : int, default 4
    """

    def __init__(self, dim_x: int, dim_y: int, dim: int, heads: int = 4) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise BadInput(f"dim {dim} is no multiple of {heads} heads", fix="choose dim as a multiple of heads")
        self.heads = heads
        self.q, self.k, self.v = nn.Linear(dim_x, dim), nn.Linear(dim_y, dim), nn.Linear(dim_y, dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (g, n, dim) for x (g, n, dim_x) and y (g, m, dim_y), of which ``mask`` (g, m) are real (None: all)."""
        q = self.q(x)
        query, key, value = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in (q, self.k(y), self.v(y)))
        seen = None if mask is None else mask[:, None, None, :]
        found = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        h = q + found.transpose(1, 2).flatten(2)
        return h + torch.relu(self.out(h))


class SAB(nn.Module):
    """Items look at all items: O(m²)."""

    def __init__(self, dim_in: int, dim: int, heads: int = 4) -> None:
        super().__init__()
        self.block = MAB(dim_in, dim_in, dim, heads)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (g, m, dim) for items (g, m, dim_in)."""
        out: Tensor = self.block(x, x, mask)
        return out


class ISAB(nn.Module):
    """Items look at all items through a few learnt points: O(m · points)."""

    def __init__(self, dim_in: int, dim: int, heads: int = 4, points: int = 5) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.empty(1, points, dim))
        nn.init.xavier_uniform_(self.points)
        self.gather, self.scatter = MAB(dim, dim_in, dim, heads), MAB(dim_in, dim, dim, heads)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (g, m, dim) for items (g, m, dim_in)."""
        seen = self.gather(self.points.expand(len(x), -1, -1), x, mask)
        out: Tensor = self.scatter(x, seen)
        return out


class PMA(nn.Module):
    """Learnt seeds look at all items: (g, m, dim) → (g, seeds, dim)."""

    def __init__(self, dim: int, heads: int = 4, seeds: int = 1) -> None:
        super().__init__()
        self.seeds = nn.Parameter(torch.empty(1, seeds, dim))
        nn.init.xavier_uniform_(self.seeds)
        self.block = MAB(dim, dim, dim, heads)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (g, seeds, dim)."""
        out: Tensor = self.block(self.seeds.expand(len(x), -1, -1), x, mask)
        return out


class SetTransformer(nn.Module):
    """Two ISAB, PMA with one seed, two SAB, linear: a pooling (g, m, d) → (g, n_outputs).

    Parameters
    ----------
    dim, n_outputs : int
    hidden, heads, points : int, default 64, 4, 5
    """

    def __init__(self, dim: int, n_outputs: int, hidden: int = 64, heads: int = 4, points: int = 5) -> None:
        super().__init__()
        self.first, self.second = ISAB(dim, hidden, heads, points), ISAB(hidden, hidden, heads, points)
        self.pool = PMA(hidden, heads)
        self.after = nn.Sequential(SAB(hidden, hidden, heads), SAB(hidden, hidden, heads), nn.Linear(hidden, n_outputs))

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return (g, n_outputs) for features (g, m, d) of which ``mask`` (g, m) are real."""
        pooled: Tensor = self.after(self.pool(self.second(self.first(h, mask), mask), mask))
        return pooled[:, 0]
