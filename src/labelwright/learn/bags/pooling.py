"""The plain ways to turn scores of items into the score of their bag, and training through them.

With item scores z_i (log-odds) and probabilities p_i = σ(z_i), the bag's log-odds are

    mean  1/m Σ z_i        max  max z_i        top-k  mean of the k largest        log-sum-exp  (1/r) log mean e^{r z_i}
    noisy-or  log-odds of 1 − Π (1 − p_i): a bag is positive when any item is, independently

Every pooling takes padded bags with a mask and does not depend on the order of items.

Source: standard; Noisy-or: Maron, Lozano-Pérez, A Framework for Multiple-Instance Learning, NIPS 1998 [B028].
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from labelwright.errors import BadInput
from labelwright.learn.bags.members import Members, as_bags, bag_labels_of, filled, members_of, members_of_ids
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batch, Batches


def _over(mask: Tensor, values: Tensor) -> Tensor:
    """Return the mask (g, m) shaped to select from values (g, m, ...)."""
    return mask.reshape(*mask.shape, *([1] * (values.ndim - 2)))


class MeanPooling(nn.Module):
    """The mean of the items. [B028]

    Examples
    --------
    >>> MeanPooling()(torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[True, True, False]])).tolist()
    [2.0]
    """

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return (g, ...) for items (g, m, ...) of which ``mask`` (g, m) are real, at least one a bag."""
        real = _over(mask, values)
        return torch.where(real, values, 0.0).sum(dim=1) / real.sum(dim=1)


class MaxPooling(nn.Module):
    """The largest item. [B028]"""

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return (g, ...) for items (g, m, ...) of which ``mask`` (g, m) are real, at least one a bag."""
        return torch.where(_over(mask, values), values, -torch.inf).amax(dim=1)


class TopKMean(nn.Module):
    """The mean of the k largest items; of all where a bag has fewer."""

    def __init__(self, k: int) -> None:
        super().__init__()
        if k < 1:
            raise BadInput(f"k is {k}", fix="average at least one item")
        self.k = k

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return (g, ...) for items (g, m, ...) of which ``mask`` (g, m) are real, at least one a bag."""
        real = _over(mask, values)
        top = torch.where(real, values, -torch.inf).topk(min(self.k, values.shape[1]), dim=1).values
        there = ~torch.isneginf(top)
        return torch.where(there, top, 0.0).sum(dim=1) / there.sum(dim=1)


class LogSumExp(nn.Module):
    """(1/r) log mean exp(r z): the mean as r → 0, the maximum as r grows. `r` > 0."""

    def __init__(self, r: float = 1.0) -> None:
        super().__init__()
        if not r > 0:
            raise BadInput(f"r is {r}", fix="choose a number above 0")
        self.r = r

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return (g, ...) for items (g, m, ...) of which ``mask`` (g, m) are real, at least one a bag."""
        real = _over(mask, values)
        total = torch.where(real, self.r * values, -torch.inf).logsumexp(dim=1)
        return (total - real.sum(dim=1).to(values.dtype).log()) / self.r


class NoisyOr(nn.Module):
    """Log-odds of 1 − Π (1 − σ(z_i)): positive when any item is. [B028]

    Examples
    --------
    >>> z = torch.zeros(1, 2)  # two items of probability 1/2
    >>> round(NoisyOr()(z, torch.ones(1, 2, dtype=torch.bool)).sigmoid().item(), 4)
    0.75
    """

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return (g, ...) for log-odds (g, m, ...) of which ``mask`` (g, m) are real, at least one a bag."""
        log_none = torch.where(_over(mask, values), logsigmoid(-values), 0.0).sum(dim=1)
        none = log_none.clamp_max(-torch.finfo(values.dtype).tiny)
        return torch.log(-torch.expm1(none)) - none


class PooledMIL(Objective):
    """Classify bags through pooled scores of their items, for `Bags.any_of`. [B028]

    Parameters
    ----------
    pooling : nn.Module, default NoisyOr()
        Or `MaxPooling()`, `MeanPooling()`, `TopKMean(k)`, `LogSumExp(r)`: log-odds of items → of bags.

    Notes
    -----
    The network has two outputs an item; the item's log-odds are their difference. `predict` gives item probabilities.
    """

    def __init__(self, pooling: nn.Module | None = None) -> None:
        super().__init__()
        self.pooling = pooling or NoisyOr()

    def setup(self, task: Task) -> None:
        """Make the network; the evidence must be positive and negative bags."""
        check_bag_labels(task)
        self.net = task.new_net()

    def losses(self, batch: Batches) -> Losses:
        """Return the cross-entropy of the bags that are positive or negative for certain."""
        rows = batch["train"]
        logits = self.net(rows.x)
        members, labels = labelled_bags(rows, logits.device)
        return Losses(bags=bag_cross_entropy(self._bag_log_odds(logits, members), labels), logits=logits)

    def _bag_log_odds(self, logits: Tensor, members: Members) -> Tensor:
        own = logits[members.rows]
        pooled: Tensor = self.pooling(*members.padded(own[:, 1] - own[:, 0]))
        return pooled

    @torch.no_grad()
    def bag_proba(self, x: Any, bag_ids: ArrayLike) -> Tensor:
        """Return the probability that each bag is positive, (g,): inputs (n, ...), bag of each (n,) from 0 on."""
        logits = self.net(as_inputs(x, self))
        return self._bag_log_odds(logits, members_of_ids(bag_ids, logits.device)).sigmoid()


def as_inputs(x: Any, objective: nn.Module) -> Tensor:
    """Return inputs as a tensor where the objective's weights are, numbers as float32."""
    own = x if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x, dtype=np.float32))
    return own.to(next(objective.parameters()).device)


def check_bag_labels(task: Task) -> None:
    """Raise BadInput where no bag is positive or none negative."""
    labels = bag_labels_of(filled(as_bags(task.evidence)))
    for value, name in ((1, "positive"), (0, "negative")):
        if not (labels == value).any():
            raise BadInput(f"no bag is {name}", fix="give positive and negative bags: Bags.any_of(bag_ids, holds)")


def labelled_bags(rows: Batch, device: torch.device) -> tuple[Members, Tensor]:
    """Return a batch's bags and their labels, float (g,), NaN where unknown."""
    bags = filled(as_bags(rows.evidence))
    labels = bag_labels_of(bags)
    return members_of(bags, device), torch.as_tensor(np.where(labels < 0, np.nan, labels), device=device)


def bag_cross_entropy(log_odds: Tensor, labels: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of bags (g,) whose label is not NaN; 0 when there is none."""
    known = ~labels.isnan()
    if not bool(known.any()):
        return 0.0 * log_odds.sum()
    return binary_cross_entropy_with_logits(log_odds[known], labels[known].to(log_odds.dtype))
