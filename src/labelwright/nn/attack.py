"""Inputs moved against a network: gradient sign steps, projected ones, and the direction of virtual adversaries."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor], Tensor]  # inputs (b, ...) → scalar


def input_gradient(loss: Loss, x: Tensor) -> Tensor:
    """Return d loss / d x, same shape; parameters get no gradient."""
    with torch.enable_grad():
        moved = x.detach().clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(moved), moved)
    return gradient.detach()


def fgsm(loss: Loss, x: Tensor, eps: float, bounds: tuple[float, float] | None = None) -> Tensor:
    """Return x + eps · sign(d loss / d x), clipped to `bounds`: the fast gradient sign method."""
    moved = x + eps * input_gradient(loss, x).sign()
    return moved if bounds is None else moved.clamp(*bounds)


def pgd(
    loss: Loss,
    x: Tensor,
    eps: float,
    step: float,
    rounds: int = 10,
    bounds: tuple[float, float] | None = None,
    random_start: bool = True,
) -> Tensor:
    """Return x moved `rounds` times by `step` along the gradient's sign, kept within eps (maximum norm) of x."""
    moved = x + eps * (2 * torch.rand_like(x) - 1) if random_start else x.clone()
    for _ in range(rounds):
        moved = moved + step * input_gradient(loss, moved).sign()
        moved = torch.maximum(torch.minimum(moved, x + eps), x - eps)
        if bounds is not None:
            moved = moved.clamp(*bounds)
    return moved.detach()


def virtual_adversary(
    net: Callable[[Tensor], Tensor], x: Tensor, radius: float, xi: float = 1e-6, rounds: int = 1
) -> Tensor:
    """Return the perturbation of length `radius` that changes the prediction most: virtual adversarial training.

    Power iteration on KL(p(x) ‖ p(x + d)); shapes (b, ...). Needs no labels.
    """
    with torch.no_grad():
        target = net(x).softmax(dim=1)
    direction = torch.randn_like(x)
    for _ in range(rounds):
        direction = xi * _unit(direction)

        def divergence(d: Tensor) -> Tensor:
            log_p = net(x + d).log_softmax(dim=1)
            return (torch.special.xlogy(target, target) - target * log_p).sum()

        direction = input_gradient(divergence, direction)
    return radius * _unit(direction)


def _unit(d: Tensor) -> Tensor:
    flat = d.flatten(1)
    return (flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-12)).view_as(d)
