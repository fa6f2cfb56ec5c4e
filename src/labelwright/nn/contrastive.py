"""Contrastive losses on unit vectors: what is alike comes together, the rest apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def supervised_contrastive(
    queries: Tensor, keys: Tensor, positive: Tensor, temperature: float = 0.07, usable: Tensor | None = None
) -> Tensor:
    """Return the supervised contrastive loss: each query's positives against all usable keys.

        L_i = −(1/|P_i|) Σ_{j∈P_i} log( exp(u_i·v_j/τ) / Σ_{usable a} exp(u_i·v_a/τ) ),  averaged over i with positives

    Parameters
    ----------
    queries : Tensor (m, d)
        Normalised here.
    keys : Tensor (n, d)
        Normalised here.
    positive : bool tensor (m, n)
        Which keys are positives of a query.
    temperature : float, default 0.07
    usable : bool tensor (m, n) or (n,), optional
        Which keys may stand in the denominator: leave out a query itself and empty places of a queue.
    """
    similarity = normalize(queries, dim=1) @ normalize(keys, dim=1).T / temperature
    if usable is not None:
        similarity = similarity.masked_fill(~usable, -torch.inf)
        positive = positive & usable
    log_prob = similarity - similarity.logsumexp(dim=1, keepdim=True)
    count = positive.sum(dim=1)
    own = torch.where(positive, log_prob, torch.zeros_like(log_prob)).sum(dim=1) / count.clamp_min(1)
    return -own.sum() / (count > 0).sum().clamp_min(1)


def same_label(query_labels: Tensor, key_labels: Tensor) -> Tensor:
    """Return bool (m, n): equal labels, neither of them -1."""
    return (query_labels[:, None] == key_labels[None, :]) & (query_labels >= 0)[:, None]


def supcon(features: Tensor, labels: Tensor, temperature: float = 0.07) -> Tensor:
    """Return the supervised contrastive loss within one batch (2n, d), each row's own view left out."""
    usable = ~torch.eye(len(features), dtype=torch.bool, device=features.device)
    return supervised_contrastive(features, features, same_label(labels, labels), temperature, usable)


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.5) -> Tensor:
    """Return SimCLR's loss for two views (n, d) of the same rows: a row's positive is its other view."""
    n = len(first)
    rows = torch.arange(n, device=first.device)
    return supcon(torch.cat([first, second]), torch.cat([rows, rows]), temperature)


def info_nce(queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float = 0.07) -> Tensor:
    """Return InfoNCE: each query's own key (n, d) against negatives (m, d), such as a queue's filled places."""
    q, k = normalize(queries, dim=1), normalize(keys, dim=1)
    logits = torch.cat([(q * k).sum(dim=1, keepdim=True), q @ normalize(negatives, dim=1).T], dim=1) / temperature
    return (logits.logsumexp(dim=1) - logits[:, 0]).mean()
