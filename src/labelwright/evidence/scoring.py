"""How well a model explains evidence that it has not seen: a score for searches and cross-validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.base import Evidence
from labelwright.evidence.dense import MIN_LOG_PRIOR
from labelwright.evidence.estep import posterior
from labelwright.evidence.mixed import Mixed
from labelwright.evidence.reals import Reals


@dataclass(frozen=True)
class EvidenceLogLikelihood:
    """Mean log-probability of the evidence a row, in nats; higher is better.

    Call it as ``scorer(estimator, X, evidence)``, or pass it as `scoring` to a search.

    Classes: the estimator's `predict_log_proba` or `predict_proba` is the prior and the score is Σ log Z / n. Its
    columns follow `classes_` where the estimator has them. Numbers (`Reals`): −NLL of its `predict`.

    Parameters
    ----------
    noise : optional
        How the evidence goes wrong, as `posterior` takes it.
    eps : float, default 0
        Flat share mixed into the likelihoods.
    scale : float, default 1.0
        Standard deviation of the Gaussian for `Reals`, in the unit of the values.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from labelwright.evidence import Hard
    >>> model = DummyClassifier().fit([[0], [0]], [0, 1])
    >>> round(evidence_log_likelihood(model, [[0], [0]], Hard([0, -1], 2)), 3)
    -0.347
    """

    noise: Any = None
    eps: float = 0.0
    scale: float = 1.0

    def __call__(self, estimator: Any, X: Any, evidence: Evidence) -> float:
        """Return the score of a fitted estimator on rows X and the evidence about them."""
        if not isinstance(evidence, Evidence):
            raise BadInput(
                f"the score needs evidence, got {type(evidence).__name__}", fix="wrap labels: Hard(labels, K)"
            )
        if isinstance(evidence, Reals) or (isinstance(evidence, Mixed) and isinstance(evidence.parts[0], Reals)):
            nll = evidence.nll(np.asarray(estimator.predict(X), dtype=np.float64), self.scale)
            return -float(np.mean(nll))
        log_prior = _log_prior(estimator, X, _shape(evidence))
        result = posterior(log_prior, evidence, self.noise, eps=self.eps)
        return float(result.log_z.sum() / max(len(evidence), 1))


evidence_log_likelihood = EvidenceLogLikelihood()


def _shape(evidence: Evidence) -> tuple[int, ...]:
    """Return the shape of the log-prior that the evidence is combined with, without the rows."""
    from labelwright.evidence.tags import Tags

    one = evidence.parts[0] if isinstance(evidence, Mixed) else evidence
    n_classes = int(one.n_classes)  # type: ignore[attr-defined]
    return (n_classes, 2) if isinstance(one, Tags) else (n_classes,)


def _log_prior(estimator: Any, X: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    if hasattr(estimator, "predict_log_proba"):
        table = np.asarray(estimator.predict_log_proba(X), dtype=np.float64)
    else:
        with np.errstate(divide="ignore"):
            table = np.log(np.asarray(estimator.predict_proba(X), dtype=np.float64))
    if len(shape) == 2:  # tags: one probability of "on" a class, or both
        if table.ndim == 3 and table.shape[0] == shape[0]:
            return table.transpose(1, 0, 2)
        with np.errstate(divide="ignore"):
            return np.stack([np.log(-np.expm1(np.minimum(table, 0.0))), table], axis=-1)
    classes = getattr(estimator, "classes_", None)
    if classes is None or len(classes) == shape[0] or np.asarray(classes).dtype.kind not in "iu":
        return table
    full = np.full((len(table), *shape), MIN_LOG_PRIOR)
    full[:, np.asarray(classes)] = table
    return full
