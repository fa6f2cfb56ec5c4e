"""Sparse over-parameterization: every row has a correction of its own that soaks up its label noise.

With u_i, v_i ∈ R^K for every row, started near 0, and y_i the given label (one-hot), the noise of a row is

    s_i = u_i² ∘ y_i − v_i² ∘ (1 − y_i)

A product form that starts near 0 and is moved by plain gradient descent stays sparse. Two losses are minimised at once:

    L_CE  = CE( normalise( max(p_i + s_i, 0) ), y_i )                     moves the network and u
    L_MSE = ‖ onehot(argmax p_i) + s_i − y_i ‖²                            moves v
    SOP+  adds   λ_C KL(p of a weak view ‖ p of a strong view) + λ_B KL(uniform ‖ mean p)

u has a learning rate of its own (1 to 100), v another, neither has weight decay.

Source: Liu, Zhu, Qu, You, Robust Training under Label Noise by Over-parameterization, ICML 2022 [B014].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.nn import Configured, Losses, Objective, Stream, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import balance, kl_divergence, weighted_mean
from labelwright.nn.optimizers import OptimizerSpec, Stepper
from labelwright.nn.targets import one_hot

START = 1e-4  # standard deviation of u and v at first: variance 1e-8
TINY = 1e-12


def row_noise(u: Tensor, v: Tensor, given: Tensor) -> Tensor:
    """Return s = u² y − v² (1 − y), (b, K), within [−1, 1]; u, v, one-hot y (b, K). [B014]

    Examples
    --------
    >>> row_noise(torch.ones(1, 2), 0.5 * torch.ones(1, 2), torch.tensor([[1.0, 0.0]])).tolist()
    [[1.0, -0.25]]
    """
    return (u**2 * given).clamp(0, 1) - (v**2 * (1 - given)).clamp(0, 1)


def sop_losses(logits: Tensor, given: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return L_CE and L_MSE of each row, (b,) and (b,). [B014]

    Parameters
    ----------
    logits : Tensor (b, K)
    given : Tensor (b, K)
        One-hot labels; a row of zeros (unknown) costs 0.
    u, v : Tensor (b, K)
        The rows' corrections. L_CE has no gradient in v, L_MSE none in u and the network.

    Examples
    --------
    >>> z, y, none = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)
    >>> [loss.exp().round(decimals=3).item() for loss in sop_losses(z, y, none, none)]
    [2.0, 1.0]
    """
    known = given.sum(dim=1)
    corrected = (logits.softmax(dim=1) + row_noise(u, v.detach(), given)).clamp_min(TINY)
    corrected = corrected / corrected.sum(dim=1, keepdim=True)
    cross_entropy = -(given * corrected.log()).sum(dim=1)
    guess = one_hot(logits.argmax(dim=1), logits.shape[1]).to(logits.dtype)
    squared = ((guess + row_noise(u.detach(), v, given) - given) ** 2).sum(dim=1)
    return cross_entropy, known * squared


class SparseOverParameterization(Objective):
    """A network, and for every row a sparse correction of its label. [B014]

    Parameters
    ----------
    lr_u, lr_v : float, default 10.0
        Learning rates of u and v, > 0: 1 to 100, higher where less of the data is wrong.
    consistency : float, default 0.0
        λ_C of SOP+, usually 0.9: agreement of the weak and the strong view.
    class_balance : float, default 0.0
        λ_B of SOP+, usually 0.1.
    """

    def __init__(
        self, lr_u: float = 10.0, lr_v: float = 10.0, consistency: float = 0.0, class_balance: float = 0.0
    ) -> None:
        super().__init__()
        if not lr_u > 0 or not lr_v > 0 or consistency < 0 or class_balance < 0:
            raise BadInput(
                "a setting of SparseOverParameterization is outside its range",
                fix="learning rates above 0, weights of at least 0",
            )
        self.lr_u, self.lr_v, self.consistency, self.class_balance = lr_u, lr_v, consistency, class_balance

    def setup(self, task: Task) -> None:
        """Make the network and the corrections, near 0."""
        assert task.labels is not None
        self.net = task.new_net()
        self.u = nn.Parameter(START * torch.randn(task.n_rows, task.n_classes))
        self.v = nn.Parameter(START * torch.randn(task.n_rows, task.n_classes))

    def optimizers(self, base: OptimizerSpec) -> Mapping[str, Configured]:
        """Return one optimiser for the network and plain descent for u and v."""
        groups = [{"params": [self.u], "lr": self.lr_u}, {"params": [self.v], "lr": self.lr_v}]
        return {"main": base(self.net.parameters()), "noise": Configured(torch.optim.SGD(groups, lr=self.lr_u))}

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return all rows, for SOP+ in a weak and a strong view."""
        return {"train": task.stream(views=("weak", "strong") if self.consistency > 0 else None)}

    def losses(self, batch: Batches) -> Losses:
        """Return both losses, and what SOP+ adds."""
        rows = batch["train"]
        logits = self.net(rows.x)
        given = one_hot(rows.labels, logits.shape[1])
        known = given.sum(dim=1)
        fit, noise = sop_losses(logits, given, self.u[rows.index], self.v[rows.index])
        terms = {"cross_entropy": weighted_mean(fit, known), "noise": weighted_mean(noise, known)}
        if self.consistency > 0:
            strong = self.net(rows.views["strong"])
            terms["consistency"] = self.consistency * kl_divergence(strong, logits.detach().softmax(dim=1))
        if self.class_balance > 0:
            terms["balance"] = self.class_balance * balance(logits.softmax(dim=1))
        return Losses(logits=logits, **terms)

    def update(self, batch: Batches, opt: Mapping[str, Stepper]) -> Losses:
        """Move the network, u and v after one backward pass."""
        noise = opt["noise"].optimizer
        noise.zero_grad(set_to_none=True)
        losses = opt["main"].step(lambda: self.losses(batch))
        noise.step()
        return losses
