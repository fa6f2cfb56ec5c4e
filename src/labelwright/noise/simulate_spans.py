"""Badly annotated spans: the wrong class, the wrong bounds, or a span that nobody marked.

Each span is spoiled with probability `rate`; the rate is over spans, `changed` lists the rows (sentences) that differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.evidence.segments import offsets_of, segment_ids
from labelwright.evidence.spans import Spans
from labelwright.noise.draws import other_classes, struck
from labelwright.noise.record import Corruption, Seed, rates, start


@dataclass(frozen=True, kw_only=True)
class NoisySpans(Corruption):
    """Corrupted spans; the rate is over spans."""

    spans: Spans


def swapped_span_classes(spans: Spans, rate: float, seed: Seed) -> NoisySpans:
    """Give spans another class, drawn uniformly from the others.

    Parameters
    ----------
    spans : Spans
        Of at least two classes.
    rate : float in [0, 1]
    seed : int or numpy.random.Generator

    Examples
    --------
    >>> swapped_span_classes(Spans([2], [0, 1], [0], [2], [0], 2), rate=1.0, seed=0).spans.classes
    array([1], dtype=int32)
    """
    rng, recorded = start(seed, "swapped spans")
    classes, hit = other_classes(spans.classes, spans.n_classes, rate, rng)
    parts = spans.starts, spans.ends, classes
    return _record(spans, parts, np.ones(len(classes), dtype=bool), hit, "swapped spans", rate, recorded)


def forgotten_spans(spans: Spans, rate: float, seed: Seed) -> NoisySpans:
    """Leave spans out: the annotator did not see them."""
    rng, recorded = start(seed, "forgotten spans")
    hit = struck(len(spans.classes), rate, rng)
    parts = spans.starts, spans.ends, spans.classes
    return _record(spans, parts, ~hit, hit, "forgotten spans", rate, recorded)


def moved_span_bounds(spans: Spans, rate: float, seed: Seed) -> NoisySpans:
    """Move one end of spans by one token, in or out, never into another span, over an edge or to nothing.

    A span that has nowhere to go stays; the realised rate tells.
    """
    rng, recorded = start(seed, "moved spans")
    rows, cuts = segment_ids(spans.offsets), offsets_of(spans.lengths)
    covered = np.zeros(int(cuts[-1]) + 2, dtype=np.int64)
    np.add.at(covered, cuts[rows] + spans.starts, 1)
    np.add.at(covered, cuts[rows] + spans.ends, -1)
    free = np.cumsum(covered) == 0
    starts, ends = spans.starts.copy(), spans.ends.copy()
    hit = np.zeros(len(starts), dtype=bool)
    for at in np.flatnonzero(struck(len(spans.classes), rate, rng)).tolist():
        moves = _moves(int(starts[at]), int(ends[at]), int(spans.lengths[rows[at]]), free[cuts[rows[at]] :])
        if moves:
            starts[at], ends[at] = moves[int(rng.integers(len(moves)))]
            free[cuts[rows[at]] + starts[at] : cuts[rows[at]] + ends[at]] = False
            hit[at] = True
    parts = starts, ends, spans.classes
    return _record(spans, parts, np.ones(len(starts), dtype=bool), hit, "moved spans", rate, recorded)


def _moves(start: int, end: int, length: int, free: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the bounds that a span may get; free: which tokens from the start of its row are in no span."""
    moves = []
    if start > 0 and free[start - 1]:
        moves.append((start - 1, end))
    if end < length and free[end]:
        moves.append((start, end + 1))
    if end - start > 1:
        moves += [(start + 1, end), (start, end - 1)]
    return moves


def _record(
    spans: Spans,
    parts: tuple[NDArray, NDArray, NDArray],
    kept: NDArray[np.bool_],
    hit: NDArray[np.bool_],
    kind: str,
    rate: float,
    seed: int | None,
) -> NoisySpans:
    rows = segment_ids(spans.offsets)
    offsets = offsets_of(np.bincount(rows[kept], minlength=spans.n_rows))
    starts, ends, classes = (part[kept] for part in parts)
    made = Spans(spans.lengths, offsets, starts, ends, classes, spans.n_classes)
    return NoisySpans(spans=made, **rates(kind, rate, hit, rows[hit], seed))
