"""Groups of rows on which the model is clearly worse than elsewhere, or whose labels look wrong more often.

For a group of m rows with c right predictions, the group underperforms when the upper end of Wilson's interval for
c / m, at a level that allows for the number of groups looked at, lies more than `margin` below the accuracy of all
other rows. Groups are values of a column, or clusters of the features (k-means).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.audit.equal_rows import row_groups
from labelwright.audit.inputs import class_codes, feature_matrix, probabilities, reasons_at, same_length
from labelwright.audit.scores import Scores
from labelwright.errors import BadInput, quoted
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.intervals import wilson
from labelwright.metrics.numerals import percent

_MOST_ROWS_TO_FIT = 20_000
_Tell = Callable[[str, float, float, float, float], str]


@dataclass(frozen=True)
class UnderperformingGroups:
    """Find groups with far fewer right predictions than the other rows.

    Parameters
    ----------
    margin : float, default 0.1
        How far below the other rows' accuracy the whole interval of the group lies, in [0, 1).
    min_rows : int, default 20
        Smaller groups are not judged.
    level : float, default 0.99
        Confidence over all groups together (Bonferroni).

    Examples
    --------
    >>> right = np.r_[np.ones(60, bool), np.zeros(40, bool)]
    >>> s = UnderperformingGroups().score(right, ["north"] * 60 + ["south"] * 40, column="region")
    >>> s.part, s.is_issue
    (['north', 'south'], array([False,  True]))
    """

    margin: float = 0.1
    min_rows: int = 20
    level: float = 0.99

    def score(self, right: ArrayLike, groups: Sequence[object] | NDArray, *, column: str | None = None) -> Scores:
        """Return one entry a group.

        Parameters
        ----------
        right : array of bool, shape (n,); or float with NaN for rows without a label
            Whether the out-of-sample prediction of each row equals its label; see `right_predictions`.
        groups : sequence of str, int or None, length n
            None, NaN and, in an array, -1 belong to no group.
        column : str, optional
            Name of the column that the groups come from; without one they are clusters of similar rows.

        Returns
        -------
        Scores
            level "group", `part` = group, `column` = column; score = accuracy of the group over that of all other
            rows, cut at 1. `rows` is a first row of the group.
        """
        table = _GroupTable.of(right, groups)
        return table.scores(self, column, _accuracy_reason)


@dataclass(frozen=True)
class MislabelledGroups:
    """Find groups whose labels look wrong far more often than those of other rows.

    Parameters
    ----------
    margin : float, default 0.05
        How far above the other rows' rate of label issues the whole interval of the group lies.
    min_rows : int, default 20
    level : float, default 0.99

    Examples
    --------
    >>> suspect = np.r_[np.zeros(60, bool), np.ones(40, bool)]
    >>> MislabelledGroups().score(suspect, ["ann"] * 60 + ["bob"] * 40, column="annotator").is_issue
    array([False,  True])
    """

    margin: float = 0.05
    min_rows: int = 20
    level: float = 0.99

    def score(self, is_label_issue: ArrayLike, groups: Sequence[object] | NDArray, *, column: str | None) -> Scores:
        """Return one entry a group, as `UnderperformingGroups.score`; the array tells which labels look wrong."""
        table = _GroupTable.of(1.0 - np.asarray(is_label_issue, dtype=np.float64), groups)
        return table.scores(self, column, _label_reason)


def right_predictions(labels: ArrayLike, pred_probs: ArrayLike, space: LabelSpace) -> NDArray[np.float64]:
    """Return 1 where the most probable class is the label, 0 where not, NaN for unlabelled rows; float64 (n,)."""
    codes = class_codes(labels, len(space))
    p = probabilities(pred_probs, len(codes), len(space))
    right = (p.argmax(axis=1) == codes).astype(np.float64) if len(space) else np.zeros(len(codes))
    right[codes < 0] = np.nan
    return right


def feature_clusters(features: ArrayLike, *, n_clusters: int | None = None, seed: int = 0) -> NDArray[np.int64]:
    """Return the k-means cluster of each row, int64 (n,).

    Parameters
    ----------
    features : array, shape (n, d)
    n_clusters : int, optional
        One a 100 rows by default, at least 2, at most 30.
    seed : int
        Same seed, same clusters. The centres are found on at most 20,000 rows drawn with it.

    Examples
    --------
    >>> feature_clusters([[0.0], [0.1], [9.0], [9.1]], n_clusters=2)[[0, 2]].tolist() in ([0, 1], [1, 0])
    True
    """
    x = feature_matrix(features)
    if len(x) == 0:
        return np.empty(0, dtype=np.int64)
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    few = len(x) <= _MOST_ROWS_TO_FIT
    sample = x if few else x[np.sort(rng.choice(len(x), _MOST_ROWS_TO_FIT, replace=False))]
    distinct = len(np.unique(row_groups(sample)))
    k = min(n_clusters or int(np.clip(len(x) // 100, 2, 30)), distinct)
    model = KMeans(k, n_init=1, max_iter=50, random_state=seed).fit(sample)
    return np.asarray(model.predict(x), dtype=np.int64)


@dataclass(frozen=True)
class _GroupTable:
    """Counts of each group: rows judged, rows right, and the first row."""

    names: tuple[str, ...]
    first: NDArray[np.int64]
    rows: NDArray[np.int64]
    right: NDArray[np.float64]

    @classmethod
    def of(cls, right: ArrayLike, groups: Sequence[object] | NDArray) -> _GroupTable:
        values = np.asarray(right, dtype=np.float64)
        if values.ndim != 1:
            raise BadInput(f"the outcome of rows has shape {values.shape}", fix="pass one value a row")
        same_length(len(values), groups=groups)
        numbered = isinstance(groups, np.ndarray) and groups.dtype.kind in "iuf"
        listed = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)
        inside = np.fromiter((g is not None and g == g for g in listed), bool, len(listed)) & np.isfinite(values)
        inside &= np.asarray(groups) != -1 if numbered else True
        rows = np.flatnonzero(inside)
        names = [str(listed[row]) for row in rows.tolist()]
        codes = row_groups(names) if names else np.empty(0, dtype=np.int64)
        first = rows[np.unique(codes, return_index=True)[1]]
        return cls(
            tuple(str(listed[row]) for row in first.tolist()),
            first,
            np.bincount(codes),
            np.bincount(codes, weights=values[rows]).astype(np.float64),
        )

    def scores(self, rule: UnderperformingGroups | MislabelledGroups, column: str | None, tell: _Tell) -> Scores:
        kind = "underperforming_group"
        m = len(self.names)
        judged = self.rows >= rule.min_rows
        total, right = self.rows.sum(), self.right.sum()
        others = total - self.rows
        if m == 0 or not (judged & (others > 0)).any():
            return Scores.none(kind, "group")
        here = self.right / self.rows
        elsewhere = (right - self.right) / np.maximum(others, 1)
        _, high = wilson(self.right, self.rows, 1 - (1 - rule.level) / max(int(judged.sum()), 1))
        is_issue = judged & (others > 0) & (np.asarray(high) < elsewhere - rule.margin)
        found = np.flatnonzero(is_issue)
        low95, high95 = wilson(self.right, self.rows, 0.95)
        texts = []
        for g in found.tolist():
            who = _who(self.names[g], column, int(self.rows[g]), int(self.first[g]))
            texts.append(tell(who, here[g], float(low95[g]), float(high95[g]), elsewhere[g]))
        return Scores(
            kind,
            "group",
            np.clip(np.where(others > 0, here / np.maximum(elsewhere, 1e-12), 1.0), 0.0, 1.0),
            is_issue,
            rows=self.first.astype(np.int64),
            part=list(self.names),
            column=[column] * m,
            reason=reasons_at(found, texts, m),
        )


def _who(name: str, column: str | None, rows: int, first: int) -> str:
    if column is None:
        return f"the {rows:,} rows of cluster {name} (rows like row {first})"
    return f"the {rows:,} rows whose {quoted(column)} is {quoted(name)}"


def _accuracy_reason(who: str, here: float, low: float, high: float, elsewhere: float) -> str:
    interval = f"95 % interval {percent(low, 0)} to {percent(high, 0)}"
    return f"{who} are predicted right in {percent(here, 0)} ({interval}), all others in {percent(elsewhere, 0)}"


def _label_reason(who: str, here: float, low: float, high: float, elsewhere: float) -> str:
    wrong, interval = 1 - here, f"95 % interval {percent(1 - high, 0)} to {percent(1 - low, 0)}"
    return f"{percent(wrong, 0)} of the labels of {who} look wrong ({interval}), {percent(1 - elsewhere, 0)} elsewhere"
