"""Loss functions that several families share: pure, on logits, for anybody's loop.

Shapes throughout: logits (b, K), labels int64 (b,) with -1 for rows that do not count, weights (b,). Means are over the
rows that count, by weight; without any the loss is 0 and still has a gradient (of zeros).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy as torch_cross_entropy
from torch.nn.functional import log_softmax, logsigmoid, softplus


def weighted_mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return Σ w v / Σ w over all entries; 0 when no weight is left. Same shapes, or weight None."""
    if weight is None:
        return values.mean() if values.numel() else values.sum()
    weight = weight.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp_min(torch.finfo(values.dtype).tiny)


def row_cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return −Σ_k t_k log p_k of each row (b,), t = (1 − e) onehot(y) + e/K; 0 for rows with label -1."""
    log_p = log_softmax(logits, dim=1)
    own = -log_p.gather(1, labels.clamp_min(0)[:, None])[:, 0]
    loss = own if smoothing == 0 else (1 - smoothing) * own - smoothing * log_p.mean(dim=1)
    return torch.where(labels >= 0, loss, torch.zeros_like(loss))


def cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0, weight: Tensor | None = None) -> Tensor:
    """Return the mean cross-entropy over labelled rows.

    Examples
    --------
    >>> round(float(cross_entropy(torch.zeros(2, 4), torch.tensor([1, -1]))), 4)
    1.3863
    """
    if weight is None:  # one fused call; its mean would be NaN without any label
        total = torch_cross_entropy(logits, labels, ignore_index=-1, label_smoothing=smoothing, reduction="sum")
        return total / (labels >= 0).sum().clamp_min(1)
    known = (labels >= 0).to(logits.dtype)
    return weighted_mean(row_cross_entropy(logits, labels, smoothing=smoothing), known * weight)


def row_soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return −Σ_k t_k log p_k of each row (b,); targets (b, K), not differentiated by this function."""
    return -(targets * log_softmax(logits, dim=1)).sum(dim=1)


def soft_cross_entropy(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean of −Σ_k t_k log p_k. A row of zeros in `targets` adds 0 but counts."""
    return weighted_mean(row_soft_cross_entropy(logits, targets), weight)


def kl_divergence(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean of KL(t ‖ p) = Σ_k t_k (log t_k − log p_k), in nats; 0 log 0 is 0."""
    entropy = torch.special.xlogy(targets, targets).sum(dim=1)
    return weighted_mean(entropy + row_soft_cross_entropy(logits, targets), weight)


def squared_difference(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of (p − t)² over rows and classes: how MixMatch holds predictions to guesses (b, K).

    Examples
    --------
    >>> squared_difference(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])).item()
    0.25
    """
    return ((logits.softmax(dim=1) - targets) ** 2).mean()


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of each row (b,), in nats, in [0, log 2]; p and q (b, K) sum to 1."""
    middle = (p + q) / 2
    halves = [torch.special.xlogy(a, a) - torch.special.xlogy(a, middle) for a in (p, q)]
    return 0.5 * (halves[0].sum(dim=1) + halves[1].sum(dim=1)).clamp_min(0)


def distillation(logits: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Return T² · mean KL(softmax(teacher/T) ‖ softmax(logits/T)); the teacher (b, K) is detached."""
    targets = (teacher.detach() / temperature).softmax(dim=1)
    return temperature**2 * kl_divergence(logits / temperature, targets)


def focal(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Return the mean of −(1 − p_y)^gamma log p_y over labelled rows."""
    log_p = log_softmax(logits, dim=1).gather(1, labels.clamp_min(0)[:, None])[:, 0]
    return weighted_mean(-((1 - log_p.exp()) ** gamma) * log_p, (labels >= 0).to(logits.dtype))


def binary_cross_entropy(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean of −t log σ(z) − (1 − t) log σ(−z) over all cells, by weight; all (b, K).

    Cells of weight 0 do not count: that is how unknown tags are left out.

    Examples
    --------
    >>> z = torch.zeros(1, 2)
    >>> round(float(binary_cross_entropy(z, torch.ones(1, 2), torch.tensor([[1.0, 0.0]]))), 4)
    0.6931
    """
    return weighted_mean(softplus(logits) - targets * logits, weight)


def positive_cells(logits: Tensor) -> Tensor:
    """Return −log σ(z) of each cell: the loss of saying no to a positive."""
    return -logsigmoid(logits)


def negative_cells(logits: Tensor) -> Tensor:
    """Return −log σ(−z) of each cell: the loss of saying yes to a negative."""
    return -logsigmoid(-logits)


def soft_dice(probs: Tensor, targets: Tensor, eps: float = 1.0) -> Tensor:
    """Return 1 − mean Dice over images and classes; probs and targets (b, K, H, W) in [0, 1]."""
    overlap = 2 * (probs * targets).sum(dim=(2, 3)) + eps
    return 1 - (overlap / (probs.sum(dim=(2, 3)) + targets.sum(dim=(2, 3)) + eps)).mean()


def pairwise_logistic(better: Tensor, worse: Tensor) -> Tensor:
    """Return the mean of log(1 + exp(worse − better)): scores (b,) of pairs of which the first should win."""
    return softplus(worse - better).mean()


def entropy(probs: Tensor) -> Tensor:
    """Return −Σ_k p_k log p_k of each row (b,), in nats."""
    return -torch.special.xlogy(probs, probs).sum(dim=1)


def balance(probs: Tensor, prior: Tensor | None = None) -> Tensor:
    """Return Σ_k π_k log(π_k / mean_i p_ik): how far a batch's mean prediction is from `prior` (uniform by default)."""
    mean = probs.mean(dim=0).clamp_min(1e-8)
    wanted = torch.full_like(mean, 1 / len(mean)) if prior is None else prior.to(mean)
    return (torch.special.xlogy(wanted, wanted) - wanted * mean.log()).sum()
