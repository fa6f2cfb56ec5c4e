"""Predicted tags held against given tags: counted, with intervals over rows; wrong test tags are not corrected for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.mend.decisions import Decision, Decisions
from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.learn.joined_rows import JoinedRows, checked_rows
from labelwright.learn.prediction_files import ReadPredictions
from labelwright.metrics import mean_average_precision, tag_f1
from labelwright.metrics.intervals import Interval, bootstrap, clopper_pearson
from labelwright.metrics.numerals import percent

SCHEMA_VERSION = 1
DRAWS = 300


@dataclass(frozen=True)
class TagEvaluation:
    """What is known of the quality of predicted tags; every figure is a share.

    Parameters
    ----------
    n : int
        Rows with a prediction and known tags.
    f1, ranking : Interval
        F1 over all cells, and mean average precision over the tags (None without probabilities): bootstrap over rows.
    all_right : Interval
        Rows whose tags are exactly the given ones: Clopper-Pearson.
    checked : Interval or None
        F1 on rows that people checked.
    coverage : Interval or None
        Rows whose given tags all stand in the prediction set.
    """

    n: int
    f1: Interval
    all_right: Interval
    ranking: Interval | None
    checked: Interval | None
    n_checked: int
    left_out: int
    unlabelled: int
    without_prediction: int
    coverage: Interval | None
    set_size: float | None

    def facts(self) -> dict[str, Any]:
        """Return the content of ``--json``."""
        return {"schema_version": SCHEMA_VERSION, "task": "multilabel", **asdict(self)}

    def lines(self) -> list[str]:
        """Return what the command line prints."""
        lines = [f"F1 of the tags against the given ones (counted, {self.n} rows): {share(self.f1)}"]
        lines.append(f"Rows with exactly the given tags (counted): {share(self.all_right)}")
        if self.ranking is not None:
            lines.append(f"Mean average precision over the tags (counted): {share(self.ranking)}")
        lines.append("Where given tags are wrong or missing, these figures are off; nothing corrects them here.")
        if self.checked is not None:
            lines.append(f"F1 on rows that people checked (counted, {self.n_checked}): {share(self.checked)}")
        if self.coverage is not None:
            held = f"Prediction sets hold all given tags (counted): {share(self.coverage)}"
            lines.append(f"{held}; {self.set_size:.2f} tags a row")
        return [*lines, *left_over(self.left_out, self.unlabelled, self.without_prediction)]


def share(one: Interval) -> str:
    """Return a share with its interval, as people read it."""
    return f"{percent(one.estimate)} ({percent(one.low)} to {percent(one.high)})"


def left_over(left_out: int, unlabelled: int, without: int) -> list[str]:
    """Return a line on each kind of row that was not judged."""
    counted = (
        (left_out, "rows were left out: the model was trained on them"),
        (unlabelled, "rows have no label"),
        (without, "rows have no prediction"),
    )
    return [f"{n} {what}." for n, what in counted if n]


def evaluate_tags(
    told: ReadPredictions, dataset: Dataset, joined: JoinedRows, decisions: Decisions | None, seed: int
) -> TagEvaluation:
    """Return the evaluation of predicted tags.

    Raises
    ------
    BadInput
        A predicted tag is no tag of the data, or no row has both.
    """
    space = dataset.space
    assert space is not None
    labels = np.asarray(dataset.labels)
    predicted = _table([told.predicted[i].split("|") for i in joined.chosen.tolist()], space.index, "a prediction")
    known = (labels[joined.rows] >= 0).all(axis=1)
    if not known.any():
        raise BadInput("no row has both known tags and a prediction", where=dataset.source.path.name, fix="check --id")
    on, said = labels[joined.rows][known] == 1, predicted[known]
    right = int((on == said).all(axis=1).sum())
    truth = None if decisions is None else _truth(decisions, dataset)
    checked, n_checked = _checked(truth, joined, predicted, seed)
    sets = None if told.sets is None else [sorted(told.sets[i]) for i in joined.chosen[known].tolist()]
    coverage, size = None, None
    if sets is not None:
        inside = _table(sets, space.index, "a prediction set")
        coverage = _counted(int((inside | ~on).all(axis=1).sum()), len(on))
        size = float(inside.sum(axis=1).mean())
    return TagEvaluation(
        n=int(known.sum()),
        f1=bootstrap(_f1, [on, said], seed, n=DRAWS),
        all_right=_counted(right, len(on)),
        ranking=_ranking(told, joined.chosen[known], space.names, on, seed),
        checked=checked,
        n_checked=n_checked,
        left_out=joined.left_out,
        unlabelled=int((~known).sum()),
        without_prediction=joined.without_prediction,
        coverage=coverage,
        set_size=size,
    )


def _f1(on: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return tag_f1(on, said).overall


def _counted(k: int, n: int) -> Interval:
    low, high = clopper_pearson(k, n)
    return Interval(k / n, low, high)


def _table(lists: list[list[str]], index: Any, what: str) -> NDArray[np.bool_]:
    table = np.zeros((len(lists), len(index)), dtype=bool)
    for row, names in enumerate(lists):
        for name in names:
            if name and name not in index:
                raise BadInput(
                    f"the tag {quoted(name)} of {what} is not among those of the data",
                    fix=did_you_mean(name, list(index)),
                )
        table[row, [index[name] for name in names if name]] = True
    return table


def _ranking(
    told: ReadPredictions, chosen: NDArray[np.int64], names: tuple[str, ...], on: NDArray[np.bool_], seed: int
) -> Interval | None:
    if any(name not in told.probs for name in names) or not on.any():
        return None
    probs = np.column_stack([told.probs[name][chosen] for name in names])
    return bootstrap(mean_average_precision, [on, probs], seed, n=DRAWS)


def _truth(decisions: Decisions, dataset: Dataset) -> dict[int, NDArray[np.bool_]]:
    """Return the tags that people gave each row they looked at."""
    space = dataset.space
    assert space is not None

    def read(one: Decision) -> NDArray[np.bool_]:
        row: NDArray[np.bool_] = _table([str(one.label).split("|")], space.index, "a decision")[0]
        return row

    rows, told = checked_rows(decisions, dataset, read)
    labels = np.asarray(dataset.labels) == 1
    return {row: labels[row] if one is None else one for row, one in zip(rows.tolist(), told, strict=True)}


def _checked(
    truth: dict[int, NDArray[np.bool_]] | None, joined: JoinedRows, predicted: NDArray[np.bool_], seed: int
) -> tuple[Interval | None, int]:
    at = [i for i, row in enumerate(joined.rows.tolist()) if truth and row in truth]
    if not truth or not at:
        return None, 0
    on = np.stack([truth[int(joined.rows[i])] for i in at])
    return bootstrap(_f1, [on, predicted[at]], seed, n=DRAWS), len(at)
