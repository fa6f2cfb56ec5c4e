"""Missing tags estimated during training, held to the expected number of tags a row.

Expected positives: with k tags a row expected, R(P) = ((mean over rows of Σ_c p_ic − k) / K)².

    EPR    positive-only cross-entropy + λ R(P)
    ROLE   a table of estimated tags Ŷ = σ(V), one free logit a cell, learned beside the network's P:
           L = ½ [ L'(P | Ŷ) + L'(Ŷ | P) ],   what follows the bar detached
           L'(A | B) = mean of the cross-entropy of A to B and of −log A on known positives + λ R(A)

Source: Cole et al., Multi-Label Learning from Single Positive Labels, CVPR 2021 [B021].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from labelwright.errors import BadInput
from labelwright.learn.partial.multilabel_losses import TagObjective, assumed, masked_bce
from labelwright.nn import Configured, Losses, Task
from labelwright.nn.batch import Batches
from labelwright.nn.optimizers import OptimizerSpec

SURE = 0.995  # where the estimates of known positives start


def expected_positive_penalty(logits: Tensor, expected: float) -> Tensor:
    """Return ((mean number of tags a row − expected) / K)²: use it in any loop.

    Parameters
    ----------
    logits : Tensor (b, K)
    expected : float
        Expected number of tags a row, in (0, K].

    Examples
    --------
    >>> expected_positive_penalty(torch.zeros(2, 4), 2.0).item()
    0.0
    """
    found = torch.sigmoid(logits).sum(dim=1).mean()
    return ((found - expected) / logits.shape[1]) ** 2


def positive_only_loss(logits: Tensor, tags: Tensor) -> Tensor:
    """Return −log p on known positives, mean over all cells."""
    on = assumed(tags, logits.dtype)
    return masked_bce(logits, on, on)


class ExpectedPositive(TagObjective):
    """Positive-only cross-entropy, held to the expected number of tags a row. [B021]

    Parameters
    ----------
    expected : float
        Expected number of tags a row, above 0.
    weight : float, default 1.0
        λ, at least 0.
    """

    def __init__(self, expected: float, weight: float = 1.0) -> None:
        super().__init__()
        if not expected > 0 or weight < 0:
            raise BadInput(f"expected={expected}, weight={weight}", fix="expected above 0, weight of at least 0")
        self.expected, self.weight = expected, weight

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the loss of a batch."""
        return positive_only_loss(logits, tags) + self.weight * expected_positive_penalty(logits, self.expected)


class RegularizedOnlineLabelEstimation(TagObjective):
    """ROLE: a network and a table of estimated tags teach each other. [B021]

    Parameters
    ----------
    expected : float
        Expected number of tags a row, above 0.
    weight : float, default 1.0
        λ, at least 0.
    speed : float, default 10.0
        Learning rate of the estimates over that of the network.
    """

    def __init__(self, expected: float, weight: float = 1.0, speed: float = 10.0) -> None:
        super().__init__()
        if not expected > 0 or weight < 0 or not speed > 0:
            raise BadInput(f"expected={expected}, weight={weight}, speed={speed}", fix="choose positive numbers")
        self.expected, self.weight, self.speed = expected, weight, speed

    def setup(self, task: Task) -> None:
        """Make the network and the estimates: near ½ at random, near 1 where a tag is known to be on."""
        super().setup(task)
        on = task.fields["tags"] > 0
        start = torch.empty(task.n_rows, task.n_classes).uniform_(0.4, 0.6)
        self.estimates = nn.Parameter(torch.where(on.cpu(), torch.tensor(SURE), start).logit())

    def optimizers(self, base: OptimizerSpec) -> Mapping[str, Configured]:
        """Return one optimiser in which the estimates are faster and do not decay."""
        configured = base([{"params": list(self.net.parameters())}, {"params": [self.estimates]}])
        own = configured.optimizer.param_groups[1]
        own["lr"], own["weight_decay"] = own["lr"] * self.speed, 0.0
        return {"main": configured}

    def losses(self, batch: Batches) -> Losses:
        """Return what each teaches the other."""
        rows = batch["train"]
        logits, guessed, tags = self.net(rows.x), self.estimates[rows.index], rows["tags"]
        return Losses(
            network=0.5 * self._taught(logits, guessed, tags),
            estimates=0.5 * self._taught(guessed, logits, tags),
            logits=logits,
        )

    def _taught(self, logits: Tensor, teacher: Tensor, tags: Tensor) -> Tensor:
        cross = (softplus(logits) - torch.sigmoid(teacher.detach()) * logits).mean()
        known = positive_only_loss(logits, tags)
        return 0.5 * (cross + known) + self.weight * expected_positive_penalty(logits, self.expected)

    def estimated(self) -> Tensor:
        """Return the estimated probability of every tag, (n, K), detached."""
        return torch.sigmoid(self.estimates.detach())
