"""Trained models as rules that vote: what opens the folder that a file of rules names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labelwright.errors import BadInput


def models_on(
    data: Path, sheet: str | None = None
) -> Callable[[Path], tuple[Callable[[pa.Table], NDArray[np.float64]], Sequence[str]]]:
    """Return what opens a folder that ``labelwright train`` wrote: probabilities for the rows of `data`, and classes.

    Raises
    ------
    BadInput
        The folder holds no model, or one of tags or numbers; the data lack a column that it reads.
    """

    def opened(folder: Path) -> tuple[Callable[[pa.Table], NDArray[np.float64]], Sequence[str]]:
        from labelwright.learn import TrainedModel  # networks need an extra, which rules without a model do not

        model = TrainedModel.load(folder)
        known = None if model.space is None or model.task.task != "classification" else model.space
        probs = None if known is None else model.predict(model.rows_of(data, sheet=sheet)).probs
        if known is None or probs is None:
            raise BadInput(f"this model predicts {model.task.task}", where=folder.name, fix="name a model of classes")
        found = probs
        return lambda table: found, tuple(known.names)

    return opened
