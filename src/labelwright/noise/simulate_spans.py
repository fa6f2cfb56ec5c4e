"""Badly annotated spans: the wrong class, the wrong bounds, or a span that nobody marked.

Each span is spoiled with probability `rate`; the rate is over spans, `changed` lists the rows (sentences) that differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelwright.errors import BadInput
from labelwright.evidence.segments import offsets_of, segment_ids
from labelwright.evidence.spans import Spans
from labelwright.metrics.checks import as_share
from labelwright.noise.draws import coins
from labelwright.noise.record import Corruption, Seed, share, start


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
    if spans.n_classes < 2:
        raise BadInput("there is one class only", fix="give spans of two classes or more")
    rng, recorded = start(seed, "swapped spans")
    hit = _hit(spans, rate, rng) & (spans.classes >= 0)
    step = rng.integers(1, spans.n_classes, len(spans.classes))
    classes = np.where(hit, (spans.classes + step) % spans.n_classes, spans.classes)
    parts = spans.starts, spans.ends, classes
    return _record(spans, parts, np.ones(len(classes), dtype=bool), hit, "swapped spans", rate, recorded)


def forgotten_spans(spans: Spans, rate: float, seed: Seed) -> NoisySpans:
    """Leave spans out: the annotator did not see them."""
    rng, recorded = start(seed, "forgotten spans")
    hit = _hit(spans, rate, rng)
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
    for at in np.flatnonzero(_hit(spans, rate, rng)).tolist():
        moves = _moves(int(starts[at]), int(ends[at]), int(spans.lengths[rows[at]]), free[cuts[rows[at]] :])
        if moves:
            starts[at], ends[at] = moves[int(rng.integers(len(moves)))]
            free[cuts[rows[at]] + starts[at] : cuts[rows[at]] + ends[at]] = False
            hit[at] = True
    parts = starts, ends, spans.classes
    return _record(spans, parts, np.ones(len(starts), dtype=bool), hit, "moved spans", rate, recorded)


def _hit(spans: Spans, rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    hit = np.zeros(len(spans.classes), dtype=bool)
    hit[coins(len(hit), as_share("rate", rate), rng)] = True
    return hit


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
    return NoisySpans(
        spans=made,
        kind=kind,
        requested_rate=float(rate),
        realised_rate=share(np.count_nonzero(hit), len(hit)),
        changed=np.unique(rows[hit]),
        seed=seed,
    )
