"""SimGCD: clusters all rows while it learns the classes that have labelled rows, and then from answers.

See `category_discovery` for the equations.

Source: Wen, Zhao, Qi, Parametric classification for generalized category discovery, ICCV 2023; Ma et al., Active
generalized category discovery, CVPR 2024 [P180].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from labelwright.acquire.novel_sampling import StableLabelMapping
from labelwright.errors import BadInput
from labelwright.nn import AveragedNet, Loop, Losses, Objective, Stream, Task
from labelwright.nn.batch import Batches
from labelwright.nn.contrastive import nt_xent, supcon
from labelwright.nn.optimizers import Stepper

STUDENT = 0.1  # temperature of the predictions
SUPERVISED, UNSUPERVISED = 0.35, 0.65
QUERY_BATCH = 8


def cluster_loss(first: Tensor, second: Tensor, teacher_temperature: float) -> Tensor:
    """Return the cross-entropy between two views' sharpened and plain predictions, both ways; cosines (b, K). [P180]"""

    def one_way(teacher: Tensor, student: Tensor) -> Tensor:
        target = (teacher.detach() / teacher_temperature).softmax(dim=1)
        return -(target * (student / STUDENT).log_softmax(dim=1)).sum(dim=1).mean()

    return (one_way(first, second) + one_way(second, first)) / 2


def evenness(cosines: Tensor) -> Tensor:
    """Return R = Σ p̄ log p̄ + log K of the mean prediction: 0 when the batch is spread evenly; cosines (b, K). [P180]"""
    mean = (cosines / STUDENT).softmax(dim=1).mean(dim=0)
    return torch.special.entr(mean).sum().neg() + np.log(cosines.shape[1])


class _CosineHead(nn.Module):
    def __init__(self, size: int, n_outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_outputs, size))
        nn.init.normal_(self.weight)

    def forward(self, features: Tensor) -> Tensor:
        return normalize(features, dim=1) @ normalize(self.weight, dim=1).T


class _DiscoveryNet(nn.Module):
    """A body, a cosine head (logits are cosines), and a projection for the contrastive terms."""

    def __init__(self, body: Any, n_outputs: int) -> None:
        super().__init__()
        self.body, size = body, body.n_features
        self.head = _CosineHead(size, n_outputs)
        self.project = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))

    def features(self, x: Tensor) -> Tensor:
        found: Tensor = self.body.features(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        cosines: Tensor = self.head(self.features(x))
        return cosines


class SimGCD(Objective):
    """Clusters all rows while it learns the named classes, and what was answered since. [P180]

    Parameters
    ----------
    n_old : int
        Named classes; the labels of the task's evidence are among them.
    warm : float, default 30.0
        Epochs in which the teacher's temperature falls from 0.07 to 0.04.
    decay : float, default 0.9
        Of the running average of the network that the mapping asks.
    mapped : bool, default True
        Map classes to outputs by labelled rows and the averaged network. False matches the network's own outputs on
        the answered rows alone, the way that the paper compares with.
    query_batch : int, default 8
        Answered rows a step, at least 1. An epoch has as many steps as all rows make batches: where the answered rows
        make more, a larger number lets each epoch see them all.

    Notes
    -----
    The task has fields ``"labels"`` (named classes, -1 elsewhere) and ``"answers"`` (classes that were answered, -1
    elsewhere). Steps on answered rows alternate with steps on all rows; the authors do one pass after the other.
    """

    def __init__(
        self, n_old: int, *, warm: float = 30.0, decay: float = 0.9, mapped: bool = True, query_batch: int = QUERY_BATCH
    ) -> None:
        super().__init__()
        if query_batch < 1:
            raise BadInput(f"query_batch is {query_batch}", fix="choose at least 1")
        self.n_old, self.warm, self.decay, self.mapped, self.query_batch = n_old, warm, decay, mapped, query_batch

    def setup(self, task: Task) -> None:
        """Make the network, its average, and the first mapping: each class its own output."""
        self.net = _DiscoveryNet(task.new_net(), task.n_classes)
        self.average = AveragedNet(self.net, self.decay)
        self.register_buffer("output_of", torch.arange(task.n_classes))

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return all rows in two views, and the answered rows in small batches where there are any."""
        views = {"first": task.views.weak, "second": task.views.strong}
        found = {"train": task.stream(views=views)}
        answered = np.flatnonzero(task.fields["answers"].cpu().numpy() >= 0)
        if len(answered):
            found["answered"] = task.stream(answered, batch_size=self.query_batch, views=views)
        return found

    def before_epoch(self, loop: Loop) -> None:
        """Find the output of each class anew."""
        labels, answers = (loop.task.fields[name].cpu().numpy() for name in ("labels", "answers"))
        known = np.where(answers >= 0, answers, labels if self.mapped else -1)
        rows = np.flatnonzero(known >= 0)
        if (answers >= 0).any():
            net = self.average if self.mapped else self.net
            outputs = loop.predict(rows, net=net).logits.argmax(dim=1).cpu().numpy()
            mapping = StableLabelMapping(loop.task.n_classes).fit(outputs, known[rows])
            self.output_of.copy_(torch.from_numpy(mapping.output_of))

    def losses(self, batch: Batches) -> Losses:
        """Return the terms on all rows."""
        rows = batch["train"]
        first, second = (self.net.features(rows.views[name]) for name in ("first", "second"))
        cosines = [self.net.head(h) for h in (first, second)]
        temperature = 0.07 - 0.03 * min(batch.clock.time / self.warm, 1.0)
        spread = evenness(torch.cat(cosines))
        u, v = (self.net.project(h) for h in (first, second))
        named = rows["labels"] >= 0
        terms = {
            "cluster": UNSUPERVISED * (cluster_loss(cosines[0], cosines[1], temperature) + 2 * spread),
            "contrast": UNSUPERVISED * nt_xent(u, v, 1.0),
        }
        if named.any():
            both = torch.cat([c[named] for c in cosines]) / STUDENT
            labels = rows["labels"][named].repeat(2)
            terms["named"] = SUPERVISED * cross_entropy(both, labels)
            terms["alike"] = SUPERVISED * supcon(torch.cat([u[named], v[named]]), labels)
        return Losses(logits=cosines[0] / STUDENT, **terms)

    def answered_losses(self, batch: Batches) -> Losses:
        """Return the terms on answered rows."""
        rows = batch["answered"]
        features = [self.net.features(rows.views[name]) for name in ("first", "second")]
        cosines = torch.cat([self.net.head(h) for h in features]) / STUDENT
        classes = rows["answers"].repeat(2)
        outputs = self.output_of[classes]
        projected = torch.cat([self.net.project(h) for h in features])
        return Losses(
            answered=SUPERVISED * cross_entropy(cosines, outputs), alike=SUPERVISED * supcon(projected, classes)
        )

    def update(self, batch: Batches, opt: Mapping[str, Stepper]) -> Losses:
        """Step on all rows, then on answered ones."""
        found = opt["main"].step(lambda: self.losses(batch))
        if "answered" in batch:
            opt["main"].step(lambda: self.answered_losses(batch))
        return found

    def after_step(self, batch: Batches, keep: Any) -> None:
        """Let the average follow."""
        self.average.follow(self.net)

    def predict(self, x: Any) -> Tensor:
        """Return P(output), (b, K)."""
        logits: Tensor = self.net(x)
        return (logits / STUDENT).softmax(dim=1)
