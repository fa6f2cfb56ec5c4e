"""How point clouds are corrupted: noise, lost points, outliers, and a step against a network. [P150]

Clouds are (b, P, d), centred and of radius 1; `normalized_clouds` makes them so. A lost point is replaced by one that
is left: networks that take a maximum over points do not see it, and every cloud keeps its P places. Dropping changes
the order of the points, so it comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

FEWEST = 16  # points that every cloud keeps
JITTER, DROPPED, OUTLIERS = 0.1, 0.5, 0.2  # at level 1: standard deviation, and shares of the points

Corruption = Callable[[Tensor, Tensor, float], Tensor]  # clouds, chance of each point, level → clouds


def normalized_clouds(x: Tensor) -> Tensor:
    """Return clouds centred, the farthest point at distance 1; (b, P, d).

    Examples
    --------
    >>> normalized_clouds(torch.tensor([[[0.0], [4.0]]])).tolist()
    [[[-1.0], [1.0]]]
    """
    centred = x - x.mean(dim=1, keepdim=True)
    radius = centred.norm(dim=2).amax(dim=1)[:, None, None]
    return centred / radius.clamp_min(1e-12)


def chosen_points(chance: Tensor, count: int) -> Tensor:
    """Return `count` different points of each cloud, int64 (b, count), in proportion to chances (b, P)."""
    keys = chance.clamp_min(1e-12).log() - torch.empty_like(chance).exponential_().log()
    return keys.topk(count, dim=1).indices


def jitter_points(x: Tensor, chance: Tensor, level: float) -> Tensor:
    """Return clouds with Gaussian noise of standard deviation 0.1 · level on every point."""
    return x + JITTER * level * torch.randn_like(x)


def drop_points(x: Tensor, chance: Tensor, level: float) -> Tensor:
    """Return clouds that lost a share 0.5 · level of their points; 16 stay, the lost ones repeat those."""
    points = x.shape[1]
    lost = min(round(DROPPED * level * points), max(points - FEWEST, 0))
    if lost == 0:
        return x
    gone = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    gone.scatter_(1, chosen_points(chance, lost), True)
    left = torch.argsort(gone.to(torch.int8), dim=1, stable=True)[:, : points - lost]
    again = left[:, torch.randint(points - lost, (lost,), device=x.device)]
    index = torch.cat([left, again], dim=1)[:, :, None].expand(-1, -1, x.shape[2])
    return x.gather(1, index)


def scatter_points(x: Tensor, chance: Tensor, level: float) -> Tensor:
    """Return clouds of which a share 0.2 · level of the points lies anywhere in the cube around the cloud."""
    count = round(OUTLIERS * level * x.shape[1])
    if count == 0:
        return x
    at = chosen_points(chance, count)[:, :, None].expand(-1, -1, x.shape[2])
    reach = x.abs().amax(dim=(1, 2), keepdim=True)
    anywhere = reach * (2 * torch.rand(len(x), count, x.shape[2], device=x.device, dtype=x.dtype) - 1)
    return x.scatter(1, at, anywhere)


def push_points(x: Tensor, chance: Tensor, gradient: Tensor, step: float) -> Tensor:
    """Return clouds of which half of the points are moved by `step` along the sign of a gradient (b, P, d)."""
    chosen = torch.zeros(x.shape[:2], dtype=x.dtype, device=x.device)
    chosen.scatter_(1, chosen_points(chance, x.shape[1] // 2), 1.0)
    return x + step * chosen[:, :, None] * gradient.sign()


def corrupted_clouds(
    x: Tensor,
    chance: Tensor | None,
    level: float,
    kinds: Sequence[Corruption] = (jitter_points, scatter_points, drop_points),
    gradient: Tensor | None = None,
    eps: float = 0.05,
) -> Tensor:
    """Return clouds corrupted and normalised again, (b, P, d); unchanged at level 0. [P150]

    Parameters
    ----------
    x : Tensor (b, P, d)
    chance : Tensor (b, P), optional
        How likely each point is hit, in proportion; all alike by default.
    level : float
        In [0, 1].
    kinds : sequence of corruptions, default all
    gradient : Tensor (b, P, d), optional
        Of a loss by points: half of them take a step along its sign first.
    eps : float, default 0.05
        Length of that step at level 1.

    Examples
    --------
    >>> x = torch.rand(2, 32, 3)
    >>> torch.equal(corrupted_clouds(x, None, 0.0), x)
    True
    """
    if level <= 0:
        return x
    chance = torch.ones(x.shape[:2], dtype=x.dtype, device=x.device) if chance is None else chance
    if gradient is not None:
        x = push_points(x, chance, gradient, eps * level)
    for kind in kinds:
        x = kind(x, chance, level)
    return normalized_clouds(x)
