"""Networks for small images (b, C, H, W): a plain convolutional one and ResNet-18 for 32 x 32 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from labelwright.nn.backbones.network import AsFloat, Network


def _conv(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)


@dataclass(frozen=True)
class SmallCNN:
    """Convolution, batch norm and ReLU a width, halving the image after each but the last; then the mean over pixels.

    ``body.pixels`` (the body without its last pooling) gives the map that class activation maps are made of.
    """

    widths: Sequence[int] = (32, 64, 128, 128)
    dropout: float = 0.0

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        """Return a fresh network for inputs of `input_shape` (C, H, W)."""
        layers: list[nn.Module] = [AsFloat()]
        before = input_shape[0]
        for i, width in enumerate(self.widths):
            layers += [_conv(before, width), nn.BatchNorm2d(width), nn.ReLU()]
            if i < len(self.widths) - 1:
                layers.append(nn.MaxPool2d(2))
            before = width
        return Network(Pooled(nn.Sequential(*layers), self.dropout), nn.Linear(before, n_outputs), before)


class Pooled(nn.Module):
    """A map of pixels, averaged over the pixels."""

    def __init__(self, pixels: nn.Module, dropout: float = 0.0) -> None:
        super().__init__()
        self.pixels, self.dropout = pixels, nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (b, d) of images (b, C, H, W)."""
        features: Tensor = self.dropout(self.pixels(x).mean(dim=(2, 3)))
        return features


class _Residual(nn.Module):
    """Two convolutions with a shortcut around them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first, self.norm1 = _conv(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.second, self.norm2 = _conv(outputs, outputs), nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut: nn.Module = (
            nn.Identity() if same else nn.Sequential(_conv(inputs, outputs, stride, 1), nn.BatchNorm2d(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.relu(self.norm1(self.first(x)))
        return nn.functional.relu(self.norm2(self.second(h)) + self.shortcut(x))


@dataclass(frozen=True)
class ResNet18:
    """ResNet-18 whose first layer keeps small images whole (3 x 3, stride 1, no pooling)."""

    width: int = 64

    def __call__(self, input_shape: tuple[int, ...], n_outputs: int) -> Network:
        """Return a fresh network for inputs of `input_shape` (C, H, W)."""
        w = self.width
        layers: list[nn.Module] = [AsFloat(), _conv(input_shape[0], w), nn.BatchNorm2d(w), nn.ReLU()]
        before = w
        for stage in range(4):
            for block in range(2):
                layers.append(_Residual(before, w << stage, 2 if stage and not block else 1))
                before = w << stage
        return Network(Pooled(nn.Sequential(*layers)), nn.Linear(before, n_outputs), before)
