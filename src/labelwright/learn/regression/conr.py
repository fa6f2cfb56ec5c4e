"""ConR: a contrastive regulariser that keeps rare numbers from collapsing into common ones.

Where labels are imbalanced, a network places rare rows among common ones and predicts common numbers for them. ConR
pulls rows with near labels together, and pushes apart those whose labels are far although the predictions are near. For
two views of each row, with unit features q, labels y and predictions ŷ (held fixed):

    sim_ij = q_i·q_j / τ          Δy_ij = |y_i − y_j|          Δŷ_ij = |ŷ_i − ŷ_j|
    positives  P_i: Δy ≤ ω, j ≠ i          negatives  N_i: Δy > ω and Δŷ ≤ ω
    S_ij = w_i · push(Δy_ij)               push(Δ) = exp(η Δ)  or  η Δ
    L_i = −(1/|P_i|) Σ_{j∈P_i} log( exp(sim_ij) / (Σ_{P_i} exp(sim) + Σ_{N_i} S exp(sim)) )
    ConR = mean_i w_i L_i,  0 for anchors without positives or without negatives

and the whole loss is |f(x) − y| + β · ConR. w_i is 1, or the inverse of the label's smoothed frequency.

The published code multiplies sim by the masks before it takes exponentials, so every key that is no positive adds
exp(0) = 1 to the denominator: `published_conr_loss`.

Source: Keramati, Meng, Evans, ConR: Contrastive Regularizer for Deep Imbalanced Regression, ICLR 2024 [P153].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from labelwright.errors import BadInput
from labelwright.learn.regression.absolute_error import AbsoluteError, Weigh
from labelwright.learn.regression.lds import lds_weights as lds_weights  # the paper's weights w_i
from labelwright.nn import Losses, Stream, Task, unchanged
from labelwright.nn.batch import Batches

Push = Callable[[Tensor], Tensor]  # label distances → weights of negatives, both (m, m), > 0


@dataclass(frozen=True)
class ExponentialPush:
    """exp(η Δ): the paper's choice for ages, η = 0.01 a year. η >= 0, in one over the labels' unit."""

    eta: float = 0.01

    def __call__(self, distance: Tensor, /) -> Tensor:
        """Return the weights of label distances."""
        return (self.eta * distance).exp()


@dataclass(frozen=True)
class LinearPush:
    """η Δ: the paper's choice for depth, η = 0.2 a metre. η > 0, in one over the labels' unit."""

    eta: float = 0.2

    def __call__(self, distance: Tensor, /) -> Tensor:
        """Return the weights of label distances."""
        return self.eta * distance


AGES = ExponentialPush(0.01)


def conr_loss(
    features: Tensor,
    targets: Tensor,
    predictions: Tensor,
    *,
    window: float,
    temperature: float = 0.07,
    push: Push = AGES,
    weight: Tensor | None = None,
) -> Tensor:
    """Return ConR of a batch: use it in any loop, times β, beside a regression loss.

    Parameters
    ----------
    features : Tensor (m, d)
        Two views of each row, one below the other; normalised here.
    targets : Tensor (m,), (m, 1) or (m, c)
        Labels; of several dimensions the Euclidean distance counts.
    predictions : Tensor, shape of `targets`
        No gradient flows into them.
    window : float >= 0
        ω, in the labels' unit: nearer labels are alike. The paper uses 1 year of age and 0.2 m of depth.
    temperature : float > 0, default 0.07
    push : callable, default ``ExponentialPush(0.01)``
    weight : Tensor (m,), optional
        w_i, at least 0: larger for rarer labels.

    Examples
    --------
    >>> q = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    >>> y = torch.tensor([0.0, 0.0, 9.0])
    >>> round(conr_loss(q, y, torch.zeros(3), window=1.0, push=lambda d: torch.ones_like(d)).item(), 4)  # 2/3 log 2
    0.4621

    Source: [P153].
    """
    pairs = _pairs(targets, predictions, window)
    log_keys, similarity = _keys(features, pairs, temperature, push, weight)
    return _mean_over_anchors(log_keys.logsumexp(dim=1), similarity, pairs, weight)


def published_conr_loss(
    features: Tensor,
    targets: Tensor,
    predictions: Tensor,
    *,
    window: float,
    temperature: float = 0.07,
    push: Push = AGES,
    weight: Tensor | None = None,
) -> Tensor:
    """Return ConR as the authors' code computes it: 1 more in the denominator for every key that is no positive.

    Arguments as in `conr_loss`. An anchor without positives adds 0 here, where the published code gives NaN.

    Examples
    --------
    >>> q = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    >>> y = torch.tensor([0.0, 0.0, 9.0])
    >>> ones = lambda d: torch.ones_like(d)
    >>> value = published_conr_loss(q, y, torch.zeros(3), window=1.0, temperature=1.0, push=ones)
    >>> round(value.item(), 4)  # 2/3 log((2e + 2)/e)
    0.6709

    Source: [P153], https://github.com/BorealisAI/ConR.
    """
    pairs = _pairs(targets, predictions, window)
    log_keys, similarity = _keys(features, pairs, temperature, push, weight)
    others = (~pairs.positive).sum(dim=1).to(similarity.dtype)  # the anchor itself among them
    return _mean_over_anchors(torch.logaddexp(log_keys.logsumexp(dim=1), others.log()), similarity, pairs, weight)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Label distances (m, m), positives, negatives, and the anchors (m,) that have both."""

    distance: Tensor
    positive: Tensor
    negative: Tensor
    anchor: Tensor


