"""Losses corrected by a known transition matrix T, T[k, s] = P(observed s | truth k).

    forward                  −log Σ_k p_k T[k, s]                                             [B003]
    backward                 Σ_j (T⁻¹)[s, j] · (−log p_j):  its mean over the noise is CE      [B003]
    importance reweighting   p_s / Σ_k p_k T[k, s] · CE_s,  the weight detached               [B004]

`labelwright.noise` and `labelwright.audit` estimate T where it is not known.

Sources: Patrini et al., CVPR 2017 [B003]; Liu and Tao, TPAMI 2016 [B004].
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import log_softmax

from labelwright.errors import BadInput
from labelwright.learn.noisy.robust_losses import OneRowLoss
from labelwright.learn.noisy.row_losses import label_probability, of_labelled
from labelwright.nn.batch import Batches
from labelwright.nn.losses import row_cross_entropy
from labelwright.nn.task import Task
from labelwright.noise import TransitionMatrix

IMPOSSIBLE = 1e-12  # what a chance of 0 is read as, so that a row that cannot be has a finite loss
WORST_CONDITION = 1e6  # beyond it the inverse is mostly rounding


def observed_log_probs(logits: Tensor, transition: Tensor) -> Tensor:
    """Return log Σ_k p_k T[k, s], (b, K), through log space: no probability is lost to rounding."""
    log_p = log_softmax(logits, dim=1)
    return (log_p[:, :, None] + transition.to(log_p).clamp_min(IMPOSSIBLE).log()[None]).logsumexp(dim=1)


def forward_correction(logits: Tensor, labels: Tensor, transition: Tensor) -> Tensor:
    """Return −log Σ_k p_k T[k, s] of each row, (b,): p then aims at the truth. [B003]

    Parameters
    ----------
    logits : Tensor (b, K)
    labels : int64 tensor (b,)
        Observed classes, −1 = unknown (loss 0).
    transition : Tensor (K, K)
        Rows are the truth and sum to 1.

    Examples
    --------
    >>> forward_correction(torch.zeros(1, 2), torch.tensor([0]), torch.eye(2)).exp().tolist()
    [2.0]
    """
    observed = observed_log_probs(logits, transition)
    return of_labelled(-observed.gather(1, labels.clamp_min(0)[:, None])[:, 0], labels)


def backward_correction(logits: Tensor, labels: Tensor, inverse: Tensor) -> Tensor:
    """Return Σ_j (T⁻¹)[s, j] (−log p_j) of each row, (b,); it may be negative. [B003]

    Parameters are those of `forward_correction`, with the inverse of the transition matrix in the place of it.

    Examples
    --------
    >>> backward_correction(torch.zeros(1, 2), torch.tensor([0]), torch.eye(2)).exp().tolist()
    [2.0]
    """
    weights = inverse.to(logits)[labels.clamp_min(0)]
    return of_labelled(-(weights * log_softmax(logits, dim=1)).sum(dim=1), labels)


def importance_weights(logits: Tensor, labels: Tensor, transition: Tensor) -> Tensor:
    """Return p_s / Σ_k p_k T[k, s] of each row, (b,), detached: P(truth is s) over P(s is observed). [B004]

    Examples
    --------
    >>> importance_weights(torch.zeros(1, 2), torch.tensor([0]), torch.eye(2)).tolist()
    [1.0]
    """
    z = logits.detach()
    observed = observed_log_probs(z, transition).gather(1, labels.clamp_min(0)[:, None])[:, 0]
    return label_probability(z, labels) / observed.exp().clamp_min(1e-12)


class _Corrected(OneRowLoss):
    """One network and a transition matrix that is known."""

    transition: Tensor

    def __init__(self, transition: TransitionMatrix | ArrayLike) -> None:
        super().__init__()
        known = transition if isinstance(transition, TransitionMatrix) else TransitionMatrix(np.asarray(transition))
        self.matrix = known
        self.register_buffer("transition", torch.tensor(known.matrix, dtype=torch.float32))

    def setup(self, task: Task) -> None:
        """Make the network; the matrix must have a row for each class."""
        if task.n_classes != self.matrix.n_classes:
            raise BadInput(
                f"the transition matrix has {self.matrix.n_classes} classes, the labels {task.n_classes}",
                fix="pass one row and one column a class",
            )
        super().setup(task)


class ForwardCorrection(_Corrected):
    """Cross-entropy of the observed label's probability, T known. [B003]

    Parameters
    ----------
    transition : TransitionMatrix or array (K, K)
        Rows are the truth, columns what is observed; rows sum to 1.
    """

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return −log Σ_k p_k T[k, s]."""
        return forward_correction(logits, labels, self.transition)


class BackwardCorrection(_Corrected):
    """Cross-entropy made unbiased by the inverse of T. [B003]

    Parameters
    ----------
    transition : TransitionMatrix or array (K, K)
        Rows are the truth, columns what is observed; its condition number must stay below 1e6.

    Notes
    -----
    A loss of a row may be negative and falls without end as the network memorises: stop early.
    """

    inverse: Tensor

    def __init__(self, transition: TransitionMatrix | ArrayLike) -> None:
        super().__init__(transition)
        condition = self.matrix.condition_number
        if not condition < WORST_CONDITION:
            raise BadInput(
                f"the transition matrix cannot be inverted (condition number {condition:.3g})",
                fix="use ForwardCorrection, or a matrix whose rows differ more",
            )
        self.register_buffer("inverse", torch.tensor(self.matrix.inverse(), dtype=torch.float32))

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return Σ_j (T⁻¹)[s, j] CE_j."""
        return backward_correction(logits, labels, self.inverse)


class ImportanceReweighting(_Corrected):
    """Cross-entropy weighted by how likely the label is under the truth against under the noise. [B004]

    Parameters
    ----------
    transition : TransitionMatrix or array (K, K)
        Rows are the truth, columns what is observed; rows sum to 1.
    """

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return the weighted cross-entropy."""
        return importance_weights(logits, labels, self.transition) * row_cross_entropy(logits, labels)
