"""Prototypes: one unit vector a class that follows the features of its members."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class Prototypes(nn.Module):
    """μ_c ← normalise(g μ_c + (1 − g) v) for the features v that belong to class c.

    Parameters
    ----------
    n_classes, dim : int
    momentum : float, default 0.99
        g, in [0, 1).
    """

    vectors: Tensor
    seen: Tensor

    def __init__(self, n_classes: int, dim: int, momentum: float = 0.99) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("vectors", torch.zeros(n_classes, dim))
        self.register_buffer("seen", torch.zeros(n_classes, dtype=torch.bool))

    def similarity(self, features: Tensor) -> Tensor:
        """Return cosines (b, K) with features (b, d); 0 for classes not seen yet."""
        return normalize(features, dim=1) @ self.vectors.T

    @torch.no_grad()
    def follow(self, features: Tensor, labels: Tensor) -> None:
        """Move each class towards its rows one after the other, as (1 − g) Σ_j g^(m−j) v_j; label -1 is skipped."""
        units = normalize(features.detach().float(), dim=1)
        for c in torch.unique(labels[labels >= 0]).tolist():
            own = units[labels == c]
            if not self.seen[c]:
                self.vectors[c], self.seen[c] = normalize(own.mean(dim=0), dim=0), True
                continue
            fade = self.momentum ** torch.arange(len(own) - 1, -1, -1, device=own.device, dtype=own.dtype)
            moved = self.momentum ** len(own) * self.vectors[c] + (1 - self.momentum) * (fade[:, None] * own).sum(dim=0)
            self.vectors[c] = normalize(moved, dim=0)

    @torch.no_grad()
    def set_means(self, features: Tensor, labels: Tensor, weight: Tensor | None = None) -> None:
        """Set each class to the normalised (weighted) mean of its rows (n, d); classes without rows stay."""
        units = features.detach().float()
        if weight is not None:
            units = units * weight[:, None].to(units.dtype)
        known = labels >= 0
        sums = torch.zeros_like(self.vectors).index_add(0, labels[known], units[known])
        there = torch.zeros_like(self.seen)
        there[labels[known]] = True
        self.vectors[there] = normalize(sums[there], dim=1)
        self.seen |= there
