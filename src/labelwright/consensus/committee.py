"""Several label models vote together: those that best foretell held-out votes share the say, equally.

A fifth of the votes is held out, twice. A model that gives q from the rest foretells the vote l of source j on row i by
Σ_k q_ik C_j[k, l]. Members stay when their mean log-probability of held-out votes is within `within` nats of the best
one's; the posteriors of those that stay, fitted to all votes, are averaged. No true label is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.base import LabelModel, confusion_matrices
from labelwright.consensus.label_models.bcc import IBCC
from labelwright.consensus.label_models.data_programming import DataProgramming
from labelwright.consensus.label_models.dawid_skene import DawidSkene
from labelwright.consensus.label_models.mace import MACE
from labelwright.consensus.table import VoteTable
from labelwright.consensus.tempering import MOST_ROWS, HeldOut, hold_out, part_of_rows
from labelwright.errors import BadInput

Floats = NDArray[np.float64]


def default_members(n_classes: int) -> dict[str, LabelModel]:
    """Return the members of the default committee: full and single-accuracy models, with and without equal classes."""
    uniform = np.ones(n_classes)
    return {
        "Dawid-Skene": DawidSkene(),
        "Dawid-Skene, equal classes": DawidSkene(class_balance=uniform),
        "Dawid-Skene, smoothed": DawidSkene(smoothing=0.3),
        "Data programming": DataProgramming(),
        "MACE": MACE(restarts=1),
        "IBCC": IBCC(),
    }


class Committee(LabelModel):
    """Averages the posteriors of the label models that best foretell held-out votes.

    Parameters
    ----------
    members : callable, optional
        Number of classes → names and unfitted models; `default_members` by default.
    within : float, default 0.1
        Most nats a vote behind the best member, at least 0.
    most_rows : int, default 20000
        Held-out votes are foretold on at most this many rows, drawn with `seed`.
    seed : int, default 0

    Attributes
    ----------
    foretold_ : dict of str to float
        Mean log-probability of held-out votes by member.
    kept_ : tuple of str
        Members that share the say.
    held_out_ : tuple of HeldOut
        What they say together of the held-out votes.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0]] * 5, n_classes=2)
    >>> Committee().fit(votes).predict_proba(votes)[:4].argmax(axis=1)
    array([0, 1, 0, 1])
    """

    foretold_: dict[str, float]
    kept_: tuple[str, ...]
    held_out_: tuple[HeldOut, ...]

    def __init__(
        self,
        members: Callable[[int], Mapping[str, LabelModel]] = default_members,
        *,
        within: float = 0.1,
        most_rows: int = MOST_ROWS,
        seed: int = 0,
    ) -> None:
        self.members, self.within, self.most_rows, self.seed = members, within, most_rows, seed

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        names = tuple(self.members(table.n_classes))
        if not names:
            raise BadInput("the committee has no members", fix="name at least one label model")
        said = self._held_out(table, gold)
        votes = max(sum(len(part.asked.source) for part in said[names[0]]), 1)
        self.foretold_ = {name: sum(part.log_probability() for part in said[name]) / votes for name in names}
        best = max(self.foretold_.values())
        self.kept_ = tuple(name for name in names if self.foretold_[name] >= best - self.within)
        self.held_out_ = tuple(HeldOut.mean(parts) for parts in zip(*(said[name] for name in self.kept_), strict=True))
        fresh = self.members(table.n_classes)
        self._models = {name: fresh[name].fit_table(table, gold) for name in self.kept_}
        self.class_balance_ = np.mean([model.class_balance_ for model in self._models.values()], axis=0)
        self.converged_ = all(model.converged_ for model in self._models.values())

    def _held_out(self, table: VoteTable, gold: NDArray[np.int64]) -> dict[str, list[HeldOut]]:
        """Return what each member, fitted to the other votes, says of held-out ones."""
        rng = np.random.default_rng(self.seed)
        table, gold = part_of_rows(table, gold, self.most_rows, rng)
        said: dict[str, list[HeldOut]] = {name: [] for name in self.members(table.n_classes)}
        for rest, asked in hold_out(table, rng):
            for name, model in self.members(table.n_classes).items():
                said[name].append(HeldOut.of(model.fit_table(rest, gold), rest, asked))
        return said

    def _posterior(self, table: VoteTable) -> Floats:
        return np.mean([model.posterior_table(table) for model in self._models.values()], axis=0)

    def _accuracy(self) -> Floats:
        return np.mean([model.source_quality().accuracy for model in self._models.values()], axis=0)

    def _confusion(self) -> Floats:
        return np.mean([confusion_matrices(model) for model in self._models.values()], axis=0)
