"""Memories of rows: what a method remembers of each row from one visit to the next."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RowMemory(nn.Module):
    """A value for each row, written by row number, never part of a gradient.

    Parameters
    ----------
    n_rows : int
    *shape : int
        Shape of a row's value: classes, features, nothing for a number.
    fill : float, default 0.0
        What a row holds before its first visit.
    dtype : torch.dtype, default float32

    Examples
    --------
    >>> memory = RowMemory(3, 2)
    >>> memory.write(torch.tensor([1]), torch.tensor([[0.2, 0.8]]))
    >>> memory.read(torch.tensor([0, 1])).tolist()
    [[0.0, 0.0], [0.20000000298023224, 0.800000011920929]]
    """

    values: Tensor

    def __init__(self, n_rows: int, *shape: int, fill: float = 0.0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.register_buffer("values", torch.full((n_rows, *shape), fill, dtype=dtype))

    def read(self, index: Tensor) -> Tensor:
        """Return the values of rows: int64 (b,) → (b, ...)."""
        return self.values[index]

    def blend(self, index: Tensor, new: Tensor, keep: float) -> Tensor:
        """Return ``keep · old + (1 − keep) · new`` without writing it; `keep` in [0, 1]."""
        return keep * self.values[index] + (1 - keep) * new.detach().to(self.values.dtype)

    def write(self, index: Tensor, new: Tensor) -> None:
        """Replace the values of rows; of a row named twice one of the two is kept."""
        self.values[index] = new.detach().to(self.values.dtype)


class LossHistory(nn.Module):
    """The last `window` losses of each row, oldest first; NaN where a row was seen less often."""

    losses: Tensor

    def __init__(self, n_rows: int, window: int) -> None:
        super().__init__()
        self.register_buffer("losses", torch.full((n_rows, window), float("nan")))

    def write(self, index: Tensor, losses: Tensor) -> None:
        """Append a loss (b,) to each of the rows named."""
        shifted = self.losses[index].roll(-1, dims=1)
        shifted[:, -1] = losses.detach().float()
        self.losses[index] = shifted

    def mean(self) -> Tensor:
        """Return the mean of what each row has, float32 (n,); NaN for rows never seen."""
        return self.losses.nanmean(dim=1)


class FeatureQueue(nn.Module):
    """The last `size` feature vectors with what belongs to each: a ring, with a mask of filled places.

    Parameters
    ----------
    size : int
        Places; a batch may be larger than what is left before the end, it wraps around.
    dim : int
        Length of a feature vector.
    **extras : int
        Further columns by name: how many numbers each entry carries, 0 for one int64 label.
    """

    features: Tensor
    filled: Tensor
    at: Tensor

    def __init__(self, size: int, dim: int, **extras: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(size, dim))
        self.register_buffer("filled", torch.zeros(size, dtype=torch.bool))
        self.register_buffer("at", torch.zeros((), dtype=torch.int64))
        for name, width in extras.items():
            value = torch.zeros(size, width) if width else torch.full((size,), -1, dtype=torch.int64)
            self.register_buffer(name, value)
        self._extras = tuple(extras)

    def push(self, features: Tensor, **extras: Tensor) -> None:
        """Put a batch in the place of the oldest entries; the last `size` rows of a larger batch."""
        size = len(self.features)
        features = features.detach()[-size:]
        place = (self.at + torch.arange(len(features), device=features.device)) % size
        self.features[place] = features.to(self.features.dtype)
        self.filled[place] = True
        for name in self._extras:
            column: Tensor = getattr(self, name)
            column[place] = extras[name].detach()[-size:].to(column.dtype)
        self.at.copy_((self.at + len(features)) % size)
