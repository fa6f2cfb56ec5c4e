"""A small U-Net for masks: images (b, C, H, W) → logits a pixel (b, K, H, W)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from labelwright.nn.backbones.network import AsFloat


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (inputs, outputs):
        layers += [nn.Conv2d(before, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class _UNet(nn.Module):
    def __init__(self, channels: int, n_outputs: int, width: int, depth: int) -> None:
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.enter = AsFloat()
        self.down = nn.ModuleList(_twice(a, b) for a, b in zip([channels, *widths], widths, strict=False))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[-2::-1])
        self.up = nn.ModuleList(_twice(2 * w, w) for w in widths[-2::-1])
        self.head = nn.Conv2d(width, n_outputs, 1)
        self.n_features = width

    def features(self, x: Tensor) -> Tensor:
        """Return the map that the head reads, (b, width, H, W); H and W are divisible by 2^depth."""
        skips = []
        h: Tensor = self.enter(x)
        for level, block in enumerate(self.down):
            h = block(h if level == 0 else nn.functional.max_pool2d(h, 2))
            skips.append(h)
        for rise, block, skip in zip(self.rise, self.up, skips[-2::-1], strict=True):
            h = block(torch.cat([rise(h), skip], dim=1))
        return h

    def forward(self, x: Tensor) -> Tensor:
        """Return logits a pixel (b, K, H, W)."""
        logits: Tensor = self.head(self.features(x))
        return logits


@dataclass(frozen=True)
class UNet:
    """U-Net of `depth` halvings whose first level has `width` channels."""

    width: int = 16
    depth: int = 3

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
        """Return a fresh network for images of `input_shape` (C, H, W)."""
        return _UNet(input_shape[0], n_outputs, self.width, self.depth)
