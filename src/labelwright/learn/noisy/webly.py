"""CAPro: learn from web images by prototypes that captions and looks agree on.

Anchors are images whose (mended) caption fits their class best. Their features v, as a slowly moving encoder sees
them, make the visual prototypes μ_c. From epoch e0 the encoder learns from

    CE(y, classifier) + CE((1 − β) y + β b, auxiliary) + InfoNCE(v, queue) + CE(y, ⟨v, μ⟩/τ) + |reconstruction − h|²

where b is the collective bootstrap: what the queue's similar images are thought to be,

    b ∝ Σ_j relu(⟨v, k_j⟩) [α softmax(auxiliary(k_j)) + (1 − α) softmax(⟨k_j, μ⟩/τ)]

From epoch e1 labels are mended by r = α softmax(classifier) + (1 − α) softmax(⟨v, μ⟩/τ): max r of at least 0.6
relabels, else a label with r_y of at least 1/K stays, else the image is dropped. Anchors are never changed.

Source: Qin et al., CAPro: Webly Supervised Learning with Cross-Modality Aligned Prototypes, NeurIPS 2023 [P036].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import mse_loss, normalize

from labelwright.errors import BadInput
from labelwright.evidence import Hard
from labelwright.learn.noisy.mixup import Mixup
from labelwright.learn.noisy.webly_labels import collective_bootstrap, joint_prediction, mended_labels
from labelwright.learn.noisy.webly_text import enhanced_texts, text_prototype_match
from labelwright.metrics.checks import as_array
from labelwright.nn import AveragedNet, FeatureQueue, Loop, Losses, Objective, Stream, Task, Training
from labelwright.nn.batch import Batches
from labelwright.nn.contrastive import info_nce
from labelwright.nn.losses import cross_entropy, soft_cross_entropy
from labelwright.nn.prototypes import Prototypes
from labelwright.nn.targets import one_hot


class _Seen(nn.Module):
    """What is asked of an image: encoder features, and their projection v of unit length."""

    def __init__(self, net: nn.Module, n_features: int, size: int) -> None:
        super().__init__()
        self.net = net
        self.project = nn.Sequential(nn.Linear(n_features, n_features), nn.ReLU(), nn.Linear(n_features, size))

    def v(self, features: Tensor) -> Tensor:
        """Return the projection of features (b, d), (b, size)."""
        return normalize(self.project(features), dim=1)

    def forward(self, x: Any) -> Tensor:
        """Return v of inputs, (b, size)."""
        return self.v(self.net.features(x))  # type: ignore[operator]  # checked in setup


class CAPro(Objective):
    """Cross-modality aligned prototypes for images with web labels and captions, one label an image. [P036]

    Parameters
    ----------
    texts : float array (n, t)
        Vectors of the captions of the task's rows; zeros where there is none.
    definitions : float array (K, t)
        Vectors of the classes' definitions (name and gloss), by the same encoder.
    looks : float array (n, f), optional
        Features of the images for the graph that mends captions; the inputs themselves by default.
    anchors : int, default 50
        Anchors of a class.
    neighbors : int, default 20
        k of that graph.
    start, clean_from : int
        Epochs e0 and e1: when the encoder starts to move, when labels start to be mended.
    size : int, default 128
        Length of v.
    queue : int, default 8192
        Images that the bootstrap and InfoNCE look back on.
    momentum : float, default 0.999
        Of the slow encoder and of the prototypes.
    temperature : float, default 0.1
        τ.
    alpha : float, default 0.5
        Share of the classifier beside the prototypes.
    bootstrap : float, default 0.1
        β.
    relabel_at : float, default 0.6

    Attributes
    ----------
    anchor_class, cleaned : Tensor (n,)
        The class that a row is an anchor of, −1 for none; the mended labels after training, −1 for dropped rows.
    """

    anchor_class: Tensor
    cleaned: Tensor

    def __init__(
        self,
        texts: ArrayLike,
        definitions: ArrayLike,
        looks: ArrayLike | None = None,
        *,
        anchors: int = 50,
        neighbors: int = 20,
        start: int = 5,
        clean_from: int = 10,
        size: int = 128,
        queue: int = 8192,
        momentum: float = 0.999,
        temperature: float = 0.1,
        alpha: float = 0.5,
        bootstrap: float = 0.1,
        relabel_at: float = 0.6,
    ) -> None:
        super().__init__()
        if not (0 <= alpha <= 1 and 0 <= bootstrap <= 1 and temperature > 0 and 0 <= momentum < 1):
            raise BadInput("a setting of CAPro is outside its range", fix="shares in [0, 1], a temperature above 0")
        if min(anchors, neighbors, size, queue) < 1 or not 0 <= start <= clean_from:
            raise BadInput("a setting of CAPro is outside its range", fix="counts from 1, start before clean_from")
        self._texts, self._definitions = as_array("texts", texts, 2), as_array("definitions", definitions, 2)
        self._looks = None if looks is None else as_array("looks", looks, 2)
        self.n_anchors, self.neighbors, self.start, self.clean_from = anchors, neighbors, start, clean_from
        self.size, self.n_queue, self.momentum, self.temperature = size, queue, momentum, temperature
        self.alpha, self.bootstrap, self.relabel_at = alpha, bootstrap, relabel_at

    def setup(self, task: Task) -> None:
        """Find the anchors, and make networks, heads, prototypes and the queue."""
        self.net = task.new_net()
        head = getattr(self.net, "head", None)
        if not isinstance(head, nn.Linear) or not hasattr(self.net, "features"):
            raise BadInput(f"{type(self.net).__name__} has no features for prototypes", fix="use a backbone that has")
        self.register_buffer("anchor_class", torch.from_numpy(self._anchors(task)))
        self.register_buffer("cleaned", task.labels.clone())
        self.seen = _Seen(self.net, head.in_features, self.size)
        self.slow = AveragedNet(self.seen, self.momentum, warm=True)
        self.auxiliary = nn.Linear(self.size, task.n_classes)
        self.rebuild = nn.Sequential(
            nn.Linear(self.size, head.in_features), nn.ReLU(), nn.Linear(head.in_features, head.in_features)
        )
        self.prototypes = Prototypes(task.n_classes, self.size, self.momentum)
        self.queue = FeatureQueue(self.n_queue, self.size)

    def _anchors(self, task: Task) -> np.ndarray[Any, np.dtype[np.int64]]:
        n, k = task.n_rows, task.n_classes
        if len(self._texts) != n or len(self._definitions) != k:
            raise BadInput(
                f"{len(self._texts)} captions and {len(self._definitions)} definitions for {n} rows and {k} classes",
                fix="one caption a row (zeros for none), one definition a class",
            )
        rows = task.rows
        looks = task.batch(rows).x.flatten(1).cpu().numpy() if self._looks is None else self._looks[rows]
        texts = enhanced_texts(self._texts[rows], looks, self.neighbors)
        chosen = text_prototype_match(texts, self._definitions, task.labels[rows].cpu().numpy(), self.n_anchors)
        found = np.full(n, -1, dtype=np.int64)
        found[rows[chosen.any(axis=1)]] = chosen.argmax(axis=1)[chosen.any(axis=1)]
        return found

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return all rows in a weak view to learn from and a strong one for the slow encoder."""
        return {"train": task.stream(views=("weak", "strong"))}

    def before_epoch(self, loop: Loop) -> None:
        """At epoch e0, put each prototype at the mean v of its anchors."""
        if loop.clock.epoch != self.start:
            return
        features = loop.predict().features
        assert features is not None
        self.prototypes.set_means(self.seen.v(features), self.anchor_class)

    def think(self, logits: Tensor, v: Tensor) -> Tensor:
        """Return r, (b, K), detached."""
        return joint_prediction(logits, self.prototypes.similarity(v) / self.temperature, self.alpha).detach()

    def believed(self, probs: Tensor, labels: Tensor, index: Tensor) -> Tensor:
        """Return mended labels (b,), those of anchors as they are."""
        anchored = self.anchor_class[index]
        return torch.where(anchored >= 0, anchored, mended_labels(probs, labels, self.relabel_at))

    def losses(self, batch: Batches) -> Losses:
        """Return the heads' terms on a fixed encoder before e0, all terms after it."""
        rows, time = batch["train"], batch.clock.time
        features: Tensor = self.net.features(rows.views["weak"])
        if time < self.start:
            features = features.detach()
        logits: Tensor = self.net.head(features)
        v = self.seen.v(features)
        rebuilt = mse_loss(self.rebuild(v), features.detach())
        if time < self.start:
            aux = cross_entropy(self.auxiliary(v), rows.labels)
            return Losses(
                classifier=cross_entropy(logits, rows.labels), auxiliary=aux, rebuilt=rebuilt, logits=logits, keep=None
            )
        labels = rows.labels
        if time >= self.clean_from:
            labels = self.believed(self.think(logits, v), labels, rows.index)
        keys = self.slow(rows.views["strong"])
        return Losses(
            classifier=cross_entropy(logits, labels),
            auxiliary=self._bootstrapped(v, keys, labels),
            contrast=info_nce(v, keys, self.queue.features[self.queue.filled]),
            prototypes=cross_entropy(v @ self.prototypes.vectors.T / self.temperature, labels),
            rebuilt=rebuilt,
            logits=logits,
            keep=(keys, v.detach(), torch.where(self._settled(time, rows.index), labels, -1)),
            figures={"dropped": (labels < 0).float().mean()},
        )

    def _settled(self, time: float, index: Tensor) -> Tensor:
        """Return which rows move prototypes: the anchors, and all from e1 on."""
        return (self.anchor_class[index] >= 0) | torch.full_like(index, time >= self.clean_from, dtype=torch.bool)

    def _bootstrapped(self, v: Tensor, keys: Tensor, labels: Tensor) -> Tensor:
        """Return the auxiliary head's loss on labels and on what the queue says, over rows that are not dropped."""
        logits = self.auxiliary(v)
        near = torch.cat([self.queue.features[self.queue.filled], keys])
        thought = self.auxiliary(near), self.prototypes.similarity(near) / self.temperature
        said = collective_bootstrap(v.detach(), near, joint_prediction(*thought, self.alpha).detach())
        targets = (1 - self.bootstrap) * one_hot(labels, logits.shape[1]) + self.bootstrap * said
        return soft_cross_entropy(logits, targets, (labels >= 0).to(logits.dtype))

    def after_step(self, batch: Batches, keep: Any) -> None:
        """Let the slow encoder, the queue and the prototypes follow."""
        self.slow.follow(self.seen)
        if keep is not None:
            keys, v, labels = keep
            self.queue.push(keys)
            self.prototypes.follow(v, labels)

    @torch.no_grad()
    def finish(self, loop: Loop) -> None:
        """Mend the labels of all rows once."""
        out = loop.predict()
        assert out.features is not None
        if loop.clock.time > self.start:
            thought = self.think(out.logits, self.seen.v(out.features))
            index = torch.arange(loop.task.n_rows, device=thought.device)
            self.cleaned.copy_(self.believed(thought, loop.task.labels, index))


