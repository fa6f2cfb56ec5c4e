"""PiCO: contrastive features and class prototypes settle which candidate is meant.

A query network gives logits and a unit vector u of the weak view, a slowly following key network a vector of the strong
view. With ỹ_i the likeliest candidate, μ_c the prototypes and S_i the candidates,

    loss = CE(w, p) + a · SupCon(u; batch, keys, queue; positives: the same ỹ)
    w_i ← φ w_i + (1 − φ) onehot(argmax_{j∈S_i} u_i·μ_j),            φ from 0.95 down to 0.8
    μ_c ← normalise(g μ_c + (1 − g) u_i)  for c = ỹ_i

Before the prototypes have seen the data, w stays even and a row's only positive is its own key.

Source: Wang et al., PiCO: Contrastive Label Disambiguation for Partial Label Learning, ICLR 2022 [B018].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from labelwright.errors import BadInput
from labelwright.learn.partial.candidate_weights import CandidateObjective
from labelwright.nn import AveragedNet, FeatureQueue, Losses, Task
from labelwright.nn.batch import Batch, Batches, Clock
from labelwright.nn.contrastive import supervised_contrastive
from labelwright.nn.losses import soft_cross_entropy
from labelwright.nn.prototypes import Prototypes
from labelwright.nn.targets import one_hot


class Embedder(nn.Module):
    """Unit vectors (b, d) of inputs: a network's features through a projector."""

    def __init__(self, net: Any, projector: nn.Module) -> None:
        super().__init__()
        self.net, self.projector = net, projector

    def forward(self, x: Any) -> Tensor:
        """Return unit vectors (b, d)."""
        return normalize(self.projector(self.net.features(x)), dim=1)


@dataclass(frozen=True, eq=False)
class Contrast:
    """Settings of the contrastive part.

    Parameters
    ----------
    weight : float, default 0.5
        Of the contrastive loss; 0 leaves it out.
    temperature : float, default 0.07
    queue : int, default 8192
        Keys kept; choose no more than there are rows.
    dim : int, default 128
        Length of the vectors.
    start : int, default 1
        Epochs before prototypes and pseudo-labels are used.
    prototype_momentum, key_momentum : float, default 0.99 and 0.999
    """

    weight: float = 0.5
    temperature: float = 0.07
    queue: int = 8192
    dim: int = 128
    start: int = 1
    prototype_momentum: float = 0.99
    key_momentum: float = 0.999


@dataclass(frozen=True, eq=False)
class Seen:
    """What both networks say of a batch: logits (b, K), `u` and `keys` (b, d), scores log g (b, K), labels ỹ (b,)."""

    logits: Tensor
    u: Tensor
    keys: Tensor
    log_g: Tensor
    pseudo: Tensor


class PiCO(CandidateObjective):
    """Contrastive disambiguation of candidate sets. [B018]

    Parameters
    ----------
    phi : pair of float, default (0.95, 0.8)
        Memory of the weights at the first and at the last epoch.
    contrast : Contrast

    Notes
    -----
    The network needs `features` and `head`; all backbones have them.
    """

    def __init__(self, phi: tuple[float, float] = (0.95, 0.8), contrast: Contrast | None = None) -> None:
        super().__init__(views=("weak", "strong"))
        if not all(0 <= value <= 1 for value in phi):
            raise BadInput(f"phi is {phi}", fix="choose two numbers in [0, 1]")
        self.phi, self.contrast = phi, contrast or Contrast()

    def setup(self, task: Task) -> None:
        """Make both networks, prototypes and queue."""
        super().setup(task)
        net: Any = self.net
        if not (hasattr(net, "features") and hasattr(net, "head") and hasattr(net, "n_features")):
            raise BadInput(f"{type(net).__name__} gives no features", fix="use a backbone, or Module(your_net)")
        c, size = self.contrast, net.n_features
        self.projector = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, c.dim))
        self.keys = AveragedNet(Embedder(net, self.projector), c.key_momentum)
        self.prototypes = Prototypes(task.n_classes, c.dim, c.prototype_momentum)
        self.queue = FeatureQueue(c.queue, c.dim, labels=0)

    def memory(self, clock: Clock) -> float:
        """Return φ at this moment: it moves evenly over the training."""
        first, last = self.phi
        return first + (last - first) * clock.epoch / max(clock.epochs, 1)

    def score(self, logits: Tensor, u: Tensor) -> Tensor:
        """Return log g of each class, up to a constant a row, (b, K): similarity to the prototypes."""
        return self.prototypes.similarity(u) / self.contrast.temperature

    def pseudo_label(self, log_g: Tensor, loglik: Tensor) -> Tensor:
        """Return what the weights move to, (b, K): one for the best-scored candidate."""
        return one_hot((log_g + loglik).argmax(dim=1), log_g.shape[1])

    def look(self, rows: Batch, loglik: Tensor) -> Seen:
        """Ask both networks."""
        net: Any = self.net
        query, key = rows.views.values()
        features = net.features(query)
        logits = net.head(features)
        u = normalize(self.projector(features), dim=1)
        pseudo = (logits.detach().log_softmax(dim=1) + loglik).argmax(dim=1)
        return Seen(logits, u, self.keys(key), self.score(logits.detach(), u.detach()), pseudo)

    def next_weights(self, rows: Batch, seen: Seen, loglik: Tensor, clock: Clock) -> Tensor:
        """Return the moved weights, detached, (b, K)."""
        if clock.epoch < self.contrast.start:
            return self.weights.read(rows.index)
        return self.weights.blend(rows.index, self.pseudo_label(seen.log_g, loglik), self.memory(clock))

    def contrastive(self, seen: Seen, clock: Clock) -> Tensor | float:
        """Return the contrastive loss of the batch against itself, its keys and the queue."""
        if self.contrast.weight == 0:
            return 0.0
        b = len(seen.u)
        others = torch.cat([seen.u, seen.keys, self.queue.features])
        own = torch.eye(b, dtype=torch.bool, device=seen.u.device)
        usable = torch.cat([~own, torch.ones_like(own), self.queue.filled.expand(b, -1)], dim=1)
        if clock.epoch < self.contrast.start:
            positive = torch.zeros_like(usable)
            positive[:, b : 2 * b] = own
        else:
            labels: Tensor = self.queue.labels
            positive = seen.pseudo[:, None] == torch.cat([seen.pseudo, seen.pseudo, labels])[None, :]
        loss = supervised_contrastive(seen.u, others, positive, self.contrast.temperature, usable)
        return self.contrast.weight * loss

    def losses(self, batch: Batches) -> Losses:
        """Return both terms; weights, vectors and pseudo-labels are kept for `after_step`."""
        rows, clock = batch["train"], batch.clock
        seen = self.look(rows, self.loglik(rows.index))
        weights = self.next_weights(rows, seen, self.loglik(rows.index), clock)
        return Losses(
            candidates=soft_cross_entropy(seen.logits, weights),
            contrastive=self.contrastive(seen, clock),
            logits=seen.logits,
            keep=(weights, seen),
        )

    def after_step(self, batch: Any, keep: Any) -> None:
        """Write weights, prototypes and queue; let the key network follow."""
        weights, seen = keep
        self.weights.write(batch["train"].index, weights)
        self.prototypes.follow(seen.u, seen.pseudo)
        self.queue.push(seen.keys, labels=seen.pseudo)
        self.keys.follow(Embedder(self.net, self.projector))
