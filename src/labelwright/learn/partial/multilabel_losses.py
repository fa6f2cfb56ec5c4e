"""Losses on tags, cell by cell: each class of each row is on (+1), off (−1) or unknown (0).

The pieces that the multi-label methods share. `logits` are (b, K), `tags` int8 (b, K) in {−1, 0, 1}; means are over all
b · K cells unless a function says otherwise.

Source: block L3 of the partial-label methods; Ridnik et al., Asymmetric Loss for Multi-Label Classification, ICCV 2021.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from labelwright.errors import BadInput
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batches


def masked_bce(logits: Tensor, targets: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Return the mean over all cells of w · [−t log σ(z) − (1 − t) log σ(−z)].

    A cell of weight 0 adds nothing but counts in the mean; `labelwright.nn.losses.binary_cross_entropy` leaves it out.

    Parameters
    ----------
    logits : Tensor (b, K)
    targets : Tensor (b, K)
        In [0, 1].
    weight : Tensor (b, K), (K,) or float, default 1.0

    Examples
    --------
    >>> z = torch.zeros(1, 2)
    >>> round(float(masked_bce(z, torch.ones(1, 2), torch.tensor([[1.0, 0.0]]))), 4)
    0.3466
    """
    return (weight * (softplus(logits) - targets * logits)).mean()


def assumed(tags: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return 1 where a tag is on and 0 where it is off or unknown, (b, K)."""
    return (tags > 0).to(dtype)


def asymmetric_loss(
    logits: Tensor, tags: Tensor, gamma_positive: float = 0.0, gamma_negative: float = 4.0, clip: float = 0.05
) -> Tensor:
    """Return the asymmetric loss with unknown tags taken as off, mean over all cells.

        on: −(1 − p)^γ₊ log p          off: −p_m^γ₋ log(1 − p_m),  p_m = max(p − clip, 0)

    The focal factors are detached.

    Parameters
    ----------
    logits : Tensor (b, K)
    tags : int8 tensor (b, K)
    gamma_positive, gamma_negative : float
        At least 0; with both 0 and no clip this is `masked_bce` on assumed tags.
    clip : float, default 0.05
        In [0, 1).
    """
    on = tags > 0
    shifted = (torch.sigmoid(-logits) + clip).clamp(max=1)
    log_off = logsigmoid(-logits) if clip == 0 else shifted.clamp_min(1e-8).log()
    cells = torch.where(on, logsigmoid(logits), log_off)
    with torch.no_grad():
        missing = torch.where(on, torch.sigmoid(-logits), 1 - shifted)
        focus = torch.where(on, missing**gamma_positive, missing**gamma_negative)
    return -(focus * cells).mean()


class TagObjective(Objective):
    """What the multi-label methods share: a network with one logit a class, and sigmoid answers."""

    def setup(self, task: Task) -> None:
        """Make the network; the evidence must be `Tags`."""
        if "tags" not in task.fields:
            kind = type(task.evidence).__name__
            raise BadInput(f"this method needs tags, the evidence is {kind}", fix="pass Tags")
        self.net = task.new_net()

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the loss of a batch, a scalar: what a simple method overrides."""
        return masked_bce(logits, assumed(tags, logits.dtype))

    def losses(self, batch: Batches) -> Losses:
        """Return the batch's loss."""
        rows = batch["train"]
        logits = self.net(rows.x)
        return Losses(tags=self.row_loss(logits, rows["tags"]), logits=logits)

    def predict(self, x: Any) -> Tensor:
        """Return the probability of each tag, (b, K)."""
        logits: Tensor = self.net(x)
        return torch.sigmoid(logits)


class AsymmetricLoss(TagObjective):
    """Focal loss that forgives tags that are off and easy; unknown tags count as off.

    Parameters
    ----------
    gamma_positive, gamma_negative : float, default 0.0 and 4.0
    clip : float, default 0.05

    Source: Ridnik et al., Asymmetric Loss for Multi-Label Classification, ICCV 2021.
    """

    def __init__(self, gamma_positive: float = 0.0, gamma_negative: float = 4.0, clip: float = 0.05) -> None:
        super().__init__()
        if gamma_positive < 0 or gamma_negative < 0 or not 0 <= clip < 1:
            raise BadInput("the settings are out of range", fix="gammas of at least 0, clip in [0, 1)")
        self.gamma_positive, self.gamma_negative, self.clip = gamma_positive, gamma_negative, clip

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the asymmetric loss."""
        return asymmetric_loss(logits, tags, self.gamma_positive, self.gamma_negative, self.clip)
