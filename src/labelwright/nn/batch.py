"""What a training step sees: the time, and for each stream the rows, their inputs and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from labelwright.errors import BadInput, did_you_mean, quoted
from labelwright.evidence import Evidence


@dataclass(frozen=True)
class Clock:
    """Where training stands.

    Parameters
    ----------
    step : int
        Steps done so far.
    steps_per_epoch : int
    epochs : int
        Epochs planned.
    """

    step: int
    steps_per_epoch: int
    epochs: int

    @property
    def epoch(self) -> int:
        """Number of the running epoch, from 0."""
        return self.step // self.steps_per_epoch

    @property
    def time(self) -> float:
        """Epochs done, with the part of the running one: what ramps and thresholds count in."""
        return self.step / self.steps_per_epoch

    @property
    def progress(self) -> float:
        """Share of the planned training that is done, in [0, 1]."""
        return min(1.0, self.time / self.epochs)


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of one stream.

    Parameters
    ----------
    rows : int64 array (b,)
        Row numbers, on the host.
    index : int64 tensor (b,)
        The same on the device: what memories are read and written by.
    views : mapping of str to tensor (b, ...)
        The inputs, once for each view of the stream; the first one is `x`.
    fields : mapping of str to tensor (b, ...)
        What the task knows of each row: ``"labels"`` int64 with -1 for unknown, ``"candidates"`` bool (b, K),
        ``"tags"`` int8 (b, K) in {-1, 0, 1}, ``"values"`` float (b, 2), ``"weight"`` float, and whatever was added.
    """

    rows: NDArray[np.int64]
    index: Tensor
    views: Mapping[str, Any]
    fields: Mapping[str, Tensor]
    _all_evidence: Evidence | None = field(default=None, repr=False)

    @property
    def x(self) -> Any:
        """The inputs under the stream's first view."""
        return next(iter(self.views.values()))

    @property
    def labels(self) -> Tensor:
        """Given classes, int64 (b,), -1 = unknown."""
        return self["labels"]

    @cached_property
    def evidence(self) -> Evidence:
        """The evidence about these rows; batches of group evidence hold whole units."""
        if self._all_evidence is None:
            raise BadInput("this task has no evidence", fix="pass evidence= to Task")
        return self._all_evidence.take(self.rows)

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self.fields[name]
        except KeyError:
            known = sorted(self.fields)
            hint = did_you_mean(name, known) or f"it has {', '.join(known) or 'no fields'}"
            raise BadInput(f"the task has no field {quoted(name)}", fix=hint) from None

    def __len__(self) -> int:
        return len(self.rows)


class Batches(Mapping[str, Batch]):
    """One batch of each stream, by name, and the clock."""

    def __init__(self, streams: Mapping[str, Batch], clock: Clock) -> None:
        self._streams, self.clock = streams, clock

    def __getitem__(self, name: str) -> Batch:
        return self._streams[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._streams)

    def __len__(self) -> int:
        return len(self._streams)
