"""Risks for known positives and unlabelled rows, one class at a time: unbiased and non-negative.

π is a class's share of positives, ℓ(z) the loss of the score z for a positive and ℓ(−z) that for a negative, with
ℓ(z) = σ(−z) or log(1 + e^−z); R_P⁺, R_P⁻ are the means of ℓ(z), ℓ(−z) over known positives, R_U⁻ that of ℓ(−z) over
the batch.

    uPU    π R_P⁺ + (R_U⁻ − π R_P⁻)
    nnPU   π R_P⁺ + max(0, R_U⁻ − π R_P⁻);  where the bracket falls below −β the step goes along −γ · bracket instead

The loss of a batch is the sum over the classes. One column of tags is the classic case.

Source: Kiryo et al., Positive-Unlabeled Learning with Non-Negative Risk Estimator, NeurIPS 2017; du Plessis et al.,
Convex Formulation for Learning from Positive and Unlabeled Data, ICML 2015 [B019].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import softplus

from labelwright.errors import BadInput
from labelwright.learn.partial.multilabel_losses import TagObjective
from labelwright.nn import Task

Surrogate = Callable[[Tensor], Tensor]


def sigmoid_surrogate(z: Tensor) -> Tensor:
    """Return σ(−z): bounded, so that a few wrong rows cannot dominate."""
    return torch.sigmoid(-z)


def logistic_surrogate(z: Tensor) -> Tensor:
    """Return log(1 + e^−z): its gradient does not fade for rows that are far off."""
    return softplus(-z)


def pu_risk_parts(
    logits: Tensor, tags: Tensor, prior: Tensor, surrogate: Surrogate = sigmoid_surrogate
) -> tuple[Tensor, Tensor]:
    """Return π R_P⁺ and the bracket R_U⁻ − π R_P⁻ of each class, both (K,).

    Parameters
    ----------
    logits : Tensor (b, K)
    tags : int8 tensor (b, K)
        +1 = known to be on; every other row is unlabelled.
    prior : Tensor (K,)
        Share of rows that are on, in (0, 1).
    surrogate : callable, default sigmoid_surrogate
        ℓ: the loss of scores (b, K) for positives.

    Notes
    -----
    The whole batch is the unlabelled sample, known positives included, as the mean over all rows must be one over the
    whole population. A class without a known positive in the batch has R_P = 0.
    """
    on = (tags > 0).to(logits.dtype)
    count = on.sum(dim=0).clamp_min(1)
    missed, claimed = surrogate(logits), surrogate(-logits)
    positive = prior * (on * missed).sum(dim=0) / count
    negative = claimed.mean(dim=0) - prior * (on * claimed).sum(dim=0) / count
    return positive, negative


def unbiased_pu_risk(logits: Tensor, tags: Tensor, prior: Tensor, surrogate: Surrogate = sigmoid_surrogate) -> Tensor:
    """Return the unbiased risk, summed over the classes: use it in any loop.

    Examples
    --------
    >>> unbiased_pu_risk(torch.zeros(2, 1), torch.tensor([[1], [0]]), torch.tensor([0.5])).item()
    0.5
    """
    positive, negative = pu_risk_parts(logits, tags, prior, surrogate)
    return (positive + negative).sum()


def nonnegative_pu_risk(
    logits: Tensor,
    tags: Tensor,
    prior: Tensor,
    beta: float = 0.0,
    gamma: float = 1.0,
    surrogate: Surrogate = sigmoid_surrogate,
) -> Tensor:
    """Return the non-negative risk, summed over the classes; its gradient is nnPU's step.

    Where a class's bracket is below −β the value is −γ · bracket and the positives are left out.

    Parameters
    ----------
    logits, tags, prior, surrogate : as in `pu_risk_parts`
    beta : float, default 0.0
        At least 0.
    gamma : float, default 1.0
        In [0, 1].
    """
    positive, negative = pu_risk_parts(logits, tags, prior, surrogate)
    return torch.where(negative < -beta, -gamma * negative, positive + negative).sum()


class UnbiasedPU(TagObjective):
    """Unbiased risk of each class from known positives and all rows. [B019]

    Parameters
    ----------
    prior : float or array (K,)
        Share of rows that are on, in (0, 1).
    surrogate : callable, default sigmoid_surrogate
        `sigmoid_surrogate` or `logistic_surrogate`.
    """

    prior: Tensor

    def __init__(self, prior: ArrayLike, surrogate: Surrogate = sigmoid_surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate
        shares = torch.as_tensor(prior, dtype=torch.float32)
        shares = shares[None] if shares.ndim == 0 else shares
        if shares.ndim != 1 or not bool(((shares > 0) & (shares < 1)).all()):
            raise BadInput("prior holds something else than shares", fix="give one number in (0, 1) a class")
        self.register_buffer("prior", shares)

    def setup(self, task: Task) -> None:
        """Make the network; there must be one prior, or one a class."""
        super().setup(task)
        if len(self.prior) not in (1, task.n_classes):
            raise BadInput(f"{len(self.prior)} priors for {task.n_classes} classes", fix="give one a class")

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the unbiased risk."""
        return unbiased_pu_risk(logits, tags, self.prior, self.surrogate)


class NonNegativePU(UnbiasedPU):
    """Non-negative risk: what stands for the negatives may not be fitted below zero. [B019]

    Parameters
    ----------
    prior : float or array (K,)
        Share of rows that are on, in (0, 1).
    beta, gamma : float, default 0.0 and 1.0
        How far below zero the bracket may fall, and how hard it is pushed back.
    surrogate : callable, default sigmoid_surrogate
    """

    def __init__(
        self, prior: ArrayLike, beta: float = 0.0, gamma: float = 1.0, surrogate: Surrogate = sigmoid_surrogate
    ) -> None:
        super().__init__(prior, surrogate)
        if beta < 0 or not 0 <= gamma <= 1:
            raise BadInput(f"beta={beta}, gamma={gamma}", fix="choose beta of at least 0 and gamma in [0, 1]")
        self.beta, self.gamma = beta, gamma

    def row_loss(self, logits: Tensor, tags: Tensor) -> Tensor:
        """Return the non-negative risk."""
        return nonnegative_pu_risk(logits, tags, self.prior, self.beta, self.gamma, self.surrogate)
