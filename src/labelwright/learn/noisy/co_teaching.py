"""Co-teaching and its kin: two networks choose for each other which rows to learn from.

Rows of small loss are probably labelled right. After t epochs the share kept of a batch is R(t) = 1 − min(τ t / T, τ),
with τ the share of wrong labels.

    Co-teaching    each network's rows of smallest cross-entropy train the other one                     [B010]
    Co-teaching+   the same among the rows on whose class the two networks disagree                      [B011]
    JoCoR          both train on the rows of smallest joint loss                                         [B012]
                   (1 − λ)(CE_1 + CE_2) + λ (KL(p_1 ‖ p_2) + KL(p_2 ‖ p_1))

Sources: Han et al., NeurIPS 2018 [B010]; Yu et al., ICML 2019 [B011]; Wei et al., CVPR 2020 [B012].
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import log_softmax

from labelwright.errors import BadInput
from labelwright.learn.noisy.clean_split import keep_share, small_loss
from labelwright.learn.noisy.two_networks import TwoNetworks
from labelwright.nn.batch import Batches
from labelwright.nn.losses import cross_entropy, row_cross_entropy
from labelwright.nn.objective import Losses


def co_teaching_loss(
    first: Tensor, second: Tensor, labels: Tensor, share: float, by: Sequence[Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Return the losses of both networks: each on the rows that are of small loss to the other. [B010]

    Parameters
    ----------
    first, second : Tensor (b, K)
        Logits of the two networks.
    labels : int64 tensor (b,)
        Given classes, all of them known.
    share : float
        Share of the rows kept, in (0, 1].
    by : two tensors (b, K), optional
        Other logits of the two networks, to choose rows by.

    Examples
    --------
    >>> import torch
    >>> z = torch.zeros(2, 2)
    >>> [round(float(loss), 4) for loss in co_teaching_loss(z, z, torch.tensor([0, 1]), 0.5)]
    [0.6931, 0.6931]
    """
    picked = [small_loss(row_cross_entropy(logits, labels), share) for logits in by or (first, second)]
    return cross_entropy(first[picked[1]], labels[picked[1]]), cross_entropy(second[picked[0]], labels[picked[0]])


def jocor_losses(first: Tensor, second: Tensor, labels: Tensor, lam: float = 0.9) -> Tensor:
    """Return the joint loss of each row, (b,): (1 − λ)(CE_1 + CE_2) + λ (KL(p_1 ‖ p_2) + KL(p_2 ‖ p_1)). [B012]

    Examples
    --------
    >>> import torch
    >>> z = torch.tensor([[0.0, 1.0]])
    >>> float(jocor_losses(z, z, torch.tensor([0]), lam=1.0))
    0.0
    """
    log_p, log_q = log_softmax(first, dim=1), log_softmax(second, dim=1)
    agreement = ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(dim=1)  # both divergences together
    fit = row_cross_entropy(first, labels) + row_cross_entropy(second, labels)
    return (1 - lam) * fit + lam * agreement


class CoTeaching(TwoNetworks):
    """Two networks pass each other their rows of small loss. [B010]

    Parameters
    ----------
    forget : float
        τ, the share of rows left out in the end, in [0, 1): the share of labels that are wrong.
    ramp : float, default 10.0
        Epochs until τ is reached.
    """

    def __init__(self, forget: float, ramp: float = 10.0) -> None:
        super().__init__()
        if not 0 <= forget < 1:
            raise BadInput(f"forget is {forget}", fix="pass the share of wrong labels, in [0, 1)")
        self.forget, self.ramp = forget, ramp

    def logits(self, batch: Batches) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return both networks' logits of the labelled rows, their labels, and the first network's of all rows."""
        rows = batch["train"]
        first, second = (net(rows.x) for net in self.nets)
        known = rows.labels >= 0
        return first[known], second[known], rows.labels[known], first

    def losses(self, batch: Batches) -> Losses:
        """Return both networks' losses on the rows that the other one picked."""
        first, second, labels, logits = self.logits(batch)
        if len(labels) == 0:
            return Losses(first=(first.sum() + second.sum()), logits=logits)
        own, other = co_teaching_loss(first, second, labels, keep_share(batch.clock.time, self.forget, self.ramp))
        return Losses(first=own, second=other, logits=logits)


class CoTeachingPlus(CoTeaching):
    """Co-teaching among the rows on which the two networks disagree, so that they stay different. [B011]

    Parameters
    ----------
    forget, ramp : float
        As in `CoTeaching`.
    warmup : float, default 10.0
        Epochs of plain cross-entropy before.

    Notes
    -----
    A batch without disagreement teaches nothing.
    """

    def __init__(self, forget: float, ramp: float = 10.0, warmup: float = 10.0) -> None:
        super().__init__(forget, ramp)
        self.warmup = warmup

    def losses(self, batch: Batches) -> Losses:
        """Return cross-entropy at first, then the losses on picked rows of disagreement."""
        first, second, labels, logits = self.logits(batch)
        if batch.clock.time < self.warmup:
            return Losses(first=cross_entropy(first, labels), second=cross_entropy(second, labels), logits=logits)
        apart = first.argmax(dim=1) != second.argmax(dim=1)
        if not apart.any():
            return Losses(first=0 * (first.sum() + second.sum()), logits=logits)
        share = keep_share(batch.clock.time, self.forget, self.ramp)
        own, other = co_teaching_loss(first[apart], second[apart], labels[apart], share)
        return Losses(first=own, second=other, logits=logits, figures={"disagreement": apart.float().mean()})


class JoCoR(CoTeaching):
    """Two networks that learn the labels of small joint loss, and to agree. [B012]

    Parameters
    ----------
    forget, ramp : float
        As in `CoTeaching`.
    lam : float, default 0.9
        Weight of agreement against the labels, in [0, 1).
    """

    def __init__(self, forget: float, ramp: float = 10.0, lam: float = 0.9) -> None:
        super().__init__(forget, ramp)
        if not 0 <= lam < 1:
            raise BadInput(f"lam is {lam}", fix="choose lam in [0, 1)")
        self.lam = lam

    def losses(self, batch: Batches) -> Losses:
        """Return the joint loss of the rows where it is small."""
        first, second, labels, logits = self.logits(batch)
        joint = jocor_losses(first, second, labels, self.lam)
        if len(labels) == 0:
            return Losses(joint=joint.sum(), logits=logits)
        picked = small_loss(joint, keep_share(batch.clock.time, self.forget, self.ramp))
        return Losses(joint=joint[picked].mean(), logits=logits)
