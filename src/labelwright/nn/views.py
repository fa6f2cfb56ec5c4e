"""Views: how a batch of inputs is changed before a network sees it. Batched, on the device, seeded by torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


class View(Protocol):
    """Any function from a batch of inputs to a batch of inputs of the same shape."""

    def __call__(self, x: Any, /) -> Any:
        """Return the changed inputs."""
        ...


def unchanged(x: Any) -> Any:
    """Return the inputs as they are."""
    return x


@dataclass(frozen=True)
class Jitter:
    """Gaussian noise of standard deviation `std` on every input, in the inputs' unit."""

    std: float = 0.05

    def __call__(self, x: Tensor, /) -> Tensor:
        """Return noisy inputs, same shape."""
        return x + self.std * torch.randn_like(x)


@dataclass(frozen=True)
class FeatureDropout:
    """Each input set to 0 with probability `rate`; no rescaling."""

    rate: float = 0.2

    def __call__(self, x: Tensor, /) -> Tensor:
        """Return inputs with zeros, same shape."""
        return x * (torch.rand_like(x) >= self.rate)


@dataclass(frozen=True)
class FlipCrop:
    """Images (b, C, H, W): mirrored left to right half of the time, shifted by up to `pad` pixels (reflected edges)."""

    pad: int = 4
    flip: bool = True

    def __call__(self, x: Tensor, /) -> Tensor:
        """Return shifted images, same shape."""
        b, _, height, width = x.shape
        padded = torch.nn.functional.pad(x.float(), (self.pad,) * 4, mode="reflect").to(x.dtype)
        shift = torch.randint(0, 2 * self.pad + 1, (2, b), device=x.device)
        row = shift[0][:, None] + torch.arange(height, device=x.device)
        column = shift[1][:, None] + torch.arange(width, device=x.device)
        if self.flip:
            mirrored = torch.rand(b, device=x.device) < 0.5
            column = torch.where(mirrored[:, None], column.flip(1), column)
        each = torch.arange(b, device=x.device)[:, None, None]
        return padded[each, :, row[:, :, None], column[:, None, :]].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Cutout:
    """Images: a square of `size` pixels at a random place set to `fill`."""

    size: int = 8
    fill: float = 0.0

    def __call__(self, x: Tensor, /) -> Tensor:
        """Return images with a hole, same shape."""
        b, _, height, width = x.shape
        top = torch.randint(-(self.size // 2), height, (b, 1), device=x.device)
        left = torch.randint(-(self.size // 2), width, (b, 1), device=x.device)
        row, column = torch.arange(height, device=x.device), torch.arange(width, device=x.device)
        inside = (row >= top) & (row < top + self.size), (column >= left) & (column < left + self.size)
        hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
        return torch.where(hole, torch.full_like(x, self.fill), x)


@dataclass(frozen=True)
class ColourJitter:
    """Images: brightness and contrast of each image scaled by random factors in 1 ± `strength`."""

    strength: float = 0.4

    def __call__(self, x: Tensor, /) -> Tensor:
        """Return recoloured images, same shape."""
        factors = 1 + self.strength * (2 * torch.rand(2, len(x), 1, 1, 1, device=x.device, dtype=x.dtype) - 1)
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        return factors[0] * ((x - mean) * factors[1] + mean)


class InTurn:
    """Several views, one after the other."""

    def __init__(self, *views: View) -> None:
        self.views = views

    def __call__(self, x: Any, /) -> Any:
        """Return the inputs after all views."""
        for view in self.views:
            x = view(x)
        return x


@dataclass(frozen=True)
class ViewPair:
    """The two views that most methods speak of: `weak` barely changes an input, `strong` changes it plainly."""

    weak: View = unchanged
    strong: View = unchanged


TABLE_VIEWS = ViewPair(Jitter(0.05), InTurn(FeatureDropout(0.2), Jitter(0.2)))
IMAGE_VIEWS = ViewPair(FlipCrop(4), InTurn(FlipCrop(4), ColourJitter(0.4), Cutout(8)))
