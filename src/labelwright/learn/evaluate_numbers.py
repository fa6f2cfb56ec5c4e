"""Predicted numbers held against given ones: counted, with intervals over rows; wrong test labels stay as they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.mend.decisions import Decision, Decisions
from labelwright.errors import BadInput, quoted
from labelwright.learn.evaluate_tags import DRAWS, left_over, share
from labelwright.learn.joined_rows import JoinedRows, checked_rows
from labelwright.learn.prediction_files import ReadPredictions
from labelwright.metrics.intervals import Interval, bootstrap, clopper_pearson
from labelwright.metrics.numerals import number_text

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class NumberEvaluation:
    """What is known of the quality of predicted numbers, in their own unit.

    Parameters
    ----------
    n : int
        Rows with a prediction and a given number.
    mean_absolute_error, median_absolute_error : Interval
        Bootstrap over rows.
    r2 : Interval
        Share of the variance that is explained.
    checked : Interval or None
        Mean absolute error on rows that people checked.
    coverage : Interval or None
        Rows whose given number lies in the prediction interval; `width` is the mean width of intervals.
    """

    n: int
    mean_absolute_error: Interval
    median_absolute_error: Interval
    r2: Interval
    checked: Interval | None
    n_checked: int
    left_out: int
    unlabelled: int
    without_prediction: int
    coverage: Interval | None
    width: float | None

    def facts(self) -> dict[str, Any]:
        """Return the content of ``--json``."""
        return {"schema_version": SCHEMA_VERSION, "task": "regression", **asdict(self)}

    def lines(self) -> list[str]:
        """Return what the command line prints."""
        lines = [f"Mean absolute error (counted, {self.n} rows): {_number(self.mean_absolute_error)}"]
        lines.append(f"Half of the errors are below: {_number(self.median_absolute_error)}")
        lines.append(f"Variance explained (R²): {share(self.r2)}")
        lines.append("Where given numbers are wrong, these figures are off; nothing corrects them here.")
        if self.checked is not None:
            said = f"Mean absolute error on rows that people checked (counted, {self.n_checked})"
            lines.append(f"{said}: {_number(self.checked)}")
        if self.coverage is not None:
            wide = "infinitely" if self.width is None else number_text(self.width)
            lines.append(f"Intervals hold the given number (counted): {share(self.coverage)}; {wide} wide on average")
        return [*lines, *left_over(self.left_out, self.unlabelled, self.without_prediction)]


def _number(one: Interval) -> str:
    return f"{number_text(one.estimate)} ({number_text(one.low)} to {number_text(one.high)})"


def evaluate_numbers(
    told: ReadPredictions, dataset: Dataset, joined: JoinedRows, decisions: Decisions | None, seed: int
) -> NumberEvaluation:
    """Return the evaluation of predicted numbers.

    Raises
    ------
    BadInput
        A prediction is no number, or no row has both.
    """
    predicted = np.array([_as_number(told.predicted[i], told.ids[i]) for i in joined.chosen.tolist()])
    values = np.asarray(dataset.labels, np.float64)
    given = values[joined.rows]
    known = ~np.isnan(given)
    if not known.any():
        raise BadInput("no row has both a number and a prediction", where=dataset.source.path.name, fix="check --id")
    y, guess = given[known], predicted[known]
    checked, n_checked = None, 0
    if decisions is not None:
        truth = _truth(decisions, dataset)
        at = [i for i, row in enumerate(joined.rows.tolist()) if row in truth]
        if at:
            gaps = np.abs(predicted[at] - [truth[int(joined.rows[i])] for i in at])
            checked, n_checked = bootstrap(np.mean, [gaps], seed, n=DRAWS), len(at)
    coverage, width = None, None
    if told.intervals is not None:
        low, high = told.intervals[joined.chosen[known]].T
        held = int(((low <= y) & (y <= high)).sum())
        coverage = Interval(held / len(y), *clopper_pearson(held, len(y)))
        width = float(np.mean(high - low)) if np.isfinite(high - low).all() else None
    return NumberEvaluation(
        n=len(y),
        mean_absolute_error=bootstrap(np.mean, [np.abs(guess - y)], seed, n=DRAWS),
        median_absolute_error=bootstrap(np.median, [np.abs(guess - y)], seed, n=DRAWS),
        r2=bootstrap(_r2, [y, guess], seed, n=DRAWS),
        checked=checked,
        n_checked=n_checked,
        left_out=joined.left_out,
        unlabelled=int((~known).sum()),
        without_prediction=joined.without_prediction,
        coverage=coverage,
        width=width,
    )


def _r2(y: NDArray[np.float64], guess: NDArray[np.float64]) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - guess) ** 2).sum()) / spread if spread > 0 else float("nan")


def _as_number(cell: str, id: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise BadInput(
            f"the prediction {quoted(cell)} of row {quoted(id)} is no number",
            fix="give numbers, or --task classification",
        )
    return value


def _truth(decisions: Decisions, dataset: Dataset) -> dict[int, float]:
    def read(one: Decision) -> float:
        return _as_number(str(one.label), one.id)

    rows, told = checked_rows(decisions, dataset, read)
    values = np.asarray(dataset.labels, np.float64)
    pairs = {row: values[row] if one is None else one for row, one in zip(rows.tolist(), told, strict=True)}
    return {row: float(value) for row, value in pairs.items() if not np.isnan(value)}
