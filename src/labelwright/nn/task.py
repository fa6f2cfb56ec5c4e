"""What an objective is told about the problem: rows, what is known of them, and how to make networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from labelwright.errors import BadInput
from labelwright.evidence import Candidates, Evidence, Hard, Mixed, Reals, Soft, Tags
from labelwright.nn.batch import Batch
from labelwright.nn.stream import Sampler, Shuffled, Stream
from labelwright.nn.views import View, ViewPair, unchanged

NetSpec = Callable[[tuple[int, ...], int], nn.Module]  # (shape of one input, outputs) → network


class Rows(Protocol):
    """Inputs that are read by row numbers: a tensor, or anything that gathers batches (files, memory maps)."""

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def __getitem__(self, index: Any, /) -> Any:
        """Return the inputs (b, ...) of rows int64 (b,)."""
        ...


class Task:
    """A learning problem.

    Parameters
    ----------
    x : tensor or array (n, ...), or Rows
        Inputs; arrays are taken without a copy where torch can.
    evidence : Evidence, optional
        What the labels say. Its dense forms become fields of batches: ``"labels"``, ``"candidates"``, ``"tags"``,
        ``"values"``, ``"soft"``.
    net : callable (input shape, outputs) → nn.Module
        Makes a fresh network; the backbones are such callables.
    n_outputs : int, optional
        Outputs of a network; the classes of the evidence by default, 1 for `Reals`.
    fields : mapping of str to array (n, ...), optional
        Further knowledge of each row.
    rows : int array, optional
        Rows to learn from; all by default. The others can still be looked at (graphs, held-out rows).
    views : ViewPair, optional
        How a weak and a strong view of an input are made.
    """

    def __init__(
        self,
        x: ArrayLike | Tensor | Rows,
        evidence: Evidence | None = None,
        *,
        net: NetSpec,
        n_outputs: int | None = None,
        fields: Mapping[str, ArrayLike | Tensor] | None = None,
        rows: ArrayLike | None = None,
        views: ViewPair | None = None,
    ) -> None:
        self.x = as_inputs(x)
        self.n_rows = len(self.x)
        self.evidence = evidence
        self.net, self.views = net, views or ViewPair()
        if evidence is not None and len(evidence) != self.n_rows:
            raise BadInput(f"X has {self.n_rows} rows, the evidence {len(evidence)}", fix="pass evidence about X")
        self.fields: dict[str, Tensor] = {} if evidence is None else fields_of(evidence)
        for name, values in (fields or {}).items():
            self.add_field(name, values)
        self.n_classes = n_outputs if n_outputs is not None else outputs_of(evidence)
        self.rows = np.arange(self.n_rows) if rows is None else np.asarray(rows, dtype=np.int64)
        self.held_out: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.device = torch.device("cpu")

    def add_field(self, name: str, values: ArrayLike | Tensor) -> None:
        """Tell something more of every row; the first axis is the rows'."""
        tensor = values if isinstance(values, Tensor) else torch.as_tensor(np.array(values))
        if len(tensor) != self.n_rows:
            raise BadInput(f"the field {name!r} has {len(tensor)} rows, X has {self.n_rows}", fix="one entry a row")
        self.fields[name] = tensor

    @property
    def labels(self) -> Tensor:
        """Given classes of all rows, int64 (n,), -1 = unknown; BadInput when the evidence is no hard labels."""
        if "labels" not in self.fields:
            kind = type(self.evidence).__name__
            raise BadInput(f"this method needs one given label a row, the evidence is {kind}", fix="pass Hard labels")
        return self.fields["labels"]

    @property
    def units(self) -> NDArray[np.int64] | None:
        """Unit of each row where rows are tied together, else None."""
        units = None if self.evidence is None else self.evidence.units()
        return None if units is None or len(units) == 0 or units.max() + 1 == len(units) else units

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return tuple(self._gather(np.zeros(1, dtype=np.int64)).shape[1:])

    def new_net(self, n_outputs: int | None = None) -> nn.Module:
        """Return a fresh network with `n_outputs` outputs, `n_classes` by default."""
        return self.net(self.input_shape, n_outputs or self.n_classes)

    def stream(
        self,
        rows: ArrayLike | None = None,
        *,
        batch_size: int | None = None,
        views: Mapping[str, View] | Sequence[str] | None = None,
        sampler: Sampler | None = None,
    ) -> Stream:
        """Return a stream of the rows to learn from, or of `rows`, in whole units.

        `views` names views: ``("weak", "strong")`` takes the task's own, a mapping gives others.
        """
        chosen = self.rows if rows is None else np.asarray(rows, dtype=np.int64)
        units = self.units
        named = {"x": unchanged, "weak": self.views.weak, "strong": self.views.strong}
        seen = views if isinstance(views, Mapping) else {name: named[name] for name in views or ("x",)}
        own = None if units is None else units[chosen]
        return Stream(chosen, batch_size, seen, sampler or Shuffled(), own)

    def batch(self, rows: NDArray[np.int64], views: Mapping[str, View] | None = None) -> Batch:
        """Return rows as a batch on the device."""
        x = self._gather(rows)
        index = torch.from_numpy(np.ascontiguousarray(rows))
        if self.device.type != "cpu":
            x, index = x.to(self.device, non_blocking=True), index.to(self.device, non_blocking=True)
        seen = {name: view(x) for name, view in (views or {"x": unchanged}).items()}
        return Batch(rows, index, seen, _Fields(self.fields, index), self.evidence)

    def to(self, device: torch.device, *, room: int = 2 << 30) -> None:
        """Move fields, and inputs of up to `room` bytes, to a device; larger inputs travel batch by batch."""
        self.device = device
        self.fields = {name: values.to(device) for name, values in self.fields.items()}
        if isinstance(self.x, Tensor) and self.x.nbytes <= room:
            self.x = self.x.to(device)

    def _gather(self, rows: NDArray[np.int64]) -> Any:
        index = torch.from_numpy(np.ascontiguousarray(rows))
        if isinstance(self.x, Tensor) and self.x.device.type != "cpu":
            index = index.to(self.x.device)
        return self.x[index]


