"""Classes that are far rarer than the others, and classes that a split lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.equal_rows import row_groups
from labelwright.audit.inputs import class_codes, reasons_at, same_length
from labelwright.audit.scores import Scores
from labelwright.errors import BadInput, quoted
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.numerals import percent


@dataclass(frozen=True)
class ClassImbalance:
    """List the classes whose share of the labelled rows lies below `threshold` / K.

    Parameters
    ----------
    threshold : float, default 0.1
        Share of the even share 1 / K below which a class counts as rare, in (0, 1).

    Examples
    --------
    >>> s = ClassImbalance().score([0] * 99 + [1], LabelSpace(("ham", "spam")))
    >>> s.reason[1]
    "'spam' has 1 of 100 labels (1.0 %); an even share of 2 classes is 50.0 %"
    """

    threshold: float = 0.1

    def score(self, labels: ArrayLike, space: LabelSpace) -> Scores:
        """Return one entry a class; score = min(1, share · K).

        Parameters
        ----------
        labels : array of int, shape (n,), -1 = unlabelled; or tags, int (n, K) of 1, 0 and -1 = unknown
        space : LabelSpace
        """
        counts = class_counts(labels, space)
        total, k = int(counts.sum()), len(space)
        if total == 0 or k < 2:
            return Scores("class_imbalance", "class", np.ones(k), np.zeros(k, dtype=bool), given=list(space.names))
        score = np.minimum(counts * k / total, 1.0)
        is_issue = score < self.threshold
        found = np.flatnonzero(is_issue)
        reasons = [_rare(space.names[c], int(counts[c]), total, k) for c in found.tolist()]
        return Scores(
            "class_imbalance", "class", score, is_issue, given=list(space.names), reason=reasons_at(found, reasons, k)
        )


@dataclass(frozen=True)
class AbsentClasses:
    """List the classes that occur in the data but not in one of its splits, which can then not be judged there.

    Examples
    --------
    >>> s = AbsentClasses().score([0, 1, 0], LabelSpace(("ham", "spam")), ["train", "train", "test"])
    >>> s.reason
    ["'spam' has 1 row elsewhere but none in split 'test'"]
    """

    def score(self, labels: ArrayLike, space: LabelSpace, split: Sequence[str | None]) -> Scores:
        """Return one entry for each class and split without it (`part` = split); splits without labels do not count.

        The score is the chance that a random split of this size lacks the class, (1 − share)^rows.
        """
        row, code = _occurrences(labels, space)
        same_length(len(np.asarray(labels)), split=split)
        placed = np.fromiter((split[i] is not None for i in row.tolist()), bool, len(row))
        row, code = row[placed], code[placed]
        if not len(row):
            return Scores.none("class_imbalance", "class")
        split_names = [split[i] for i in row.tolist()]
        parts = row_groups(split_names)
        table = np.zeros((int(parts.max()) + 1, len(space)), dtype=np.int64)
        np.add.at(table, (parts, code), 1)
        names = dict(zip(parts.tolist(), split_names, strict=True))
        counts, sizes = table.sum(axis=0), table.sum(axis=1)
        part, absent = np.nonzero((table == 0) & (counts > 0))
        chance = (1 - counts[absent] / counts.sum()) ** sizes[part]
        reasons = [
            f"{quoted(space.names[c])} has {rows_text(int(counts[c]))} elsewhere but none in split {quoted(names[p])}"
            for p, c in zip(part.tolist(), absent.tolist(), strict=True)
        ]
        return Scores(
            "class_imbalance",
            "class",
            chance.astype(np.float64),
            np.ones(len(part), dtype=bool),
            part=[names[p] for p in part.tolist()],
            given=[space.names[c] for c in absent.tolist()],
            reason=reasons,
        )


def class_counts(labels: ArrayLike, space: LabelSpace) -> NDArray[np.int64]:
    """Return how many rows have each class, int64 (K,), for labels (n,) or tags (n, K)."""
    return np.bincount(_occurrences(labels, space)[1], minlength=len(space)).astype(np.int64)


def _occurrences(labels: ArrayLike, space: LabelSpace) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and class of every label, or of every tag that is set."""
    values = np.asarray(labels)
    if values.ndim == 2:
        if values.shape[1] != len(space):
            raise BadInput(f"tags have {values.shape[1]} columns, the label space {len(space)} classes")
        row, code = np.nonzero(values == 1)
        return row.astype(np.int64), code.astype(np.int64)
    codes = class_codes(values, len(space))
    known = np.flatnonzero(codes >= 0)
    return known.astype(np.int64), codes[known]


def rows_text(count: int) -> str:
    """Return a count in words: ``1 row``, ``1,204 rows``."""
    return "1 row" if count == 1 else f"{count:,} rows"


def _rare(name: str, count: int, total: int, k: int) -> str:
    if count == 0:
        return f"{quoted(name)} is a class but no row has it"
    share = f"{count:,} of {total:,} labels ({percent(count / total)})"
    return f"{quoted(name)} has {share}; an even share of {k} classes is {percent(1 / k)}"
