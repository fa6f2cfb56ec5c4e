"""Find wrong class labels from out-of-sample probabilities and, when there are any, the labels of similar rows.

The probabilities and the neighbours' votes are joined into q (`neighbor_ranking`); then

    score_i = q_i(given label)          low = suspect
    issue   = flagged by confident learning with q: pruned by noise rate (`find_label_issues`)

Source: Northcutt, Jiang, Chuang, Confident Learning, JAIR 2021 [P042].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.label_issues import find_label_issues
from labelwright.audit.neighbor_ranking import combine, neighbor_votes
from labelwright.audit.probabilities import as_probabilities
from labelwright.audit.scores import Scores
from labelwright.data.neighbors import Neighbors
from labelwright.errors import BadInput, quoted
from labelwright.evidence.space import LabelSpace

SHOWN_NEIGHBORS = 10


@dataclass(frozen=True)
class LabelErrors:
    """Auditor of class labels.

    Parameters
    ----------
    filter_by : str, default "prune_by_noise_rate"
        Which rows are issues; see `find_label_issues`.
    min_examples_per_class : int, default 1
        A class keeps at least this many rows.
    """

    filter_by: str = "prune_by_noise_rate"
    min_examples_per_class: int = 1

    def score(
        self,
        labels: ArrayLike,
        pred_probs: ArrayLike,
        space: LabelSpace,
        *,
        neighbors: Neighbors | None = None,
    ) -> Scores:
        """Score each labelled row.

        Parameters
        ----------
        labels : int, shape (n,)
            Given classes, -1 = unlabelled (left out).
        pred_probs : float, shape (n, K), in [0, 1]
            Out of sample.
        space : LabelSpace
            The K classes.
        neighbors : Neighbors, optional
            Nearest other rows of each row by features; more than ten are of use.

        Returns
        -------
        Scores of kind ``"label"``, level ``"row"``: one entry for each labelled row.
        """
        probs = as_probabilities(pred_probs)
        given = np.asarray(labels)
        if given.shape != (len(probs),) or probs.shape[1] != len(space):
            raise BadInput(
                f"{given.shape} labels of {len(space)} classes do not go with pred_probs of shape {probs.shape}",
                fix="give one row of probabilities a label and one column a class",
            )
        rows = np.flatnonzero(given >= 0)
        if not len(rows):
            return Scores.none("label", "row")
        joined = joined_probabilities(given, probs, neighbors)[rows]
        flags = find_label_issues(
            given[rows], joined, filter_by=self.filter_by, min_examples_per_class=self.min_examples_per_class
        )
        return self._scores(given, rows, joined, flags, probs, space, neighbors)

    def _scores(
        self,
        given: NDArray,
        rows: NDArray[np.int64],
        joined: NDArray[np.floating],
        flags: NDArray[np.bool_],
        probs: NDArray[np.floating],
        space: LabelSpace,
        neighbors: Neighbors | None,
    ) -> Scores:
        own = given[rows]
        others = np.array(joined, dtype=np.float64)
        others[np.arange(len(rows)), own] = -1.0
        best = others.argmax(axis=1)
        reason: list[str | None] = [None] * len(rows)
        for at in np.flatnonzero(flags).tolist():
            row, label, other = int(rows[at]), int(own[at]), int(best[at])
            near = None if neighbors is None else given[neighbors.indices[row, :SHOWN_NEIGHBORS]]
            reason[at] = explain(label, other, probs[row], near, space)
        return Scores(
            kind="label",
            level="row",
            score=np.clip(joined[np.arange(len(rows)), own].astype(np.float64), 0.0, 1.0),
            is_issue=flags,
            rows=rows.astype(np.int64),
            given=space.decode(own),
            suggested=[space.names[k] if flag else None for k, flag in zip(best.tolist(), flags.tolist(), strict=True)],
            reason=reason,
        )


def joined_probabilities(
    labels: NDArray[np.integer], pred_probs: NDArray[np.floating], neighbors: Neighbors | None
) -> NDArray[np.floating]:
    """Return the probabilities joined with the neighbours' votes, (n, K); as they are without neighbours."""
    if neighbors is None or neighbors.k == 0:
        return pred_probs
    votes = neighbor_votes(labels, neighbors.indices, pred_probs.shape[1])
    return combine(labels, pred_probs, votes)[0]


def explain(
    label: int, other: int, probs: NDArray[np.floating], near: NDArray[np.integer] | None, space: LabelSpace
) -> str:
    """Say in one sentence why a label is suspect; `near` are the labels of the nearest rows, -1 = unlabelled."""
    said = int(np.argmax(probs))
    text = (
        f"given {quoted(space.names[label])}; the model, trained without this row, "
        f"says {quoted(space.names[said])} at {float(probs[said]):.2f}"
    )
    known = near[near >= 0] if near is not None else np.empty(0, dtype=np.int64)
    if not len(known):
        return text
    votes = int(np.count_nonzero(known == other))
    return f"{text}; {votes} of its {len(known)} nearest rows are labelled {quoted(space.names[other])}"
