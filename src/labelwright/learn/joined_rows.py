"""Predictions and labelled rows brought together by the identity of rows, and what people said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelwright.data.dataset import Dataset
from labelwright.data.mend.decisions import Decision, Decisions
from labelwright.errors import BadInput, quoted
from labelwright.learn.prediction_files import ReadPredictions


@dataclass(frozen=True)
class JoinedRows:
    """Which predictions are judged, and on which rows of the data.

    Parameters
    ----------
    chosen, rows : int64 array (m,)
        Places in the predictions and in the data, pair by pair.
    left_out : int
        Rows that the model was trained on.
    without_prediction : int
        Rows of the data without a prediction.
    """

    chosen: NDArray[np.int64]
    rows: NDArray[np.int64]
    left_out: int
    without_prediction: int


def join_rows(told: ReadPredictions, dataset: Dataset, include_training: bool) -> JoinedRows:
    """Return the pairs of prediction and row.

    Raises
    ------
    BadInput
        No prediction is about a row of the data, or the model was trained on every one.
    """
    where = {name: row for row, name in enumerate(dataset.ids.tolist())}
    place = np.array([where.get(name, -1) for name in told.ids], np.int64)
    if not (place >= 0).any():
        raise BadInput(
            f"no prediction is about a row of the data (for example {quoted(told.ids[0] if told.ids else '')})",
            fix="name the same --id in predict and evaluate, or evaluate the very file that was predicted",
        )
    keep = (place >= 0) & (include_training | ~told.in_training)
    left_out = int(((place >= 0) & ~keep).sum())
    if not keep.any():
        raise BadInput(
            "the model was trained on every one of these rows",
            where=dataset.source.path.name,
            fix="give rows that it has not seen, or add --include-training and mistrust the figure",
        )
    chosen = np.flatnonzero(keep)
    return JoinedRows(chosen, place[chosen], left_out, len(dataset) - int((place >= 0).sum()))


def checked_rows(
    decisions: Decisions, dataset: Dataset, read: Callable[[Decision], Any]
) -> tuple[NDArray[np.int64], list[Any]]:
    """Return the rows that people kept or relabelled, and for each what `read` makes of its new label, None if kept.

    Raises
    ------
    BadInput
        No decision is about a row of the data.
    """
    where = {name: row for row, name in enumerate(dataset.ids.tolist())}
    about = [one for one in decisions if one.id in where and one.decision in ("keep", "relabel")]
    first = next(iter(decisions), None)
    if first is not None and all(one.id not in where for one in decisions):
        raise BadInput(
            f"no decision is about a row of the data (for example {quoted(first.id)})",
            where=first.where,
            fix="name the id column with --id",
        )
    truth = [read(one) if one.decision == "relabel" else None for one in about]
    return np.array([where[one.id] for one in about], np.int64), truth
