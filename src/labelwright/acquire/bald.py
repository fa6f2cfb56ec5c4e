"""BALD: rows on which the members of a committee disagree although each is sure.

    score(x) = H( mean_s p_s ) − mean_s H( p_s )  =  mutual information of the label and the model

Source: Houlsby et al., Bayesian active learning for classification and preference learning, 2011.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.acquire.contract import Floats, Pool, ScoredAcquisition, Seed
from labelwright.acquire.uncertainty import entropy_score
from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_generator, as_labels


def mutual_information(draws: ArrayLike) -> Floats:
    """Return the mutual information of label and model in nats, float64 (n,), at least 0.

    Parameters
    ----------
    draws : float array (S, n, K)
        Probabilities of S models.

    Examples
    --------
    >>> mutual_information([[[1.0, 0.0]], [[0.0, 1.0]]]).round(4)
    array([0.6931])
    """
    p = as_array("draws", draws, 3)
    return np.maximum(entropy_score(p.mean(axis=0)) - entropy_score(p, axis=2).mean(axis=0), 0.0)


class BALD(ScoredAcquisition):
    """Asks about the rows on which the models of `pool.draws` disagree most.

    Examples
    --------
    >>> pool = Pool(draws=[[[0.9, 0.1], [0.5, 0.5]], [[0.1, 0.9], [0.5, 0.5]]])
    >>> BALD().select(pool, 1, rng=0).rows
    array([0])
    """

    def scores(self, pool: Pool) -> Floats:
        """Return the mutual information of each row in nats, (n,)."""
        return mutual_information(pool.need("draws", self))


class BootstrapCommittee:
    """Models fitted on bootstrap samples of the same rows: a committee for BALD when there is no ensemble.

    Parameters
    ----------
    fit : callable
        Features and labels → a model with ``predict_proba``, whose columns are the `n_classes` classes.
    models : int, default 10
    """

    def __init__(self, fit: Callable[[NDArray[Any], NDArray[np.int64]], Any], models: int = 10) -> None:
        if models < 2:
            raise BadInput(f"a committee of {models} cannot disagree", fix="ask for at least 2 models")
        self.fit_one, self.models = fit, models

    def fit(self, X: NDArray[Any], labels: ArrayLike, rng: Seed) -> BootstrapCommittee:
        """Fit every model on rows drawn with replacement, at least one of each class."""
        y, generator = as_labels("labels", labels, 2**31), as_generator(rng)
        first = np.unique(y, return_index=True)[1]
        self.members_ = []
        for _ in range(self.models):
            rows = np.concatenate([first, generator.integers(0, len(y), max(len(y) - len(first), 0))])
            self.members_.append(self.fit_one(X[rows], y[rows]))
        return self

    def predict_proba(self, X: NDArray[Any]) -> Floats:
        """Return the probabilities of every model, float64 (S, n, K)."""
        return np.stack([np.asarray(member.predict_proba(X), dtype=np.float64) for member in self.members_])
