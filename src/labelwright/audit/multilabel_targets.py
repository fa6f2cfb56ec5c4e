"""Several right answers a row: which labels are acceptable, unclear or wrong for each row of a single-label data set.

Source: block of [P011], [P016], [P019] and [P023].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput
from labelwright.metrics.checks import as_array, as_labels, as_mask, as_share

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MultiLabelTargets:
    """What people hold acceptable for each row.

    Parameters
    ----------
    original : int64 (n,), -1 = unlabelled
        The single label that the data set gives.
    valid : bool (n, K)
        Labels that are right.
    unclear : bool (n, K)
        Labels that nobody can rule out; predicting one is no mistake.
    problematic : bool (n,)
        Rows that should not be scored at all.

    Examples
    --------
    >>> MultiLabelTargets.single([0, 1], 2).accepts([0, 0])
    array([ True, False])
    """

    original: NDArray[np.int64]
    valid: Mask
    unclear: Mask
    problematic: Mask

    def __post_init__(self) -> None:
        n, k = self.valid.shape
        if self.unclear.shape != (n, k) or self.original.shape != (n,) or self.problematic.shape != (n,):
            raise BadInput("the parts of the targets differ in shape", fix="give one row an item, one column a class")

    def __len__(self) -> int:
        return len(self.original)

    @property
    def n_classes(self) -> int:
        """K."""
        return int(self.valid.shape[1])

    @classmethod
    def of(cls, original: ArrayLike, valid: ArrayLike) -> MultiLabelTargets:
        """Return targets from a mask of right labels (n, K); nothing is unclear or problematic."""
        right = as_mask("valid", valid, 2)
        labels = as_labels("original", original, right.shape[1])
        if len(labels) != len(right):
            raise BadInput(f"there are {len(labels)} labels and {len(right)} rows of right ones")
        return cls(labels, right, np.zeros_like(right), np.zeros(len(right), bool))

    @classmethod
    def single(cls, original: ArrayLike, n_classes: int) -> MultiLabelTargets:
        """Return targets whose only right label is the given one."""
        labels = as_labels("original", original, n_classes)
        return cls.of(labels, labels[:, None] == np.arange(n_classes))

    @classmethod
    def from_votes(cls, original: ArrayLike, counts: ArrayLike, share: float = 0.2) -> MultiLabelTargets:
        """Return targets whose right labels have at least `share` of the votes (n, K), the original always among them.

        Examples
        --------
        >>> MultiLabelTargets.from_votes([0], [[5, 4, 1]]).valid
        array([[ True,  True, False]])
        """
        votes = as_array("counts", counts, 2)
        if (votes < 0).any():
            raise BadInput("counts of votes are negative", fix="give how many people chose each class")
        labels = as_labels("original", original, votes.shape[1])
        total = votes.sum(axis=1, keepdims=True)
        right = (votes >= as_share("share", share) * total) & (total > 0)
        return cls.of(labels, right | (labels[:, None] == np.arange(votes.shape[1])))

    def accepts(self, predicted: ArrayLike) -> Mask:
        """Tell which predictions (n,) are right or unclear."""
        guess = as_labels("predicted", predicted, self.n_classes)
        if len(guess) != len(self):
            raise BadInput(f"there are {len(guess)} predictions for {len(self)} rows")
        allowed = self.valid | self.unclear
        return np.where(guess >= 0, allowed[np.arange(len(self)), guess], False)

    def with_labels(self, rows: ArrayLike, labels: ArrayLike, *, unclear: bool = False) -> MultiLabelTargets:
        """Return targets where further labels are right, or unclear."""
        part = (self.unclear if unclear else self.valid).copy()
        part[np.asarray(rows, dtype=np.int64), np.asarray(labels, dtype=np.int64)] = True
        return replace(self, unclear=part) if unclear else replace(self, valid=part)

    def without_rows(self, rows: ArrayLike) -> MultiLabelTargets:
        """Return targets where these rows are problematic."""
        marked = self.problematic.copy()
        marked[np.asarray(rows, dtype=np.int64)] = True
        return replace(self, problematic=marked)
