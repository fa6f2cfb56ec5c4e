"""Two networks side by side: what methods share that let one network check the labels of the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from labelwright.nn import Objective, Task


class TwoNetworks(Objective):
    """Two networks of one kind and different first weights; the answer is the softmax of their mean logits.

    ``self.nets`` holds both, ``self.net`` is the first.
    """

    def setup(self, task: Task) -> None:
        """Make both networks; the task must have hard labels."""
        assert task.labels is not None
        self.nets = nn.ModuleList(task.new_net() for _ in range(2))
        self.net = self.nets[0]

    def predict(self, x: Any) -> Tensor:
        """Return probabilities (b, K) from the mean of both networks' logits."""
        return torch.stack([net(x) for net in self.nets]).mean(dim=0).softmax(dim=1)
