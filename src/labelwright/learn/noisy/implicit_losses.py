"""The losses of implicit feedback, for anybody's loop, and the draw of pairs that were not voted for.

A voted pair of user and item has likelihood p (1 − γ), another one (1 − p) + γ p, with p = P(liked) and
γ = P(not voted | liked). All losses take the logits of both and give what a pair costs if it was voted for and if not.

Source: Yu, Qin, Sampler Design for Implicit Feedback Data by Noisy-label Robust Learning, SIGIR 2020 [P091].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor
from torch.nn.functional import logsigmoid

REDRAWS = 100  # rounds in which sampled items that were voted for are drawn again

NoiseLoss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # logits of p and γ → losses if voted, if not


def adaptive_negative_weight(p: Any, gamma: Any) -> Any:
    """Return w = γp / (1 − p + γp): P(liked | not voted). Arrays or tensors of any one shape. [P091]

    Examples
    --------
    >>> adaptive_negative_weight(0.5, 1.0)
    0.5
    """
    return gamma * p / (1 - p + gamma * p)


def bpo_losses(score: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return (−log p, −log(1 − p)): Bayesian point-wise optimisation, which knows no noise. [P091]

    Parameters
    ----------
    score, noise : Tensor (b,)
        Logits of p and of γ; the latter is not read.

    Examples
    --------
    >>> [round(loss.item(), 4) for loss in bpo_losses(torch.zeros(1), torch.zeros(1))]
    [0.6931, 0.6931]
    """
    return -logsigmoid(score), -logsigmoid(-score)


def surrogate_losses(score: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the losses of pairs if voted and if not, whose gradients are NBPO's; only gradients mean something. [P091]

    By the logits of p and γ they are −(1 − γ)(1 − p) and γp if voted, p − γ(1 − p) and −(1 − γ)p if not.

    Parameters
    ----------
    score, noise : Tensor (b,)
        Logits of p and of γ.
    """
    p, gamma = score.detach().sigmoid(), noise.detach().sigmoid()
    voted = (1 - gamma) * logsigmoid(score) + p * logsigmoid(-noise)
    other = logsigmoid(-score) + gamma * logsigmoid(score) + p * logsigmoid(noise)
    return -voted, -other


def likelihood_sum_losses(score: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return (−p(1 − γ), −(1 − p + γp)): the likelihoods themselves, logits of p and γ (b,). [P091]"""
    p, gamma = score.sigmoid(), noise.sigmoid()
    return -p * (1 - gamma), -(1 - p + gamma * p)


def log_losses(score: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return (−log p(1 − γ), −log(1 − p + γp)), the exact negative log-likelihoods; logits of p and γ (b,). [P091]

    Pair it with ``balance=None`` and a prior of γ, else γ = 1 explains everything.

    Examples
    --------
    >>> log_losses(torch.zeros(1), torch.tensor([-200.0]))[1].allclose(bpo_losses(torch.zeros(1), torch.zeros(1))[1])
    True
    """
    voted = logsigmoid(score) + logsigmoid(-noise)
    other = torch.logaddexp(logsigmoid(-score), logsigmoid(score) + logsigmoid(noise))
    return -voted, -other


def sampled_others(
    votes: csr_matrix, users: NDArray[np.integer], per_vote: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return items int64 (b, per_vote) drawn uniformly from those that each user did not vote for.

    Votes with sorted indices (n_users, n_items). A user who voted for nearly everything may get a voted item after
    100 rounds.
    """
    n_items = votes.shape[1]
    keys = np.repeat(np.arange(votes.shape[0]), np.diff(votes.indptr)) * n_items + votes.indices
    items = rng.integers(0, n_items, size=(len(users), per_vote))
    base = np.asarray(users, dtype=np.int64)[:, None] * n_items
    for _ in range(REDRAWS):
        wanted = base + items
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        taken = keys[place] == wanted
        if not taken.any():
            break
        items[taken] = rng.integers(0, n_items, size=int(taken.sum()))
    return items
