"""Deep0Tag: tag an image with words that no training image had, and show where.

An image is a bag of regions. Each region j becomes a vector f'_j in the space of word vectors W, which stay fixed; a
tag's score is its best region's:

    P = F' W^T,   o_c = max_j P_jc,   loss = 1/(|Y| |S∖Y|) Σ_{c'∉Y} Σ_{c∈Y} log(1 + exp(o_c' − o_c))

Y are the tags of the image among the seen ones S. To ask for other tags, W is replaced by their vectors. The box of a
tag is that of its best region; it is learnt without a box label.

Source: Rahman, Khan, Barnes, Deep0Tag: Deep Multiple Instance Learning for Zero-shot Image Tagging, IEEE TMM 2020
[P089]. The proposal network is replaced by `GridProposals`; any regions with features fit in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn.functional import normalize, softplus

from labelwright.errors import BadInput
from labelwright.learn.bags.attention import encoder_of
from labelwright.learn.bags.pooling import MaxPooling, as_inputs
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batches


def ranking_tag_loss(scores: Tensor, tags: Tensor) -> Tensor:
    """Return the mean over images of log(1 + exp(o_c' − o_c)), averaged over pairs of an absent c' and a present c.

    Parameters
    ----------
    scores : Tensor (b, S)
    tags : int tensor (b, S)
        +1 present, -1 absent, 0 unknown. Images without a pair are skipped; without any image the loss is 0.

    Examples
    --------
    >>> round(ranking_tag_loss(torch.zeros(1, 3), torch.tensor([[1, -1, -1]])).item(), 4)  # log 2: all scores equal
    0.6931
    """
    present, absent = tags > 0, tags < 0
    pair = present[:, None, :] & absent[:, :, None]
    cost = torch.where(pair, softplus(scores[:, :, None] - scores[:, None, :]), 0.0).sum(dim=(1, 2))
    count = pair.sum(dim=(1, 2))
    return (cost / count.clamp_min(1)).sum() / (count > 0).sum().clamp_min(1)


def calibrated_stacking(scores: Tensor, seen: ArrayLike, gamma: float) -> Tensor:
    """Return scores (n, C) with `gamma` taken from the seen tags, bool (C,): they win too easily over unseen ones."""
    mask = torch.as_tensor(np.asarray(seen, dtype=bool), device=scores.device)
    if mask.shape != scores.shape[1:]:
        raise BadInput(f"seen has shape {tuple(mask.shape)}, the scores {tuple(scores.shape)}", fix="one entry a tag")
    return scores - gamma * mask


def whole_vectors(vectors: ArrayLike) -> Tensor:
    """Return word vectors (C, d) scaled to length 1; BadInput for one that is zero or not finite."""
    w = torch.as_tensor(np.asarray(vectors, dtype=np.float32))
    if w.ndim != 2 or not bool(torch.isfinite(w).all()) or not bool((w.norm(dim=1) > 0).all()):
        raise BadInput("a word vector is zero or not finite", fix="pass (tags, d), one vector a tag")
    return normalize(w, dim=1)


class ZeroShotTagger(Objective):
    """Learn to tag by regions, for `Tags` of the seen words. [P089]

    Parameters
    ----------
    vectors : float array (S, d)
        Word vectors of the seen tags in the order of the evidence. Scaled to length 1, never trained.
    pooling : nn.Module, default MaxPooling()
        Or `MeanPooling()`, which suits scenes rather than objects.

    Notes
    -----
    The task's inputs are bags of regions (n, regions, ...): features or small crops, such as
    ``roi_pool(images, GridProposals().boxes(images))``. One region, the whole image, gives the global model.
    """

    vectors: Tensor

    def __init__(self, vectors: ArrayLike, pooling: nn.Module | None = None) -> None:
        super().__init__()
        self.register_buffer("vectors", whole_vectors(vectors))
        self.pooling = pooling or MaxPooling()

    def setup(self, task: Task) -> None:
        """Make the network of one region and the projection to word vectors."""
        if "tags" not in task.fields or task.fields["tags"].shape[1] != len(self.vectors):
            raise BadInput(f"the task does not have tags for {len(self.vectors)} word vectors", fix="pass Tags")
        if len(task.input_shape) < 2:
            raise BadInput(f"an input has shape {task.input_shape}", fix="pass bags of regions: (n, regions, ...)")
        self.encoder, size = encoder_of(task.net(task.input_shape[1:], 2))
        self.project = nn.Linear(size, self.vectors.shape[1])

    def region_scores(self, x: Tensor, vectors: Tensor) -> Tensor:
        """Return P, (n, regions, C), for regions x (n, regions, ...) and vectors (C, d)."""
        f: Tensor = self.project(self.encoder(x.flatten(0, 1)))
        return (f @ vectors.T).reshape(*x.shape[:2], len(vectors))

    def _pooled(self, x: Tensor, vectors: Tensor) -> Tensor:
        scores = self.region_scores(x, vectors)
        pooled: Tensor = self.pooling(scores, torch.ones(scores.shape[:2], dtype=torch.bool, device=scores.device))
        return pooled

    def losses(self, batch: Batches) -> Losses:
        """Return the ranking loss."""
        rows = batch["train"]
        scores = self._pooled(rows.x, self.vectors)
        return Losses(ranking=ranking_tag_loss(scores, rows["tags"]), logits=scores)

    def predict(self, x: Any) -> Tensor:
        """Return the scores of the seen tags (n, S); they rank the tags of an image and are no probabilities."""
        return self._pooled(x, self.vectors)

    @torch.no_grad()
    def tag_scores(self, x: Any, vectors: ArrayLike) -> Tensor:
        """Return the scores (n, C) of any tags with word vectors (C, d), seen or unseen."""
        return self._pooled(as_inputs(x, self), self._checked(vectors))

    @torch.no_grad()
    def tag_regions(self, x: Any, vectors: ArrayLike) -> Tensor:
        """Return the region that scores highest for each tag, int64 (n, C): its box is the tag's box."""
        return self.region_scores(as_inputs(x, self), self._checked(vectors)).argmax(dim=1)

    def _checked(self, vectors: ArrayLike) -> Tensor:
        w = whole_vectors(vectors).to(self.vectors.device)
        if w.shape[1] != self.vectors.shape[1]:
            raise BadInput(f"the vectors have {w.shape[1]} numbers, the seen ones {self.vectors.shape[1]}")
        return w
