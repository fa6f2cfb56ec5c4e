"""Find wrong class labels from out-of-sample probabilities and, when there are any, the labels of similar rows.

    score_i = P(the given label is the truth | probabilities, neighbours' votes, given label)    low = suspect
    issue   = another class is more probable than the given one

both from the model of `truth_model`, which is fitted to the given labels alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.probabilities import as_probabilities
from labelwright.audit.scores import Scores
from labelwright.audit.truth_model import TruthEstimate, estimate_truth
from labelwright.data.neighbors import Neighbors
from labelwright.errors import BadInput, quoted
from labelwright.evidence.space import LabelSpace

SHOWN_NEIGHBORS = 10


@dataclass(frozen=True)
class LabelErrors:
    """Auditor of class labels.

    Parameters
    ----------
    seed : int, default 0
        Picks the rows that the model is fitted to when there are more than 20 000.
    """

    seed: int = 0

    def score(
        self,
        labels: ArrayLike,
        pred_probs: ArrayLike,
        space: LabelSpace,
        *,
        neighbors: Neighbors | None = None,
        truth: TruthEstimate | None = None,
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
            Nearest other rows of each row by features; 50 to 100 of them are best.
        truth : TruthEstimate, optional
            What `estimate_truth` returned for the same data, so that it is not computed again.

        Returns
        -------
        Scores of kind ``"label"``, level ``"row"``: one entry for each labelled row.

        Examples
        --------
        >>> probs = np.array([[0.98, 0.02], [0.02, 0.98]]).repeat(50, axis=0)
        >>> labels = np.array([0, 1]).repeat(50)
        >>> labels[3] = 1
        >>> scores = LabelErrors().score(labels, probs, LabelSpace(("cat", "dog")))
        >>> scores.is_issue.nonzero()[0], scores.reason[3]
        (array([3]), "given 'dog'; the model, trained without this row, says 'cat' at 0.98")
        """
        probs = as_probabilities(pred_probs)
        given = np.asarray(labels)
        if given.shape != (len(probs),) or probs.shape[1] != len(space):
            raise BadInput(
                f"labels of shape {given.shape} and {len(space)} classes do not go with pred_probs of {probs.shape}",
                fix="give one row of probabilities a label and one column a class",
            )
        found = truth or estimate_truth(given, probs, neighbors=neighbors, seed=self.seed)
        if not len(found.rows):
            return Scores.none("label", "row")
        flags = (found.other_probability > found.given) & (found.other != given[found.rows])
        suggested: list[str | None] = [None] * len(found.rows)
        reason: list[str | None] = [None] * len(found.rows)
        for at in np.flatnonzero(flags).tolist():
            row, other = int(found.rows[at]), int(found.other[at])
            near = None if neighbors is None else given[neighbors.indices[row, :SHOWN_NEIGHBORS]]
            suggested[at] = space.names[other]
            reason[at] = explain(int(given[row]), other, probs[row], near, space)
        return Scores(
            kind="label",
            level="row",
            score=np.clip(found.given, 0.0, 1.0),
            is_issue=flags,
            rows=found.rows.astype(np.int64),
            given=space.decode(given[found.rows]),
            suggested=suggested,
            reason=reason,
        )


def explain(
    label: int, other: int, probs: NDArray[np.floating], near: NDArray[np.integer] | None, space: LabelSpace
) -> str:
    """Say in one sentence why a label is suspect; `near` are the labels of the nearest rows, -1 = unlabelled."""
    said = int(np.argmax(probs))
    parts = [f"given {quoted(space.names[label])}"]
    model = f"the model, trained without this row, says {quoted(space.names[said])} at {float(probs[said]):.2f}"
    if said != other:
        model += f" and {quoted(space.names[other])} at {float(probs[other]):.2f}"
    parts.append(model)
    known = near[near >= 0] if near is not None else np.empty(0, dtype=np.int64)
    if len(known):
        votes = int(np.count_nonzero(known == other))
        are = "is" if votes == 1 else "are"
        parts.append(f"{votes} of its {len(known)} nearest rows {are} labelled {quoted(space.names[other])}")
    return "; ".join(parts)
