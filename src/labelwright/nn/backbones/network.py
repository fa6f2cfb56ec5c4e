"""What a network offers beside its logits: the features that its head reads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A body that makes features and a head that makes logits of them.

    Parameters
    ----------
    body : nn.Module
        Inputs (b, ...) → features (b, d).
    head : nn.Module
        Features → outputs (b, K).
    n_features : int
        d.
    """

    whole: bool = False  # True for networks that must see all rows at once, such as those on a graph

    def __init__(self, body: nn.Module, head: nn.Module, n_features: int) -> None:
        super().__init__()
        self.body, self.head, self.n_features = body, head, n_features

    def features(self, x: Any) -> Tensor:
        """Return what the head reads, (b, d)."""
        features: Tensor = self.body(x)
        return features

    def forward(self, x: Any) -> Tensor:
        """Return logits (b, K)."""
        logits: Tensor = self.head(self.features(x))
        return logits


class AsFloat(nn.Module):
    """First layer: images in bytes become numbers in [0, 1], other inputs float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Return floats, same shape."""
        if x.dtype == torch.uint8:
            return x.float() / 255
        return x if x.is_floating_point() else x.float()


class Standardized(nn.Module):
    """Subtract a mean and divide by a scale fixed from data; constant inputs become 0.

    Parameters
    ----------
    mean, scale : Tensor
        Broadcast against one input; zeros in `scale` are read as 1.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.float())
        self.register_buffer("scale", torch.where(scale > 0, scale, torch.ones_like(scale)).float())

    def forward(self, x: Tensor) -> Tensor:
        """Return standardised inputs, float32, same shape."""
        x = x.float() / 255 if x.dtype == torch.uint8 else x.float()
        return (x - self.mean) / self.scale
