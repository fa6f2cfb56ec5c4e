"""Unknown tags taken as off (as they stand, smoothed, or with a lower weight) or left out: the marks for missing tags.

    AN        binary cross-entropy with t = 1 where the tag is on, 0 elsewhere; t ← (1 − e) t + e/2 when smoothed
    weak AN   the cells that are not on count 1/(K − 1)
    IU        unknown cells are left out

Source: Cole et al., Multi-Label Learning from Single Positive Labels, CVPR 2021 [B020].
"""

from __future__ import annotations

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.partial.multilabel_losses import TagObjective, assumed, masked_bce
from labelwright.nn import Losses
from labelwright.nn.batch import Batches
from labelwright.nn.losses import binary_cross_entropy


def assume_negative_loss(logits: Tensor, tags: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return binary cross-entropy with unknown tags taken as off, mean over all cells: use it in any loop.

    Parameters
    ----------
    logits : Tensor (b, K)
    tags : int8 tensor (b, K)
        +1 on, −1 off, 0 unknown.
    smoothing : float, default 0.0
        e in [0, 1): the target is (1 − e) t + e/2.

    Examples
    --------
    >>> round(float(assume_negative_loss(torch.zeros(1, 2), torch.tensor([[1, 0]]))), 4)
    0.6931
    """
    target = (1 - smoothing) * assumed(tags, logits.dtype) + smoothing / 2
    return masked_bce(logits, target)


def weak_assume_negative_loss(logits: Tensor, tags: Tensor) -> Tensor:
    """Return the same with every cell that is not on weighted 1/(K − 1), mean over all cells.

    One class alone has no weaker cells: then this is `assume_negative_loss`.
    """
    on = assumed(tags, logits.dtype)
    low = 1 / max(logits.shape[1] - 1, 1)
    return masked_bce(logits, on, torch.where(on > 0, torch.ones_like(on), torch.full_like(on, low)))


class AssumeNegative(TagObjective):
    """Binary cross-entropy with unknown tags taken as off. [B020]

    Parameters
    ----------
    smoothing : float, default 0.0
        In [0, 1).
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise BadInput(f"smoothing is {smoothing}", fix="choose a number in [0, 1)")
        self.smoothing = smoothing

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the loss of a batch."""
        return assume_negative_loss(logits, tags, self.smoothing)


class WeakAssumeNegative(TagObjective):
    """The same with a lower weight, 1/(K − 1), on every tag that is not on. [B020]"""

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the loss of a batch."""
        return weak_assume_negative_loss(logits, tags)


class IgnoreUnobserved(TagObjective):
    """Binary cross-entropy on the tags that are known, on or off; unknown ones are left out. [B020]

    The plain choice where tags are known both ways. From positives alone it learns that everything is on.
    """

    def losses(self, batch: Batches) -> Losses:
        """Return the mean over known cells, by the field ``"weight"`` where the task has one."""
        rows = batch["train"]
        logits, tags = self.net(rows.x), rows["tags"]
        known = (tags != 0).to(logits.dtype)
        if "weight" in rows.fields:
            known = known * rows["weight"][:, None]
        return Losses(tags=binary_cross_entropy(logits, assumed(tags, logits.dtype), known), logits=logits)
