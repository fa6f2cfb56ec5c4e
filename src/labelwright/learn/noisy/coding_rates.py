"""How much space rows fill together, and how much each class of them fills by itself, in nats.

    R(Z) = ½ log det(I + gamma p/(m eps) Z Zᵀ),      R_c(Z, L) = Σ_j m_j/(2m) log det(I + p/(m_j eps) Z_j Z_jᵀ)

The coding rate of rows up to a precision eps: the loss of ERASE [P034] is their difference.
"""

from __future__ import annotations

import torch
from torch import Tensor

JITTER = 1e-6  # on the diagonal of a log-determinant


def _log_det(features: Tensor, scale: float) -> Tensor:
    """Return log det(I + scale · Zᵀ Z) through the smaller Gram matrix; features (m, p)."""
    z = features.double()
    gram = z.T @ z if z.shape[0] >= z.shape[1] else z @ z.T
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    return torch.linalg.slogdet((1 + JITTER) * eye + scale * gram).logabsdet


def coding_rate(features: Tensor, eps: float = 0.05, gamma: float = 1.0) -> Tensor:
    """Return R(Z) = ½ log det(I + gamma · p/(m eps) Z Zᵀ): how much space the rows fill, in nats. [P034]

    Parameters
    ----------
    features : Tensor (m, p)
        A row each; the papers write its transpose.
    eps : float, default 0.05
        > 0: what is not told apart.
    gamma : float, default 1.0

    Examples
    --------
    >>> coding_rate(torch.zeros(3, 2)).abs().item() < 1e-5
    True
    """
    m, p = features.shape
    return 0.5 * _log_det(features, gamma * p / (m * eps))


def class_coding_rate(features: Tensor, labels: Tensor, eps: float = 0.05) -> Tensor:
    """Return R_c(Z, L) = Σ_j m_j/(2m) log det(I + p/(m_j eps) Z_j Z_jᵀ), in nats. [P034]

    Parameters
    ----------
    features : Tensor (m, p)
    labels : int64 tensor (m,)
        Classes without rows add nothing.
    eps : float, default 0.05

    Examples
    --------
    >>> z, one = torch.eye(3), torch.zeros(3, dtype=torch.int64)
    >>> bool(class_coding_rate(z, one) == coding_rate(z))
    True
    """
    m, p = features.shape
    parts = [features[labels == c] for c in torch.unique(labels)]
    return torch.stack([len(z) / (2 * m) * _log_det(z, p / (len(z) * eps)) for z in parts]).sum()
