"""Acknowledge the unknown: single positive labels by entropy maximisation and asymmetric pseudo-labelling.

With p = σ(z), H(p) = −p log p − (1 − p) log(1 − p), the mean over all cells of

    on: −log p        off: −log(1 − p)        unknown: −a H(p)        pseudo-labelled p̂: b · BCE(p̂, p)

The entropy of unknown tags is maximised: their gradient −a H'(p) p (1 − p), H'(p) = log((1 − p)/p), vanishes at p = ½
and near 0 and 1. From the end of epoch W on, at each epoch's end and in each class, the ⌊ρ U_c / (E − W)⌋ lowest-scored
of the U_c cells that were unknown at first get their p as a soft pseudo-label, once and for all; only negatives,
because confident positives are too rare.

Source: Zhou et al., Acknowledging the Unknown for Multi-label Learning with Single Positive Labels, ECCV 2022 [P052].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from labelwright.errors import BadInput
from labelwright.learn.partial.multilabel_losses import TagObjective
from labelwright.nn import Losses, RowMemory, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import negative_cells, positive_cells


def binary_entropy(logits: Tensor) -> Tensor:
    """Return H(σ(z)) of each cell, in nats: log(1 + e^z) − z σ(z)."""
    return softplus(logits) - logits * torch.sigmoid(logits)


def entropy_maximization_loss(logits: Tensor, tags: Tensor, alpha: float = 0.1) -> Tensor:
    """Return the mean over all cells of −log p where on, −log(1 − p) where off, −a H(p) where unknown.

    Parameters
    ----------
    logits : Tensor (b, K)
    tags : int8 tensor (b, K)
        +1 on, −1 off, 0 unknown.
    alpha : float, default 0.1
        a, at least 0; 0 leaves the known cells alone.

    Examples
    --------
    >>> round(float(entropy_maximization_loss(torch.zeros(1, 2), torch.tensor([[1, 0]]), alpha=1.0)), 4)
    0.0
    """
    return _cells(logits, tags, alpha).mean()


def _cells(logits: Tensor, tags: Tensor, alpha: float) -> Tensor:
    known = torch.where(tags > 0, positive_cells(logits), negative_cells(logits))
    return torch.where(tags == 0, -alpha * binary_entropy(logits), known)


class EntropyMaximizationLoss(TagObjective):
    """Keep unknown tags undecided: their entropy is maximised. [P052]

    Parameters
    ----------
    alpha : float, default 0.1
        Weight of the entropy, at least 0. The paper takes 0.01 to 0.2.

    Notes
    -----
    The paper's gain of several points in mAP did not show on tables: on scene, emotions and yeast an MLP from scratch
    gained 0.004 over assume negative (mean of three seeds; asked 0.02), pseudo-labels another 0.001. The loss is the
    released one, cell by cell, and its weight is not the reason: on another split the best of 0.02 to 0.5, chosen set
    by set on the test rows themselves, gained 0.025 on yeast and nothing on the other two.
    """

    def __init__(self, alpha: float = 0.1) -> None:
        super().__init__()
        if not alpha >= 0:
            raise BadInput(f"alpha is {alpha}", fix="choose a number of at least 0")
        self.alpha = alpha

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the loss of a batch."""
        return entropy_maximization_loss(logits, tags, self.alpha)


class AsymmetricPseudoLabeling(EntropyMaximizationLoss):
    """Entropy maximisation, then careful negative pseudo-labels, epoch by epoch. [P052]

    Parameters
    ----------
    alpha : float, default 0.1
        Weight of the entropy.
    beta : float, default 0.9
        Weight of pseudo-labelled cells, at least 0. The paper takes 0.02 (VOC) to 0.9 (COCO).
    warmup : int, default 5
        Epochs before the first pseudo-label.
    share : float, default 0.9
        ρ: share of the unknown cells that have a pseudo-label in the end, in [0, 1].

    Attributes
    ----------
    pseudo : RowMemory (n, K)
        Pseudo-labels, NaN where there is none.
    """

    def __init__(self, alpha: float = 0.1, beta: float = 0.9, warmup: int = 5, share: float = 0.9) -> None:
        super().__init__(alpha)
        if beta < 0 or warmup < 0 or not 0 <= share <= 1:
            raise BadInput(f"beta={beta}, warmup={warmup}, share={share}", fix="beta, warmup ≥ 0, share in [0, 1]")
        self.beta, self.warmup, self.share = beta, warmup, share

    def setup(self, task: Task) -> None:
        """Make the network and an empty memory of pseudo-labels."""
        super().setup(task)
        self.pseudo = RowMemory(task.n_rows, task.n_classes, fill=torch.nan)

    def before_epoch(self, loop: Any) -> None:
        """Give out the pseudo-labels that the last epoch's end brings."""
        epoch, epochs = loop.clock.epoch, loop.training.epochs
        if not max(self.warmup, 1) <= epoch < epochs:
            return
        rows = torch.as_tensor(loop.task.rows, device=self.pseudo.values.device)
        probs = torch.sigmoid(loop.predict(loop.task.rows).logits)
        unknown = loop.task.fields["tags"][rows] == 0
        quota = (self.share * unknown.sum(dim=0) / (epochs - self.warmup)).long()
        values = self.pseudo.values[rows]
        self.pseudo.write(rows, torch.where(lowest(probs, unknown & values.isnan(), quota), probs, values))

    def losses(self, batch: Batches) -> Losses:
        """Return both kinds of terms, means over all cells."""
        rows = batch["train"]
        logits, tags, target = self.net(rows.x), rows["tags"], self.pseudo.read(rows.index)
        given = ~target.isnan()
        own = torch.where(given, torch.zeros_like(logits), _cells(logits, tags, self.alpha))
        target = torch.where(given, target, torch.zeros_like(target))
        told = torch.where(given, softplus(logits) - target * logits, torch.zeros_like(logits))
        return Losses(tags=own.mean(), pseudo=self.beta * told.mean(), logits=logits)


def lowest(scores: Tensor, eligible: Tensor, quota: Tensor) -> Tensor:
    """Return which eligible cells are among the `quota` lowest-scored of their column, bool (n, K).

    Parameters
    ----------
    scores : Tensor (n, K)
    eligible : bool tensor (n, K)
    quota : int tensor (K,)
    """
    order = scores.masked_fill(~eligible, torch.inf).argsort(dim=0, stable=True)
    ranks = torch.empty_like(order).scatter_(
        0, order, torch.arange(len(scores), device=scores.device)[:, None].expand_as(order)
    )
    return eligible & (ranks < quota)
