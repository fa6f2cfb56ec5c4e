"""Programmatic weak supervision, start to finish: votes → label model → soft labels → end model.

The end model learns from the rows that somebody voted on, with soft labels: every row stands once for each class,
weighted by its posterior, which is the soft cross-entropy for any classifier that takes sample weights.

Source: A Survey on Programmatic Weak Supervision, 2022 [P121].
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.automatic import Automatic
from labelwright.consensus.base import LabelModel
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Votes

Floats = NDArray[np.float64]
LEAST_WEIGHT = 1e-3


class WeakSupervisionPipeline:
    """A label model and a classifier that learns from its soft labels.

    Parameters
    ----------
    label_model : LabelModel, optional
        `Automatic` by default.
    end_model : scikit-learn classifier, optional
        With `fit(X, y, sample_weight)` and `predict_proba`; logistic regression by default. It is cloned.

    Attributes
    ----------
    label_model_ : LabelModel
    end_model_ : classifier
    n_used_ : int
        Rows that it learned from: those with a vote.

    Examples
    --------
    >>> X = np.array([[0.0], [0.1], [0.9], [1.0]] * 5)
    >>> votes = Votes.from_matrix([[0, 0, -1], [0, -1, 0], [1, 1, -1], [-1, 1, 1]] * 5, n_classes=2)
    >>> WeakSupervisionPipeline().fit(X, votes).predict([[0.05], [0.95]])
    array([0, 1])

    Source: [P121].
    """

    label_model_: LabelModel
    end_model_: Any
    n_used_: int

    def __init__(self, label_model: LabelModel | None = None, end_model: Any = None) -> None:
        self.label_model, self.end_model = label_model, end_model

    def fit(self, X: Any, votes: Votes) -> Self:
        """Fit the label model to the votes, then the end model to its soft labels.

        Parameters
        ----------
        X : array (n, d), sparse matrix or anything the end model takes, indexable by rows
        votes : Votes
            About the same n rows.
        """
        from sklearn.base import clone
        from sklearn.linear_model import LogisticRegression

        n = X.shape[0] if hasattr(X, "shape") else len(X)
        if n != votes.n_rows:
            raise BadInput(f"X has {n} rows, the votes {votes.n_rows}", fix="pass votes about the rows of X, in order")
        self.label_model_ = (self.label_model or Automatic()).fit(votes)
        probs = self.label_model_.predict_proba(votes)
        used = np.flatnonzero(VoteTable.of(votes).covered())
        self.n_used_, self._n_classes = len(used), probs.shape[1]
        rows, classes = np.nonzero(probs[used] >= LEAST_WEIGHT)
        if len(np.unique(classes)) < 2:
            raise BadInput("all soft labels name one class", fix="check the votes: an end model needs two classes")
        model = clone(self.end_model) if self.end_model is not None else LogisticRegression(max_iter=500)
        self.end_model_ = model.fit(X[used[rows]], classes, sample_weight=probs[used[rows], classes])
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the end model's P(class | x), float64 (n, K), with a column for every class of the votes."""
        given = self.end_model_.predict_proba(X)
        probs = np.zeros((len(given), self._n_classes))
        probs[:, self.end_model_.classes_] = given
        return probs

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return the end model's class, int64 (n,)."""
        return self.predict_proba(X).argmax(axis=1)
