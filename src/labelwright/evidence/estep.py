"""The one E-step: what a model believes, corrected by what the evidence says.

    posterior(truth | x, evidence) ∝ model(truth | x) · likelihood(evidence | truth, noise)

Source: Chen et al., Imprecise Label Learning, NeurIPS 2024 [P010].
"""

from __future__ import annotations

from typing import Any

from labelwright.errors import BadInput
from labelwright.evidence.arrays import Array, is_torch, like
from labelwright.evidence.base import Evidence, GroupEvidence, RowEvidence
from labelwright.evidence.dense import checked_log_prior, combine
from labelwright.evidence.group_estep import condition_groups
from labelwright.evidence.mixed import Mixed
from labelwright.evidence.reals import Reals
from labelwright.evidence.result import Posterior
from labelwright.evidence.segments import segment_sum


def posterior(log_prior: Array, evidence: Evidence, noise: Any = None, *, eps: float = 0.0) -> Posterior:
    """Return the posterior of every row's hidden class and the log-probability of the evidence.

    Parameters
    ----------
    log_prior : array (n, K), for `Tags` (n, K, 2)
        Log-probabilities of a model, NumPy or torch; floored at log 1e-12. The result lives where it lives.
    evidence : Evidence
        About the same n rows.
    noise : optional
        How the evidence goes wrong; each type says what it takes. A torch noise receives gradients through `log_z`.
    eps : float in [0, 1), default 0
        Flat share mixed into the row likelihoods, so that contradictions are forgiven.

    Returns
    -------
    Posterior
        `q` like `log_prior`; `log_z` (n_units,) in the order of ``evidence.units()``. With a torch prior
        ``-log_z.sum()`` is a loss whose gradient with respect to logits is p − q.

    Raises
    ------
    BadInput
        For shapes that do not fit, NaN, and evidence that contradicts itself: names the row or bag.

    Examples
    --------
    >>> import numpy as np
    >>> from labelwright.evidence.rows import Hard
    >>> posterior(np.log([[0.5, 0.5]]), Hard([1], 2), noise=np.array([[0.8, 0.2], [0.4, 0.6]])).q.round(2)
    array([[0.25, 0.75]])
    """
    if isinstance(evidence, Reals) or (isinstance(evidence, Mixed) and isinstance(evidence.parts[0], Reals)):
        raise BadInput("evidence about numbers has no classes", fix="use evidence.nll(prediction)")
    if isinstance(evidence, GroupEvidence):
        if noise is not None:
            raise BadInput(f"{type(evidence).__name__} takes no noise", fix="use potentials or confidences")
        prior = checked_log_prior(log_prior, (len(evidence), evidence.n_classes))
        return evidence.condition(prior)
    if not isinstance(evidence, RowEvidence | Mixed):
        raise BadInput(f"{type(evidence).__name__} is no evidence about classes")
    groups = evidence.group_parts() if isinstance(evidence, Mixed) else ()
    if isinstance(evidence, Mixed) and not evidence.row_parts:
        evidence.noises(noise)
        prior = checked_log_prior(log_prior, (len(evidence), groups[0].n_classes))
        return condition_groups(prior, groups, evidence.units())
    likelihood = evidence.log_likelihood(noise, eps=eps)
    prior = checked_log_prior(log_prior, tuple(likelihood.shape))
    if is_torch(likelihood) and not is_torch(prior):
        raise BadInput("the noise is a torch tensor, the log-prior is not", fix="pass both in torch")
    placed = like(likelihood, prior)
    if groups:
        if prior.ndim != 2 or any(group.n_classes != prior.shape[1] for group in groups):
            raise BadInput(f"the groups have other classes than the {tuple(prior.shape)} log-prior")
        return condition_groups(prior + placed, groups, evidence.units())
    return _row_posterior(prior, placed, evidence)


def _row_posterior(prior: Array, likelihood: Array, evidence: Evidence) -> Posterior:
    """Combine prior and likelihood row by row; the classes of `Tags` are independent, their log Z add up."""
    q, log_z = combine(prior, likelihood)
    if q.ndim == 3:
        log_z = log_z.sum(-1)
    if isinstance(evidence, Mixed):
        units = evidence.units()
        log_z = segment_sum(log_z, units, int(units.max(initial=-1)) + 1)
    return Posterior(q.detach() if is_torch(q) else q, log_z)
