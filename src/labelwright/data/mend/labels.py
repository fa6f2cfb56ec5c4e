"""Which labels a decision may give: one of the classes, a set of tags, or a number."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from labelwright.errors import BadInput, did_you_mean, quoted


class LabelRule(Protocol):
    """Turns what a decision says into the label as the data write it; BadInput when it is none."""

    def accept(self, label: str, where: str) -> str:
        """Return the label to write; `where` is the place of the decision."""
        ...


@dataclass(frozen=True)
class ClassNames:
    """One of the classes there are, or one that is explicitly new.

    Parameters
    ----------
    names : tuple of str
    new : tuple of str
        Classes that the caller allows although no row has them yet.
    closed : str
        When not empty, why new classes cannot be written, such as ``"data.yaml lists the classes"``.

    Examples
    --------
    >>> ClassNames(("cat", "dog")).accept("cat ", "decisions.csv line 2")
    'cat'
    """

    names: tuple[str, ...]
    new: tuple[str, ...] = ()
    closed: str = ""

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset((*self.names, *(() if self.closed else self.new)))

    def accept(self, label: str, where: str) -> str:
        """Return the class called `label`, blanks around it ignored unless a class has them."""
        for name in (label, label.strip()):
            if name in self._known:
                return name
        if self.closed:
            raise BadInput(
                f"{quoted(label)} is not a class, and {self.closed}",
                where=where,
                fix=did_you_mean(label.strip(), self.names),
            )
        near = did_you_mean(label.strip(), self.names)
        raise BadInput(
            f"{quoted(label)} is not a class of the data",
            where=where,
            fix=f"{near}, or allow it with --new-class {quoted(label.strip())}",
        )


@dataclass(frozen=True)
class TagNames:
    """A set of tags, written ``a|b`` in the decisions; every tag must be one of `classes`."""

    classes: ClassNames
    separator: str = "|"

    def accept(self, label: str, where: str) -> str:
        """Return the tags in the order given, joined by ``|``, each once."""
        pieces = (piece.strip() for piece in label.split(self.separator))
        return self.separator.join(dict.fromkeys(self.classes.accept(piece, where) for piece in pieces if piece))


@dataclass(frozen=True)
class Numbers:
    """A finite number, as written."""

    def accept(self, label: str, where: str) -> str:
        """Return `label` without blanks around it."""
        try:
            finite = math.isfinite(float(label)) and "_" not in label
        except ValueError:
            finite = False
        if not finite:
            raise BadInput(f"{quoted(label)} is no number", where=where, fix="write a number such as 3.5")
        return label.strip()


def ordered(names: Iterable[str | None]) -> tuple[str, ...]:
    """Return the names that occur, each once, in the order of their first occurrence."""
    return tuple(dict.fromkeys(name for name in names if name is not None))
