"""Objectives of one network and one loss a row, made for labels of which some are wrong.

Each takes the mean of a loss of `labelwright.learn.noisy.row_losses`, where the equations stand, over labelled rows,
by the task's field ``"weight"`` where it has one. Cross-entropy [B001] is `labelwright.nn.CrossEntropy`, also by this
room's face; label smoothing is ``CrossEntropy(smoothing=0.1)``.

Sources: Ghosh et al., AAAI 2017 [B002]; Zhang and Sabuncu, NeurIPS 2018 [B005]; Wang et al., ICCV 2019 [B006]; Ma et
al., ICML 2020 [B007]; Reed et al., ICLR Workshops 2015 [B008].
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from labelwright.errors import BadInput
from labelwright.learn.noisy.row_losses import (
    LOG_ZERO,
    RowLoss,
    bootstrap_hard,
    bootstrap_soft,
    generalized_cross_entropy,
    mean_absolute_error,
    normalized_cross_entropy,
    symmetric_cross_entropy,
    truncated_generalized_cross_entropy,
)
from labelwright.nn.batch import Batch, Batches
from labelwright.nn.losses import weighted_mean
from labelwright.nn.objective import Losses, Objective
from labelwright.nn.supervised import CrossEntropy
from labelwright.nn.task import Task

__all__ = [
    "ActivePassiveLoss",
    "CrossEntropy",
    "GeneralizedCrossEntropy",
    "HardBootstrap",
    "MeanAbsoluteError",
    "NormalizedCrossEntropy",
    "OneRowLoss",
    "SoftBootstrap",
    "SymmetricCrossEntropy",
    "TruncatedGeneralizedCrossEntropy",
    "labelled_mean",
]


def labelled_mean(losses: Tensor, rows: Batch) -> Tensor:
    """Return the mean of losses (b,) over labelled rows, by the field ``"weight"`` where the task has one."""
    known = (rows.labels >= 0).to(losses.dtype)
    return weighted_mean(losses, known * rows["weight"] if "weight" in rows.fields else known)


class OneRowLoss(Objective):
    """One network, one loss a row: subclasses say which in `row_losses`."""

    def setup(self, task: Task) -> None:
        """Make the network; the task must have hard labels."""
        assert task.labels is not None
        super().setup(task)

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return the loss of each row, (b,), 0 for label −1."""
        raise TypeError(f"{type(self).__name__} defines no row_losses")

    def losses(self, batch: Batches) -> Losses:
        """Return the mean over labelled rows."""
        rows = batch["train"]
        logits = self.net(rows.x)
        return Losses(loss=labelled_mean(self.row_losses(logits, rows.labels, batch), rows), logits=logits)


class MeanAbsoluteError(OneRowLoss):
    """Mean absolute error: symmetric noise moves its minimum nowhere, but it learns slowly. [B002]"""

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return 2 (1 − p_y)."""
        return mean_absolute_error(logits, labels)


class GeneralizedCrossEntropy(OneRowLoss):
    """Generalized cross-entropy. [B005]

    Parameters
    ----------
    q : float, default 0.7
        In (0, 1]: near 0 it is cross-entropy, at 1 half the mean absolute error.
    """

    def __init__(self, q: float = 0.7) -> None:
        super().__init__()
        self.q = _within("q", q, 0, 1)

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return (1 − p_y^q) / q."""
        return generalized_cross_entropy(logits, labels, self.q)


class TruncatedGeneralizedCrossEntropy(OneRowLoss):
    """Generalized cross-entropy that lets go of rows whose label is improbable, after a start without. [B005]

    Parameters
    ----------
    q, k : float
        In (0, 1]; rows with p_y ≤ k do not pull.
    warmup : float, default 10.0
        Epochs without truncation: at first every label is improbable.
    """

    def __init__(self, q: float = 0.7, k: float = 0.5, warmup: float = 10.0) -> None:
        super().__init__()
        self.q, self.k, self.warmup = _within("q", q, 0, 1), _within("k", k, 0, 1), warmup

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return the loss, truncated once the start is over."""
        if batch.clock.time < self.warmup:
            return generalized_cross_entropy(logits, labels, self.q)
        return truncated_generalized_cross_entropy(logits, labels, self.q, self.k)


class SymmetricCrossEntropy(OneRowLoss):
    """Cross-entropy and reverse cross-entropy together. [B006]

    Parameters
    ----------
    a, b : float
        Weights of CE and RCE, at least 0: 0.1 and 1 for ten classes, 6 and 0.1 for a hundred.
    log_zero : float, default −4
        What log 0 is read as, < 0.
    """

    def __init__(self, a: float = 0.1, b: float = 1.0, log_zero: float = LOG_ZERO) -> None:
        super().__init__()
        if a < 0 or b < 0 or log_zero >= 0:
            raise BadInput(f"a is {a}, b is {b}, log_zero is {log_zero}", fix="weights of at least 0, log_zero below 0")
        self.a, self.b, self.log_zero = a, b, log_zero

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return a · CE + b · RCE."""
        return symmetric_cross_entropy(logits, labels, self.a, self.b, self.log_zero)


class NormalizedCrossEntropy(OneRowLoss):
    """Cross-entropy over its sum for all labels: robust to symmetric noise, alone it underfits. [B007]"""

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return CE_y / Σ_k CE_k."""
        return normalized_cross_entropy(logits, labels)


class ActivePassiveLoss(OneRowLoss):
    """A normalized loss that raises p_y together with one that lowers the other classes. [B007]

    Parameters
    ----------
    a, b : float, default 1.0
        Weights of the two, at least 0.
    active, passive : callable (logits, labels) → (b,)
        `normalized_cross_entropy`, and `mean_absolute_error` or `reverse_cross_entropy`.
    """

    def __init__(
        self,
        a: float = 1.0,
        b: float = 1.0,
        active: RowLoss = normalized_cross_entropy,
        passive: RowLoss = mean_absolute_error,
    ) -> None:
        super().__init__()
        self.a, self.b, self.active, self.passive = _at_least_0("a", a), _at_least_0("b", b), active, passive

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return a · active + b · passive."""
        return self.a * self.active(logits, labels) + self.b * self.passive(logits, labels)

    def described(self) -> dict[str, Any]:
        """Return the settings, the two losses by name."""
        parts = {name: getattr(getattr(self, name), "__name__", "own") for name in ("active", "passive")}
        return super().described() | parts


class SoftBootstrap(OneRowLoss):
    """Targets blended with the network's own probabilities. [B008]

    Parameters
    ----------
    beta : float, default 0.95
        Share of the given label, in (0, 1].
    """

    def __init__(self, beta: float = 0.95) -> None:
        super().__init__()
        self.beta = _within("beta", beta, 0, 1)

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return cross-entropy against the blend."""
        return bootstrap_soft(logits, labels, self.beta)


class HardBootstrap(SoftBootstrap):
    """Targets blended with the class that the network finds most probable. [B008]

    Parameters
    ----------
    beta : float, default 0.8
        Share of the given label, in (0, 1].
    """

    def __init__(self, beta: float = 0.8) -> None:
        super().__init__(beta)

    def row_losses(self, logits: Tensor, labels: Tensor, batch: Batches) -> Tensor:
        """Return cross-entropy against the blend."""
        return bootstrap_hard(logits, labels, self.beta)


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low < value <= high:
        raise BadInput(f"{name} is {value}", fix=f"choose {name} in ({low}, {high}]")
    return value


def _at_least_0(name: str, value: float) -> float:
    if not value >= 0:
        raise BadInput(f"{name} is {value}", fix=f"choose {name} of at least 0")
    return value
