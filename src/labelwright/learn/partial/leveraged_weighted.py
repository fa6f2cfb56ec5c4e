"""The leveraged weighted loss for candidate sets: what is on the list against what is not.

With ψ(z) = σ(−z), the sigmoid loss, and β the leverage of the non-candidates,

    loss_i = Σ_{j∈S_i} w_ij ψ(z_ij) + β Σ_{j∉S_i} v_ij ψ(−z_ij)

w are the softmax probabilities restricted to S_i and v those restricted to its complement, both refreshed after every
batch and detached.

Source: Wen et al., Leveraged Weighted Loss for Partial Label Learning, ICML 2021 [B017].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.partial.candidate_weights import CandidateObjective
from labelwright.nn import Losses, RowMemory, Task
from labelwright.nn.batch import Batches
from labelwright.nn.targets import restrict


def leveraged_weighted_loss(
    logits: Tensor, candidates: Tensor, inside: Tensor, outside: Tensor, beta: float = 1.0
) -> Tensor:
    """Return the mean over rows of Σ_S w σ(−z) + β Σ_{not S} v σ(z): use it in any loop.

    Parameters
    ----------
    logits : Tensor (b, K)
    candidates : bool tensor (b, K)
    inside, outside : Tensor (b, K)
        Weights of candidates and of the other classes, detached; what stands in the other part is not read.
    beta : float, default 1.0
        At least 0.

    Examples
    --------
    >>> sets, even = torch.tensor([[True, False]]), torch.ones(1, 2)
    >>> leveraged_weighted_loss(torch.zeros(1, 2), sets, even, even, beta=1.0).item()
    1.0
    """
    on, off = candidates.to(logits.dtype), (~candidates).to(logits.dtype)
    cells = on * inside * torch.sigmoid(-logits) + beta * off * outside * torch.sigmoid(logits)
    return cells.sum(dim=1).mean()


class LeveragedWeighted(CandidateObjective):
    """Weighted sigmoid losses on candidates and on the other classes. [B017]

    Parameters
    ----------
    beta : float, default 1.0
        Leverage of the classes that are not on the list, at least 0.
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        if not beta >= 0:
            raise BadInput(f"beta is {beta}", fix="choose a number of at least 0")
        self.beta = beta

    def setup(self, task: Task) -> None:
        """Make the network and both kinds of weights, even at first."""
        super().setup(task)
        self.others = RowMemory(task.n_rows, task.n_classes)
        self.others.values.copy_(restrict(torch.ones_like(self.others.values), ~self.allowed.values))

    def losses(self, batch: Batches) -> Losses:
        """Return the leveraged weighted loss; both next weights are kept for `after_step`."""
        rows = batch["train"]
        allowed = self.allowed.read(rows.index)
        logits = self.net(rows.x)
        p = logits.detach().softmax(dim=1)
        inside, outside = self.weights.read(rows.index), self.others.read(rows.index)
        return Losses(
            leveraged=leveraged_weighted_loss(logits, allowed, inside, outside, self.beta),
            logits=logits,
            keep=(restrict(p, allowed), restrict(p, ~allowed)),
        )

    def after_step(self, batch: Any, keep: Any) -> None:
        """Write both weights."""
        index = batch["train"].index
        self.weights.write(index, keep[0])
        self.others.write(index, keep[1])
