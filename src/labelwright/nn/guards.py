"""What stops a training run: losses that are no numbers, memory that is used up. Each says what to do."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from labelwright.errors import BadInput, LabelwrightError, listed

if TYPE_CHECKING:
    from labelwright.nn.loop import Loop
    from labelwright.nn.objective import Losses

LOOK_EVERY = 32  # steps between looks at losses on a device, where each look would wait for it


class TrainingFailed(LabelwrightError):
    """Training cannot go on; the message says at which epoch and batch, and the likely cause."""

    exit_code = 2  # other settings mend it


class Guard:
    """Watches that every loss is a number."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pending: list[tuple[int, Losses]] = []

    def check(self, losses: Losses) -> None:
        """Raise TrainingFailed when a loss is NaN or infinite; on a device the look is put off for some steps."""
        self._pending.append((self._loop.clock.step, losses))
        if losses.total.device.type == "cpu" or len(self._pending) >= LOOK_EVERY:
            self.flush()

    def flush(self) -> None:
        """Look at the losses put off so far."""
        pending, self._pending = self._pending, []
        for step, losses in pending:
            if not math.isfinite(float(losses.total.detach())):
                raise TrainingFailed(self._story(step, losses))

    def _story(self, step: int, losses: Losses) -> str:
        clock = self._loop.clock
        terms = [name for name, value in losses.terms.items() if not torch.isfinite(value).all()]
        where = f"epoch {step // clock.steps_per_epoch + 1}, batch {step % clock.steps_per_epoch + 1}"
        return f"the loss is not a number at {where} (term {listed(terms, 3)}): {self._cause(losses)}"

    def _cause(self, losses: Losses) -> str:
        inputs = self._loop.last_inputs
        if isinstance(inputs, Tensor) and inputs.is_floating_point() and not bool(torch.isfinite(inputs).all()):
            return "the inputs of this batch hold NaN or infinity. Fix: mend or fill those rows"
        weights = [p for p in self._loop.objective.parameters() if not bool(torch.isfinite(p).all())]
        if weights:
            return "the weights ran away in an earlier step. Fix: lower the learning rate, or set clip=1.0"
        if losses.logits is not None and float(losses.logits.detach().abs().amax()) > 1e4:
            return "the logits are huge. Fix: lower the learning rate, standardise the inputs, or set clip=1.0"
        return "a term of the loss overflowed. Fix: lower the learning rate, or look at this batch's labels"


@contextmanager
def memory_guard(batch_size: int, fits: Callable[[int], bool]) -> Iterator[None]:
    """Turn an out-of-memory error into one line with a batch size that went through a trial."""
    try:
        yield
    except RuntimeError as error:
        if not _out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)  # they hold the tensors of the step that failed
        smaller = batch_that_fits(batch_size, fits)
        fix = f"batch_size={smaller} (--batch-size {smaller})" if smaller else "a smaller network"
        raise TrainingFailed(f"memory ran out with batches of {batch_size} rows. Fix: {fix}") from error


def batch_that_fits(batch_size: int, fits: Callable[[int], bool]) -> int:
    """Return the first of batch_size / 2, / 4, ... for which `fits` is true without running out of memory; 0 for none.

    Examples
    --------
    >>> batch_that_fits(64, lambda rows: rows <= 20)
    16
    """
    size = batch_size // 2
    while size:
        try:
            if fits(size):
                return size
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
        size //= 2
    return 0


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def check_device(name: str) -> str:
    """Return a device that is there: ``"cpu"`` or ``"cuda"``; ``"auto"`` takes what the machine has."""
    there = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if there else "cpu"
    if name not in ("cpu", "cuda"):
        raise BadInput(f"no device {name!r}", fix="choose 'auto', 'cpu' or 'cuda'")
    if name == "cuda" and not there:
        raise BadInput("this machine has no CUDA device that torch can use", fix="choose device='auto' or 'cpu'")
    return name
