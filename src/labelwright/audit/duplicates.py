"""Rows that occur more than once, and what that does: labels that contradict, test rows seen in training.

Exact duplicates have equal content. Near duplicates have equal text but for case, space and punctuation, or are
nearest neighbours at a distance that chance does not produce (`near_pairs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from labelwright.audit.equal_rows import Content, blank_rows, repeats, row_groups
from labelwright.audit.inputs import NeighborTable, same_length
from labelwright.audit.near_pairs import close_pairs, spanning_pairs, text_pairs
from labelwright.audit.scores import Scores
from labelwright.errors import quoted

Given = Sequence[str | None]


@dataclass(frozen=True)
class ExactDuplicates:
    """Find rows with the same content, and tell those whose labels contradict.

    Parameters
    ----------
    min_distinct : float, default 0
        Flag nothing where fewer than this share of the rows is distinct: a table of a few coarse columns cannot tell
        rows apart. 0 for texts and images; 0.05 is sensible for tables.

    Examples
    --------
    >>> s = ExactDuplicates().score(["a", "b", "a"], given=["ham", "ham", "spam"])
    >>> s.reason[0]
    "identical to row 0 but labelled 'spam' where row 0 says 'ham'"
    """

    min_distinct: float = 0.0

    def score(self, content: Content, *, given: Given | None = None) -> Scores:
        """Return one entry for each row that repeats another; score 0 where the labels contradict, else 0.5.

        Parameters
        ----------
        content : see `row_groups`
            What is compared, without the label: texts, a table, a matrix, or numbers from `row_groups`.
        given : sequence of str or None, length n, optional
            The label of each row as it stands in the data.
        """
        groups = row_groups(content)
        n = len(groups)
        same_length(n, given=given)
        if n == 0 or (groups.max() + 1) / n < self.min_distinct:
            return Scores.none("exact_duplicate", "pair")
        # Rows without content have nothing in common but that.
        full = np.flatnonzero(~blank_rows(content))
        rows, anchors = repeats(row_groups(groups[full]), _codes(given, n)[full])
        rows, anchors = full[rows], full[anchors]
        return _pair_scores("exact_duplicate", "identical to", rows, anchors, np.zeros(len(rows)), given)


@dataclass(frozen=True)
class NearDuplicates:
    """Find rows that are almost the same, and tell those whose labels contradict.

    Parameters
    ----------
    threshold : float, default 0.13
        Share of the usual nearest distance below which two rows may count as near duplicates, in (0, 1).
    false_alarms : float, default 0.1
        Pairs expected by chance in data spread evenly; lowers the threshold where dimensions are few.

    Examples
    --------
    >>> s = NearDuplicates().score(texts=["Call me!", "bye", "call me"])
    >>> (int(s.rows[0]), int(s.other_rows[0]))
    (2, 0)
    """

    threshold: float = 0.13
    false_alarms: float = 0.1

    def score(
        self,
        neighbors: NeighborTable | None = None,
        *,
        texts: Given | None = None,
        exact: Content | None = None,
        given: Given | None = None,
    ) -> Scores:
        """Return one entry for each pair along the groups of near duplicates.

        Scores lie below 0.5 where the labels contradict and in [0.5, 1] where they agree, nearer pairs lower.

        Parameters
        ----------
        neighbors : NeighborTable, optional
            Nearest other rows of the features, (n, k).
        texts : sequence of str or None, length n, optional
            Compared after removing case, Unicode form, punctuation and repeated space.
        exact : see `row_groups`, optional
            Content that `ExactDuplicates` judged; pairs within one of its groups are not repeated.
        given : sequence of str or None, length n, optional
        """
        n = len(texts) if texts is not None else 0 if neighbors is None else len(neighbors.indices)
        twins = np.arange(n) if exact is None else row_groups(exact)
        same_length(n, texts=texts, exact=twins, given=given)
        if n == 0:
            return Scores.none("near_duplicate", "pair")
        pairs = [text_pairs(texts, twins)] if texts is not None else []
        if neighbors is not None:
            pairs.append(close_pairs(neighbors, self.threshold, self.false_alarms))
        rows, others, nearness = spanning_pairs(pairs, twins)
        return _pair_scores("near_duplicate", "nearly identical to", rows, others, nearness, given)


@dataclass(frozen=True)
class SplitLeaks:
    """Find rows of one split whose duplicate stands in another: what is tested was seen in training.

    Examples
    --------
    >>> pairs = ExactDuplicates().score(["a", "b", "a"])
    >>> SplitLeaks().score([pairs], ["train", "train", "test"]).reason
    ["is in split 'test' but its duplicate, row 0, is in split 'train'"]
    """

    def score(self, pairs: Sequence[Scores], split: Given) -> Scores:
        """Return one entry for each row of a smaller split with a duplicate in a larger one.

        Parameters
        ----------
        pairs : sequence of Scores
            What `ExactDuplicates` and `NearDuplicates` found.
        split : sequence of str or None, length n
            Value of the split column; rows without one are left out.
        """
        groups = duplicate_groups(pairs, len(split))
        codes = _codes(split, len(split))
        sizes = np.bincount(codes[codes >= 0], minlength=1)
        inside = np.flatnonzero((groups >= 0) & (codes >= 0))
        # Each group's home is its member in the largest split (lowest row first): the others leak from there.
        order = inside[np.lexsort((inside, codes[inside], -sizes[codes[inside]], groups[inside]))]
        first = np.ones(len(order), dtype=bool)
        first[1:] = groups[order][1:] != groups[order][:-1]
        home = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))] if len(order) else order
        leaks = codes[order] != codes[home]
        rows, others = order[leaks], home[leaks]
        reasons = [
            f"is in split {quoted(split[row])} but its duplicate, row {other}, is in split {quoted(split[other])}"
            for row, other in zip(rows.tolist(), others.tolist(), strict=True)
        ]
        m = len(rows)
        return Scores(
            "split_leak", "pair", np.zeros(m), np.ones(m, dtype=bool), rows=rows, other_rows=others, reason=reasons
        )


def duplicate_groups(pairs: Sequence[Scores], n: int) -> NDArray[np.int64]:
    """Return which rows hang together over duplicate pairs, int64 (n,), -1 for rows without a duplicate.

    Examples
    --------
    >>> duplicate_groups([ExactDuplicates().score(["a", "b", "a"])], 3)
    array([ 0, -1,  0])
    """
    listed = [p for p in pairs if len(p) and p.rows is not None and p.other_rows is not None]
    row = np.concatenate([p.rows[p.is_issue] for p in listed if p.rows is not None] or [np.empty(0, np.int64)])
    other = np.concatenate(
        [p.other_rows[p.is_issue] for p in listed if p.other_rows is not None] or [np.empty(0, np.int64)]
    )
    graph = csr_matrix((np.ones(len(row), dtype=np.int8), (row, other)), shape=(n, n))
    groups = connected_components(graph, directed=False)[1].astype(np.int64) if n else np.empty(0, np.int64)
    alone = np.ones(n, dtype=bool)
    alone[row], alone[other] = False, False
    groups[~alone] = row_groups(groups[~alone])
    groups[alone] = -1
    return groups


def _codes(values: Given | None, n: int) -> NDArray[np.int64]:
    """Number equal strings alike, -1 for None."""
    if values is None:
        return np.full(n, -1, dtype=np.int64)
    codes = row_groups(list(values))
    missing = np.fromiter((value is None for value in values), dtype=bool, count=n)
    codes[missing] = -1
    return codes


def _pair_scores(
    kind: str,
    likeness: str,
    rows: NDArray[np.int64],
    others: NDArray[np.int64],
    nearness: NDArray[np.float64],
    given: Given | None,
) -> Scores:
    mine = [None if given is None else given[row] for row in rows.tolist()]
    theirs = [None if given is None else given[row] for row in others.tolist()]
    conflict = np.fromiter(
        (a is not None and b is not None and a != b for a, b in zip(mine, theirs, strict=True)), bool, len(rows)
    )
    reasons = [
        f"{likeness} row {other}{_label_clause(a, b, other)}"
        for other, a, b in zip(others.tolist(), mine, theirs, strict=True)
    ]
    return Scores(
        kind,
        "pair",
        np.where(conflict, 0.0, 0.5) + 0.49 * nearness,
        np.ones(len(rows), dtype=bool),
        rows=rows.astype(np.int64),
        other_rows=others.astype(np.int64),
        given=mine,
        reason=reasons,
    )


def _label_clause(mine: str | None, theirs: str | None, other: int) -> str:
    if mine is None and theirs is None:
        return ""
    if mine is None:
        return f", which is labelled {quoted(theirs)}; this row has no label"
    if theirs is None:
        return f", which has no label; this row is labelled {quoted(mine)}"
    if mine == theirs:
        return " and labelled the same"
    return f" but labelled {quoted(mine)} where row {other} says {quoted(theirs)}"
