"""The likelihood of any evidence about numbers under a Gaussian with a learnt scale.

The network says the mean μ(x); the scale s is one number, learnt beside it:

    loss = mean_i −log P(evidence_i | N(μ(x_i), s²))

A value costs its log-density, an interval or a bound the probability of the numbers that it allows, a shuffled block
its likeliest order, a row of which nothing is known nothing: `Reals.nll`. For values alone the mean is that of least
squares. The gradient that reaches the network is multiplied by s², so that a step does not grow as the fit tightens;
that is a change of the step's unit, and leaves the solutions where they are.

Source: the regression case of the likelihood that imprecise label learning maximises [P010]; for censored values,
Tobin, Estimation of Relationships for Limited Dependent Variables, 1958.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.evidence import Evidence, Mixed, Reals
from labelwright.learn.regression.target_scale import heard
from labelwright.nn import Losses, Objective, Task
from labelwright.nn.batch import Batches
from labelwright.nn.losses import weighted_mean
from labelwright.nn.optimizers import Configured, OptimizerSpec

FLOOR = 0.01  # least scale, in the unit of the targets: values that fit exactly have a density without end
WIDEST = 10.0  # times the targets' spread, where a scale is looked for


def gaussian_loss(
    mean: Tensor, evidence: Reals | Mixed, scale: Tensor | float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Return the mean −log P(evidence | N(mean, scale²)), in nats, over all rows or by `weight`: for anybody's loop.

    Parameters
    ----------
    mean : Tensor (b,)
        What the network says. Its gradient is multiplied by scale², the value is left alone.
    evidence : Reals, or Mixed of Reals
        About the same b rows, in whole blocks.
    scale : Tensor or float, default 1.0
        Standard deviation > 0, a scalar, in the unit of the values.
    weight : Tensor (b,), optional
        At least 0.

    Examples
    --------
    >>> from labelwright.evidence import Reals
    >>> mean = torch.tensor([1.0, 1.0], requires_grad=True)
    >>> round(gaussian_loss(mean, Reals.between([3.0, 1.0], [3.0, np.inf])).item(), 4)
    1.806
    """
    size = torch.as_tensor(scale, dtype=mean.dtype, device=mean.device)
    pace = size.detach() ** 2
    paced = mean.detach() + pace * (mean - mean.detach())
    return weighted_mean(evidence.nll(paced, size.expand(len(mean))), weight)


class GaussianLikelihood(Objective):
    """Fit a network to values, intervals, bounds and shuffled blocks at once, with a learnt Gaussian scale. [P010]

    Parameters
    ----------
    start : float, default 1.0
        First scale, > 0, in the unit of the task's targets; `ImpreciseRegressor` standardises them.
    """

    spoken: Tensor

    def __init__(self, start: float = 1.0) -> None:
        super().__init__()
        if not (start > FLOOR and np.isfinite(start)):
            raise BadInput(f"start is {start}", fix=f"choose a standard deviation above {FLOOR}")
        self.start = start

    def setup(self, task: Task) -> None:
        """Make the network and the scale; the evidence must be about numbers."""
        if task.evidence is None:
            raise BadInput("there is no evidence to learn from", fix="pass Reals")
        self.register_buffer("spoken", torch.from_numpy(heard(task.evidence)))
        self.net = task.new_net()
        self.log_scale = torch.nn.Parameter(torch.tensor(float(np.log(self.start - FLOOR))))

    @property
    def scale(self) -> Tensor:
        """The scale at this moment, a scalar in the unit of the task's targets."""
        return FLOOR + self.log_scale.exp()

    def optimizers(self, base: OptimizerSpec) -> dict[str, Configured]:
        """Return the user's optimiser; the scale moves without decay."""
        groups: list[dict[str, Any]] = [
            {"params": list(self.net.parameters())},
            {"params": [self.log_scale], "weight_decay": 0.0},
        ]
        return {"main": base(groups)}

    def losses(self, batch: Batches) -> Losses:
        """Return the negative log-likelihood a row, over the rows that say anything."""
        rows = batch["train"]
        evidence = rows.evidence
        assert isinstance(evidence, Reals | Mixed)
        mean = self.net(rows.x)[:, 0]
        weight = self.spoken[rows.index].to(mean.dtype)
        if "weight" in rows.fields:
            weight = weight * rows["weight"]
        scale = self.scale.nan_to_num(FLOOR)  # where the weights ran away, the mean says so and the loop tells it
        return Losses(
            likelihood=gaussian_loss(mean, evidence, scale, weight),
            logits=mean[:, None],
            figures={"scale": self.scale.detach()},
        )

    def predict(self, x: Any) -> Tensor:
        """Return the means (b,)."""
        mean: Tensor = self.net(x)[:, 0]
        return mean


def likeliest_scale(prediction: NDArray[np.floating], evidence: Evidence, widest: float) -> float:
    """Return the scale in [widest/1000, widest] under which the evidence is likeliest around fixed predictions.

    Parameters
    ----------
    prediction : float array (n,)
    evidence : Reals, or Mixed of Reals
    widest : float > 0
        In the unit of the values.

    Examples
    --------
    >>> from labelwright.evidence import Reals
    >>> round(likeliest_scale(np.zeros(4), Reals.values([-2.0, -2.0, 2.0, 2.0]), widest=10.0), 3)
    2.0
    """
    assert isinstance(evidence, Reals | Mixed)
    centre = np.asarray(prediction, dtype=np.float64)

    def cost(log_scale: float) -> float:
        return float(np.sum(evidence.nll(centre, np.full(len(centre), np.exp(log_scale)))))

    ends = np.log(widest) - np.log(1000), np.log(widest)
    return float(np.exp(minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-6}).x))