class _Fields(Mapping[str, Tensor]):
    """The rows' part of each field, cut when it is asked for."""

    def __init__(self, fields: Mapping[str, Tensor], index: Tensor) -> None:
        self._fields, self._index = fields, index

    def __getitem__(self, name: str) -> Tensor:
        return self._fields[name][self._index]

    def __iter__(self) -> Any:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def fields_of(evidence: Evidence) -> dict[str, Tensor]:
    """Return the dense forms of one kind of evidence as tensors over rows; empty for groups and mixtures."""
    if isinstance(evidence, Hard):
        return {"labels": torch.tensor(evidence.labels, dtype=torch.int64)}
    if isinstance(evidence, Soft):
        return {"soft": torch.tensor(evidence.probs)}
    if isinstance(evidence, Candidates):
        return {"candidates": torch.from_numpy(evidence.mask())}
    if isinstance(evidence, Tags):
        return {"tags": torch.from_numpy(evidence.dense())}
    if isinstance(evidence, Reals):
        return {"values": torch.tensor(evidence.bounds, dtype=torch.float32)}
    return {}


def outputs_of(evidence: Evidence | None) -> int:
    """Return how many outputs a network needs: the classes, or 1 for numbers."""
    part: Any = evidence.parts[0] if isinstance(evidence, Mixed) else evidence
    if part is None:
        raise BadInput("a task without evidence has no known number of outputs", fix="pass n_outputs")
    return 1 if isinstance(part, Reals) else int(part.n_classes)


def as_inputs(x: Any) -> Any:
    """Return arrays and sequences as a tensor, float64 as float32; anything read by row numbers as it is."""
    if isinstance(x, np.ndarray | Sequence):
        array = np.asarray(x)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        if array.dtype.kind not in "fiub":
            raise BadInput(f"X holds {array.dtype}", fix="pass numbers; build features of text and tables first")
        return torch.from_numpy(np.ascontiguousarray(array))
    if isinstance(x, Tensor) or (hasattr(x, "__len__") and hasattr(x, "__getitem__")):
        return x
    raise BadInput(f"X is a {type(x).__name__}", fix="pass an array, a tensor, or an object read by row numbers")
