"""Badly annotated spans are spoiled as asked and stay spans."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labelwright.evidence import LabelSpace, Spans
from labelwright.noise import forgotten_spans, moved_span_bounds, swapped_span_classes

SPACE = LabelSpace(("LOC", "PER"))
tags = st.lists(st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC"]), max_size=6), min_size=1, max_size=6)


def spans_of(rows):
    return Spans.from_tags([t for row in rows for t in row], np.cumsum([0, *map(len, rows)]), SPACE)


@given(tags, st.integers(0, 50))
def test_moved_spans_never_overlap_and_keep_number_and_classes(rows, seed):
    spans = spans_of(rows)
    moved = moved_span_bounds(spans, 1.0, seed).spans
    assert moved.classes.tolist() == spans.classes.tolist()
    assert len(moved.to_tags(SPACE)) == sum(map(len, rows))
    assert (np.abs(moved.starts - spans.starts) + np.abs(moved.ends - spans.ends) <= 1).all()


@given(tags, st.integers(0, 50))
def test_every_class_is_another_where_all_are_swapped(rows, seed):
    spans = spans_of(rows)
    swapped = swapped_span_classes(spans, 1.0, seed).spans
    assert (swapped.classes == 1 - spans.classes).all()


def test_a_rate_of_0_changes_nothing_and_of_1_forgets_all():
    spans = spans_of([["B-PER", "I-PER"], ["O"], ["B-LOC"]])
    assert forgotten_spans(spans, 0.0, 0).spans == spans
    gone = forgotten_spans(spans, 1.0, 0)
    assert (gone.spans.offsets.tolist(), gone.changed.tolist(), gone.realised_rate) == ([0, 0, 0, 0], [0, 2], 1.0)
