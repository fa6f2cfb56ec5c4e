"""Optimisers as settings, and the stepper that belongs to the loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from labelwright.nn.schedules import Constant, Schedule

if TYPE_CHECKING:
    from labelwright.nn.loop import Loop
    from labelwright.nn.objective import Losses


@dataclass(frozen=True, eq=False)
class Configured:
    """A torch optimiser with its schedule and the largest gradient norm let through (None = any)."""

    optimizer: torch.optim.Optimizer
    schedule: Schedule = field(default_factory=Constant)
    clip: float | None = None


class OptimizerSpec(Protocol):
    """Settings that make an optimiser for some parameters (tensors, or torch's parameter groups)."""

    def __call__(self, params: Iterable[Any], /) -> Configured:
        """Return the optimiser for `params`."""
        ...


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent.

    Parameters
    ----------
    lr : float, default 0.05
        Learning rate, > 0.
    momentum, weight_decay : float
        In [0, 1) and at least 0.
    nesterov : bool, default False
    schedule : Schedule, default Constant()
    clip : float, optional
        Largest norm of the gradient.
    """

    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = False
    schedule: Schedule = field(default_factory=Constant)
    clip: float | None = None

    def __call__(self, params: Iterable[Any], /) -> Configured:
        """Return the optimiser for `params`."""
        own = torch.optim.SGD(
            params, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, nesterov=self.nesterov
        )
        return Configured(own, self.schedule, self.clip)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay; `weight_decay` 0 is Adam.

    Parameters
    ----------
    lr : float, default 1e-3
    weight_decay : float, default 0.0
    betas : pair of float
    amsgrad : bool, default False
    schedule : Schedule, default Constant()
    clip : float, optional
        Largest norm of the gradient.
    """

    lr: float = 1e-3
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    amsgrad: bool = False
    schedule: Schedule = field(default_factory=Constant)
    clip: float | None = None

    def __call__(self, params: Iterable[Any], /) -> Configured:
        """Return the optimiser for `params`."""
        own = torch.optim.AdamW(
            params, lr=self.lr, weight_decay=self.weight_decay, betas=self.betas, amsgrad=self.amsgrad
        )
        return Configured(own, self.schedule, self.clip)


@dataclass(frozen=True)
class Using:
    """Any torch optimiser of your own: ``Using(lambda params: Lion(params, lr=1e-4))``."""

    make: Callable[[Iterable[Any]], torch.optim.Optimizer]
    schedule: Schedule = field(default_factory=Constant)
    clip: float | None = None

    def __call__(self, params: Iterable[Any], /) -> Configured:
        """Return the optimiser for `params`."""
        return Configured(self.make(params), self.schedule, self.clip)


class Stepper:
    """One optimiser inside the loop: backward, precision, clipping, schedule and guards in one call."""

    def __init__(self, configured: Configured, loop: Loop) -> None:
        self.optimizer, self.schedule, self.clip = configured.optimizer, configured.schedule, configured.clip
        self._loop = loop
        self._base_lr = [float(group["lr"]) for group in self.optimizer.param_groups]
        self._params = [p for group in self.optimizer.param_groups for p in group["params"]]
        self._factor: float | None = None
        # Full precision in one process needs nothing of Fabric, whose calls cost as much as a small layer.
        self._plain = loop.training.precision == "32-true" and loop.fabric.world_size == 1

    @property
    def lr(self) -> float:
        """The learning rate of the first parameter group at this moment."""
        return float(self.optimizer.param_groups[0]["lr"])

    def step(self, closure: Callable[[], Losses]) -> Losses:
        """Do one optimiser step on what `closure` returns, and return its first losses.

        An optimiser that evaluates more than once (the sharpness family, L-BFGS) calls the closure again itself.
        """
        first: list[Losses] = []

        def evaluate() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            if self._plain:
                losses = closure()
            else:
                with self._loop.fabric.autocast():
                    losses = closure()
            self._loop.guard.check(losses)
            if losses.total.requires_grad:
                if self._plain:
                    losses.total.backward()  # type: ignore[no-untyped-call]
                else:
                    self._loop.fabric.backward(losses.total)
                    self._average_over_processes()
                if self.clip is not None:
                    torch.nn.utils.clip_grad_norm_(self._params, self.clip)
            if not first:
                first.append(losses)
            return losses.total.detach()

        self._schedule()
        self.optimizer.step(evaluate)  # type: ignore[arg-type]  # torch asks for float, its optimisers take tensors
        return first[0]

    def _average_over_processes(self) -> None:
        """Give every process the mean gradient; each saw its share of the batch."""
        if self._loop.fabric.world_size == 1:
            return
        gradients = [p.grad for p in self._params if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        mean = self._loop.fabric.all_reduce(flat, reduce_op="mean")
        assert isinstance(mean, Tensor)
        for gradient, part in zip(gradients, torch.split(mean, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def _schedule(self) -> None:
        factor = self.schedule(self._loop.clock)
        if factor != self._factor:
            for group, lr in zip(self.optimizer.param_groups, self._base_lr, strict=True):
                group["lr"] = lr * factor
            self._factor = factor
