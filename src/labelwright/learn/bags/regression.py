"""A score for every tile, learned from one score a bag.

Stage 1 learns features h of tiles without labels (`ContrastivePretrainer`) and freezes them. Stage 2 scores each tile
and holds the mean of a bag to the bag's score:

    f(h) = σ(MLP(h)),     ŝ_B = 1/m Σ_{i∈B} f(h_i),     loss = mean_B w_B (ŝ_B − s_B)²

Because the aggregate is a mean, tiles are scored on the label's own scale and can be shown as a map. Bags of few tiles
are noisier: w_B = 1 / (s0 + s1/m).

Source: Schirris et al., WeakSTIL: Weak whole-slide image level stromal tumor infiltrating lymphocyte scores are all you
need, SPIE Medical Imaging 2022 [P097].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.evidence import Bags
from labelwright.learn.bags.attention import GatedAttention, encoder_of
from labelwright.learn.bags.members import Members, as_bags, filled, members_of, members_of_ids
from labelwright.learn.bags.pooling import as_inputs
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batch, Batches
from labelwright.nn.task import NetSpec, Rows

BagLoss = Callable[[Tensor, Tensor], Tensor]  # predictions (g,), scores (g,) → losses (g,)


def squared_error(prediction: Tensor, score: Tensor) -> Tensor:
    """Return (ŝ − s)² of each bag."""
    return (prediction - score) ** 2


def huber_error(prediction: Tensor, score: Tensor) -> Tensor:
    """Return Huber's loss of each bag, quadratic up to 0.1."""
    return nn.functional.huber_loss(prediction, score, reduction="none", delta=0.1)


def mean_bag_loss(values: Tensor, bag: Tensor, scores: Tensor, loss: BagLoss = squared_error) -> Tensor:
    """Return the mean over bags of the loss between the mean of tile values and the bag's score: for any loop. [P097]

    Parameters
    ----------
    values : Tensor (n,)
        Of tiles.
    bag : int64 tensor (n,)
        Bag of each tile, 0..g − 1, none empty.
    scores : Tensor (g,)
    loss : callable, default squared_error

    Examples
    --------
    >>> mean_bag_loss(torch.tensor([0.0, 1.0]), torch.tensor([0, 0]), torch.tensor([0.5])).item()
    0.0
    """
    total = torch.zeros_like(scores).index_add(0, bag, values)
    return loss(total / torch.bincount(bag, minlength=len(scores)), scores).mean()


def bag_score_task(
    X: ArrayLike | Tensor | Rows, bag_ids: ArrayLike, scores: ArrayLike, *, net: NetSpec, **more: Any
) -> Task:
    """Return the learning problem of tiles X (n, ...), their bags int (n,) from 0 on, and bag scores float (g,).

    Raises
    ------
    BadInput
        For a score that is not finite, and a bag number without a score.
    """
    ids, known = np.asarray(bag_ids, dtype=np.int64), np.asarray(scores, dtype=np.float64)
    if known.ndim != 1 or not np.isfinite(known).all():
        raise BadInput("the bag scores are not finite numbers, one a bag", fix="leave bags without a score out")
    if ids.ndim != 1 or len(ids) == 0 or ids.min() < 0 or ids.max() >= len(known):
        raise BadInput(f"bag_ids name bags outside 0 .. {len(known) - 1}", fix="give one score a bag")
    sizes = np.bincount(ids, minlength=len(known))
    ties = Bags.between(ids, np.zeros_like(sizes), sizes)  # says nothing but which rows belong together
    return Task(X, ties, net=net, n_outputs=1, fields={"score": known[ids].astype(np.float32)}, **more)


class BagRegressor(Objective):
    """What both regressors share: bags of tiles, of which a random part is looked at in a step."""

    def __init__(
        self, max_tiles: int = 256, loss: BagLoss = squared_error, variance: tuple[float, float] = (1.0, 0.0)
    ) -> None:
        super().__init__()
        if max_tiles < 1 or not all(v >= 0 for v in variance) or not sum(variance) > 0:
            raise BadInput(
                f"max_tiles is {max_tiles}, variance {variance}", fix="look at one tile or more; s0, s1 >= 0"
            )
        self.max_tiles, self.loss, self.variance = max_tiles, loss, variance

    def bag_scores(self, x: Tensor, members: Members) -> Tensor:
        """Return ŝ of each bag (g,) for tiles x (t, ...) in the order of ``members.bag``."""
        raise TypeError(f"{type(self).__name__} scores no bags")

    def losses(self, batch: Batches) -> Losses:
        """Return the weighted loss of the bags' scores."""
        rows = batch["train"]
        members = self._part(rows)
        first = members.sizes.cumsum(0) - members.sizes
        scores = rows["score"][members.rows[first]]
        s0, s1 = self.variance
        weight = 1 / (s0 + s1 / members.sizes.to(scores.dtype))
        each = self.loss(self.bag_scores(rows.x[members.rows], members), scores)
        return Losses(bags=(weight * each).sum() / weight.sum())

    def _part(self, rows: Batch) -> Members:
        """Return up to `max_tiles` random tiles of each bag."""
        whole = members_of(filled(as_bags(rows.evidence)), rows.index.device)
        if int(whole.sizes.max()) <= self.max_tiles:
            return whole
        order = (whole.bag + torch.rand(len(whole.bag), dtype=torch.float64, device=whole.bag.device)).argsort()
        kept = order[whole.position < self.max_tiles]
        return Members(whole.rows[kept], whole.bag[kept], whole.sizes.clamp_max(self.max_tiles))

    @torch.no_grad()
    def predict_bags(self, x: Any, bag_ids: ArrayLike) -> Tensor:
        """Return ŝ (g,) for tiles x (n, ...) and the bag of each (n,) from 0 on; all tiles count."""
        tiles = as_inputs(x, self)
        members = members_of_ids(bag_ids, tiles.device)
        return self.bag_scores(tiles[members.rows], members)


