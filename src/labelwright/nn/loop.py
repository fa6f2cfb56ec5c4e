"""The one training loop: it owns epochs, seeds, devices, precision, checkpoints, stopping and history."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import ArrayLike
from torch import Tensor

from labelwright.errors import BadInput
from labelwright.nn.batch import Batches, Clock
from labelwright.nn.guards import Guard, check_device, memory_guard
from labelwright.nn.history import History, Means
from labelwright.nn.objective import Losses, Objective
from labelwright.nn.optimizers import Stepper
from labelwright.nn.randomness import OwnRandomness
from labelwright.nn.running import Best, resume_state, run_state
from labelwright.nn.stopping import evidence_agreement, held_out_rows
from labelwright.nn.stream import Stream
from labelwright.nn.task import Task, as_inputs
from labelwright.nn.training import Training
from labelwright.nn.views import View
from labelwright.progress import SILENT, Progress

LOOK_ROWS = 4096  # rows a batch when a network is only asked


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a network says of rows: `logits` (n, K), and `features` (n, d) where it has them, else None. Detached."""

    logits: Tensor
    features: Tensor | None

    @property
    def probs(self) -> Tensor:
        """Softmax of the logits."""
        return self.logits.softmax(dim=1)


class Loop:
    """Trains an objective on a task. `step` and `fit` may be called again and again.

    Parameters
    ----------
    objective : Objective
    task : Task
    training : Training, optional
    progress : Progress
        Where a bar is shown.
    fabric : lightning_fabric.Fabric, optional
        A launched Fabric of your own (several processes); one of one device by default.

    Examples
    --------
    >>> from labelwright.evidence import Hard
    >>> from labelwright.nn import CrossEntropy, MLP, Task
    >>> x = np.repeat([[0.0], [1.0]], 20, axis=0)
    >>> task = Task(x, Hard(np.repeat([0, 1], 20), 2), net=MLP((8,)))
    >>> loop = Loop(CrossEntropy(), task, Training(epochs=20, device="cpu"))
    >>> len(loop.fit())
    20
    """

    def __init__(
        self,
        objective: Objective,
        task: Task,
        training: Training | None = None,
        *,
        progress: Progress = SILENT,
        fabric: Fabric | None = None,
    ) -> None:
        self.objective, self.task, self.training = objective, task, training or Training()
        self.fabric = fabric or Fabric(
            accelerator=check_device(self.training.device), devices=1, precision=self.training.precision
        )
        self.clock = Clock(0, 1, self.training.epochs)
        self.history, self.guard = History(), Guard(self)
        self.last_inputs: Any = None
        self._progress, self._means, self._best = progress, Means(), Best()
        self.randomness = OwnRandomness(self.training.seed, self.fabric.device)
        with self.randomness.apart():
            self._prepare()

    @property
    def rng(self) -> np.random.Generator:
        """What objectives, streams and splits of this loop draw from."""
        return self.randomness.rng

    def _prepare(self) -> None:
        """Hold units out, build the objective and its optimisers, all seeded."""
        training, task = self.training, self.task
        if self.fabric.world_size > 1 and not self.objective.distributed:
            raise BadInput(
                f"{type(self.objective).__name__} was not tested on several processes", fix="train it on one device"
            )
        if training.stopping is not None and len(task.held_out) == 0:
            if task.evidence is None:
                raise BadInput("stopping needs evidence about held-out rows", fix="pass evidence= to Task")
            held = held_out_rows(task.rows, task.units, training.stopping.share, self.rng)
            task.rows, task.held_out = task.rows[~held], task.rows[held]
        self.objective.setup(task)
        task.to(self.fabric.device)
        self.objective.to(self.fabric.device)
        if training.channels_last:
            self.objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if training.compile:
            for child in self.objective.children():
                child.compile()
        self.opt = {name: Stepper(c, self) for name, c in self.objective.optimizers(training.optimizer).items()}

    def fit(
        self, epochs: int | None = None, *, steps: int | None = None, start: Mapping[str, Any] | None = None
    ) -> History:
        """Train until the planned epochs are done, or for so many more epochs or steps.

        Parameters
        ----------
        epochs, steps : int, optional
            How much more to train now; the clock goes on from where it stands.
        start : mapping, optional
            The objective's weights and memories to start from, as ``objective.state_dict()`` gives them.

        Returns
        -------
        History
            Of this loop, from its first epoch on.
        """
        if start is not None:
            self.objective.load_state_dict(dict(start))
        resume_state(self)
        until = None if epochs is None else self.clock.epoch + epochs
        with self.randomness.apart(), memory_guard(self.training.batch_size, self._fits):
            total = steps or (epochs or self.training.epochs)
            with self._progress.stage("training", total) as advance:
                self._run(until, steps, advance)
            self.guard.flush()
            if self.clock.epoch >= self.training.epochs or self._best.waited(self.training.stopping):
                self._best.restore(self.objective)
            self.objective.eval()
            self.objective.finish(self)
        return self.history

    def _fits(self, rows: int) -> bool:
        """Try the network forwards and backwards on so many rows; RuntimeError when memory runs out."""
        self.objective.zero_grad(set_to_none=True)
        with torch.enable_grad():
            said = self.objective.predict(self.task.batch(self.task.rows[:rows]).x)
            if said.requires_grad:
                said.sum().backward()  # type: ignore[no-untyped-call]
        self.objective.zero_grad(set_to_none=True)
        return True

    def _run(self, until: int | None, steps: int | None, advance: Any) -> None:
        done = 0
        last = self.training.epochs if until is None else until
        while steps is not None or self.clock.epoch < last:
            for batch in self._epoch(max(self.training.epochs, last, self.clock.epoch + 1)):
                self._step(batch)
                done += 1
                if done == steps:
                    return
            self._end_epoch()
            advance(1 if steps is None else self.clock.steps_per_epoch)
            if self._best.waited(self.training.stopping):
                return

    def _epoch(self, planned: int) -> Iterator[Batches]:
        """Yield the batches of the running epoch, those of the first stream with one of each other."""
        epoch = self.clock.epoch
        self.objective.eval()
        with torch.no_grad():
            self.objective.before_epoch(self)
        streams = self.objective.streams(self.task, epoch)
        first, *others = streams
        size = self.training.batch_size
        dealt = {first: self._dealt(streams[first], size)}
        length = len(dealt[first])
        for name in others:
            dealt[name] = self._dealt(streams[name], size)
            while len(dealt[name]) < length:
                dealt[name] = dealt[name] + self._dealt(streams[name], size)
        self.clock = Clock(epoch * length, length, planned)
        self.objective.train()
        for i in range(length):
            batches = {name: self.task.batch(dealt[name][i], stream.views) for name, stream in streams.items()}
            yield Batches(batches, self.clock)

    def _dealt(self, stream: Stream, size: int) -> list[Any]:
        """Return this process's share of a stream's batches."""
        batches = stream.batches(size, self.rng)
        world, rank = self.fabric.world_size, self.fabric.global_rank
        return batches if world == 1 else [part[rank::world] for part in batches if len(part) >= world]

    def step(self, batch: Batches | Sequence[int]) -> Losses:
        """Do one step on a batch of your own making (or on row numbers) and return its losses."""
        with self.randomness.apart():
            if not isinstance(batch, Batches):
                batch = Batches({"train": self.task.batch(np.asarray(batch, dtype=np.int64))}, self.clock)
            self.objective.train()
            return self._step(batch)

    def _step(self, batch: Batches) -> Losses:
        self.last_inputs = next(iter(batch.values())).x
        losses = self.objective.update(batch, self.opt)
        with torch.no_grad():
            self.objective.after_step(batch, losses.keep)
        self._means.add(losses)
        self.clock = Clock(self.clock.step + 1, self.clock.steps_per_epoch, self.clock.epochs)
        return losses

    def _end_epoch(self) -> None:
        self.guard.flush()
        record = {"epoch": float(self.clock.epoch)} | self._means.read()
        record["lr"] = next(iter(self.opt.values())).lr
        self._means = Means()
        if self.training.stopping is not None:
            record["held_out"] = self._held_out_score()
            self._best.see(record["held_out"], self.objective, self.training.stopping)
        self.history.epochs.append(record)
        run_state(self)

    def _held_out_score(self) -> float:
        assert self.task.evidence is not None
        rows = self.task.held_out
        answer = self.predict_proba(rows=rows).cpu().numpy()
        return evidence_agreement(answer, self.task.evidence.take(rows))

    @torch.no_grad()
    def predict(self, rows: ArrayLike | None = None, view: View | None = None, net: Any = None) -> Outputs:
        """Return logits and features of rows of the task (all by default), in evaluation mode.

        `net` is any of the objective's networks, ``objective.net`` by default. Rows are looked at in their order;
        a network that needs the whole graph (``net.whole``) sees all rows at once.
        """
        asked = self.objective.net if net is None else net
        parts = [_outputs(asked, x) for x in self._looks(rows, view, asked)]
        logits = torch.cat([part.logits for part in parts])
        found = [part.features for part in parts if part.features is not None]
        return Outputs(logits, torch.cat(found) if len(found) == len(parts) else None)

    @torch.no_grad()
    def predict_proba(self, x: Any = None, *, rows: ArrayLike | None = None) -> Tensor:
        """Return the objective's own answer for new inputs `x`, or for rows of the task."""
        if x is not None:
            whole = copy.copy(self.task)
            whole.x, whole.n_rows = as_inputs(x), len(x)
            looks = self._looks(np.arange(len(x)), None, getattr(self.objective, "net", None), whole)
        else:
            looks = self._looks(rows, None, getattr(self.objective, "net", None))
        return torch.cat([self.objective.predict(part) for part in looks])

    def _looks(self, rows: ArrayLike | None, view: View | None, net: Any, task: Task | None = None) -> Iterator[Any]:
        """Yield inputs batch by batch with every module in evaluation mode, and put the mode back."""
        task = task or self.task
        wanted = np.arange(task.n_rows) if rows is None else np.asarray(rows, dtype=np.int64)
        whole = bool(getattr(net, "whole", False))
        size = max(len(wanted), 1) if whole else LOOK_ROWS
        modes = {module: module.training for module in self.objective.modules()}
        self.objective.eval()
        autocast = self.fabric.autocast() if self.training.precision != "32-true" else nullcontext()
        try:
            with autocast:
                for start in range(0, max(len(wanted), 1), size):
                    x = task.batch(wanted[start : start + size]).x
                    yield x if view is None else view(x)
        finally:
            for module, mode in modes.items():
                module.training = mode


def _outputs(net: Any, x: Any) -> Outputs:
    if hasattr(net, "features") and hasattr(net, "head"):
        features = net.features(x)
        return Outputs(net.head(features).float(), features.float())
    return Outputs(net(x).float(), None)
