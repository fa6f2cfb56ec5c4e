"""Attention pooling for bags: the weights say which items decided.

    a_i = softmax_i( w^T [ tanh(V h_i) ⊙ σ(U h_i) ] ),      bag logits = g( Σ_i a_i h_i )

h_i are features of a network that sees one item; g is linear.

Source: Ilse, Tomczak, Welling, Attention-based Deep Multiple Instance Learning, ICML 2018 [B027].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.learn.bags.members import Members, members_of_ids
from labelwright.learn.bags.pooling import as_inputs, bag_cross_entropy, check_bag_labels, labelled_bags
from labelwright.nn import Losses, Network, Objective, Task
from labelwright.nn.batch import Batches


class GatedAttention(nn.Module):
    """Pool items by learnt weights. [B027]

    Parameters
    ----------
    dim : int
        Length of an item's features.
    hidden : int, default 64
        Rows of V and U.
    """

    def __init__(self, dim: int, hidden: int = 64) -> None:
        super().__init__()
        self.V, self.U, self.w = nn.Linear(dim, hidden), nn.Linear(dim, hidden), nn.Linear(hidden, 1)

    def scores(self, h: Tensor) -> Tensor:
        """Return what the softmax runs over: features (..., d) → (...)."""
        scores: Tensor = self.w(torch.tanh(self.V(h)) * torch.sigmoid(self.U(h)))[..., 0]
        return scores

    def weights(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return a, (g, m): 0 in the padding, summing to 1 a bag."""
        return self.scores(h).masked_fill(~mask, -torch.inf).softmax(dim=1)

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return Σ a_i h_i, (g, d), for features (g, m, d) of which ``mask`` (g, m) are real."""
        return (self.weights(h, mask)[..., None] * h).sum(dim=1)


def encoder_of(net: nn.Module) -> tuple[nn.Module, int]:
    """Return the part of a network that makes features, and their number; BadInput when it has none."""
    if not isinstance(net, Network):
        raise BadInput(
            f"{type(net).__name__} offers no features", fix="use a backbone of labelwright.nn, such as MLP()"
        )
    return net.body, net.n_features


class AttentionMIL(Objective):
    """Classify bags by attention over their items, for `Bags.any_of`. [B027]

    Parameters
    ----------
    hidden : int, default 64
        Width of the attention.

    Notes
    -----
    `predict` answers for every item as for a bag of its own; `attention_scores` says how much an item counts beside
    others.
    """

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.hidden = hidden

    def setup(self, task: Task) -> None:
        """Make encoder, attention and head."""
        check_bag_labels(task)
        self.encoder, dim = encoder_of(task.new_net())
        self.attention, self.head = GatedAttention(dim, self.hidden), nn.Linear(dim, 2)
        self.net = self.encoder

    def _bag_log_odds(self, h: Tensor, members: Members) -> Tensor:
        logits = self.head(self.attention(*members.padded(h[members.rows])))
        return logits[:, 1] - logits[:, 0]

    def losses(self, batch: Batches) -> Losses:
        """Return the cross-entropy of the bags that are positive or negative for certain."""
        rows = batch["train"]
        h = self.encoder(rows.x)
        members, labels = labelled_bags(rows, h.device)
        return Losses(bags=bag_cross_entropy(self._bag_log_odds(h, members), labels))

    @torch.no_grad()
    def bag_proba(self, x: Any, bag_ids: ArrayLike) -> Tensor:
        """Return the probability that each bag is positive, (g,): inputs (n, ...), bag of each (n,) from 0 on."""
        h = self.encoder(as_inputs(x, self))
        return self._bag_log_odds(h, members_of_ids(bag_ids, h.device)).sigmoid()

    @torch.no_grad()
    def attention_scores(self, x: Any) -> Tensor:
        """Return each item's score before the softmax over its bag, (n,); larger = it counts more."""
        return self.attention.scores(self.encoder(as_inputs(x, self)))

    def predict(self, x: Any) -> Tensor:
        """Return P(negative), P(positive) of each item as a bag of its own, (n, 2)."""
        probs: Tensor = self.head(self.encoder(x)).softmax(dim=1)
        return probs


class AttentionPool(nn.Module):
    """Scores by BN-ReLU-Linear, weighted sum, BN-ReLU-Linear: the set pooling of [P029].

    Parameters
    ----------
    dim, n_outputs : int
    """

    def __init__(self, dim: int, n_outputs: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, 1))
        self.out = nn.Sequential(nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, n_outputs))

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return (g, n_outputs) for features (g, m, d) of which ``mask`` (g, m) are real; padding stays out of BN."""
        scores = torch.full(mask.shape, -torch.inf, dtype=h.dtype, device=h.device)
        scores[mask] = self.score(h[mask])[:, 0]
        pooled: Tensor = self.out((scores.softmax(dim=1)[..., None] * h).sum(dim=1))
        return pooled


class DeepSet(nn.Module):
    """Encode each item, take the mean, decode: ρ(mean φ(h_i)).

    Parameters
    ----------
    dim, n_outputs : int
    widths : sequence of int, default four layers of 64
        Of the encoder, and of the decoder before its output.

    Source: Zaheer et al., Deep Sets, NIPS 2017.
    """

    def __init__(self, dim: int, n_outputs: int, widths: Sequence[int] = (64, 64, 64, 64)) -> None:
        super().__init__()
        self.encode = _layers((dim, *widths))
        self.decode = _layers((widths[-1], *widths[:-1], n_outputs))

    def forward(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return (g, n_outputs) for features (g, m, d) of which ``mask`` (g, m) are real."""
        encoded = torch.where(mask[..., None], self.encode(h), 0.0)
        decoded: Tensor = self.decode(encoded.sum(dim=1) / mask.sum(dim=1, keepdim=True))
        return decoded


def _layers(widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
