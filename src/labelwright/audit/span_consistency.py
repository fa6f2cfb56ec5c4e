"""Auditor of entities that are marked in most sentences and not, or otherwise, in others. Needs no model.

For every string of words that is somewhere a span, all its places are looked up (the same words in the same case, not
within a longer span). Where at least four fifths of at least four places agree on one class, or on none, the others
are suspect:

    score = (places marked like this one + 1/2) / (all places + 1)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelwright.audit.scores import Scores
from labelwright.data.parts.sentences import Sentences
from labelwright.errors import quoted
from labelwright.evidence.segments import segment_ids
from labelwright.evidence.space import LabelSpace
from labelwright.evidence.spans import Spans

_LONGEST = 6  # words of a span that is looked up elsewhere


class _Place(NamedTuple):
    """A place that is marked otherwise than most: its first token, its class and that of most, -1 for none; counts."""

    first: int
    width: int
    given: int
    elsewhere: int
    like: int
    agree: int
    total: int


@dataclass(frozen=True)
class InconsistentSpans:
    """Auditor of spans that are marked differently in other sentences.

    Parameters
    ----------
    least_places : int, default 4
        Places that a string of words must have.
    least_share : float, default 0.8
        Share of them that must agree.
    """

    least_places: int = 4
    least_share: float = 0.8

    def score(self, sentences: Sentences, spans: Spans, space: LabelSpace) -> Scores:
        """Score the places of spans whose words are marked otherwise elsewhere.

        Parameters
        ----------
        sentences : Sentences
        spans : Spans
            Of the same n sentences.
        space : LabelSpace
            The classes of the spans, such as PER.

        Returns
        -------
        Scores of kind ``"inconsistent_span"``, level ``"part"``; `suggested` is a class, or O for none.

        Examples
        --------
        >>> sentences = Sentences(("Ann", "sings") * 6, np.arange(0, 13, 2), tuple("abcdef"))
        >>> spans = Spans([2] * 6, [0, 1, 2, 3, 4, 5, 5], [0] * 5, [1] * 5, [0] * 5, 1)
        >>> found = InconsistentSpans().score(sentences, spans, LabelSpace(("PER",)))
        >>> found.rows, found.part, found.suggested
        (array([5]), ['0-0'], ['PER'])
        """
        codes = np.unique(np.array(sentences.tokens, dtype=np.str_), return_inverse=True)[1].astype(np.int64)
        firsts = sentences.offsets[segment_ids(spans.offsets)] + spans.starts
        widths = spans.ends - spans.starts
        inside = np.zeros(len(codes) + 1, dtype=np.int64)
        np.add.at(inside, firsts, 1)
        np.add.at(inside, firsts + widths, -1)
        covered = np.concatenate([[0], np.cumsum(np.cumsum(inside)[:-1] > 0)])
        found = [
            self._of_width(width, codes, sentences, firsts[widths == width], spans.classes[widths == width], covered)
            for width in range(1, _LONGEST + 1)
            if (widths == width).any()
        ]
        return _scores([entry for part in found for entry in part], sentences, space)

    def _of_width(
        self,
        width: int,
        codes: NDArray[np.int64],
        sentences: Sentences,
        firsts: NDArray[np.int64],
        classes: NDArray[np.int32],
        covered: NDArray[np.int64],
    ) -> list[_Place]:
        """Return the odd places of strings of `width` words."""
        rows = sentences.rows
        ends = np.arange(width - 1, len(codes))
        starts = ends - (width - 1)
        starts = starts[rows[ends] == rows[starts]]
        grams = np.stack([codes[starts + k] for k in range(width)], axis=1)
        _, gram = np.unique(grams, axis=0, return_inverse=True)
        gram = gram.ravel()
        at = np.searchsorted(starts, firsts)
        said = np.full(len(starts), -2)
        said[covered[starts + width] == covered[starts]] = -1  # no word of it lies in a span
        said[at] = classes
        wanted = np.isin(gram, gram[at]) & (said >= -1)
        if not wanted.any():
            return []
        kinds = int(said.max()) + 2
        cell = gram[wanted] * kinds + said[wanted] + 1
        known, counts = np.unique(cell, return_counts=True)
        owner = known // kinds
        total = np.bincount(owner, weights=counts, minlength=int(owner.max()) + 1)
        best = np.zeros(len(total))
        np.maximum.at(best, owner, counts)
        agreed = (total >= self.least_places) & (best >= self.least_share * total) & (best < total)
        major = np.full(len(total), -1)
        major[owner[counts == best[owner]]] = known[counts == best[owner]] % kinds - 1
        place = np.flatnonzero(wanted)
        mine = np.searchsorted(known, cell)
        odd = agreed[gram[place]] & (said[place] != major[gram[place]])
        columns = (
            starts[place[odd]], np.full(odd.sum(), width), said[place[odd]], major[gram[place[odd]]],
            counts[mine[odd]], best[gram[place[odd]]].astype(np.int64), total[gram[place[odd]]].astype(np.int64),
        )  # fmt: skip
        return [_Place(*entry) for entry in zip(*(column.tolist() for column in columns), strict=True)]


def _scores(found: list[_Place], sentences: Sentences, space: LabelSpace) -> Scores:
    if not found:
        return Scores.none("inconsistent_span", "part")
    found.sort()
    rows = sentences.rows[[place.first for place in found]]
    start = sentences.offsets[rows].tolist()
    return Scores(
        "inconsistent_span",
        "part",
        np.array([(place.like + 0.5) / (place.total + 1) for place in found]),
        np.ones(len(found), dtype=bool),
        rows=rows,
        part=[f"{p.first - s}-{p.first - s + p.width - 1}" for s, p in zip(start, found, strict=True)],
        given=[_name(place.given, space) for place in found],
        suggested=[_name(place.elsewhere, space) for place in found],
        reason=[_reason(place, sentences, space) for place in found],
    )


def _name(kind: int, space: LabelSpace) -> str:
    return "O" if kind < 0 else space.names[kind]


def _reason(place: _Place, sentences: Sentences, space: LabelSpace) -> str:
    words = quoted(" ".join(sentences.tokens[place.first : place.first + place.width]))
    here = "not marked here" if place.given < 0 else f"marked {quoted(space.names[place.given])} here"
    there = "not marked" if place.elsewhere < 0 else f"marked {quoted(space.names[place.elsewhere])}"
    return f"{words} is {here}; in {place.agree} of its {place.total} places it is {there}"
