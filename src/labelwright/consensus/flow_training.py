"""The training of label learning flows: the constraints on labels, and the objectives that raise likelihood under them.

See `label_flows` for the equations.

Source: You, Arachie, Huang, Weakly supervised label learning flows, Neural Networks 2025 [P088].
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import relu

from labelwright.consensus.conditional_flow import ConditionalFlow, standard_normal
from labelwright.nn import InOrder, Losses, Objective, Standardized, Stream, Task
from labelwright.nn.batch import Batches

Floats = NDArray[np.float64]


def simplex_violation(y: Tensor) -> Tensor:
    """Return the mean over rows of Σ max(0, −y)² + Σ max(0, y − 1)² + (Σ y − 1)², for y (b, K). [P088]"""
    outside = relu(-y).square() + relu(y - 1).square()
    return (outside.sum(dim=1) + (y.sum(dim=1) - 1).square()).mean()


def signal_violation(y: Tensor, signals: Tensor, bounds: Tensor) -> Tensor:
    """Return Σ_mk max(0, e_mk − B_mk)² for y (b, K), signals (b, m, K) with NaN, and bounds (m, K). [P088]"""
    spoken = ~signals.isnan()
    q = signals.nan_to_num()
    each = ((1 - y)[:, None] * q + y[:, None] * (1 - q)) * spoken
    error = each.sum(dim=0) / spoken.sum(dim=0).clamp(min=1)
    return relu(error - bounds).square().sum()


def group_violation(y: Tensor, groups: Tensor, means: Tensor, gap: Tensor) -> Tensor:
    """Return Σ_g max(0, |mean over group g of y − b_g| − gap_g)² for y (b,) and groups (b, G), bool. [P088]"""
    sizes = groups.sum(dim=0)
    mean = (y[:, None] * groups).sum(dim=0) / sizes.clamp(min=1)
    return (relu((mean - means).abs() - gap) * (sizes > 0)).square().sum()


@torch.no_grad()
def _standardizing(x: Tensor) -> nn.Module:
    return Standardized(x.mean(dim=0), x.std(dim=0))


class FlowTraining(Objective):
    """What both flows share: the likelihood of the labels that the flow makes, and constraints on them."""

    def __init__(self, steps: int, hidden: int, weight: float) -> None:
        super().__init__()
        self.steps, self.hidden, self.weight = steps, hidden, weight

    def setup(self, task: Task) -> None:
        self.enter = _standardizing(torch.as_tensor(task.x, dtype=torch.float32))
        self.net = ConditionalFlow(task.input_shape[0], task.n_classes, self.steps, self.hidden)

    def streams(self, task: Task, epoch: int) -> dict[str, Stream]:
        # The constraints are on means: all rows together.
        return {"train": Stream(task.rows, max(len(task.rows), 1), sampler=InOrder())}

    def losses(self, batch: Batches) -> Losses:
        rows = batch["train"]
        z = torch.randn(len(rows), self.net.n_outputs, device=rows.index.device)
        y, log_det = self.net(self.enter(rows.x), z)
        nll = -(standard_normal(z) - log_det) / (z.shape[1] * math.log(2))
        terms = {name: self.weight * term for name, term in self.constraints(y, rows).items()}
        return Losses(likelihood=nll.mean(), **terms)

    def constraints(self, y: Tensor, rows: Any) -> dict[str, Tensor]:
        raise TypeError("a flow without constraints learns nothing")

    def sample(self, x: Tensor, n: int, seed: int) -> Tensor:
        """Return n labels a row, (n, b, K), in evaluation mode."""
        self.eval()
        draw = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            entered = self.enter(x)
            noise = torch.randn(n, len(x), self.net.n_outputs, generator=draw).to(x.device)
            return torch.stack([self.net(entered, z)[0] for z in noise])


class ClassFlow(FlowTraining):
    bounds: Tensor

    def __init__(self, steps: int, hidden: int, weight: float, bounds: Floats) -> None:
        super().__init__(steps, hidden, weight)
        self.register_buffer("bounds", torch.tensor(bounds, dtype=torch.float32))

    def constraints(self, y: Tensor, rows: Any) -> dict[str, Tensor]:
        return {"simplex": simplex_violation(y), "signals": signal_violation(y, rows["signals"], self.bounds)}


class NumberFlow(FlowTraining):
    means: Tensor
    gap: Tensor

    def __init__(self, steps: int, hidden: int, weight: float, means: Floats, gap: Floats) -> None:
        super().__init__(steps, hidden, weight)
        self.register_buffer("means", torch.tensor(means, dtype=torch.float32))
        self.register_buffer("gap", torch.tensor(gap, dtype=torch.float32))

    def constraints(self, y: Tensor, rows: Any) -> dict[str, Tensor]:
        outside = (relu(-y) + relu(y - 1)).square().mean()
        return {"range": outside, "groups": group_violation(y[:, 0], rows["groups"], self.means, self.gap)}
