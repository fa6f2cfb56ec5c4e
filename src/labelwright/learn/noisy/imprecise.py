"""Imprecise label learning: one EM objective for every kind of evidence and any mixture of them.

The truth is hidden; what the annotators left is evidence o. With the network p(y | x), noise parameters T and the
likelihood L_k = P(o | y = k; T):

    E-step   q ∝ p(y | x_w) · L                                   on the weak view, without gradient
    M-step   CE(q, p(x_s)) − log Σ_k p_k(x_w) L_k                 on the strong view, and the marginal likelihood

Where the noise is learnt, the first term compares posteriors, CE(q, r) with r ∝ p(x_s) · L, as the paper does: a row
that is probably mislabelled is then not pulled towards its label. Rows without evidence teach consistency: q is the
weak view's prediction, aligned to the running class distribution. Bags and pairs condition q by exact counting or
belief propagation. A small balance term keeps classes from vanishing.

Source: Chen et al., Imprecise Label Learning: A Unified Framework for Learning with Various Imprecise Label
Configurations, NeurIPS 2024 [P010].
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.noisy.evidence_model import EvidenceModel
from labelwright.nn import Losses, Objective, Stream, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import balance, row_soft_cross_entropy
from labelwright.nn.optimizers import Configured, OptimizerSpec
from labelwright.nn.targets import DistributionAlignment


def imprecise_loss(weak: Tensor, strong: Tensor, log_likelihood: Tensor) -> Tensor:
    """Return the mean of CE(q, p_strong) − log Σ_k p_weak,k L_k: the whole method for rows, in anybody's loop.

    Parameters
    ----------
    weak, strong : Tensor (b, K)
        Logits of two views of the same rows; the same tensor twice for one view.
    log_likelihood : Tensor (b, K)
        log P(evidence | class), as ``evidence.log_likelihood()`` gives it; zeros for rows without any.

    Examples
    --------
    >>> z = torch.zeros(1, 2)
    >>> round(float(imprecise_loss(z, z, torch.tensor([[0.0, -torch.inf]]))), 4)  # a trusted label, twice
    1.3863
    """
    joint = weak.log_softmax(dim=1) + log_likelihood
    q = joint.softmax(dim=1).detach()
    return (row_soft_cross_entropy(strong, q) - joint.logsumexp(dim=1)).mean()


class ImpreciseLabelLearner(Objective):
    """Learn from any evidence by expectation and maximisation, a step at a time. [P010]

    Parameters
    ----------
    noise : optional
        How the evidence goes wrong: one entry a part for `Mixed`, as in `posterior`, or `LearntNoise()` to learn it.
        By default votes, and hard labels that are the only evidence, have learnt noise; everything else is trusted.
    balance : float, default 0.1
        Weight of the balance term, at least 0.
    unlabeled : float, default 1.0
        Weight of the consistency of rows without evidence, at least 0, reached after `ramp` epochs.
    ramp : float, default 10.0
    warmup : int, default 0
        Epochs during which learnt noise stays where it starts.
    """

    def __init__(
        self, noise: Any = None, *, balance: float = 0.1, unlabeled: float = 1.0, ramp: float = 10.0, warmup: int = 0
    ) -> None:
        super().__init__()
        if balance < 0 or unlabeled < 0:
            raise BadInput(f"balance is {balance}, unlabeled is {unlabeled}", fix="choose weights of at least 0")
        self.noise, self.balance, self.unlabeled, self.ramp, self.warmup = noise, balance, unlabeled, ramp, warmup

    def setup(self, task: Task) -> None:
        """Make the network and the evidence's likelihood."""
        if task.evidence is None:
            raise BadInput("there is no evidence to learn from", fix="pass labels or evidence as y")
        self.net = task.new_net()
        self.model = EvidenceModel(task.evidence, self.noise, task.n_classes)
        self.alignment = DistributionAlignment(task.n_classes)

    def optimizers(self, base: OptimizerSpec) -> dict[str, Configured]:
        """Return the user's optimiser; learnt noise moves by plain steps without decay."""
        groups: list[dict[str, Any]] = [{"params": list(self.net.parameters())}]
        learnt = list(self.model.parameters())
        if learnt:
            groups.append({"params": learnt, "weight_decay": 0.0})
        return {"main": base(groups)}

    def streams(self, task: Task, epoch: int) -> dict[str, Stream]:
        """Return one stream with a weak and a strong view of each row."""
        return {"train": task.stream(views=("weak", "strong"))}

    def losses(self, batch: Batches) -> Losses:
        """Return the terms of one EM step."""
        rows, clock = batch["train"], batch.clock
        weak, strong = self.net(rows.views["weak"]), self.net(rows.views["strong"])
        log_p = weak.log_softmax(dim=1)
        with torch.set_grad_enabled(clock.epoch >= self.warmup or not self.model.learnt):
            likelihood = self.model.rows(rows)
        given = rows["weight"] if "weight" in rows.fields else None
        q, log_z = self.model.posterior(log_p, rows, likelihood, given)
        heard = self.model.speaks[rows.index]
        q = torch.where(heard[:, None], q, self.alignment(log_p.detach().exp()))
        each = row_soft_cross_entropy(strong, q)
        noisy = self.model.noisy[rows.index]
        if bool(noisy.any()):  # CE(q, r) = CE(q, p) + log Z up to a constant, r ∝ p(x_s) · L
            through = (strong.log_softmax(dim=1) + likelihood.detach()).logsumexp(dim=1)
            each = each + torch.where(noisy, through, torch.zeros_like(through))
        share = min(1.0, clock.time / self.ramp) if self.ramp else 1.0
        weight = torch.where(heard, 1.0, self.unlabeled * share)
        weight = weight if given is None else weight * given
        return Losses(
            posterior=(each * weight).mean(),
            evidence=-log_z,
            balance=self.balance * balance(log_p.exp()),
            logits=weak,
            keep=log_p.detach().exp()[~heard],
        )

    def after_step(self, batch: Batches, keep: Tensor) -> None:
        """Move the running class distribution of the rows without evidence."""
        if len(keep):
            self.alignment.observe(keep)

    @property
    def transition_matrices(self) -> tuple[NDArray[np.float32], ...]:
        """Learnt noise: T (K, S) of each labels part, C (A, K, S) of each votes part; rows = truth."""
        return self.model.transition_matrices()

    def posterior(self, log_p: NDArray[np.floating], task: Task) -> NDArray[np.float64]:
        """Return q (n, K) of the training rows: what network and evidence together say of each truth."""
        rows = task.batch(np.arange(task.n_rows))
        with torch.no_grad():
            q, _ = self.model.posterior(torch.as_tensor(log_p, dtype=torch.float32), rows)
        return np.asarray(q.cpu(), dtype=np.float64)
