"""Labels that something can predict which should not matter: brightness, image size, the annotator, the file's source.

A single property is cut into bins (numbers: quantiles; anything else: its values). Bins learn on one half of the rows
which class is most typical of them, p(bin | class), and are judged on the other half, and the other way round: the
balanced accuracy b of that rule, against chance 1 / K. The relative gain (b − 1/K) / (1 − 1/K) is 0 by chance and 1
when the property gives the label away. An issue needs a gain of `min_gain` and a permutation p-value, times the number
of properties looked at, of at most `alpha`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from labelwright.audit.equal_rows import row_groups
from labelwright.audit.inputs import class_codes, same_length
from labelwright.audit.scores import Scores
from labelwright.errors import quoted
from labelwright.evidence.space import LabelSpace
from labelwright.metrics.numerals import percent

_LEAST_ROWS = 40
_LEAST_CLASS_ROWS = 5
_MOST_ROWS_TO_PERMUTE = 20_000
_STREAM = 0x5B0C

Property: TypeAlias = NDArray | Sequence[object] | pa.ChunkedArray


@dataclass(frozen=True)
class SpuriousCorrelations:
    """Find properties that should not matter yet predict the label.

    Parameters
    ----------
    min_gain : float, default 0.3
        Least gain over chance, in (0, 1].
    alpha : float, default 0.01
        Chance of a false alarm, all properties together.
    bins : int, default 16
        Quantile bins of a number.

    Examples
    --------
    >>> labels = np.tile([0, 1], 50)
    >>> s = SpuriousCorrelations().score({"brightness": labels * 10.0}, labels, LabelSpace(("cat", "dog")))
    >>> s.is_issue
    array([ True])
    """

    min_gain: float = 0.3
    alpha: float = 0.01
    bins: int = 16

    def score(
        self, properties: Mapping[str, Property], labels: ArrayLike, space: LabelSpace, *, seed: int = 0
    ) -> Scores:
        """Return one entry a property (level "column"); score = 1 − gain over chance.

        Parameters
        ----------
        properties : mapping of name to n values
            Numbers (NaN = unknown, a bin of its own) or values of a column.
        labels : array of int, shape (n,), -1 = unlabelled
        space : LabelSpace
        seed : int
            Draws the halves and the permutations.
        """
        codes = class_codes(labels, len(space))
        counts = np.bincount(codes[codes >= 0], minlength=len(space))
        known = np.flatnonzero((codes >= 0) & (counts[codes] >= _LEAST_CLASS_ROWS))
        y = row_groups(codes[known])
        if not properties or len(known) < _LEAST_ROWS or y.max() == 0:
            return Scores.none("spurious_correlation", "column")
        classes = [space.names[c] for c in codes[known][np.unique(y, return_index=True)[1]].tolist()]
        gains, issues, reasons = [], [], []
        for number, (name, values) in enumerate(properties.items()):
            same_length(len(codes), **{name: values})
            bins = self._binned(values, known)
            # A stream of its own: halves must not follow data that were drawn with the same small seed.
            rng = np.random.default_rng([seed, number, _STREAM])
            gain, recall = _gain(bins, y, rng)
            issue = gain >= self.min_gain and self._p(bins, y, gain, rng) * len(properties) <= self.alpha
            gains.append(gain)
            issues.append(issue)
            reasons.append(_reason(name, gain, recall, classes) if issue else None)
        return Scores(
            "spurious_correlation",
            "column",
            1 - np.clip(np.array(gains), 0, 1),
            np.array(issues),
            column=list(properties),
            reason=reasons,
        )

    def _binned(self, values: Property, known: NDArray[np.int64]) -> NDArray[np.int64]:
        if isinstance(values, pa.ChunkedArray | pa.Array):
            numeric = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
            values = values.to_numpy(zero_copy_only=False) if numeric else row_groups(values)
        else:
            numeric = np.asarray(values).dtype.kind in "iuf"
            values = np.asarray(values) if numeric else row_groups(list(values))
        picked = np.asarray(values)[known]
        if not numeric:
            return picked.astype(np.int64)
        picked = picked.astype(np.float64)
        finite = picked[np.isfinite(picked)]
        if not len(finite):
            return np.zeros(len(picked), dtype=np.int64)
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, self.bins + 1)[1:-1], method="inverted_cdf"))
        # A value equal to an edge belongs below it, so that a bin may be a single common value.
        return np.where(np.isfinite(picked), np.searchsorted(edges, picked, side="left"), len(edges) + 1)

    def _p(self, bins: NDArray[np.int64], y: NDArray[np.int64], gain: float, rng: np.random.Generator) -> float:
        if len(y) > _MOST_ROWS_TO_PERMUTE:
            rows = rng.choice(len(y), _MOST_ROWS_TO_PERMUTE, replace=False)
            bins, y = bins[rows], row_groups(y[rows])
        # As few as decide: more would only tell smaller p-values apart.
        n = 199
        null = np.array([_gain(bins, rng.permutation(y), rng)[0] for _ in range(n)])
        if (null >= gain).any():
            return float((1 + (null >= gain).sum()) / (n + 1))
        # Beyond all permutations: a mean over many rows is close to normal, so its tail tells more than their number.
        return float(ndtr((null.mean() - gain) / max(null.std(), 1e-12)))


def _gain(bins: NDArray[np.int64], y: NDArray[np.int64], rng: np.random.Generator) -> tuple[float, NDArray[np.float64]]:
    """Return the cross-fitted gain over chance and the recall of each class."""
    k, m = int(y.max()) + 1, int(bins.max()) + 1
    half = rng.random(len(y)) < 0.5
    right = np.zeros(len(y))
    for train, test in ((half, ~half), (~half, half)):
        table = np.bincount(bins[train] * k + y[train], minlength=m * k).reshape(m, k).astype(np.float64)
        typical = table / np.maximum(table.sum(axis=0), 1)
        predicted = np.where(typical.any(axis=1), typical.argmax(axis=1), -1)
        right[test] = predicted[bins[test]] == y[test]
    counts = np.bincount(y, minlength=k)
    recall = np.bincount(y, weights=right, minlength=k) / np.maximum(counts, 1)
    balanced = float(recall[counts > 0].mean())
    return (balanced - 1 / k) / (1 - 1 / k), recall


def _reason(name: str, gain: float, recall: NDArray[np.float64], classes: Sequence[str]) -> str:
    k = len(classes)
    best = int(recall.argmax())
    return (
        f"{quoted(name)} alone tells the class in {percent(1 / k + gain * (1 - 1 / k), 0)} of cases on average over "
        f"classes, {percent(1 / k, 0)} by chance; clearest for {quoted(classes[best])} "
        f"({percent(recall[best], 0)} found)"
    )
