"""The exact probability of every bag's count, as a loss.

    loss = −log P(count of the bag | rows) = −log Σ_{y: counts fit} Π_i p_{i y_i},      d loss / d logits = p − q

with q the posterior of the labels given the count, both from one counting recursion. Any statement about counts works:
exact, "any", bounds, a noisy report. Large bags that count several classes take the nearest distribution with the
right sums instead, as `posterior` says.

Source: Shukla, Zhang, Sarkar, Van den Broeck, A Unified Approach to Count-Based Weakly Supervised Learning, NeurIPS
2023 [B026].
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import log_softmax

from labelwright.errors import BadInput
from labelwright.evidence import Evidence, GroupEvidence, posterior
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batches


def count_nll(logits: Tensor, evidence: Evidence) -> Tensor:
    """Return −log P(evidence) a row: use it in any loop. [B026]

    Parameters
    ----------
    logits : Tensor (n, K)
    evidence : Bags, or other evidence about the same n rows

    Examples
    --------
    >>> import torch
    >>> from labelwright.evidence import Bags
    >>> round(count_nll(torch.zeros(2, 2), Bags.counts([0, 0], [1])).item(), 4)  # −log(1/2) / 2
    0.3466
    """
    return -posterior(log_softmax(logits, dim=1), evidence).log_z.sum() / max(len(logits), 1)


class CountLikelihood(Objective):
    """Maximise the probability of the counts of all bags. [B026]"""

    def setup(self, task: Task) -> None:
        """Make the network; the evidence must be about groups."""
        if not isinstance(task.evidence, GroupEvidence):
            raise BadInput(
                f"this method learns from groups, the evidence is {type(task.evidence).__name__}", fix="pass Bags"
            )
        self.net = task.new_net()

    def losses(self, batch: Batches) -> Losses:
        """Return −log P(counts) a row."""
        rows = batch["train"]
        logits = self.net(rows.x)
        return Losses(counts=count_nll(logits, rows.evidence), logits=logits)
