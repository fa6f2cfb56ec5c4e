"""Label-distributionally robust losses: one temperature from the worst class to the mean of all, also row by row.

Scores f, given label y, margin c_k = c for k ≠ y and 0 for k = y, d_k = f_k − f_y + c_k. The worst label distribution
p within reach, where λ is the price of leaving the uniform one:

    LDR(f, y)   = max_p Σ_k p_k d_k − λ Σ_k p_k log(K p_k)  =  λ log( (1/K) Σ_k exp(d_k / λ) )

λ = 1 without margin is cross-entropy − log K, λ → 0 the multi-class hinge max_k d_k, λ → ∞ the mean of d, whose sum
over all labels is the same for every prediction: robust to noise. ALDR chooses λ for every row, at a price too:

    ALDR(f, y)  = max_{p, λ ≥ 0} Σ_k p_k d_k − λ KL(p, 1/K) − (a log K / 2λ0) (λ − λ0)²
    p_k ∝ exp(f_k / λ_i),   λ_i ← λ0 (1 − KL(p, 1/K) / (a log K))  ∈ [λ0 (1 − 1/a), λ0]

so that a row that the network is sure about gets a sharp loss and an uncertain one, which may be labelled wrong, a flat
one. Scores are normalised first: f ← K f / ‖f‖₁.

On digits with clean, 40 % and 60 % symmetric and 30 % pair-flip labels ALDR is the most accurate on average (0.928; GCE
0.919, CE 0.897, MAE 0.720), at 60 % by 5 points over CE, but its mean rank over top-1 to top-3 is 2.44 to GCE's 1.58
and CE's 2.18: the paper's best rank did not come back.

Source: Zhu, Ying, Yang, Label Distributionally Robust Losses for Multi-class Classification: Consistency, Robustness
and Adaptivity, ICML 2023 [P154].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from labelwright.errors import BadInput
from labelwright.learn.noisy.robust_losses import OneRowLoss, labelled_mean
from labelwright.learn.noisy.row_losses import of_labelled
from labelwright.nn import Losses, RowMemory, Task
from labelwright.nn.batch import Batches

Normalization = Callable[[Tensor], Tensor]  # scores (b, K) → (b, K)
FLOOR = 1e-6


def sum_normalized(scores: Tensor) -> Tensor:
    """Return K f / ‖f‖₁, (b, K): the mean size of a row's scores becomes 1.

    Examples
    --------
    >>> sum_normalized(torch.tensor([[3.0, -1.0]])).tolist()
    [[1.5, -0.5]]
    """
    return scores.shape[1] * scores / scores.abs().sum(dim=1, keepdim=True).clamp_min(FLOOR)


def positive_normalized(scores: Tensor) -> Tensor:
    """Return `sum_normalized` of softplus(f): the paper's choice for a hundred classes.

    Examples
    --------
    >>> positive_normalized(torch.zeros(1, 2)).tolist()
    [[1.0, 1.0]]
    """
    return sum_normalized(softplus(scores))


def margins(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return d_k = f_k − f_y + c_k, (b, K); label −1 is read as class 0."""
    own = labels.clamp_min(0)[:, None]
    return scores - scores.gather(1, own) + margin * torch.ones_like(scores).scatter(1, own, 0.0)


def smooth_maximum(d: Tensor, lam: Tensor) -> Tensor:
    """Return λ log( (1/K) Σ_k exp(d_k / λ) ) of each row, (b,); λ (b,) > 0."""
    return lam * ((d / lam[:, None]).logsumexp(dim=1) - math.log(d.shape[1]))


def ldr_loss(scores: Tensor, labels: Tensor, lam: float = 1.0, margin: float = 0.1) -> Tensor:
    """Return the LDR loss of each row, (b,), 0 for label −1. [P154]

    Parameters
    ----------
    scores : Tensor (b, K)
        Normalised or raw.
    labels : int64 tensor (b,)
    lam : float, default 1.0
        λ in [0, ∞]: 0 is the largest d_k, infinity their mean.
    margin : float, default 0.1
        c, at least 0.

    Examples
    --------
    >>> ldr_loss(torch.tensor([[0.0, 2.0]]), torch.tensor([0]), lam=0.0, margin=0.0).tolist()
    [2.0]
    """
    d = margins(scores, labels, margin)
    if lam == 0:
        losses = d.amax(dim=1)
    elif math.isinf(lam):
        losses = d.mean(dim=1)
    else:
        losses = smooth_maximum(d, torch.full((len(d),), lam, dtype=d.dtype, device=d.device))
    return of_labelled(losses, labels)


