"""Two towers: two encoders into one space, compared by cosine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class TwoTowers(nn.Module):
    """Two networks whose outputs live on one unit sphere, and the temperature of their comparison.

    Parameters
    ----------
    first, second : nn.Module
        Inputs of either kind → embeddings (b, d).
    temperature : float, default 0.07
        Start of the learnt temperature, > 0.
    """

    def __init__(self, first: nn.Module, second: nn.Module, temperature: float = 0.07) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.log_scale = nn.Parameter(-torch.tensor(temperature).log())

    def embed(self, a: Any, b: Any) -> tuple[Tensor, Tensor]:
        """Return unit embeddings of both kinds, (m, d) and (n, d)."""
        return normalize(self.first(a), dim=1), normalize(self.second(b), dim=1)

    def forward(self, a: Any, b: Any) -> Tensor:
        """Return scaled cosines, (m, n)."""
        u, v = self.embed(a, b)
        return self.log_scale.clamp(max=4.6052).exp() * u @ v.T
