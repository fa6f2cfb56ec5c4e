"""What labels can be: the names of the classes and their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput, did_you_mean, listed, quoted


@dataclass(frozen=True)
class LabelSpace:
    """The classes in a fixed order; class ``k`` is ``names[k]``.

    Parameters
    ----------
    names : tuple of str
        Unique. Not trimmed and not case-folded: ``"Cat"`` and ``"cat "`` are different classes here.

    Examples
    --------
    >>> LabelSpace(("cat", "dog")).encode(["dog", None, "cat"])
    array([ 1, -1,  0], dtype=int32)
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise BadInput(f"the classes name {listed(twice)} more than once", fix="name each class once")

    @classmethod
    def of(cls, values: Iterable[str | None]) -> LabelSpace:
        """Return the space of all values that occur, sorted; None is no class."""
        return cls(tuple(sorted({value for value in values if value is not None})))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each class name."""
        return {name: k for k, name in enumerate(self.names)}

    def encode(self, values: Sequence[str | None]) -> NDArray[np.int32]:
        """Return the class number of each value, int32 (n,), -1 for None; BadInput for a name that is no class."""
        index = self.index
        try:
            codes = [-1 if value is None else index[value] for value in values]
        except KeyError as unknown:
            name = unknown.args[0]
            row = next(i for i, value in enumerate(values) if value == name)
            raise BadInput(
                f"label {quoted(name)} is not one of the {len(self)} classes",
                where=f"row {row}",
                fix=did_you_mean(name, self.names),
            ) from None
        return np.asarray(codes, dtype=np.int32)

    def decode(self, codes: NDArray[np.integer]) -> list[str | None]:
        """Return the name of each class number, None for -1."""
        return [None if code < 0 else self.names[code] for code in codes.tolist()]
