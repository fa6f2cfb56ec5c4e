"""Unknown tags taken as off: as they stand, smoothed, or with a lower weight. The mark for methods with missing tags.

    AN        binary cross-entropy with t = 1 where the tag is on, 0 elsewhere; t ← (1 − e) t + e/2 when smoothed
    weak AN   the cells that are not on count 1/(K − 1)

Source: Cole et al., Multi-Label Learning from Single Positive Labels, CVPR 2021 [B020].
"""

from __future__ import annotations

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.partial.multilabel_losses import TagObjective, assumed, masked_bce


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
