"""Running averages of weights: a slower, steadier copy of a network."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class AveragedNet(nn.Module):
    """A copy of `net` whose weights follow it: ``w ← decay · w + (1 − decay) · net``. Buffers are copied.

    Parameters
    ----------
    net : nn.Module
        Copied at once; the copy takes no gradient.
    decay : float, default 0.999
        In [0, 1).
    warm : bool, default False
        Let the decay rise as ``min(decay, 1 − 1/(steps + 1))``, so that the first steps count.
    """

    steps: Tensor

    def __init__(self, net: nn.Module, decay: float = 0.999, *, warm: bool = False) -> None:
        super().__init__()
        self.net = copy.deepcopy(net).requires_grad_(False)
        self.decay, self.warm = decay, warm
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def follow(self, net: nn.Module, decay: float | None = None) -> None:
        """Move one step towards `net`, with another decay than the usual one if given."""
        keep = self.decay if decay is None else decay
        self.steps += 1
        if self.warm:
            keep = min(keep, 1 - 1 / (int(self.steps) + 1))
        own: list[Tensor] = [*self.net.parameters()]
        other: list[Tensor] = [*net.parameters()]
        torch._foreach_lerp_(own, other, 1 - keep)
        for mine, theirs in zip(self.net.buffers(), net.buffers(), strict=True):
            mine.copy_(theirs)

    def train(self, mode: bool = True) -> AveragedNet:
        """Stay in evaluation mode: an averaged network is asked, not trained."""
        return super().train(False)

    def forward(self, x: Any) -> Tensor:
        """Return the averaged network's logits, without gradient."""
        with torch.no_grad():
            logits: Tensor = self.net(x)
            return logits

    def features(self, x: Any) -> Tensor:
        """Return the averaged network's features, without gradient."""
        with torch.no_grad():
            features: Tensor = self.net.features(x)  # type: ignore[operator]
            return features