def _pairs(targets: Tensor, predictions: Tensor, window: float) -> _Pairs:
    if targets.shape != predictions.shape or targets.ndim not in (1, 2):
        raise BadInput(
            f"targets are {tuple(targets.shape)} and predictions {tuple(predictions.shape)}", fix="give one each a row"
        )
    distance, said = _distances(targets), _distances(predictions.detach())
    near = distance <= window
    own = torch.eye(len(near), dtype=torch.bool, device=near.device)
    positive, negative = near & ~own, ~near & (said <= window)
    return _Pairs(distance, positive, negative, positive.any(dim=1) & negative.any(dim=1))


def _distances(values: Tensor) -> Tensor:
    """Return Euclidean distances (m, m)."""
    if values.ndim == 1 or values.shape[1] == 1:
        flat = values.reshape(-1)
        return (flat[:, None] - flat[None, :]).abs()
    return torch.linalg.vector_norm(values[:, None] - values[None, :], dim=2)


def _keys(
    features: Tensor, pairs: _Pairs, temperature: float, push: Push, weight: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the logarithms of the denominator's terms, −inf for keys that are in neither set, and sim; both (m, m)."""
    q = normalize(features, dim=1)
    similarity = q @ q.T / temperature
    push_weight = push(pairs.distance)
    if weight is not None:
        push_weight = weight[:, None] * push_weight
    pushed = similarity + push_weight.log()
    log_keys = torch.where(pairs.positive, similarity, torch.where(pairs.negative, pushed, -torch.inf))
    return torch.where(pairs.anchor[:, None], log_keys, torch.zeros_like(log_keys)), similarity


def _mean_over_anchors(log_denominator: Tensor, similarity: Tensor, pairs: _Pairs, weight: Tensor | None) -> Tensor:
    positive = pairs.positive.to(similarity.dtype)
    pulled = (similarity * positive).sum(dim=1) / positive.sum(dim=1).clamp_min(1)
    each = torch.where(pairs.anchor, log_denominator - pulled, torch.zeros_like(pulled))
    return each.mean() if weight is None else (weight * each).mean()


class ConRRegularization(AbsoluteError):
    """Least absolute error plus ConR, for numbers of which some are rare. [P153]

    Parameters
    ----------
    beta : float, default 4.0
        Weight of ConR, at least 0. The paper uses 4 for ages and 0.2 for depth.
    window : float, default 0.05
        Labels nearer than this are alike, in the unit of the task's targets: standard deviations in
        `ImpreciseRegressor`. The paper's year of age is about 0.05 of them.
    temperature : float, default 0.07
    push : callable, default ``ExponentialPush(0.2)``
        Weight of a negative by its label distance, in the same unit: 0.01 a year is about 0.2 a standard deviation.
    weigh : callable, optional
        Targets (n,) → weights (n,) of both terms, such as `lds_weights`; none by default.

    Notes
    -----
    The regression loss sees the inputs as they are, ConR two weak views of each. On digits with long-tailed values
    (five seeds) the few-shot error is 0.974 of that without ConR, where 0.97 was asked, and 1.004 when both weigh rows
    by rarity; many-shot errors are no worse. Feature distances follow label distances less well than without it.
    """

    def __init__(
        self,
        beta: float = 4.0,
        window: float = 0.05,
        temperature: float = 0.07,
        push: Push | None = None,
        weigh: Weigh | None = None,
    ) -> None:
        super().__init__(weigh)
        if beta < 0 or window < 0 or not temperature > 0:
            raise BadInput(
                f"beta is {beta}, window is {window}, temperature is {temperature}",
                fix="choose beta and window of at least 0 and temperature above 0",
            )
        self.beta, self.window, self.temperature = beta, window, temperature
        self.push: Push = ExponentialPush(0.2) if push is None else push

    def setup(self, task: Task) -> None:
        """Make the network, which must show its features, and the rows' weights."""
        super().setup(task)
        if not (hasattr(self.net, "features") and hasattr(self.net, "head")):
            raise BadInput("ConR needs the features of the network", fix="give it features(x) and a head")

    def streams(self, task: Task, epoch: int) -> dict[str, Stream]:
        """Return the rows that have a value, as they are and in two weak views."""
        weak = task.views.weak
        views = {"x": unchanged, "first": weak, "second": weak}
        return {"train": task.stream(self._rows, views=views)}

    def losses(self, batch: Batches) -> Losses:
        """Return the absolute error and ConR."""
        rows = batch["train"]
        f = self.net(rows.x)
        error = self.absolute_error(f[:, 0], rows)
        features = self.net.features(torch.cat([rows.views["first"], rows.views["second"]]))
        predictions: Tensor = self.net.head(features)[:, 0]
        regularizer = conr_loss(
            features,
            rows["values"][:, 0].repeat(2),
            predictions,
            window=self.window,
            temperature=self.temperature,
            push=self.push,
            weight=self.weights(rows).repeat(2),
        )
        return Losses(absolute_error=error, conr=self.beta * regularizer, logits=f)