class MeanBagRegressor(BagRegressor):
    """Score tiles so that the mean of a bag is the bag's score. [P097]

    Parameters
    ----------
    max_tiles : int, default 256
        Random tiles of a bag in one step.
    loss : callable, default squared_error
        Or `huber_error`.
    squash : callable, default torch.sigmoid
        Brings a network's output to the scores' scale; `torch.nn.Identity()` for scores outside [0, 1].
    variance : pair of float, default (1.0, 0.0)
        (s0, s1): a bag of m tiles weighs 1 / (s0 + s1/m).

    Examples
    --------
    >>> from labelwright.nn import MLP, Loop, Training
    >>> X, bags = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) // 4
    >>> task = bag_score_task(X, bags, np.full(10, 0.5), net=MLP((8,)))
    >>> model = MeanBagRegressor()
    >>> len(Loop(model, task, Training(epochs=2, device="cpu")).fit())
    2
    >>> model.predict_bags(X, bags).shape
    torch.Size([10])
    """

    def __init__(
        self,
        max_tiles: int = 256,
        loss: BagLoss = squared_error,
        squash: Callable[[Tensor], Tensor] = torch.sigmoid,
        variance: tuple[float, float] = (1.0, 0.0),
    ) -> None:
        super().__init__(max_tiles, loss, variance)
        self.squash = squash

    def bag_scores(self, x: Tensor, members: Members) -> Tensor:
        """Return the mean of the tiles' scores."""
        return members.mean(self.predict(x))

    def predict(self, x: Any) -> Tensor:
        """Return the score of each tile, (n,)."""
        return self.squash(self.net(x)[:, 0])


class AttentionBagRegressor(BagRegressor):
    """Score a bag through attention over its tiles: Σ a_i f(h_i), the weights a_i learnt. [B027]

    The tiles' scores f(h_i) are held to the bag's score only where the attention looks.
    """

    def setup(self, task: Task) -> None:
        """Make encoder, attention and head."""
        self.encoder, dim = encoder_of(task.new_net())
        self.attention, self.head = GatedAttention(dim), nn.Linear(dim, 1)
        self.net = self.encoder

    def bag_scores(self, x: Tensor, members: Members) -> Tensor:
        """Return the attention-weighted mean of the tiles' scores."""
        h = self.encoder(x)
        padded, mask = members.padded(h)
        scores, _ = members.padded(self.head(h)[:, 0].sigmoid())
        return (self.attention.weights(padded, mask) * scores).sum(dim=1)

    @torch.no_grad()
    def attention_scores(self, x: Any) -> Tensor:
        """Return each tile's attention before the softmax over its bag, (n,)."""
        return self.attention.scores(self.encoder(as_inputs(x, self)))

    def predict(self, x: Any) -> Tensor:
        """Return f(h_i) of each tile, (n,)."""
        scores: Tensor = self.head(self.encoder(x))[:, 0].sigmoid()
        return scores


def tile_score_map(scores: ArrayLike, positions: ArrayLike, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return tile scores as an image. [P097]

    Parameters
    ----------
    scores : float array (n,)
    positions : int array (n, 2)
        Row and column of each tile.
    shape : (rows, columns)

    Returns
    -------
    float64 array `shape`
        The mean of the tiles at a place; NaN where there is none.

    Examples
    --------
    >>> tile_score_map([0.25, 0.75], [[0, 0], [0, 0]], (1, 2))
    array([[0.5, nan]])
    """
    values, at = np.asarray(scores, dtype=np.float64), np.asarray(positions, dtype=np.int64)
    if values.ndim != 1 or at.shape != (len(values), 2):
        raise BadInput(f"{values.shape} scores and {at.shape} positions", fix="pass (n,) and (n, 2)")
    if ((at < 0) | (at >= np.array(shape))).any():
        raise BadInput(f"a tile lies outside the map of {shape[0]} x {shape[1]}", fix="pass the map's full shape")
    flat = at[:, 0] * shape[1] + at[:, 1]
    count = np.bincount(flat, minlength=shape[0] * shape[1])
    total = np.bincount(flat, weights=values, minlength=len(count))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(shape)
