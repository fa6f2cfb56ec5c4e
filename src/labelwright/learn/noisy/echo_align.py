"""EchoAlign: do not correct the label, change the instance until the label is right; keep what hardly changed.

An editor rewrites each x_i to fit its given label: x'_i = d(e(x_i), onehot(y_i)), a conditional autoencoder by default.
Where the label was right nothing much happens, and the features stay alike:

    EchoSelect   s_i = φ(x_i) · φ(x'_i),  φ L2-normalised features;   keep the originals with s_i > τ

Then a network learns from the kept originals and the edits of all rows, whose labels are right by construction, each
kind weighted by the other one's share, and at last from the kept originals alone, as test inputs are never edited.

On digits with 30 % instance-dependent noise it ends at 0.940 to cross-entropy's 0.727, and keeps 97.3 % of the right
rows at 97 % precision; small losses already keep 91.6 % there: the paper's near doubling has no room and did not come
back.

Source: Zheng et al., Can We Treat Noisy Labels as Accurate?, arXiv 2024 [P020]. The paper edits images
by a large diffusion model and compares them by CLIP; any editor and any features can take their place here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from labelwright.errors import BadInput
from labelwright.learn.noisy.clean_split import gmm_split
from labelwright.learn.noisy.instance_editor import EditorTraining, InstanceEditor
from labelwright.learn.noisy.two_networks import looking
from labelwright.nn import CrossEntropy, Loop, Losses, LossHistory, Objective, Stream, Task, Training
from labelwright.nn.backbones.network import AsFloat
from labelwright.nn.batch import Batches
from labelwright.nn.losses import row_cross_entropy, weighted_mean
from labelwright.nn.optimizers import AdamW

LOOK_ROWS = 4096  # rows whose features are made at once


def echo_similarity(features: Tensor, edited: Tensor) -> Tensor:
    """Return s = cosine of the features (n, d) of each input and of its edit, (n,), in [−1, 1]. [P020]

    Examples
    --------
    >>> echo_similarity(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 0.0]])).tolist()
    [1.0]
    """
    return (normalize(features, dim=1) * normalize(edited, dim=1)).sum(dim=1)


def echo_select(similarity: Tensor, threshold: float) -> Tensor:
    """Return which originals are kept, bool (n,): s > τ. The paper sets τ near 0.5 for features of CLIP. [P020]

    Examples
    --------
    >>> echo_select(torch.tensor([0.9, 0.2]), 0.52).tolist()
    [True, False]
    """
    return similarity > threshold


def echo_select_by_mixture(similarity: Tensor) -> Tensor:
    """Return which originals are kept, bool (n,): the upper of two Gaussians fitted to s, no τ to set. [P020]

    Examples
    --------
    >>> echo_select_by_mixture(torch.tensor([0.95, 0.9, 0.97, 0.2, 0.1])).tolist()
    [True, True, True, False, False]
    """
    return torch.from_numpy(gmm_split(-similarity.cpu().numpy()) > 0.5)


class EchoAlign(Objective):
    """Cross-entropy on kept originals and on the edits of all rows, then on kept originals alone. [P020]

    The task's fields ``"edited"`` (n, ...) and ``"kept"`` bool (n,) say what the editor made and what is kept.

    Parameters
    ----------
    tune_after : int, default 200
        Epochs until only kept originals are learned; the paper trains on for 40 more.
    """

    def __init__(self, tune_after: int = 200) -> None:
        super().__init__()
        self.tune_after = tune_after

    def setup(self, task: Task) -> None:
        """Make the network and weigh the two kinds of rows: n_edits/N for originals, n_originals/N for edits."""
        assert task.labels is not None
        super().setup(task)
        for name in ("edited", "kept"):
            if name not in task.fields:
                raise BadInput(f"the task has no field {name!r}", fix="use echo_aligned, which fills it, or add_field")
        self.kept = task.fields["kept"].cpu().numpy()
        originals, edits = int(self.kept[task.rows].sum()), len(task.rows)
        if originals == 0:
            raise BadInput("no original is kept", fix="lower the threshold of the selection")
        self.of_originals, self.of_edits = edits / (originals + edits), originals / (originals + edits)

    def streams(self, task: Task, epoch: int) -> dict[str, Stream]:
        """Return all rows, at last those whose original is kept."""
        return {"train": task.stream(task.rows[self.kept[task.rows]] if epoch >= self.tune_after else None)}

    def losses(self, batch: Batches) -> Losses:
        """Return the weighted mean over edits and kept originals, at last over originals."""
        rows = batch["train"]
        if batch.clock.epoch >= self.tune_after:
            logits = self.net(rows.x)
            fit = weighted_mean(row_cross_entropy(logits, rows.labels), (rows.labels >= 0).float())
            return Losses(cross_entropy=fit, logits=logits)
        kept = rows["kept"]
        logits = self.net(torch.cat([rows["edited"], AsFloat()(rows.x[kept])]))
        labels = torch.cat([rows.labels, rows.labels[kept]])
        weight = torch.full((len(labels),), self.of_originals, device=logits.device)
        weight[: len(rows)] = self.of_edits
        fit = weighted_mean(row_cross_entropy(logits, labels), weight * (labels >= 0))
        return Losses(cross_entropy=fit, logits=logits[: len(rows)])


@dataclass(frozen=True, eq=False)
class Echo:
    """What `echo_aligned` found.

    Parameters
    ----------
    loop : Loop
        Trained: ``loop.predict_proba(x)``.
    edited : Tensor (n, ...)
    similarity : Tensor (n,)
        s of each row.
    kept : bool tensor (n,)
        Rows whose original is kept.
    losses : Tensor (n,)
        Mean loss over the start: what selection by small loss would go by.
    """

    loop: Loop
    edited: Tensor
    similarity: Tensor
    kept: Tensor
    losses: Tensor


def echo_aligned(
    task: Task,
    training: Training,
    *,
    editor: InstanceEditor | None = None,
    threshold: float | None = None,
    start: int = 10,
    tune: int | None = None,
) -> Echo:
    """Edit, select and learn: the whole of EchoAlign. [P020]

    Parameters
    ----------
    task : Task
        Inputs as one tensor of numbers, hard labels.
    training : Training
        Of the last network; the same optimiser makes the start.
    editor : InstanceEditor, optional
        By default a `ConditionalAutoencoder` trained on each given class's half of smaller loss.
    threshold : float, optional
        τ; without one the mixture of two Gaussians decides.
    start : int, default 10
        Epochs of cross-entropy that give features and losses.
    tune : int, optional
        Epochs at the end on kept originals alone; a sixth of all by default.
    """
    labels, x = task.labels.cpu(), task.x
    if not isinstance(x, Tensor):
        raise BadInput("EchoAlign edits inputs that are one tensor", fix="pass an array")
    first, losses = _start(task, replace(training, epochs=start, checkpoint=None))
    if editor is None:
        editor = trained_editor(task, smaller_half(losses, labels, task.rows), training)
    edited = editor.edit(x, task.labels.clamp_min(0)).detach()
    net = first.objective.net
    similarity = echo_similarity(_features(net, x), _features(net, edited)).cpu()
    kept = echo_select_by_mixture(similarity) if threshold is None else echo_select(similarity, threshold)
    kept &= labels >= 0
    task.add_field("edited", edited)
    task.add_field("kept", kept.to(edited.device))
    tuned = training.epochs // 6 if tune is None else tune
    loop = Loop(EchoAlign(training.epochs - tuned), task, training)
    loop.fit()
    return Echo(loop, edited, similarity, kept, losses)


def trained_editor(task: Task, rows: Tensor, training: Training) -> InstanceEditor:
    """Return a `ConditionalAutoencoder` trained on rows int64 (m,) of the task and their given labels."""
    objective = EditorTraining()
    own = Task(task.x, task.evidence, net=task.net, rows=rows.numpy())
    settings = Training(epochs=100, batch_size=64, optimizer=AdamW(2e-3), seed=training.seed, device=training.device)
    Loop(objective, own, settings).fit()
    return objective.net


def _start(task: Task, training: Training) -> tuple[Loop, Tensor]:
    """Train by cross-entropy and return the loop and each row's mean loss over the epochs."""
    loop, history = Loop(CrossEntropy(), task, training), LossHistory(task.n_rows, training.epochs)
    for _ in range(training.epochs):
        loop.fit(1)
        losses = row_cross_entropy(loop.predict().logits, task.labels)
        history.write(torch.arange(task.n_rows), losses.cpu())
    return loop, history.mean()


def _features(net: nn.Module, x: Tensor) -> Tensor:
    if not hasattr(net, "features"):
        raise BadInput("the network has no features to compare", fix="use a backbone that has")
    with looking(net):
        return torch.cat([net.features(part) for part in torch.split(x, LOOK_ROWS)])  # type: ignore[operator]


def smaller_half(losses: Tensor, labels: Tensor, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tensor:
    """Return, of `rows`, each given class's half of smaller loss, int64; rows of label −1 never."""
    index = torch.from_numpy(rows)
    chosen = []
    for c in torch.unique(labels[index][labels[index] >= 0]):
        own = index[labels[index] == c]
        chosen.append(own[losses[own].argsort()[: (len(own) + 1) // 2]])
    return torch.cat(chosen)
