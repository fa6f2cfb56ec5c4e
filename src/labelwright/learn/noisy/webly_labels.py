"""What an image with a web label may be: two predictions joined, labels mended by them, and what alike images are.

Source: Qin et al., CAPro: Webly Supervised Learning with Cross-Modality Aligned Prototypes, NeurIPS 2023 [P036].
"""

from __future__ import annotations

import torch
from torch import Tensor


def joint_prediction(logits: Tensor, prototype_logits: Tensor, alpha: float = 0.5) -> Tensor:
    """Return α softmax(z) + (1 − α) softmax(z'), (b, K): what classifier and prototypes think together. [P036]

    Examples
    --------
    >>> joint_prediction(torch.zeros(1, 2), torch.tensor([[99.0, 0.0]])).tolist()
    [[0.75, 0.25]]
    """
    return alpha * logits.softmax(dim=1) + (1 - alpha) * prototype_logits.softmax(dim=1)


def mended_labels(probs: Tensor, labels: Tensor, relabel_at: float = 0.6) -> Tensor:
    """Return labels int64 (b,): the most probable class if sure, else the label if not unlikely, else −1. [P036]

    Parameters
    ----------
    probs : Tensor (b, K)
    labels : int64 tensor (b,)
        −1 for none.
    relabel_at : float, default 0.6
        Probability from which a row is relabelled.

    Examples
    --------
    >>> unsure = [0.5, 0.4, 0.1]
    >>> mended_labels(torch.tensor([[0.7, 0.2, 0.1], unsure, unsure]), torch.tensor([1, 1, 2])).tolist()
    [0, 1, -1]
    """
    top, best = probs.max(dim=1)
    own = probs.gather(1, labels.clamp_min(0)[:, None])[:, 0]
    kept = torch.where((labels >= 0) & (own >= 1 / probs.shape[1]), labels, torch.full_like(labels, -1))
    return torch.where(top >= relabel_at, best, kept)


def collective_bootstrap(queries: Tensor, keys: Tensor, key_probs: Tensor) -> Tensor:
    """Return the mean of what similar keys are thought to be, weighted by relu(⟨v, k⟩), (b, K), detached. [P036]

    Parameters
    ----------
    queries, keys : Tensor (b, d), (m, d)
        Unit length.
    key_probs : Tensor (m, K)
        Rows sum to 1. A query that no key resembles gets their plain mean.

    Examples
    --------
    >>> collective_bootstrap(torch.eye(2)[:1], torch.eye(2), torch.eye(2)).tolist()
    [[1.0, 0.0]]
    """
    weight = (queries @ keys.T).relu()
    total = weight.sum(dim=1, keepdim=True)
    weight = torch.where(total > 1e-12, weight / total.clamp_min(1e-12), torch.full_like(weight, 1 / len(keys)))
    return (weight @ key_probs).detach()