def adapted_lambda(scores: Tensor, lam: Tensor, lam0: float = 10.0, a: float = 2.0) -> Tensor:
    """Return λ0 (1 − KL(p, 1/K) / (a log K)) of each row, (b,), with p ∝ exp(f / λ); detached. [P154]

    Parameters
    ----------
    scores : Tensor (b, K)
    lam : Tensor (b,)
        The λ of each row so far, > 0.
    lam0, a : float
        λ0 > 0 and a > 1.

    Examples
    --------
    >>> adapted_lambda(torch.zeros(1, 4), torch.tensor([10.0])).round().tolist()
    [10.0]
    """
    n_classes = scores.shape[1]
    p = (scores.detach() / lam[:, None]).softmax(dim=1)
    divergence = torch.special.xlogy(p, n_classes * p).sum(dim=1)
    return (lam0 * (1 - divergence / (a * math.log(n_classes)))).clamp(lam0 * (1 - 1 / a), lam0)


def aldr_loss(
    scores: Tensor, labels: Tensor, lam: Tensor, lam0: float = 10.0, a: float = 2.0, margin: float = 0.1
) -> Tensor:
    """Return the ALDR loss of each row at its λ, (b,), 0 for label −1; λ (b,) comes from `adapted_lambda`. [P154]

    Examples
    --------
    >>> f, y = torch.tensor([[0.0, 2.0]]), torch.tensor([0])
    >>> same = aldr_loss(f, y, torch.tensor([10.0])) == ldr_loss(f, y, lam=10.0)
    >>> bool(same)
    True
    """
    price = a * math.log(scores.shape[1]) / (2 * lam0) * (lam - lam0) ** 2
    return of_labelled(smooth_maximum(margins(scores, labels, margin), lam) - price, labels)


class LDRLoss(OneRowLoss):
    """The label-distributionally robust loss with one λ for all rows. [P154]

    Parameters
    ----------
    lam : float, default 1.0
        λ in [0, ∞]; larger is flatter and more robust.
    margin : float, default 0.1
        c, at least 0.
    normalize : callable (b, K) → (b, K)
        `sum_normalized` or `positive_normalized`, or your own.
    """

    def __init__(self, lam: float = 1.0, margin: float = 0.1, normalize: Normalization = sum_normalized) -> None:
        super().__init__()
        if not lam >= 0 or not margin >= 0:
            raise BadInput(f"lam is {lam}, margin is {margin}", fix="choose both of at least 0")
        self.lam, self.margin, self.normalize = lam, margin, normalize

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return the LDR loss of normalised scores."""
        return ldr_loss(self.normalize(logits), labels, self.lam, self.margin)

    def described(self) -> dict[str, Any]:
        """Return the settings, the normalisation by name."""
        return super().described() | {"normalize": getattr(self.normalize, "__name__", "own")}


class ALDRLoss(OneRowLoss):
    """The label-distributionally robust loss that keeps a λ of its own for every row. [P154]

    Parameters
    ----------
    lam0 : float, default 10.0
        λ0 > 0, the largest λ; the paper tries 0.1, 1 and 10.
    a : float, default 2.0
        > 1; λ stays in [λ0 (1 − 1/a), λ0].
    margin : float, default 0.1
        c, at least 0.
    normalize : callable (b, K) → (b, K)
        `sum_normalized` or `positive_normalized`, or your own.
    """

    def __init__(
        self, lam0: float = 10.0, a: float = 2.0, margin: float = 0.1, normalize: Normalization = sum_normalized
    ) -> None:
        super().__init__()
        if not lam0 > 0 or not a > 1 or not margin >= 0:
            raise BadInput(f"lam0 is {lam0}, a is {a}, margin is {margin}", fix="lam0 > 0, a > 1, margin at least 0")
        self.lam0, self.a, self.margin, self.normalize = lam0, a, margin, normalize

    def setup(self, task: Task) -> None:
        """Make the network and every row's λ, which starts at λ0."""
        super().setup(task)
        self.lambdas = RowMemory(task.n_rows, fill=self.lam0)

    def losses(self, batch: Batches) -> Losses:
        """Return the loss at the adapted λ, which are kept for `after_step`."""
        rows = batch["train"]
        logits = self.net(rows.x)
        scores = self.normalize(logits)
        lam = adapted_lambda(scores, self.lambdas.read(rows.index), self.lam0, self.a)
        losses = aldr_loss(scores, rows.labels, lam, self.lam0, self.a, self.margin)
        return Losses(loss=labelled_mean(losses, rows), logits=logits, keep=lam, figures={"lambda": lam.mean()})

    def after_step(self, batch: Batches, keep: Tensor) -> None:
        """Write each row's λ."""
        self.lambdas.write(batch["train"].index, keep)

    def described(self) -> dict[str, Any]:
        """Return the settings, the normalisation by name."""
        return super().described() | {"normalize": getattr(self.normalize, "__name__", "own")}
