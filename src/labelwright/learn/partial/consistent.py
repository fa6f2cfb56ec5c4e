"""Two losses for candidate sets that lead to the right classifier with enough data (CC and RC).

Sets are assumed to be drawn evenly from all sets that hold the truth. Then

    classifier-consistent:  loss_i = −log Σ_{j∈S_i} p_ij
    risk-consistent:        loss_i = −Σ_{j∈S_i} w_ij log p_ij,   w_ij = p_ij / Σ_{k∈S_i} p_ik of the last epoch

Source: Feng et al., Provably Consistent Partial-Label Learning, NeurIPS 2020 [B016].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from labelwright.learn.partial.candidate_weights import CandidateObjective, candidate_loglik, weights_from_loglik
from labelwright.nn import Losses
from labelwright.nn.batch import Batches
from labelwright.nn.losses import soft_cross_entropy


def candidate_nll(logits: Tensor, candidates: Tensor) -> Tensor:
    """Return the mean of −log Σ_{j∈S} p_j: use it in any loop.

    Parameters
    ----------
    logits : Tensor (b, K)
    candidates : bool tensor (b, K)
        At least one a row.

    Examples
    --------
    >>> candidate_nll(torch.zeros(1, 4), torch.tensor([[True, True, False, False]])).item() == torch.tensor(2.).log()
    tensor(True)
    """
    inside = logits.masked_fill(~candidates, -torch.inf).logsumexp(dim=1)
    return (logits.logsumexp(dim=1) - inside).mean()


class ClassifierConsistent(CandidateObjective):
    """CC: the negative log-probability of the candidate set. [B016]"""

    def losses(self, batch: Batches) -> Losses:
        """Return the set's negative log-likelihood, mean over the views."""
        rows = batch["train"]
        allowed = self.allowed.read(rows.index)
        logits = [self.net(x) for x in rows.views.values()]
        return Losses(
            candidates=torch.stack([candidate_nll(z, allowed) for z in logits]).mean(),
            logits=logits[0],
            keep=weights_from_loglik(logits[0], candidate_loglik(allowed)),
        )


class RiskConsistent(CandidateObjective):
    """RC: weights as in PRODEN, but refreshed from the whole model between epochs. [B016]"""

    def before_epoch(self, loop: Any) -> None:
        """Refresh all weights; in the first epoch they stay even."""
        if loop.clock.epoch > 0:
            every = loop.predict().logits
            self.weights.values.copy_(weights_from_loglik(every, candidate_loglik(self.allowed.values)))

    def losses(self, batch: Batches) -> Losses:
        """Return the cross-entropy with the epoch's weights, mean over the views."""
        rows = batch["train"]
        weights = self.weights.read(rows.index)
        logits = [self.net(x) for x in rows.views.values()]
        return Losses(candidates=torch.stack([soft_cross_entropy(z, weights) for z in logits]).mean(), logits=logits[0])

    def after_step(self, batch: Any, keep: Any) -> None:
        """Leave the weights for the epoch."""
