"""Does the ranking of models on a test set survive the correction of its labels, and at which share of wrong ones not?

Let E be the reviewed items whose label was corrected and C those whose label is right. For model m, with e_m its
accuracy on E by corrected labels, o_m that by given labels, and c_m its accuracy on C, taking right items away at
random until a share v of the rest is wrong gives

    corrected A_m(v) = v · e_m + (1 − v) · c_m,        original O_m(v) = v · o_m + (1 − v) · c_m.

Models a and b change places where A_a = A_b: v* = (c_a − c_b) / ((c_a − c_b) + (e_b − e_a)).

Source: Northcutt, Athalye, Mueller, Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks,
NeurIPS Datasets and Benchmarks 2021 [P016].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, quoted
from labelwright.metrics.checks import as_array, as_codes, as_generator, as_share, same_length
from labelwright.metrics.intervals import Interval, percentile_interval

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]
BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class StabilityCurve:
    """Accuracy of each model by the share of wrong labels: `original` and `corrected`, both (models, prevalences)."""

    prevalence: Floats
    original: Floats
    corrected: Floats


class BenchmarkStability:
    """The accuracies of several models on a test set whose wrong labels were corrected.

    Parameters
    ----------
    labels : int array (n,)
        Given test labels.
    corrected : int array (n,)
        Labels after review; where they differ from the given ones, the item is in E. -1 = left out of both sides: an
        item with several labels, none, or no agreement of the reviewers.
    predictions : mapping of name to int array (n,)
        Predicted classes of each model, -1 = none (counts as wrong).

    Attributes
    ----------
    names : tuple of str
    on_errors : float64 (R,)
        e_m, accuracy on E by corrected labels; `given_on_errors` is o_m, by given labels.
    on_right : float64 (R,)
        c_m, accuracy on C.
    prevalence : float
        |E| / (|E| + |C|).

    Examples
    --------
    >>> stability = BenchmarkStability([0, 0, 0, 0], [0, 0, 0, 1], {"a": [0, 0, 1, 1], "b": [0, 0, 0, 0]})
    >>> stability.prevalence, stability.crossover("b", "a")
    (0.25, 0.25)

    Source: Northcutt, Athalye, Mueller 2021 [P016].
    """

    def __init__(self, labels: ArrayLike, corrected: ArrayLike, predictions: Mapping[str, ArrayLike]) -> None:
        given, fixed = as_codes("labels", labels), as_codes("corrected", corrected)
        same_length(labels=given, corrected=fixed)
        if not predictions:
            raise BadInput("there is no model", fix="give the predictions of at least one")
        self.names = tuple(str(name) for name in predictions)
        columns = [as_codes(f"predictions of {name!r}", p) for name, p in predictions.items()]
        for name, column in zip(self.names, columns, strict=True):
            if len(column) != len(given):
                raise BadInput(f"model {quoted(name)} has {len(column)} predictions but there are {len(given)} labels")
        answers = np.stack(columns)
        error = (fixed >= 0) & (given >= 0) & (fixed != given)
        right = (fixed >= 0) & (fixed == given)
        if not right.any():
            raise BadInput("no item has a label that is right", fix="pass corrected labels of all items")
        self.hits_on_errors: Mask = answers[:, error] == fixed[error]
        self.hits_on_right: Mask = answers[:, right] == fixed[right]
        self.given_hits_on_errors: Mask = answers[:, error] == given[error]
        self.n_errors, self.n_right = int(error.sum()), int(right.sum())
        self.prevalence = self.n_errors / (self.n_errors + self.n_right)

    @cached_property
    def on_errors(self) -> Floats:
        """e_m; NaN without an error."""
        return _means(self.hits_on_errors)

    @cached_property
    def given_on_errors(self) -> Floats:
        """o_m; NaN without an error."""
        return _means(self.given_hits_on_errors)

    @cached_property
    def on_right(self) -> Floats:
        """c_m."""
        return _means(self.hits_on_right)

    def curve(self, prevalence: ArrayLike) -> StabilityCurve:
        """Return the expected accuracies when a share `prevalence` (V,), in [0, 1], of the items is wrong."""
        v = as_array("prevalence", prevalence, 1)
        if ((v < 0) | (v > 1)).any():
            raise BadInput("a prevalence is outside [0, 1]")
        if not self.n_errors and (v > 0).any():
            raise BadInput("no label was corrected, so no share of wrong labels can be made")
        errors, given = (np.nan_to_num(a)[:, None] for a in (self.on_errors, self.given_on_errors))
        rest = (1 - v) * self.on_right[:, None]
        return StabilityCurve(v, v * given + rest, v * errors + rest)

    def removal(self, prevalence: float, seed: int | np.random.Generator) -> tuple[Floats, Floats]:
        """Take right items away at random until `prevalence` of the rest is wrong; original and corrected accuracy.

        Literal draw of what `curve` gives the mean of; only shares of at least the present one can be reached.
        """
        v = as_share("prevalence", prevalence)
        kept = round(self.n_errors * (1 - v) / v) if v > 0 else self.n_right + 1
        if kept > self.n_right:
            raise BadInput(f"taking items away reaches no less than {self.prevalence:.4g} of wrong labels")
        chosen = as_generator(seed).choice(self.n_right, kept, replace=False)
        right = self.hits_on_right[:, chosen].sum(axis=1)
        whole = self.n_errors + kept
        return (
            (self.given_hits_on_errors.sum(axis=1) + right) / whole,
            (self.hits_on_errors.sum(axis=1) + right) / whole,
        )

    def crossover(self, a: str, b: str) -> float:
        """Return v* where models a and b are equally accurate on corrected labels; NaN when not inside (0, 1)."""
        i, j = self._index(a), self._index(b)
        return _crossing(float(self.on_right[i] - self.on_right[j]), float(self.on_errors[j] - self.on_errors[i]))

    def crossover_interval(
        self, a: str, b: str, seed: int | np.random.Generator, n: int = 1000, level: float = 0.95
    ) -> Interval:
        """Return v* with its paired bootstrap interval; resamples that do not cross count as 0 or 1, by the winner."""
        i, j = self._index(a), self._index(b)
        drawn = []
        for errors, _, right in self._resampled(seed, n):
            ahead, back = right[:, i] - right[:, j], errors[:, j] - errors[:, i]
            v = np.where(ahead + back != 0, ahead / np.where(ahead + back != 0, ahead + back, 1), np.nan)
            drawn.append(np.where(ahead * back > 0, v, np.where(ahead > 0, 1.0, 0.0)))
        return percentile_interval(self.crossover(a, b), np.concatenate(drawn), level)

    def rank_agreement(self, prevalence: float) -> float:
        """Return Kendall's tau between the rankings by original and by corrected accuracy at a prevalence."""
        curve = self.curve([prevalence])
        return _kendall(curve.original[:, 0], curve.corrected[:, 0])

    def rank_agreement_interval(
        self, prevalence: float, seed: int | np.random.Generator, n: int = 1000, level: float = 0.95
    ) -> Interval:
        """Return the agreement with its paired bootstrap interval over items."""
        v, drawn = as_share("prevalence", prevalence), []
        for fixed, given, right in self._resampled(seed, n):
            drawn += [
                _kendall(v * o + (1 - v) * c, v * e + (1 - v) * c) for e, o, c in zip(fixed, given, right, strict=True)
            ]
        return percentile_interval(self.rank_agreement(v), np.array(drawn), level)

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise BadInput(f"there is no model {quoted(name)}", fix=f"choose among {', '.join(self.names[:10])}")
        return self.names.index(name)

    def _resampled(self, seed: int | np.random.Generator, n: int) -> Iterator[tuple[Floats, Floats, Floats]]:
        """Yield e, o and c, (b, R) each, of resampled items: the same items for all models."""
        rng = as_generator(seed)
        size = max(BLOCK // max(self.n_right, self.n_errors), 1)
        for begin in range(0, n, size):
            b = min(size, n - begin)
            errors, right = (_draw(rng, count, b) for count in (self.n_errors, self.n_right))
            yield errors @ self.hits_on_errors.T, errors @ self.given_hits_on_errors.T, right @ self.hits_on_right.T


def _draw(rng: np.random.Generator, count: int, b: int) -> Floats:
    """Return the weights of items in b resamples, (b, count); rows sum to 1."""
    return rng.multinomial(count, np.full(count, 1 / count), b) / count if count else np.zeros((b, 0))


def _means(hits: Mask) -> Floats:
    return hits.mean(axis=1) if hits.shape[1] else np.full(len(hits), np.nan)


def _crossing(ahead: float, back: float) -> float:
    """Return ahead / (ahead + back) when a is better on one part and b on the other, else NaN."""
    return ahead / (ahead + back) if ahead * back > 0 else float("nan")


def _kendall(a: Floats, b: Floats) -> float:
    """Return Kendall's tau-b; NaN when all models are equal on one side."""
    first, second = np.sign(a[:, None] - a), np.sign(b[:, None] - b)
    scale = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / scale) if scale > 0 else float("nan")
