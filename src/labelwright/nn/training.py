"""How long, how fast and where a model is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelwright.errors import BadInput, quoted
from labelwright.nn.optimizers import SGD, OptimizerSpec
from labelwright.nn.stopping import Stopping


@dataclass(frozen=True)
class Training:
    """The settings of a run that no method owns.

    Parameters
    ----------
    epochs : int, default 60
    batch_size : int, default 64
        Rows a batch.
    optimizer : OptimizerSpec, default SGD()
        Used for every optimiser that the objective does not set itself.
    seed : int, default 0
        Decides networks, order and every draw; the same seed gives the same weights on the same machine.
    device : {"auto", "cpu", "cuda"}
    precision : str, default "32-true"
        Lightning Fabric's name: ``"32-true"``, ``"bf16-mixed"``, ...
    stopping : Stopping, optional
        Hold units out and keep the best epoch.
    checkpoint : path, optional
        Folder for ``checkpoint.safetensors``, written after every `checkpoint_every` epochs; a run that finds one of
        its own goes on from there to the same weights.
    checkpoint_every : int, default 1
    compile, channels_last : bool, default False
        Compile the networks; keep images with the channels innermost. Worth it on a GPU.
    """

    epochs: int = 60
    batch_size: int = 64
    optimizer: OptimizerSpec = field(default_factory=SGD)
    seed: int = 0
    device: str = "auto"
    precision: Any = "32-true"
    stopping: Stopping | None = None
    checkpoint: Path | str | None = None
    checkpoint_every: int = 1
    compile: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "checkpoint_every"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise BadInput(f"{name} is {quoted(value)}", fix="pass a whole number of at least 1")
