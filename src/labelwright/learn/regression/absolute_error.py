"""Least absolute error on numbers, optionally with weights for rare ones: the baseline of imbalanced regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.regression.target_scale import known_values
from labelwright.nn import Losses, Objective, Stream, Task
from labelwright.nn.batch import Batch, Batches
from labelwright.nn.losses import weighted_mean

Weigh = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # targets (n,) → weights (n,)


class AbsoluteError(Objective):
    """Mean of |f(x) − y|; rows without a value are left out.

    Parameters
    ----------
    weigh : callable, optional
        Targets (n,) of the rows to learn from → weights (n,), such as `lds_weights` or
        ``partial(lds_weights, power=1.0)``. All rows weigh the same by default.
    """

    row_weight: Tensor

    def __init__(self, weigh: Weigh | None = None) -> None:
        super().__init__()
        self.weigh = weigh

    def setup(self, task: Task) -> None:
        """Make the network and the rows' weights; the evidence must be one value a row."""
        self.net = task.new_net()
        values = known_values(task.evidence, type(self).__name__)
        self._rows = task.rows[~np.isnan(values[task.rows])]
        if not len(self._rows):
            raise BadInput("no row to learn from has a value", fix="give some values")
        weight = np.zeros(len(values), dtype=np.float32)
        weight[self._rows] = 1.0 if self.weigh is None else self.weigh(values[self._rows])
        self.register_buffer("row_weight", torch.from_numpy(weight))

    def streams(self, task: Task, epoch: int) -> dict[str, Stream]:
        """Return the rows that have a value."""
        return {"train": task.stream(self._rows)}

    def losses(self, batch: Batches) -> Losses:
        """Return the mean absolute error, by weight."""
        rows = batch["train"]
        f = self.net(rows.x)
        return Losses(absolute_error=self.absolute_error(f[:, 0], rows), logits=f)

    def absolute_error(self, f: Tensor, rows: Batch) -> Tensor:
        """Return the weighted mean of |f − y| for predictions f (b,)."""
        return weighted_mean((f - rows["values"][:, 0]).abs(), self.weights(rows))

    def weights(self, rows: Batch) -> Tensor:
        """Return the rows' weights (b,): those of rare targets times those that the user gave."""
        own = self.row_weight[rows.index]
        return own * rows["weight"] if "weight" in rows.fields else own

    def predict(self, x: Any) -> Tensor:
        """Return the predicted numbers (b,)."""
        f: Tensor = self.net(x)[:, 0]
        return f
