"""What a run carries from epoch to epoch: the best weights so far, and the state that a killed run goes on from."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.nn.batch import Clock
from labelwright.nn.checkpoint import load_state, save_state
from labelwright.nn.stopping import Stopping

if TYPE_CHECKING:
    from labelwright.nn.loop import Loop
    from labelwright.nn.objective import Objective
    from labelwright.nn.task import Task

FILE = "checkpoint.safetensors"


class Best:
    """The weights of the epoch with the best held-out score."""

    def __init__(self) -> None:
        self.score, self.since = -float("inf"), 0
        self.state: dict[str, Any] | None = None

    def see(self, score: float, objective: Objective, stopping: Stopping) -> None:
        """Keep the weights when the score is better than any before."""
        if score > self.score + stopping.at_least or self.state is None:
            self.score, self.since = score, 0
            self.state = copy.deepcopy(objective.state_dict())
        else:
            self.since += 1

    def waited(self, stopping: Stopping | None) -> bool:
        """Whether patience is used up."""
        return stopping is not None and self.since >= stopping.patience

    def restore(self, objective: Objective) -> None:
        """Put the best weights back, when any were kept."""
        if self.state is not None:
            objective.load_state_dict(self.state)


def run_state(loop: Loop) -> None:
    """Write the run's state after an epoch, where a checkpoint is asked for and due."""
    training = loop.training
    if training.checkpoint is None or (loop.clock.epoch % training.checkpoint_every and not _last(loop)):
        return
    state = {
        "identity": identity(loop),
        "clock": [loop.clock.step, loop.clock.steps_per_epoch, loop.clock.epochs],
        "objective": loop.objective.state_dict(),
        "optimizers": {name: stepper.optimizer.state_dict() for name, stepper in loop.opt.items()},
        **loop.randomness.state(),
        "history": loop.history.epochs,
        "best": {"score": loop._best.score, "since": loop._best.since, "state": loop._best.state},
    }
    if loop.fabric.is_global_zero:
        save_state(Path(training.checkpoint) / FILE, state)


def resume_state(loop: Loop) -> None:
    """Take up the state of a checkpoint, when this loop has not begun and one of the same run is there.

    Raises
    ------
    BadInput
        When the checkpoint cannot be read, or belongs to another run.
    """
    if loop.training.checkpoint is None or loop.clock.step:
        return
    path = Path(loop.training.checkpoint) / FILE
    if not path.exists():
        return
    state = load_state(path)
    own, found = identity(loop), state["identity"]
    if own != found:
        names = [name for name in own if own.get(name) != found.get(name)]
        raise BadInput(
            f"the checkpoint {path.name!r} belongs to another run (it differs in {', '.join(names) or 'its kind'})",
            fix="choose another checkpoint folder, or delete that file",
        )
    loop.clock = Clock(*state["clock"])
    loop.objective.load_state_dict(state["objective"])
    for name, stepper in loop.opt.items():
        stepper.optimizer.load_state_dict(state["optimizers"][name])
        stepper._factor = None  # the loaded groups carry the scheduled rate: set it anew
    loop.randomness.resume(state)
    loop.history.epochs = state["history"]
    best = state["best"]
    loop._best.score, loop._best.since, loop._best.state = best["score"], best["since"], best["state"]


def identity(loop: Loop) -> dict[str, Any]:
    """Return what makes a run the same run: settings, sizes and seed, not how far it is planned to go."""
    task, training = loop.task, loop.training
    return {
        **loop.objective.described(),
        "rows": task.n_rows,
        "outputs": task.n_classes,
        "inputs": list(task.input_shape),
        "seed": training.seed,
        "batch_size": training.batch_size,
        "optimizer": repr(training.optimizer),
        "epochs": training.epochs,
        "weights": [[name, list(p.shape)] for name, p in loop.objective.named_parameters()],
        "data": _content(task),
    }


def _content(task: Task) -> str:
    """Return a digest of what is learnt from: the inputs where they are a tensor, and every field."""
    digest = hashlib.sha256()
    inputs = {"x": task.x} if isinstance(task.x, Tensor) else {}
    for name, values in sorted((inputs | task.fields).items()):
        digest.update(f"{name} {values.dtype} {tuple(values.shape)};".encode())
        if values.numel():
            digest.update(values.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _last(loop: Loop) -> bool:
    return loop.clock.epoch >= loop.training.epochs
