"""Targets made of predictions: sharpened, aligned, assigned. All take and give probabilities (b, K), detached."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def one_hot(labels: Tensor, n_classes: int) -> Tensor:
    """Return float (b, K); rows of zeros for label -1."""
    known = labels >= 0
    out = torch.zeros(len(labels), n_classes, device=labels.device)
    out.scatter_(1, labels.clamp_min(0)[:, None], known.to(out.dtype)[:, None])
    return out


def sharpen(probs: Tensor, temperature: float) -> Tensor:
    """Return p^(1/T) normalised; T < 1 sharpens, 1 changes nothing.

    Examples
    --------
    >>> sharpen(torch.tensor([[0.25, 0.75]]), 0.5).round(decimals=3).tolist()
    [[0.10000000149011612, 0.8999999761581421]]
    """
    powered = (probs.clamp_min(1e-12).log() / temperature).softmax(dim=1)
    return powered.detach()


def guess(views: Sequence[Tensor], temperature: float) -> Tensor:
    """Return the sharpened mean prediction over several looks at the same rows: logits (b, K) each → (b, K), detached.

    Examples
    --------
    >>> guess([torch.zeros(1, 2), torch.zeros(1, 2)], 0.5).tolist()
    [[0.5, 0.5]]
    """
    return sharpen(torch.stack([logits.softmax(dim=1) for logits in views]).mean(dim=0), temperature)


def restrict(probs: Tensor, allowed: Tensor) -> Tensor:
    """Return probabilities restricted to `allowed` (bool or weights, (b, K)) and renormalised.

    A row whose allowed classes have no mass is spread over them evenly.
    """
    weight = allowed.to(probs.dtype)
    masked = probs * weight
    total = masked.sum(dim=1, keepdim=True)
    even = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-12)
    return torch.where(total > 1e-12, masked / total.clamp_min(1e-12), even).detach()


class DistributionAlignment(nn.Module):
    """p ← normalise(p · prior / running mean of p): predictions lean towards the classes that they neglect.

    Parameters
    ----------
    n_classes : int
    decay : float, default 0.999
        Memory of the running mean, in [0, 1).
    prior : Tensor (K,), optional
        Wanted class distribution; uniform by default.
    """

    mean: Tensor
    prior: Tensor

    def __init__(self, n_classes: int, decay: float = 0.999, prior: Tensor | None = None) -> None:
        super().__init__()
        self.decay = decay
        even = torch.full((n_classes,), 1 / n_classes)
        self.register_buffer("mean", even.clone())
        self.register_buffer("prior", even if prior is None else prior.float())

    def forward(self, probs: Tensor) -> Tensor:
        """Return aligned probabilities; the running mean is not changed."""
        aligned = probs.detach() * self.prior / self.mean.clamp_min(1e-6)
        return aligned / aligned.sum(dim=1, keepdim=True)

    def observe(self, probs: Tensor) -> None:
        """Move the running mean towards a batch's mean: for `Objective.after_step`."""
        self.mean.lerp_(probs.detach().mean(dim=0).to(self.mean.dtype), 1 - self.decay)


def sinkhorn(scores: Tensor, temperature: float = 0.05, rounds: int = 3) -> Tensor:
    """Return soft assignments (b, K) with rows summing to 1 and nearly equal columns; scores (b, K)."""
    with torch.no_grad():
        log_q = scores.float() / temperature
        for _ in range(rounds):
            log_q = log_q - log_q.logsumexp(dim=0, keepdim=True)
            log_q = log_q - log_q.logsumexp(dim=1, keepdim=True)
        return log_q.exp()


def confident(probs: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Return ``(labels, sure)``: the most probable class int64 (b,) and whether its probability reaches `threshold`."""
    top, labels = probs.detach().max(dim=1)
    return labels, top >= threshold
