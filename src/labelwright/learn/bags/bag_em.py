"""Expectation and maximisation over bags: posterior labels of single rows, then ordinary training on them, in turn.

    E  q_i = P(y_i | x, counts of its bag)  for all bags, once an epoch          M  minimise CE(q, p) on single rows

One gradient step from fresh q is a step on the count likelihood, since d(−log P(counts)) / d logits = p − q. Between
E-steps rows may come in any order, so that large bags need no batch of their own.

Source: block G4 of the bag methods; the M-step of Chen et al., Imprecise Label Learning, NeurIPS 2024 [P010].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.evidence import GroupEvidence, posterior
from labelwright.nn import Loop, Losses, Objective, RowMemory, Stream, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import soft_cross_entropy
from labelwright.nn.targets import one_hot, sharpen


class BagEM(Objective):
    """Train on posterior labels that the bags' counts give, worked out anew before every epoch.

    Parameters
    ----------
    temperature : float, default 1.0
        1 keeps q, smaller ones sharpen it, 0 takes the likeliest class.
    keep : float, default 0.0
        Share of the old targets that stays, in [0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.evidence import Bags
    >>> from labelwright.nn import MLP, Training
    >>> x = np.random.default_rng(0).normal(size=(12, 2))
    >>> task = Task(x, Bags.counts(np.arange(12) // 4, [1, 2, 0]), net=MLP((4,)))
    >>> loop = Loop(BagEM(), task, Training(epochs=1, device="cpu"))
    >>> len(loop.fit())
    1
    >>> loop.objective.targets.values[:4, 1].sum().round(decimals=4).item()  # q adds up to the count
    1.0
    """

    def __init__(self, temperature: float = 1.0, keep: float = 0.0) -> None:
        super().__init__()
        if temperature < 0 or not 0 <= keep < 1:
            raise BadInput(f"temperature is {temperature}, keep is {keep}", fix="choose >= 0, and keep in [0, 1)")
        self.temperature, self.keep = temperature, keep

    def setup(self, task: Task) -> None:
        """Make the network and the targets."""
        if not isinstance(task.evidence, GroupEvidence):
            kind = type(task.evidence).__name__
            raise BadInput(f"this method learns from groups, the evidence is {kind}", fix="pass Bags")
        self.net = task.new_net()
        self.targets = RowMemory(task.n_rows, task.n_classes, fill=1 / task.n_classes)

    def before_epoch(self, loop: Loop) -> None:
        """Work out the posterior of every row."""
        assert loop.task.evidence is not None
        q = posterior(loop.predict().logits.log_softmax(dim=1), loop.task.evidence).q
        rows = torch.arange(len(q), device=q.device)
        old = self.keep if loop.clock.step else 0.0
        self.targets.write(rows, self.targets.blend(rows, self._sharpened(q), old))

    def _sharpened(self, q: Tensor) -> Tensor:
        if self.temperature == 0:
            return one_hot(q.argmax(dim=1), q.shape[1])
        return q if self.temperature == 1 else sharpen(q, self.temperature)

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return single rows, whatever bags they are in."""
        return {"train": Stream(task.rows)}

    def losses(self, batch: Batches) -> Losses:
        """Return the cross-entropy against the rows' posterior labels."""
        rows = batch["train"]
        logits = self.net(rows.x)
        return Losses(posterior=soft_cross_entropy(logits, self.targets.read(rows.index)), logits=logits)
