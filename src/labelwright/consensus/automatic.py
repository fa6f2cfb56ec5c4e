"""The default label model: chosen by what the votes look like, never by a true label.

1. Most votes come from sources that only ever say one class (labelling functions, keyword rules): their confusion
   cannot be told from the class balance, so models that learn much go astray. `MACE` and `DataProgramming`, both with
   firm priors that rules mostly know what they say, averaged.
2. Sources agree far beyond what Dawid-Skene's consensus explains (mean squared deviation of pairwise agreement above 3,
   1 for independent sources): they err together, and likelihood models lock on to that. `MatrixCompletion` at the vote
   shares, which rests on second moments alone; `MajorityVote` where the table is too large or too few sources vote.
3. Otherwise a `Committee` of the models that best foretell held-out votes.

Posteriors of the last two are tempered until they foretell held-out votes best (see `tempering`); those of rules are
not, as a rule that only ever says one class foretells itself.

Before that, near copies (pairs that agree on 98 % of their rows where independent work would on 78 % at most) are made
to share one vote: any model takes three copies for the truth.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from numpy.typing import NDArray

from labelwright.consensus.base import LabelModel
from labelwright.consensus.committee import Committee
from labelwright.consensus.dependence import Dependence, counted_once, near_copies, pair_agreement_table
from labelwright.consensus.label_models.data_programming import DataProgramming
from labelwright.consensus.label_models.dawid_skene import DawidSkene
from labelwright.consensus.label_models.mace import MACE
from labelwright.consensus.label_models.majority import MajorityVote
from labelwright.consensus.label_models.matrix_completion import MOST_CELLS, MatrixCompletion
from labelwright.consensus.table import VoteTable
from labelwright.consensus.tempering import HeldOut, held_out_votes, tempered, vote_temperature

Floats = NDArray[np.float64]
BY_CHANCE = 0.01
TOO_DEPENDENT = 3.0
COPIED = 0.98
TOLD = 1.05  # temperature from which the reason tells of it


def rule_members(n_classes: int) -> dict[str, LabelModel]:
    """Return the members for labelling functions: accuracies start high and hardly move."""
    return {
        "MACE, rules mostly know": MACE(skill_prior=(4000.0, 1000.0), restarts=1),
        "Data programming, rules mostly right": DataProgramming(l2=100.0),
    }


class Automatic(LabelModel):
    """Chooses a label model by rules that look at the votes alone, and fits it.

    Parameters
    ----------
    seed : int, default 0

    Attributes
    ----------
    model_ : LabelModel
        The fitted model.
    reason_ : str
        Why this one, in one sentence.
    copies_ : tuple of Dependence
        Pairs whose votes count once.
    temperature_ : float
        At least 1: what the posteriors of the model were flattened by.

    Examples
    --------
    >>> from labelwright.evidence import Votes
    >>> votes = Votes.from_matrix([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 0]] * 5, n_classes=2)
    >>> type(Automatic().fit(votes).model_).__name__
    'Committee'

    Notes
    -----
    The rules were written with 12 crowd sets and 3 sets of labelling functions at hand; see the table in the docs.
    """

    model_: LabelModel
    reason_: str
    copies_: tuple[Dependence, ...]
    temperature_: float

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def _fit(self, table: VoteTable, gold: NDArray[np.int64]) -> None:
        rules = one_sided_share(table.said()) > 0.5  # of one class each: that they agree says nothing
        self.copies_ = () if rules or table.n_classes == 1 else near_copies(table, gold, COPIED)
        table = counted_once(table, self.copies_)
        self.model_, self.reason_ = self._choose(table, gold)
        if self.copies_:
            self.reason_ += f"; {len(self.copies_)} pairs of near copies share one vote"
        unfitted = deepcopy(self.model_)
        self.model_.fit_table(table, gold)
        if rules or table.n_classes == 1:
            held_out: tuple[HeldOut, ...] = ()
        elif isinstance(self.model_, Committee):
            held_out = self.model_.held_out_
        else:
            held_out = held_out_votes(lambda: deepcopy(unfitted), table, gold, self.seed)
        self.temperature_ = vote_temperature(held_out)
        if self.temperature_ >= TOLD:
            self.reason_ += f"; confidences are tempered by held-out votes (temperature {self.temperature_:.1f})"
        self.class_balance_ = self.model_.class_balance_
        self.objective_, self.converged_ = self.model_.objective_, self.model_.converged_

    def _choose(self, table: VoteTable, gold: NDArray[np.int64]) -> tuple[LabelModel, str]:
        if table.n_classes == 1 or not len(table.source):
            return MajorityVote(), "there is nothing to weigh"
        said = table.said()
        if one_sided_share(said) > 0.5:
            return Committee(rule_members, within=np.inf), "most votes come from sources that only ever say one class"
        judge = DawidSkene().fit_table(table, gold)
        excess = pair_agreement_table(table, judge.posterior_table(table), judge.confusion_).excess()
        if not excess > TOO_DEPENDENT:
            return Committee(seed=self.seed), "the models that best foretell held-out votes are averaged"
        if table.n_sources * table.n_classes > MOST_CELLS or int((said.sum(axis=1) > 0).sum()) < 3:
            return MajorityVote(), "sources err together, so their agreement proves little"
        shares = MajorityVote().fit_table(table, gold).class_balance_ + 1e-6
        return MatrixCompletion(class_balance=shares), "sources err together; pairwise agreements are fitted instead"

    def _posterior(self, table: VoteTable) -> Floats:
        probs = self.model_.posterior_table(counted_once(table, self.copies_))
        return probs if self.temperature_ == 1 else tempered(probs, self.temperature_)

    def _accuracy(self) -> Floats:
        return self.model_.source_quality().accuracy

    def _confusion(self) -> Floats | None:
        return self.model_.source_quality().confusion


def one_sided_share(said: Floats) -> float:
    """Return the share of votes by sources that say one class only, where that is no accident.

    `said` (m, K) holds votes by source and class. A source of n votes counts when the commonest class, drawn n times at
    the shares of all votes, would come alone with probability below 1 %.

    Examples
    --------
    >>> one_sided_share(np.array([[20.0, 0.0], [0.0, 20.0], [1.0, 1.0]])).__round__(2)
    0.95
    """
    votes, total = said.sum(axis=1), said.sum()
    if total == 0:
        return 0.0
    commonest = float((said.sum(axis=0) / total).max())
    with np.errstate(divide="ignore"):
        alone = votes * np.log(commonest) < np.log(BY_CHANCE)
    return float(votes[((said > 0).sum(axis=1) == 1) & alone].sum() / total)
