"""Labelled spans of tokens: entities in a sentence, events in a signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelwright.errors import BadInput, quoted
from labelwright.evidence.arrays import check_codes, checked_classes, frozen
from labelwright.evidence.base import Evidence
from labelwright.evidence.segments import checked_offsets, offsets_of, segment_ids, take_segments
from labelwright.evidence.space import LabelSpace

_PREFIXES = {"B": 1, "I": 2, "E": 3, "L": 3, "S": 4, "U": 4}  # IOB2, IOBES and BILOU
_OUTSIDE, _BEGIN, _INSIDE, _END, _SINGLE = range(5)


@dataclass(frozen=True, eq=False)
class Spans(Evidence):
    """Spans of tokens, each of one class; tokens outside of every span belong to none. A unit is a row (a sentence).

    Parameters
    ----------
    lengths : int array (n,)
        Tokens of each row.
    offsets : int array (n + 1,)
        Row i has the spans ``offsets[i]:offsets[i + 1]``.
    starts, ends : int array (t,)
        First token and one past the last, counted within the row; spans may overlap and nest. Stored in order.
    classes : int array (t,)
        Class of each span, -1 where it is not known; stored as int32.
    n_classes : int
        Number of classes K.

    Examples
    --------
    >>> spans = Spans.from_tags(["B-PER", "I-PER", "O", "B-LOC"], [0, 3, 4], LabelSpace(("LOC", "PER")))
    >>> spans.starts, spans.ends, spans.classes
    (array([0, 0]), array([2, 1]), array([1, 0], dtype=int32))
    """

    lengths: NDArray[np.int64]
    offsets: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    classes: NDArray[np.int32]
    n_classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_classes", checked_classes(self.n_classes))
        lengths = frozen(self.lengths, np.int64, "lengths")
        if (lengths < 0).any():
            raise BadInput("a row has fewer than 0 tokens", where=f"row {int(np.argmax(lengths < 0))}")
        starts, ends = frozen(self.starts, np.int64, "starts"), frozen(self.ends, np.int64, "ends")
        classes = frozen(self.classes, np.int32, "classes")
        offsets = checked_offsets(self.offsets, len(starts), "the span offsets")
        if not len(starts) == len(ends) == len(classes):
            raise BadInput("starts, ends and classes differ in length", fix="give one of each a span")
        if len(offsets) != len(lengths) + 1:
            raise BadInput(f"{len(offsets) - 1} rows of spans for {len(lengths)} lengths", fix="give one length a row")
        check_codes(classes, self.n_classes, -1, "class")
        rows = segment_ids(offsets)
        _check_places(rows, starts, ends, lengths)
        order = np.lexsort((classes, ends, starts, rows))
        key = np.stack([rows, starts, ends, classes])[:, order]
        twice = np.flatnonzero((np.diff(key, axis=1) == 0).all(axis=0))
        if len(twice):
            raise BadInput("a span is given twice", where=f"row {key[0, twice[0]]}", fix="give each span once")
        object.__setattr__(self, "lengths", lengths)
        object.__setattr__(self, "offsets", offsets)
        for name, values in (("starts", starts), ("ends", ends), ("classes", classes)):
            object.__setattr__(self, name, frozen(values[order], values.dtype, name))

    @classmethod
    def from_tags(cls, tags: Sequence[str], offsets: ArrayLike, space: LabelSpace) -> Self:
        """Return the spans of tags such as ``B-PER I-PER O`` (IOB1, IOB2, IOBES, BILOU).

        Parameters
        ----------
        tags : sequence of str, length m
            The tags of all tokens, row after row.
        offsets : int array (n + 1,)
            Row i has the tokens ``offsets[i]:offsets[i + 1]``.
        space : LabelSpace
            The names of the classes, without ``B-`` and the like.

        Raises
        ------
        BadInput
            When a tag names no class of `space`, or has no known prefix.
        """
        cuts = checked_offsets(offsets, len(tags), "the token offsets")
        known, codes = np.unique(np.asarray(tags, dtype=np.str_), return_inverse=True)
        parsed = [_parsed(tag, space) for tag in known.tolist()]
        table = np.array(parsed, dtype=np.int64).reshape(-1, 2)
        starts, ends = span_bounds(table[codes, 0], table[codes, 1], cuts)
        rows = segment_ids(cuts)[starts]
        counts = np.bincount(rows, minlength=len(cuts) - 1)
        first = cuts[rows]
        return cls(np.diff(cuts), offsets_of(counts), starts - first, ends - first, table[codes[starts], 1], len(space))

    def to_tags(self, space: LabelSpace) -> list[str]:
        """Return the tags of all tokens in the form IOB2, row after row; BadInput where spans overlap."""
        cuts = offsets_of(self.lengths)
        rows = segment_ids(self.offsets)
        first, last = cuts[rows] + self.starts, cuts[rows] + self.ends
        covered = np.zeros(int(cuts[-1]) + 1, dtype=np.int64)
        np.add.at(covered, first, 1)
        np.add.at(covered, last, -1)
        crowded = np.flatnonzero(np.cumsum(covered) > 1)
        if len(crowded):
            row = int(np.searchsorted(cuts, crowded[0], side="right")) - 1
            raise BadInput("spans overlap, which tags cannot say", where=f"row {row}", fix="keep one of them")
        if (self.classes < 0).any():
            raise BadInput("the class of a span is not known", where=f"row {rows[int(np.argmax(self.classes < 0))]}")
        tags = np.full(int(cuts[-1]), "O", dtype=object)
        names = np.array(space.names, dtype=object)[self.classes]
        width = last - first
        inside = np.repeat(first - offsets_of(width)[:-1], width) + np.arange(int(width.sum()))
        tags[inside] = "I-" + np.repeat(names, width)
        tags[first] = "B-" + names
        found: list[str] = tags.tolist()
        return found

    @property
    def n_rows(self) -> int:  # type: ignore[override]
        """Number of rows."""
        return len(self.lengths)

    def _units(self) -> NDArray[np.int64]:
        return np.arange(self.n_rows, dtype=np.int64)

    def _take(self, rows: NDArray[np.int64]) -> Self:
        offsets, entries = take_segments(self.offsets, rows)
        parts = (self.starts[entries], self.ends[entries], self.classes[entries])
        return type(self)(self.lengths[rows], offsets, *parts, self.n_classes)


def span_bounds(
    prefix: NDArray[np.integer], kind: NDArray[np.integer], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the spans of coded tags start and end, in tokens of the whole.

    prefix (m,): 0 outside, 1 begins, 2 inside, 3 ends, 4 alone. kind (m,): class. A tag that should continue a span of
    its class but has none before it begins one.
    """
    m = len(prefix)
    inside = prefix != _OUTSIDE
    fresh = np.zeros(m + 1, dtype=bool)
    fresh[offsets[:-1][np.diff(offsets) > 0]] = True
    before = np.concatenate([[_OUTSIDE], prefix[:-1]]) if m else prefix
    other = np.concatenate([[True], kind[1:] != kind[:-1]]) if m else inside
    closed = np.isin(before, (_OUTSIDE, _END, _SINGLE))
    begins = inside & (np.isin(prefix, (_BEGIN, _SINGLE)) | fresh[:m] | closed | other)
    goes_on = np.zeros(m + 1, dtype=bool)
    goes_on[:m] = inside & ~begins
    ends = np.flatnonzero(inside & ~goes_on[1:]) + 1
    return np.flatnonzero(begins).astype(np.int64), ends.astype(np.int64)


def _parsed(tag: str, space: LabelSpace) -> tuple[int, int]:
    """Return prefix and class of a tag."""
    if tag in ("O", ""):
        return _OUTSIDE, -1
    prefix, dash, name = tag.partition("-")
    if not dash or prefix not in _PREFIXES:
        raise BadInput(f"{quoted(tag)} is no tag of a span", fix="write O, or B-, I-, E- or S- and a class")
    if name not in space.index:
        raise BadInput(f"the tag {quoted(tag)} names no class", fix=f"name it in the label space of {len(space)}")
    return _PREFIXES[prefix], space.index[name]


def _check_places(
    rows: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64], lengths: NDArray[np.int64]
) -> None:
    wrong = np.flatnonzero((starts < 0) | (ends <= starts) | (ends > lengths[rows]))
    if len(wrong):
        at = wrong[0]
        raise BadInput(
            f"the span {starts[at]}:{ends[at]} does not lie within the {lengths[rows[at]]} tokens",
            where=f"row {rows[at]}",
            fix="give the first token and one past the last",
        )
