"""Features without labels: two random views of a row should look alike, views of others should not (SimCLR).

    loss = NT-Xent over g(e(x')), g(e(x''));  e is the network's body, g a projector that is dropped afterwards

Source: Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020; stage 1 of
[P097].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.learn.bags.attention import encoder_of
from labelwright.nn import Jitter, Losses, Objective, Stream, Task, View
from labelwright.nn.batch import Batches
from labelwright.nn.contrastive import nt_xent


class ContrastivePretrainer(Objective):
    """Train an encoder on unlabelled rows; `predict` and `encode` give its features.

    Parameters
    ----------
    view : View, default Jitter(0.1)
        How the two views of a row are made, each with its own randomness.
    temperature : float, default 0.5
    dim : int, default 64
        Width of the projection.
    """

    def __init__(self, view: View | None = None, temperature: float = 0.5, dim: int = 64) -> None:
        super().__init__()
        if not temperature > 0:
            raise BadInput(f"temperature is {temperature}", fix="choose a number above 0")
        self.view, self.temperature, self.dim = view or Jitter(0.1), temperature, dim

    def setup(self, task: Task) -> None:
        """Make encoder and projector; the evidence of the task is not looked at."""
        self.encoder, size = encoder_of(task.new_net())
        self.projector = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, self.dim))
        self.net = self.encoder

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return two views of single rows, whatever units the evidence has."""
        return {"train": Stream(task.rows, None, {"first": self.view, "second": self.view})}

    def losses(self, batch: Batches) -> Losses:
        """Return the contrastive loss of both views."""
        first, second = (self.projector(self.encoder(x)) for x in batch["train"].views.values())
        return Losses(contrastive=nt_xent(first, second, self.temperature))

    def predict(self, x: Any) -> Tensor:
        """Return features (n, d)."""
        features: Tensor = self.encoder(x)
        return features
