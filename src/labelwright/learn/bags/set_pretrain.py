"""FACILE: labels of whole sets teach an encoder with which single items are told apart from a handful of fine labels.

Stage 1 fits coarse labels w of sets, stage 2 keeps the encoder e alone and fits a linear head on its features:

    stage 1   min CE( g(φ(e(x_1), ..., e(x_a))), w )          φ a set pooling, g linear
    stage 2   min CE( h(e(x)), y )                            e frozen, h logistic, few fine labels y

The variant with a contrastive loss pulls two views of each set, and sets of the same label, together. What stage 1
brings depends on how the coarse labels relate to the fine ones: compare with shuffled set labels.

Source: Zhang et al., Enhancing Instance-Level Image Classification with Set-Level Labels, ICLR 2024 [P029].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.learn.bags.attention import AttentionPool, encoder_of
from labelwright.learn.bags.pooling import as_inputs
from labelwright.nn import Jitter, Losses, Objective, Stream, Task, View
from labelwright.nn.batch import Batches
from labelwright.nn.contrastive import supcon
from labelwright.nn.losses import cross_entropy

PoolSpec = Callable[[int, int], nn.Module]  # (features of an item, outputs) → pooling of (g, m, d) with a mask (g, m)


def sample_sets(units: ArrayLike, size: int, n_sets: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw sets of rows within units (a slide, a coarse class), without repeats inside a set.

    Parameters
    ----------
    units : int array (n,)
        Unit of each row; -1 = in none. Units of fewer than `size` rows are left out.
    size, n_sets, seed : int

    Returns
    -------
    rows : int64 (n_sets, size)
    unit : int64 (n_sets,)

    Examples
    --------
    >>> rows, unit = sample_sets([0, 0, 0, 1, 1], size=2, n_sets=4, seed=0)
    >>> rows.shape
    (4, 2)
    """
    ids = np.asarray(units, dtype=np.int64)
    names, counts = np.unique(ids[ids >= 0], return_counts=True)
    large = names[counts >= size]
    if size < 1 or n_sets < 1 or len(large) == 0:
        raise BadInput(f"no unit has {size} rows", fix="draw smaller sets")
    rng = np.random.default_rng(seed)
    members = {u: np.flatnonzero(ids == u) for u in large.tolist()}
    unit = rng.choice(large, n_sets)
    return np.stack([rng.choice(members[u], size, replace=False) for u in unit.tolist()]), unit


class SetEncoder(Objective):
    """What both kinds of pretraining share: an encoder of items and a pooling of sets."""

    encoder: nn.Module
    pool: nn.Module

    def __init__(self, pool: PoolSpec = AttentionPool, dim: int = 64) -> None:
        super().__init__()
        if dim < 1:
            raise BadInput(f"dim is {dim}", fix="choose 1 or more")
        self.pool_spec, self.dim = pool, dim

    def setup(self, task: Task) -> None:
        """Make encoder, pooling and head for sets x (n, a, ...)."""
        if len(task.input_shape) < 2:
            raise BadInput(f"an input has shape {task.input_shape}", fix="pass sets: (n, items a set, ...)")
        assert task.labels is not None
        self.encoder, size = encoder_of(task.net(task.input_shape[1:], task.n_classes))
        self.pool = self.pool_spec(size, self.dim)

    def embed(self, x: Tensor) -> Tensor:
        """Return the embeddings of sets (n, a, ...), (n, dim)."""
        h = self.encoder(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        pooled: Tensor = self.pool(h, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device))
        return pooled

    @torch.no_grad()
    def encode(self, items: Any) -> Tensor:
        """Return features of single items (n, ...), (n, d): what stage 2 is fitted on."""
        features: Tensor = self.encoder(as_inputs(items, self))
        return features


class SetLevelPretrainer(SetEncoder):
    """Pretrain an encoder of items from labels of sets. [P029]

    Parameters
    ----------
    pool : callable (features, outputs) → module, default AttentionPool
        Or `DeepSet`, `SetTransformer`, or a pooling of your own.
    dim : int, default 64
        Length of a set's embedding, which the head reads.

    Notes
    -----
    The task's inputs are sets of equal size, (n, a, ...), with one hard label each. The paper trains 64 sets a batch
    with SGD (momentum 0.9, rate 0.05 · 64/256, cosine, weight decay 1e-4) for 200 epochs. `encode` gives the features
    of single items; pooling and head are dropped. On digits the claimed gains do not reproduce: few-shot F1 0.874, raw
    pixels 0.849, features learnt without labels 0.886 (seed 0, 60 epochs).
    """

    def setup(self, task: Task) -> None:
        """Make encoder, pooling and head."""
        super().setup(task)
        self.head = nn.LazyLinear(task.n_classes)
        shape = (2, *task.input_shape)
        self.eval()
        with torch.no_grad():
            self.head(self.embed(torch.zeros(shape)))

    def losses(self, batch: Batches) -> Losses:
        """Return the cross-entropy of the sets' labels."""
        rows = batch["train"]
        logits = self.head(self.embed(rows.x))
        return Losses(sets=cross_entropy(logits, rows.labels), logits=logits)

    def predict(self, x: Any) -> Tensor:
        """Return class probabilities of sets (n, K)."""
        probs: Tensor = self.head(self.embed(x)).softmax(dim=1)
        return probs


class SetContrastivePretrainer(SetEncoder):
    """Pretrain an encoder by a supervised contrastive loss on set embeddings. [P029]

    Parameters
    ----------
    view : View, default Jitter(0.1)
        How the two copies of each set are made.
    temperature : float, default 0.07
    pool, dim : as in `SetLevelPretrainer`
    """

    def __init__(
        self, view: View | None = None, temperature: float = 0.07, pool: PoolSpec = AttentionPool, dim: int = 64
    ) -> None:
        super().__init__(pool, dim)
        if not temperature > 0:
            raise BadInput(f"temperature is {temperature}", fix="choose a number above 0")
        self.view, self.temperature = view or Jitter(0.1), temperature

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return two views of every set."""
        return {"train": task.stream(views={"first": self.view, "second": self.view})}

    def losses(self, batch: Batches) -> Losses:
        """Return the supervised contrastive loss over both views."""
        rows = batch["train"]
        both = self.embed(torch.cat([*rows.views.values()]))
        return Losses(contrastive=supcon(both, rows.labels.repeat(2), self.temperature))

    def predict(self, x: Any) -> Tensor:
        """Return embeddings of sets (n, dim)."""
        return self.embed(x)
