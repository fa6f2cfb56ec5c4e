"""Large losses among assumed negatives give missing positives away: reject them, or correct them.

Unknown tags are taken as off. In epoch t (from 1), of a batch's unknown cells the k = ⌈b K (t − 1) Δ⌉ with the largest
losses are

    rejected (LL-R)               loss 0
    corrected for now (LL-Ct)     the loss of a tag that is on
    corrected for good (LL-Cp)    k = ⌈b K Δ⌉ in every batch after the first epoch; the tag is on from then on

A network fits true negatives first, so early on a large loss means a missing positive.

Source: Kim et al., Large Loss Matters in Weakly Supervised Multi-Label Classification, CVPR 2022 [B022].
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.partial.multilabel_losses import TagObjective, assumed
from labelwright.nn import Losses, RowMemory, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import negative_cells, positive_cells


def largest_unknown(cells: Tensor, unknown: Tensor, k: int) -> Tensor:
    """Return which unknown cells have one of the k largest losses, bool (b, K); cells tied with the k-th count too.

    Parameters
    ----------
    cells : Tensor (b, K)
        Loss of each cell.
    unknown : bool tensor (b, K)
    k : int
        0 picks nothing.

    Examples
    --------
    >>> cells = torch.tensor([[3.0, 1.0, 2.0]])
    >>> largest_unknown(cells, torch.tensor([[False, True, True]]), 1).tolist()
    [[False, False, True]]
    """
    k = min(k, int(unknown.sum()))
    if k <= 0:
        return torch.zeros_like(unknown)
    losses = cells.detach().masked_fill(~unknown, -torch.inf)
    return unknown & (losses >= losses.flatten().topk(k).values[-1])


def rejected_loss(logits: Tensor, tags: Tensor, k: int) -> Tensor:
    """Return LL-R: assumed-negative cross-entropy, mean over all cells, the k largest unknown losses set to 0."""
    cells = _cells(logits, tags)
    return torch.where(largest_unknown(cells, tags == 0, k), torch.zeros_like(cells), cells).mean()


def corrected_loss(logits: Tensor, tags: Tensor, k: int) -> Tensor:
    """Return LL-Ct: the k largest unknown losses are replaced by those of a tag that is on; mean over all cells."""
    cells = _cells(logits, tags)
    return torch.where(largest_unknown(cells, tags == 0, k), positive_cells(logits), cells).mean()


def _cells(logits: Tensor, tags: Tensor) -> Tensor:
    return torch.where(assumed(tags) > 0, positive_cells(logits), negative_cells(logits))


class _LargeLoss(TagObjective):
    """The number of cells to modify."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate <= 1:
            raise BadInput(f"rate is {rate}", fix="choose a share in [0, 1]")
        self.rate = rate

    def _modified(self, batch: Batches, cells: int) -> int:
        return math.ceil(cells * batch.clock.epoch * self.rate)


class LargeLossRejection(_LargeLoss):
    """LL-R: leave out the unknown tags with the largest losses, more of them every epoch. [B022]

    Parameters
    ----------
    rate : float, default 0.005
        Share of all cells by which the rejected part grows an epoch.
    """

    def __init__(self, rate: float = 0.005) -> None:
        super().__init__(rate)

    def losses(self, batch: Batches) -> Losses:
        """Return the loss without its largest cells."""
        rows = batch["train"]
        logits, tags = self.net(rows.x), rows["tags"]
        return Losses(tags=rejected_loss(logits, tags, self._modified(batch, logits.numel())), logits=logits)


class LargeLossTemporaryCorrection(_LargeLoss):
    """LL-Ct: take the unknown tags with the largest losses as on, in this step. [B022]

    Parameters
    ----------
    rate : float, default 0.002
        Share of all cells by which the corrected part grows an epoch.
    """

    def __init__(self, rate: float = 0.002) -> None:
        super().__init__(rate)

    def losses(self, batch: Batches) -> Losses:
        """Return the loss with its largest cells turned."""
        rows = batch["train"]
        logits, tags = self.net(rows.x), rows["tags"]
        return Losses(tags=corrected_loss(logits, tags, self._modified(batch, logits.numel())), logits=logits)


class LargeLossPermanentCorrection(_LargeLoss):
    """LL-Cp: take the unknown tags with the largest losses as on, from now on. [B022]

    Parameters
    ----------
    rate : float, default 0.001
        Share of a batch's cells that is turned on at each visit after the first epoch.

    Attributes
    ----------
    on : RowMemory of bool (n, K)
        Tags turned on so far.
    """

    def __init__(self, rate: float = 0.001) -> None:
        super().__init__(rate)

    def setup(self, task: Task) -> None:
        """Make the network and an empty memory of corrections."""
        super().setup(task)
        self.on = RowMemory(task.n_rows, task.n_classes, dtype=torch.bool)

    def losses(self, batch: Batches) -> Losses:
        """Return the loss on the tags as corrected; the new corrections are kept for `after_step`."""
        rows = batch["train"]
        logits, before = self.net(rows.x), self.on.read(rows.index)
        tags = torch.where(before, torch.ones_like(rows["tags"]), rows["tags"])
        k = math.ceil(logits.numel() * self.rate) if batch.clock.epoch > 0 else 0
        found = largest_unknown(_cells(logits, tags), tags == 0, k)
        now = torch.where(found, torch.ones_like(tags), tags)
        return Losses(tags=_cells(logits, now).mean(), logits=logits, keep=before | found)

    def after_step(self, batch: Any, keep: Any) -> None:
        """Write the corrections."""
        self.on.write(batch["train"].index, keep)
