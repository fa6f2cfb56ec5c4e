"""Which rows are probably labelled right: a network fits those first, so their losses are small.

`gmm_split` fits two Gaussians to the losses of all rows and gives the chance of the lower one; `gmm_split_per_class`
does so within each given label; `small_loss` keeps a fixed share, and `keep_share` says which while training goes on.

Sources: the mixture of Arazo et al., ICML 2019, as used by DivideMix [B013]; small losses of Han et al., NeurIPS 2018
[B010].
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

from labelwright.errors import BadInput

Floats = NDArray[np.float64]
ROUNDING = 1e-6  # losses that differ by less, relative to the largest, are equal: float32 says no more


def gmm_split(losses: ArrayLike) -> Floats:
    """Return P(clean) of each row, float64 (n,): the posterior of the lower of two Gaussians fitted to the losses.

    Parameters
    ----------
    losses : float array (n,)
        One finite loss a row, of the input as it is; scaled to [0, 1] here. At very high noise rates average the
        losses of the last epochs first.

    Returns
    -------
    float64 array (n,)
        In [0, 1]; falls as the loss rises. All 1 where all losses are equal: nothing then speaks against any row.

    Examples
    --------
    >>> gmm_split([0.1, 0.12, 0.09, 2.0, 2.1]).round().astype(int).tolist()
    [1, 1, 1, 0, 0]
    """
    values = np.asarray(losses, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise BadInput("losses must be one finite number a row", fix="look for NaN in inputs, or a lower learning rate")
    spread = np.ptp(values) if len(values) else 0.0
    if len(values) < 2 or spread <= ROUNDING * np.abs(values).max():
        return np.ones(len(values))
    scaled = ((values - values.min()) / spread)[:, None]
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        chances = np.asarray(mixture.fit(scaled).predict_proba(scaled), dtype=np.float64)
    return _falling(scaled[:, 0], chances[:, int(mixture.means_.argmin())])


def _falling(losses: Floats, clean: Floats) -> Floats:
    """Make P(clean) fall with the loss: the wider Gaussian otherwise wins again far below the narrower one."""
    order = np.argsort(losses, kind="stable")
    top = int(clean[order].argmax())
    fixed = clean.copy()
    fixed[order[:top]] = clean[order[top]]
    fixed[order[top:]] = np.minimum.accumulate(clean[order[top:]])
    return fixed


def gmm_split_per_class(losses: ArrayLike, labels: ArrayLike) -> Floats:
    """Return P(clean) (n,) from a mixture of its own for each given label int (n,); 0 for rows of label −1.

    Examples
    --------
    >>> gmm_split_per_class([0.1, 1.0, 5.0, 9.0], [0, 0, 1, 1]).round().astype(int).tolist()
    [1, 0, 1, 0]
    """
    values, given = np.asarray(losses, dtype=np.float64), np.asarray(labels)
    if values.shape != given.shape:
        raise BadInput(f"{values.shape} losses for {given.shape} labels", fix="pass one of each a row")
    chances = np.zeros(len(values))
    for c in np.unique(given[given >= 0]):
        own = given == c
        chances[own] = gmm_split(values[own])
    return chances


def keep_share(time: float, forget: float, ramp: float = 10.0) -> float:
    """Return R(t) = 1 − min(τ t / T, τ): the share of rows kept after `time` epochs; `forget` τ, `ramp` T epochs.

    Examples
    --------
    >>> keep_share(5.0, 0.4), keep_share(50.0, 0.4)
    (0.8, 0.6)
    """
    return 1 - (forget if ramp <= 0 else min(forget * time / ramp, forget))


def small_loss(losses: Tensor, share: float) -> Tensor:
    """Return the positions of the smallest losses, int64 (round(share · b),), at least one of a batch that has any.

    Examples
    --------
    >>> small_loss(torch.tensor([3.0, 1.0, 2.0, 4.0]), 0.5).tolist()
    [1, 2]
    """
    count = min(len(losses), max(1, round(share * len(losses))))
    return torch.topk(losses.detach(), count, largest=False).indices
