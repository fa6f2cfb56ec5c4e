"""What every label model can do: learn how good each source is from votes alone, and merge votes into one label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.consensus.count_kernels import best_pass
from labelwright.consensus.em import SMALLEST, safe_log
from labelwright.consensus.posterior_kernels import posterior_pass, posterior_product_pass
from labelwright.consensus.table import VoteTable
from labelwright.errors import BadInput
from labelwright.evidence import Hard, Soft, Votes, one_coin

Floats = NDArray[np.float64]
EMPTY = np.empty((0, 0))
TIE = 1e-12  # probabilities that differ by less than this share are equal


@dataclass(frozen=True)
class SourceQuality:
    """How good each source is, as a model estimates it.

    Parameters
    ----------
    accuracy : float64 (m,)
        Share of a source's answers that are right, under the estimated class balance. NaN without a vote.
    n_votes : float64 (m,)
        Total weight of its votes.
    confusion : float64 (m, K, S) or None
        P(answer | class), rows = truth, where the model has it.
    """

    accuracy: Floats
    n_votes: Floats
    confusion: Floats | None = None


class LabelModel(ABC):
    """Merges the votes of many sources. Fitted attributes end in ``_``.

    Attributes
    ----------
    class_balance_ : float64 (K,)
        Share of each class, given or estimated; what rows without votes are given.
    objective_ : tuple of float
        The objective at each iteration, which never falls; empty for models in closed form.
    converged_ : bool
    """

    abstaining_answers = False
    class_balance_: Floats
    objective_: tuple[float, ...] = ()
    converged_ = True
    n_sources_: int
    said_: Floats

    def fit(self, votes: Votes, gold: ArrayLike | Hard | None = None) -> Self:
        """Estimate the sources from votes (n rows, m sources, K classes).

        Parameters
        ----------
        votes : Votes
        gold : int array (n,) or Hard, optional
            Known classes, -1 = unknown. Those of rows without votes take no part.

        Raises
        ------
        BadInput
            For real-valued votes, votes of no source, or gold that does not fit.
        """
        table = VoteTable.of(votes, abstaining_answers=self.abstaining_answers)
        return self.fit_table(table, table.known(gold))

    def fit_table(self, table: VoteTable, gold: NDArray[np.int64]) -> Self:
        """Fit votes that are a table already; `gold` int64 (n,), -1 = unknown."""
        self._start(table.n_sources, table.said())
        self._fit(table, np.where(table.covered(), gold, -1))
        return self

    def _start(self, n_sources: int, said: Floats) -> None:
        if n_sources == 0:
            raise BadInput("there are no sources", fix="pass votes of at least one source")
        self.n_sources_, self.said_ = n_sources, said
        self.objective_, self.converged_ = (), True

    def _check_alike(self, n_sources: int, n_classes: int) -> None:
        """Refuse parts that number sources or classes differently: their statistics do not add up."""
        if not hasattr(self, "class_balance_"):
            raise BadInput(f"{type(self).__name__} has not seen votes", fix="call fit(votes) first")
        if (n_sources, n_classes) != (self.n_sources_, len(self.class_balance_)):
            raise BadInput(
                f"{n_sources} sources and {n_classes} classes meet {self.n_sources_} and {len(self.class_balance_)}",
                fix="number sources and classes alike in all parts",
            )

    @abstractmethod
    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        """Set the fitted attributes."""

    @abstractmethod
    def _posterior(self, table: VoteTable) -> Floats:
        """Return P(class | votes), (n, K); rows without votes are overwritten by the caller."""

    def predict_proba(self, votes: Votes) -> Floats:
        """Return P(class | votes), float64 (n, K), rows sum to 1; the class balance where nobody voted."""
        if not hasattr(self, "class_balance_"):
            raise BadInput(f"{type(self).__name__} has not seen votes", fix="call fit(votes) first")
        table = VoteTable.of(votes, abstaining_answers=self.abstaining_answers)
        if (table.n_sources, table.n_classes) != (self.n_sources_, len(self.class_balance_)):
            raise BadInput(
                f"the votes have {table.n_sources} sources and {table.n_classes} classes, "
                f"the model {self.n_sources_} and {len(self.class_balance_)}",
                fix="number sources and classes as in fit",
            )
        return self.posterior_table(table)

    def posterior_table(self, table: VoteTable) -> Floats:
        """Return `predict_proba` of votes that are a table already."""
        probs = self._posterior(table)
        probs[~table.covered()] = self.class_balance_
        return probs

    def predict(self, votes: Votes) -> Soft:
        """Return the posterior as evidence, under the class balance; rows without votes say nothing."""
        probs = self.predict_proba(votes).astype(np.float32)
        probs[~VoteTable.of(votes, abstaining_answers=self.abstaining_answers).covered()] = 0
        balance = np.maximum(self.class_balance_, 1e-12)
        return Soft(probs, prior=balance / balance.sum())

    @abstractmethod
    def _accuracy(self) -> Floats:
        """Return the accuracy of each source, (m,)."""

    def _confusion(self) -> Floats | None:
        return None

    def source_quality(self) -> SourceQuality:
        """Return the estimated accuracy of each source, its votes and, where there is one, its confusion matrix."""
        if not hasattr(self, "class_balance_"):
            raise BadInput(f"{type(self).__name__} has not seen votes", fix="call fit(votes) first")
        said = self.said_.sum(axis=1)
        return SourceQuality(np.where(said > 0, self._accuracy(), np.nan), said, self._confusion())


def confusion_matrices(model: LabelModel) -> Floats:
    """Return P(answer | class) of every source, float64 (m, K, K): the model's own, or even errors at its accuracy."""
    quality, k = model.source_quality(), len(model.class_balance_)
    if quality.confusion is not None:
        return quality.confusion[:, :, :k]
    if k == 1:
        return np.ones((len(quality.accuracy), 1, 1))
    return one_coin(np.clip(np.nan_to_num(quality.accuracy, nan=1 / k), 0, 1), k)  # sums of weights round past 1


