"""Early-learning regularisation: stop a network before it memorises wrong labels.

A network fits clean labels first. Keep a running average t_i of its own predictions and pull the current prediction
p_i towards it, so that the gradient of a wrong label fades:

    loss_i = CE(p_i, y_i) + λ · log(1 − ⟨p_i, t_i⟩)
    t_i    ← β · t_i + (1 − β) · p_i / Σ p_i          (p_i detached, clamped to [1e-4, 1 − 1e-4])

ELR+ trains two networks, each beside an averaged copy. The copy of one moves the running average of the other; inputs
are mixed, and the average of a mixed row is the mixture of both rows' averages.

Source: Liu, Niles-Weed, Razavian, Fernandez-Granda, Early-Learning Regularization Prevents Memorization of Noisy
Labels, NeurIPS 2020 [P134].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from labelwright.errors import BadInput
from labelwright.nn import AveragedNet, Losses, Objective, RowMemory, Task, sigmoid_rampup
from labelwright.nn.batch import Batch, Batches
from labelwright.nn.losses import cross_entropy, soft_cross_entropy
from labelwright.nn.mix import mixup
from labelwright.nn.targets import one_hot

CLAMP = 1e-4  # bounds the penalty, which has no lower end as ⟨p, t⟩ nears 1


def clipped_softmax(logits: Tensor) -> Tensor:
    """Return softmax clamped to [1e-4, 1 − 1e-4] and normalised again, (b, K)."""
    p = logits.softmax(dim=1).clamp(CLAMP, 1 - CLAMP)
    return p / p.sum(dim=1, keepdim=True)


def early_learning_penalty(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of log(1 − ⟨p, t⟩): use it in any loop, times λ.

    Parameters
    ----------
    logits : Tensor (b, K)
    targets : Tensor (b, K)
        Running averages of predictions; detached.

    Examples
    --------
    >>> early_learning_penalty(torch.zeros(1, 2), torch.zeros(1, 2)).item()
    0.0
    """
    p = logits.softmax(dim=1).clamp(CLAMP, 1 - CLAMP)
    return torch.log1p(-(targets * p).sum(dim=1)).mean()


class EarlyLearningRegularization(Objective):
    """Cross-entropy plus early-learning regularisation, for hard labels that may be wrong. [P134]

    Parameters
    ----------
    lam : float, default 3.0
        Weight of the penalty, at least 0. The paper uses 3 for 10 classes (1 for asymmetric noise) and 7 for 100.
    beta : float, default 0.7
        Memory of the running average, in [0, 1).
    """

    def __init__(self, lam: float = 3.0, beta: float = 0.7) -> None:
        super().__init__()
        if lam < 0 or not 0 <= beta < 1:
            raise BadInput(f"lam is {lam}, beta is {beta}", fix="choose lam of at least 0 and beta in [0, 1)")
        self.lam, self.beta = lam, beta

    def setup(self, task: Task) -> None:
        """Make the network and the running averages, which start at 0."""
        self.net = task.new_net()
        self.targets = RowMemory(len(task.labels), task.n_classes)

    def losses(self, batch: Batches) -> Losses:
        """Return cross-entropy and penalty; the moved averages are kept for `after_step`."""
        rows = batch["train"]
        logits = self.net(rows.x)
        targets = self.targets.blend(rows.index, clipped_softmax(logits.detach()), self.beta)
        return Losses(
            cross_entropy=cross_entropy(logits, rows.labels),
            early_learning=self.lam * early_learning_penalty(logits, targets),
            logits=logits,
            keep=targets,
        )

    def after_step(self, batch: Batches, keep: Tensor) -> None:
        """Write the moved averages."""
        self.targets.write(batch["train"].index, keep)


class EarlyLearningRegularizationPlus(Objective):
    """ELR+: two networks that move each other's running averages, averaged weights and mixed inputs. [P134]

    Parameters
    ----------
    lam : float, default 3.0
        Weight of the penalty; the paper ramps it up for 100 classes.
    beta : float, default 0.7
        Memory of the running average, in [0, 1).
    alpha : float, default 1.0
        Inputs are mixed with shares from Beta(alpha, alpha), mostly themselves.
    ema : float, default 0.997
        Memory of the averaged weights, reached along a sigmoid ramp.
    ramp : float, default 0.0
        Epochs over which λ rises.
    """

    def __init__(
        self, lam: float = 3.0, beta: float = 0.7, alpha: float = 1.0, ema: float = 0.997, ramp: float = 0.0
    ) -> None:
        super().__init__()
        self.lam, self.beta, self.alpha, self.ema, self.ramp = lam, beta, alpha, ema, ramp

    def setup(self, task: Task) -> None:
        """Make both networks, their averaged copies and their running averages."""
        self.nets = torch.nn.ModuleList(task.new_net() for _ in range(2))
        self.net = self.nets[0]
        self.copies = torch.nn.ModuleList(AveragedNet(net, self.ema) for net in self.nets)
        self.targets = torch.nn.ModuleList(RowMemory(len(task.labels), task.n_classes) for _ in range(2))

    def losses(self, batch: Batches) -> Losses:
        """Return both networks' terms on mixed inputs."""
        rows = batch["train"]
        lam = self.lam * sigmoid_rampup(batch.clock.time, self.ramp)
        first, second = (self._one(i, rows, lam) for i in range(2))
        return Losses(
            cross_entropy=first[0] + second[0],
            early_learning=first[1] + second[1],
            logits=first[2],
            keep=(first[3], second[3], batch.clock.time),
        )

    def _one(self, i: int, rows: Batch, lam: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        memory, peer = self.targets[i], self.copies[1 - i]
        assert isinstance(memory, RowMemory)
        moved = memory.blend(rows.index, clipped_softmax(peer(rows.x)), self.beta)
        mixture = mixup(len(rows), self.alpha, rows.index.device, dominant=True)
        logits = self.nets[i](mixture(rows.x))
        labels = mixture(one_hot(rows.labels, logits.shape[1]))
        return (
            soft_cross_entropy(logits, labels),
            lam * early_learning_penalty(logits, mixture(moved)),
            logits,
            moved,
        )

    def after_step(self, batch: Batches, keep: Any) -> None:
        """Write the running averages and let the copies follow."""
        first, second, time = keep
        for i, moved in enumerate((first, second)):
            memory, copy = self.targets[i], self.copies[i]
            assert isinstance(memory, RowMemory) and isinstance(copy, AveragedNet)
            memory.write(batch["train"].index, moved)
            copy.follow(self.nets[i], self.ema * sigmoid_rampup(time, batch.clock.epochs / 2))

    def predict(self, x: Any) -> Tensor:
        """Return the mean probabilities of both averaged networks."""
        log_p = [log_softmax(copy(x), dim=1) for copy in self.copies]
        return torch.stack(log_p).mean(dim=0).softmax(dim=1)
