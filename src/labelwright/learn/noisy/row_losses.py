"""Losses of one row that wrong labels mislead less than cross-entropy: pure, on logits, for anybody's loop.

With p = softmax(z), y the given label and K classes:

    mean absolute error            2 (1 − p_y)                                                               [B002]
    generalized cross-entropy      (1 − p_y^q) / q;  truncated: constant where p_y ≤ k                       [B005]
    symmetric cross-entropy        a CE + b RCE,  RCE = −A (1 − p_y),  A = log 0 cut at −4                   [B006]
    normalized cross-entropy       CE_y / Σ_k CE_k,  CE_k = −log p_k                                         [B007]
    bootstrapping                  CE against β onehot(y) + (1 − β) p, or onehot(argmax p) instead of p      [B008]

Shapes: logits (b, K), labels int64 (b,) → one loss a row, (b,), and 0 for rows of label −1: weights, selections and
means are the caller's.

Sources: Ghosh et al., AAAI 2017 [B002]; Zhang and Sabuncu, NeurIPS 2018 [B005]; Wang et al., ICCV 2019 [B006]; Ma et
al., ICML 2020 [B007]; Reed et al., ICLR Workshops 2015 [B008].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot

from labelwright.nn.losses import row_cross_entropy, row_soft_cross_entropy

RowLoss = Callable[[Tensor, Tensor], Tensor]  # logits (b, K), labels (b,) → (b,)
LOG_ZERO = -4.0


def label_probability(logits: Tensor, labels: Tensor) -> Tensor:
    """Return p_y of each row, (b,); of class 0 where the label is −1."""
    return logits.softmax(dim=1).gather(1, labels.clamp_min(0)[:, None])[:, 0]


def of_labelled(losses: Tensor, labels: Tensor) -> Tensor:
    """Return losses (b,) with 0 for rows of label −1."""
    return torch.where(labels >= 0, losses, torch.zeros_like(losses))


def mean_absolute_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Return Σ_k |onehot(y)_k − p_k| = 2 (1 − p_y) of each row, (b,), in [0, 2]. [B002]

    Examples
    --------
    >>> mean_absolute_error(torch.zeros(1, 2), torch.tensor([0])).tolist()
    [1.0]
    """
    return of_labelled(2 * (1 - label_probability(logits, labels)), labels)


def generalized_cross_entropy(logits: Tensor, labels: Tensor, q: float = 0.7) -> Tensor:
    """Return (1 − p_y^q) / q of each row, (b,): cross-entropy as q nears 0, 1 − p_y at q = 1. [B005]

    Examples
    --------
    >>> generalized_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), q=1.0).tolist()
    [0.5]
    """
    return -torch.expm1(-q * row_cross_entropy(logits, labels)) / q


def truncated_generalized_cross_entropy(logits: Tensor, labels: Tensor, q: float = 0.7, k: float = 0.5) -> Tensor:
    """Return (1 − p_y^q) / q where p_y > k and the constant (1 − k^q) / q elsewhere, (b,): no pull there. [B005]

    Examples
    --------
    >>> truncated_generalized_cross_entropy(torch.tensor([[0.0, 3.0]]), torch.tensor([0]), q=1.0).tolist()
    [0.5]
    """
    floor = torch.full((len(labels),), (1 - k**q) / q, dtype=logits.dtype, device=logits.device)
    sure = label_probability(logits, labels) > k
    return of_labelled(torch.where(sure, generalized_cross_entropy(logits, labels, q), floor), labels)


def reverse_cross_entropy(logits: Tensor, labels: Tensor, log_zero: float = LOG_ZERO) -> Tensor:
    """Return −Σ_k p_k log onehot(y)_k with log 0 read as `log_zero` (< 0): −A (1 − p_y), (b,). [B006]

    Examples
    --------
    >>> reverse_cross_entropy(torch.zeros(1, 2), torch.tensor([0])).tolist()
    [2.0]
    """
    return of_labelled(-log_zero * (1 - label_probability(logits, labels)), labels)


def symmetric_cross_entropy(
    logits: Tensor, labels: Tensor, a: float = 0.1, b: float = 1.0, log_zero: float = LOG_ZERO
) -> Tensor:
    """Return a · CE + b · RCE of each row, (b,). [B006]

    Examples
    --------
    >>> symmetric_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), a=0.0).tolist()
    [2.0]
    """
    return a * row_cross_entropy(logits, labels) + b * reverse_cross_entropy(logits, labels, log_zero)


def normalized_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return log p_y / Σ_k log p_k of each row, (b,), in [0, 1]; over all labels of a row it sums to 1. [B007]

    Examples
    --------
    >>> normalized_cross_entropy(torch.zeros(1, 4), torch.tensor([0])).tolist()
    [0.25]
    """
    log_p = log_softmax(logits, dim=1)
    own = log_p.gather(1, labels.clamp_min(0)[:, None])[:, 0]
    return of_labelled(own / log_p.sum(dim=1), labels)


def bootstrap_soft(logits: Tensor, labels: Tensor, beta: float = 0.95) -> Tensor:
    """Return cross-entropy against β onehot(y) + (1 − β) p, p detached, (b,). [B008]

    Examples
    --------
    >>> z, y = torch.tensor([[1.0, 0.0]]), torch.tensor([1])
    >>> bool(bootstrap_soft(z, y) < row_cross_entropy(z, y))
    True
    """
    return _bootstrap(logits, labels, logits.detach().softmax(dim=1), beta)


def bootstrap_hard(logits: Tensor, labels: Tensor, beta: float = 0.8) -> Tensor:
    """Return cross-entropy against β onehot(y) + (1 − β) onehot(argmax p), (b,). [B008]

    Examples
    --------
    >>> z, y = torch.tensor([[1.0, 0.0]]), torch.tensor([1])
    >>> bool(bootstrap_hard(z, y) < row_cross_entropy(z, y))
    True
    """
    return _bootstrap(logits, labels, one_hot(logits.argmax(dim=1), logits.shape[1]).to(logits.dtype), beta)


def _bootstrap(logits: Tensor, labels: Tensor, own: Tensor, beta: float) -> Tensor:
    agreeing = of_labelled(row_soft_cross_entropy(logits, own), labels)
    return beta * row_cross_entropy(logits, labels) + (1 - beta) * agreeing