def capro(task: Task, objective: CAPro, training: Training, tuning: Training, *, alpha: float = 1.0) -> Loop:
    """Train CAPro, mend the labels once, and tune the classifier on them with mixup; the encoder stays. [P036]

    Parameters
    ----------
    task : Task
        With web labels as `Hard`.
    objective : CAPro
    training, tuning : Training
        Of both stages; the paper takes 60 and 15 epochs.
    alpha : float, default 1.0
        Of mixup.

    Returns
    -------
    Loop
        Of the first stage, its classifier tuned: ``loop.predict_proba(x)``.
    """
    loop = Loop(objective, task, training)
    loop.fit()
    if not bool((objective.cleaned[task.rows] >= 0).any()):
        raise BadInput("every image was dropped", fix="train longer, or choose relabel_at lower")
    kept = objective.cleaned.cpu().numpy()
    rows = task.rows[kept[task.rows] >= 0]
    body = objective.net.body
    assert isinstance(body, nn.Module)
    needed = [p for p in body.parameters() if p.requires_grad]
    for p in needed:
        p.requires_grad_(False)
    own = Task(task.x, Hard(kept, task.n_classes), net=lambda shape, outputs: objective.net, rows=rows)
    Loop(Mixup(alpha), own, tuning).fit()
    for p in needed:
        p.requires_grad_(True)
    return loop
