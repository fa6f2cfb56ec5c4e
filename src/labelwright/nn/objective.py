"""The contract of everything that is trained by batch gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from labelwright.nn.batch import Batches
from labelwright.nn.optimizers import Configured, OptimizerSpec, Stepper
from labelwright.nn.stream import Stream

if TYPE_CHECKING:
    from labelwright.nn.loop import Loop
    from labelwright.nn.task import Task


class Losses:
    """Named loss terms of one step; their sum is what is minimised.

    Parameters
    ----------
    logits : Tensor, optional
        The network's logits of the first stream, for whoever watches.
    keep : any, optional
        Detached values for `Objective.after_step`: the only way from a loss to a memory.
    figures : mapping of str to float or Tensor, optional
        What is worth recording but not minimised.
    **terms : Tensor
        Scalars. A term that is 0 may be a plain 0.0.

    Examples
    --------
    >>> float(Losses(a=torch.tensor(1.0), b=torch.tensor(0.5)).total)
    1.5
    """

    __slots__ = ("figures", "keep", "logits", "terms", "total")

    def __init__(
        self,
        *,
        logits: Tensor | None = None,
        keep: Any = None,
        figures: Mapping[str, float | Tensor] | None = None,
        **terms: Tensor | float,
    ) -> None:
        self.terms = {name: value for name, value in terms.items() if isinstance(value, Tensor)}
        first, *others = self.terms.values() or (torch.zeros(()),)
        self.total: Tensor = sum(others, start=first)
        self.logits, self.keep, self.figures = logits, keep, dict(figures or {})


class Objective(nn.Module):
    """What a method adds to the one training loop.

    Its buffers are memories, its parameters its own: both are moved, checkpointed and seeded with it. Nothing here
    knows of epochs' ends, devices, logging or data formats.

    A method overrides `setup` and `losses`, and whichever of the others it needs:

    - `streams`: which rows come in a step (two halves, labelled and unlabelled rows, bags, a graph);
    - `before_epoch`: whole passes over the data (splits, purification, prototypes);
    - `after_step`: the only place that writes memories;
    - `update`: several optimisers or a bi-level step; `optimizers` then names them;
    - `predict`: when the answer is not the softmax of ``self.net``.
    """

    distributed: bool = False  # True only where two processes were tested to give what one gives
    net: nn.Module

    def setup(self, task: Task) -> None:
        """Build networks and memories for the task. Called once, seeded."""
        self.net = task.new_net()

    def optimizers(self, base: OptimizerSpec) -> Mapping[str, Configured]:
        """Return named optimisers; `base` is the one that the user asked for."""
        return {"main": base(self.parameters())}

    def streams(self, task: Task, epoch: int) -> Mapping[str, Stream]:
        """Return the streams of an epoch; the first one sets its length."""
        return {"train": task.stream()}

    def before_epoch(self, loop: Loop) -> None:
        """Look at the data as a whole; ``loop.predict`` and ``loop.clock`` are at hand."""

    def losses(self, batch: Batches) -> Losses:
        """Return the loss terms of a step. Writes nothing: an optimiser may call it twice."""
        raise TypeError(f"{type(self).__name__} defines no losses")

    def update(self, batch: Batches, opt: Mapping[str, Stepper]) -> Losses:
        """Do one step."""
        return opt["main"].step(lambda: self.losses(batch))

    def after_step(self, batch: Batches, keep: Any) -> None:
        """Write memories; `keep` is what the step's first `losses` kept. No gradient is recorded."""

    def finish(self, loop: Loop) -> None:
        """Do what comes once, after the last epoch."""

    def predict(self, x: Any) -> Tensor:
        """Return the answer for inputs: by default class probabilities (b, K)."""
        logits: Tensor = self.net(x)
        return logits.softmax(dim=1)

    def described(self) -> dict[str, Any]:
        """Return the settings that make this objective what it is, as plain values; they identify checkpoints."""
        plain = (bool, int, float, str, type(None))
        own = {k: v for k, v in vars(self).items() if not k.startswith("_") and k != "training"}
        return {"objective": type(self).__qualname__} | {k: v for k, v in own.items() if isinstance(v, plain)}
