"""Two networks side by side: what methods share that let one network check the labels of the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def looking(*nets: nn.Module) -> Iterator[None]:
    """Ask networks without training them: evaluation mode and no gradient inside, everything as before after."""
    modes = {module: module.training for net in nets for module in net.modules()}
    for net in nets:
        net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
