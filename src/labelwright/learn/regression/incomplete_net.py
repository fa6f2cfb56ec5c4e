"""U2 regression with a network: labels of which some are too low, minibatches, an averaged network.

The loss is `u2_loss` on each batch. It has no lower end on a single batch, so gradients are clipped by the optimiser
that `ImpreciseRegressor` sets, batches should hold 64 rows or more, and the answer is that of averaged weights.

Source: Katsuki, Osogami, Regression with Sensor Data Containing Incomplete Observations, ICML 2023 [P057].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.regression.incomplete import ABSOLUTE, UpperLoss, u2_loss
from labelwright.learn.regression.target_scale import known_values
from labelwright.nn import AveragedNet, Losses, Objective, Stream, Task
from labelwright.nn.batch import Batches


class U2Objective(Objective):
    """Train a network on labels of which some are too low, as if they had been complete. [P057]

    Parameters
    ----------
    rho : float in (0, 1]
        Share of complete observations; ``U2Regressor().fit(X, y).rho_`` estimates it where a line fits.
    upper : UpperLoss, optional
        Loss above the fit; `ABSOLUTE` by default. `SQUARED` asks for targets of about unit scale.
    ema : float, default 0.99
        Memory of the averaged weights a step, in [0, 1).
    """

    def __init__(self, rho: float, upper: UpperLoss | None = None, ema: float = 0.99) -> None:
        super().__init__()
        if not 0 < rho <= 1 or not 0 <= ema < 1:
            raise BadInput(f"rho is {rho}, ema is {ema}", fix="choose rho in (0, 1] and ema in [0, 1)")
        self.rho, self.upper, self.ema = rho, upper, ema

    def setup(self, task: Task) -> None:
        """Make the network and its averaged copy; the evidence must be one value a row."""
        values = known_values(task.evidence, "U2 regression")
        self._rows = task.rows[~np.isnan(values[task.rows])]
        self.net = task.new_net()
        self.copy = AveragedNet(self.net, self.ema, warm=True)

    def streams(self, task: Task, epoch: int) -> dict[str, Stream]:
        """Return the rows that have a value."""
        return {"train": task.stream(self._rows)}

    def losses(self, batch: Batches) -> Losses:
        """Return the surrogate; its gradient estimates that of the risk on complete labels."""
        rows = batch["train"]
        f = self.net(rows.x)
        weight = rows["weight"] if "weight" in rows.fields else None
        upper = ABSOLUTE if self.upper is None else self.upper
        return Losses(u2=u2_loss(f[:, 0], rows["values"][:, 0], self.rho, upper, weight), logits=f)

    def after_step(self, batch: Batches, keep: Any) -> None:
        """Let the averaged copy follow."""
        self.copy.follow(self.net)

    def predict(self, x: Any) -> Tensor:
        """Return what complete labels would be (b,), by the averaged network."""
        f: Tensor = self.copy(x)[:, 0]
        return f
