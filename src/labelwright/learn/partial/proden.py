"""PRODEN: progressive identification of the true label among candidates.

    loss_i = −Σ_{j∈S_i} w_ij log p_ij          w_ij starts even on S_i
    w_ij ← p_ij / Σ_{k∈S_i} p_ik               after every batch, p detached

Source: Lv et al., Progressive Identification of True Labels for Partial-Label Learning, ICML 2020 [B015].
"""

from __future__ import annotations

import torch

from labelwright.learn.partial.candidate_weights import CandidateObjective, weights_from_loglik
from labelwright.nn import Losses
from labelwright.nn.batch import Batches
from labelwright.nn.losses import soft_cross_entropy


class PRODEN(CandidateObjective):
    """Weight moves to the candidates that the model finds likely, batch by batch. [B015]

    Parameters
    ----------
    views : sequence of {"x", "weak", "strong"}, default ("x",)
        The loss is the mean over them, the weights come from the first.

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.evidence import Candidates
    >>> from labelwright.nn import Linear, Loop, Task, Training
    >>> task = Task(np.eye(3), Candidates.from_sets([[0], [1, 2], [2]], 3), net=Linear())
    >>> loop = Loop(PRODEN(), task, Training(epochs=2, device="cpu"))
    >>> len(loop.fit())
    2
    """

    def losses(self, batch: Batches) -> Losses:
        """Return the weighted cross-entropy; the next weights are kept for `after_step`."""
        rows = batch["train"]
        weights = self.weights.read(rows.index)
        logits = [self.net(x) for x in rows.views.values()]
        return Losses(
            candidates=torch.stack([soft_cross_entropy(z, weights) for z in logits]).mean(),
            logits=logits[0],
            keep=weights_from_loglik(logits[0], self.loglik(rows.index)),
        )
