"""Learning from label proportions: the mean prediction of a bag should be the bag's proportions.

    loss_B = −Σ_c π_Bc log( 1/m Σ_{i∈B} p_ic )

It constrains the expected count; `CountLikelihood` constrains the count itself. Predictions that stay put under small
changes of the input help, with a small weight that rises:

    loss = mean_B loss_B + w · consistency

Source: Ardehaly, Culotta, Co-training for Demographic Classification Using Deep Learning from Label Proportions, ICDM
Workshops 2017 [B023]; Tsai, Lin, Learning from Label Proportions with Consistency Regularization, ACML 2020 [B024].
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.bags.members import Members, as_bags, filled, members_of, proportions_of
from labelwright.nn import Jitter, Losses, Objective, Task, View, sigmoid_rampup
from labelwright.nn.attack import virtual_adversary
from labelwright.nn.batch import Batch, Batches
from labelwright.nn.losses import kl_divergence

FLOOR = 1e-8  # of a bag's mean probability, whose logarithm is taken


def proportion_loss(logits: Tensor, bag: Tensor, proportions: Tensor) -> Tensor:
    """Return the mean over bags of −Σ_c π_c log(mean p_c): use it in any loop. [B023]

    Parameters
    ----------
    logits : Tensor (n, K)
    bag : int64 tensor (n,)
        Bag of each row, 0..g − 1, none empty.
    proportions : Tensor (g, K)
        Shares of the classes, each row summing to 1.

    Examples
    --------
    >>> loss = proportion_loss(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64), torch.tensor([[0.75, 0.25]]))
    >>> round(loss.item(), 4)
    0.6931
    """
    sizes = torch.bincount(bag, minlength=len(proportions)).to(logits.dtype)
    total = torch.zeros_like(proportions, dtype=logits.dtype).index_add(0, bag, logits.softmax(dim=1))
    return soft_bag_loss(total / sizes[:, None], proportions.to(logits.dtype)).mean()


def soft_bag_loss(mean: Tensor, proportions: Tensor) -> Tensor:
    """Return −Σ_c π_c log(mean_c) of each bag (g,); both (g, K). The logarithm's argument is at least 1e-8."""
    return -(proportions * mean.clamp_min(FLOOR).log()).sum(dim=1)


class Consistency(Protocol):
    """How far predictions move when inputs change a little."""

    def __call__(self, net: Any, x: Tensor, /) -> Tensor:
        """Return a scalar for inputs (b, ...)."""
        ...


class VirtualAdversarial:
    """KL(p(x) ‖ p(x + r)) for the r of a given length that changes predictions most (VAT).

    Parameters
    ----------
    radius : float, default 1.0
        Length of r, in the inputs' unit.
    """

    def __init__(self, radius: float = 1.0) -> None:
        self.radius = radius

    def __call__(self, net: Any, x: Tensor, /) -> Tensor:
        """Return the mean divergence; the prediction at x is not differentiated."""
        x = x if x.is_floating_point() else x.float()
        moved = x + virtual_adversary(net, x, self.radius)
        with torch.no_grad():
            target = net(x).softmax(dim=1)
        return kl_divergence(net(moved), target)

    def __repr__(self) -> str:
        return f"VirtualAdversarial(radius={self.radius})"


class PiModel:
    """Σ_c (p_c(x') − p_c(x''))², averaged over rows, for two random views of the same inputs (Π-model).

    Parameters
    ----------
    view : View, default Jitter(0.05)
    """

    def __init__(self, view: View | None = None) -> None:
        self.view = view or Jitter(0.05)

    def __call__(self, net: Any, x: Tensor, /) -> Tensor:
        """Return the mean squared distance."""
        first, second = (net(self.view(x)).softmax(dim=1) for _ in range(2))
        return ((first - second) ** 2).sum(dim=1).mean()

    def __repr__(self) -> str:
        return f"PiModel({self.view!r})"


class DLLP(Objective):
    """Match the mean prediction of every bag to its proportions, for `Bags` with counts or proportions. [B023]

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.evidence import Bags
    >>> from labelwright.nn import Linear, Loop, Training
    >>> x = np.repeat([[0.0], [1.0]], 8, axis=0)
    >>> bags = Bags.counts(np.arange(16) % 4, [2, 2, 2, 2])
    >>> len(Loop(DLLP(), Task(x, bags, net=Linear()), Training(epochs=2, device="cpu")).fit())
    2
    """

    def setup(self, task: Task) -> None:
        """Make the network; the evidence must be bags with known shares."""
        proportions_of(filled(as_bags(task.evidence)))
        self.net = task.new_net()

    def losses(self, batch: Batches) -> Losses:
        """Return the proportion loss."""
        rows = batch["train"]
        logits = self.net(rows.x)
        return Losses(proportions=batch_proportion_loss(logits, rows), logits=logits)


class ConsistencyDLLP(DLLP):
    """`DLLP` with predictions that stay put under small changes of the input. [B024]

    Parameters
    ----------
    consistency : Consistency, default VirtualAdversarial()
        Or `PiModel()`.
    weight : float, default 0.05
        At least 0.
    ramp : float, default 0.4
        Share of the training over which the weight rises, in [0, 1].
    """

    def __init__(self, consistency: Consistency | None = None, weight: float = 0.05, ramp: float = 0.4) -> None:
        super().__init__()
        if weight < 0 or not 0 <= ramp <= 1:
            raise BadInput(f"weight is {weight}, ramp is {ramp}", fix="choose weight >= 0 and ramp in [0, 1]")
        self.consistency, self.weight, self.ramp = consistency or VirtualAdversarial(), weight, ramp

    def losses(self, batch: Batches) -> Losses:
        """Return the proportion loss and the weighted consistency."""
        rows = batch["train"]
        logits = self.net(rows.x)
        weight = self.weight * sigmoid_rampup(batch.clock.time, self.ramp * batch.clock.epochs)
        return Losses(
            proportions=batch_proportion_loss(logits, rows),
            consistency=weight * self.consistency(self.net, rows.x) if weight else 0.0,
            logits=logits,
        )


def batch_proportion_loss(logits: Tensor, rows: Batch) -> Tensor:
    """Return the proportion loss of a batch of bags; rows in no bag do not count."""
    bags = filled(as_bags(rows.evidence))
    if bags.n_bags == 0:
        return 0.0 * logits.sum()
    members: Members = members_of(bags, logits.device)
    shares = torch.as_tensor(proportions_of(bags), dtype=logits.dtype, device=logits.device)
    return proportion_loss(logits[members.rows], members.bag, shares)