class ConfusionModel(LabelModel):
    """A label model that ends in a confusion matrix a source and predicts by q_ik ∝ π_k Π_j C_j[k, L_ij].

    Attributes
    ----------
    confusion_ : float64 (m, K, S)
        P(answer | class), rows = truth.
    """

    confusion_: Floats

    def _posterior(self, table: VoteTable) -> Floats:
        return confusion_posterior(table, self.class_balance_, self.confusion_)

    def _accuracy(self) -> Floats:
        right = np.diagonal(self.confusion_, axis1=1, axis2=2)
        answered = self.confusion_[:, :, : self.confusion_.shape[1]].sum(axis=2)
        share = (right * self.class_balance_).sum(axis=1)
        return share / np.maximum((answered * self.class_balance_).sum(axis=1), 1e-300)

    def _confusion(self) -> Floats:
        return self.confusion_


def confusion_posterior(table: VoteTable, balance: Floats, confusion: Floats) -> Floats:
    """Return q_ik ∝ π_k Π_j C_j[k, L_ij], float64 (n, K)."""
    q = np.empty((table.n_rows, table.n_classes))
    answers = np.ascontiguousarray(confusion.transpose(0, 2, 1))
    if table.unweighted:
        chances = np.maximum(answers, SMALLEST).reshape(-1, table.n_classes)
        posterior_product_pass(table.offsets, table.cells, np.maximum(balance, SMALLEST), chances, q)
        return q
    log_table = safe_log(answers)
    posterior_pass(table.offsets, table.source, table.value, table.weight, safe_log(balance), log_table, q)
    return q


def most_probable(probs: Floats, *, abstain_on_tie: bool = False) -> NDArray[np.int64]:
    """Return the class of largest probability, int64 (n,).

    Ties are broken by a hash of the row number, the same in every run and for every order of classes' sizes; with
    `abstain_on_tie` they give -1.

    Examples
    --------
    >>> most_probable(np.array([[0.2, 0.8], [0.5, 0.5]]), abstain_on_tie=True)
    array([ 1, -1])
    """
    chosen, n_best = np.zeros((2, len(probs)), dtype=np.int64)
    best_pass(np.ascontiguousarray(probs, dtype=np.float64), TIE, chosen, n_best)
    tied = np.flatnonzero(n_best > 1)
    if abstain_on_tie:
        chosen[tied] = -1
        return chosen
    best = probs[tied] >= probs[tied].max(axis=1, keepdims=True) * (1 - TIE)
    rank = (_hash(tied) % n_best[tied].astype(np.uint64)).astype(np.int64)
    chosen[tied] = (np.cumsum(best, axis=1) == (rank + 1)[:, None]).argmax(axis=1)
    return chosen


def _hash(rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the splitmix64 hash of row numbers."""
    with np.errstate(over="ignore"):
        x = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
