"""Mixing rows with each other: mixup and CutMix, on inputs and any number of targets alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mixture:
    """How a batch was mixed: row i is ``share_i · i + (1 − share_i) · partner_i``.

    Parameters
    ----------
    partner : int64 tensor (b,)
    share : tensor (b,)
        In [0, 1].
    """

    partner: Tensor
    share: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        """Return ``share · values + (1 − share) · values[partner]`` for values (b, ...)."""
        share = self.share.to(values.dtype).view(-1, *([1] * (values.ndim - 1)))
        return share * values + (1 - share) * values[self.partner]


def beta(alpha: float, size: int, device: torch.device) -> Tensor:
    """Return draws of Beta(alpha, alpha), (size,), from torch's own generator."""
    a = torch._standard_gamma(torch.full((2, size), alpha, device=device))
    return a[0] / a.sum(dim=0).clamp_min(1e-12)


def mixup(size: int, alpha: float, device: torch.device, *, dominant: bool = False, each: bool = False) -> Mixture:
    """Draw a mixture of `size` rows: shares from Beta(alpha, alpha), partners a random permutation.

    Parameters
    ----------
    size : int
    alpha : float
        > 0.
    dominant : bool, default False
        Take ``max(share, 1 − share)``, so that a row stays mostly itself (MixMatch).
    each : bool, default False
        A share of its own for every row instead of one for the batch.
    """
    share = beta(alpha, size if each else 1, device).expand(size)
    if dominant:
        share = torch.maximum(share, 1 - share)
    return Mixture(torch.randperm(size, device=device), share)


def mix_match(inputs: Sequence[Tensor], targets: Sequence[Tensor], alpha: float) -> tuple[Tensor, Tensor]:
    """Mix the rows of several parts with one another, each row mostly itself (MixMatch).

    Parameters
    ----------
    inputs, targets : sequence of tensors (b_j, ...), (b_j, K)
        Labelled views, unlabelled views; partners are drawn over all parts together.
    alpha : float
        Of the Beta that the one share of the batch is drawn from; 0 mixes nothing.

    Returns
    -------
    inputs, targets : Tensor (Σ b_j, ...), (Σ b_j, K)
        One part after the other, for one pass of the network; targets are detached.
    """
    x, t = torch.cat([*inputs]), torch.cat([*targets]).detach()
    if alpha > 0:
        mixture = mixup(len(x), alpha, x.device, dominant=True)
        x, t = mixture(x), mixture(t)
    return x, t


def cutmix(images: Tensor, alpha: float = 1.0) -> tuple[Tensor, Mixture]:
    """Return images (b, C, H, W) with a box of their partner's pixels, and the mixture for their targets."""
    b, _, height, width = images.shape
    mixture = mixup(b, alpha, images.device)
    side = (1 - mixture.share[0]).sqrt()
    half_height, half_width = (height * side / 2).round().long(), (width * side / 2).round().long()
    y, x = (torch.randint(size, (), device=images.device) for size in (height, width))
    rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
    inside = (
        (rows - y >= -half_height) & (rows - y < half_height),
        (columns - x >= -half_width) & (columns - x < half_width),
    )
    box = inside[0][:, None] & inside[1][None, :]
    share = 1 - box.float().mean()
    mixed = torch.where(box, images[mixture.partner], images)
    return mixed, Mixture(mixture.partner, share.expand(b))
