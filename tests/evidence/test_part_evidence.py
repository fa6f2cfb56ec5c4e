"""Spans, boxes and masks: evidence about parts of a row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelwright.errors import BadInput
from labelwright.evidence import Boxes, LabelSpace, Masks, Spans, load_evidence, save_evidence
from labelwright.evidence.segments import offsets_of

SPACE = LabelSpace(("LOC", "PER"))
rows_of_tags = st.lists(st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), max_size=7), max_size=6)


def spans_of(rows):
    return Spans.from_tags([tag for row in rows for tag in row], offsets_of([len(row) for row in rows]), SPACE)


@st.composite
def boxes(draw):
    counts = draw(st.lists(st.integers(0, 3), max_size=5))
    t = sum(counts)
    numbers = st.floats(-50, 50, allow_nan=False)
    corners = draw(st.lists(st.tuples(*[numbers] * 4), min_size=t, max_size=t))
    classes = draw(st.lists(st.integers(-1, 2), min_size=t, max_size=t))
    confidence = draw(st.none() | st.lists(st.floats(0, 1), min_size=t, max_size=t))
    sizes = draw(st.none() | st.just(np.tile([640.0, np.nan], (len(counts), 1))))
    return Boxes(offsets_of(counts), np.reshape(corners, (t, 4)), classes, 3, sizes, confidence)


@st.composite
def masks(draw):
    shapes = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=4))
    seed = draw(st.integers(0, 1000))
    rng = np.random.default_rng(seed)
    return Masks.from_arrays([rng.integers(-1, 3, shape) for shape in shapes], 3)


part_evidence = rows_of_tags.map(spans_of) | boxes() | masks()


@given(rows_of_tags)
def test_tags_in_the_form_iob2_come_back_unless_they_were_odd(rows):
    spans = spans_of(rows)
    tags = spans.to_tags(SPACE)
    assert [tag[2:] for tag in tags] == [tag[2:] for row in rows for tag in row]
    assert Spans.from_tags(tags, offsets_of(spans.lengths), SPACE) == spans


@given(part_evidence)
@settings(max_examples=40, deadline=None)
def test_evidence_about_parts_is_equal_after_a_trip_to_parquet(tmp_path_factory, evidence):
    path = tmp_path_factory.mktemp("trip") / "parts.parquet"
    save_evidence(evidence, path)
    assert load_evidence(path) == evidence


@given(part_evidence, st.randoms(use_true_random=False))
def test_taking_all_rows_twice_in_any_order_is_taking_them_in_both_orders(evidence, random):
    first = list(range(len(evidence)))
    random.shuffle(first)
    back = np.argsort(first) if first else []
    assert evidence.take(first).take(back) == evidence
    assert evidence.units().tolist() == list(range(len(evidence)))


@given(masks())
def test_masks_of_runs_are_the_images_that_they_came_from(evidence):
    again = Masks.from_arrays([evidence.mask(i) for i in range(len(evidence))], 3)
    assert again == evidence
    for i in range(len(evidence)):
        assert evidence.areas[i].tolist() == [int((evidence.mask(i) == k).sum()) for k in range(3)]


def test_runs_of_one_class_that_touch_are_joined():
    cut = Masks([[1, 4]], [0, 3], [0, 0, 1], [1, 1, 2], 2)
    assert cut == Masks.from_arrays([[[0, 0, 1, 1]]], 2)


def test_the_tags_of_all_schemes_name_the_same_spans():
    forms = (
        ["B-PER", "I-PER", "I-PER", "O", "B-LOC"],
        ["I-PER", "I-PER", "I-PER", "O", "I-LOC"],
        ["B-PER", "I-PER", "E-PER", "O", "S-LOC"],
        ["B-PER", "I-PER", "L-PER", "O", "U-LOC"],
    )
    found = [Spans.from_tags(tags, [0, 5], SPACE) for tags in forms]
    assert all(spans == found[0] for spans in found)


def test_two_spans_of_one_class_that_touch_stay_two():
    spans = Spans.from_tags(["B-PER", "B-PER", "I-PER"], [0, 3], SPACE)
    assert (spans.starts.tolist(), spans.ends.tolist()) == ([0, 1], [1, 3])


def test_a_span_never_reaches_over_the_end_of_a_sentence():
    spans = Spans.from_tags(["B-PER", "I-PER"], [0, 1, 2], SPACE)
    assert spans.offsets.tolist() == [0, 1, 2]


def test_boxes_in_the_form_of_coco_have_the_corners_of_the_same_box():
    assert Boxes.from_xywh([0, 1], [[1, 2, 3, 4]], [0], 1) == Boxes([0, 1], [[1, 2, 4, 6]], [0], 1)


def test_a_box_without_width_has_no_area():
    assert Boxes([0, 2], [[0, 0, 2, 3], [5, 0, 2, 3]], [0, 0], 1).areas.tolist() == [6, 0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Spans([2], [0, 1], [1], [3], [0], 1), "does not lie within the 2 tokens"),
        (lambda: Spans([2], [0, 1], [1], [1], [0], 1), "does not lie within"),
        (lambda: Spans([2], [0, 2], [0, 0], [1, 1], [0, 0], 1), "given twice"),
        (lambda: Spans([2], [0, 1], [0], [1], [4], 2), "class 4 is outside"),
        (lambda: Spans.from_tags(["B-ORG"], [0, 1], SPACE), "names no class"),
        (lambda: Spans.from_tags(["PER"], [0, 1], SPACE), "is no tag of a span"),
        (lambda: Spans([3], [0, 2], [0, 1], [2, 3], [0, 0], 1).to_tags(LabelSpace(("PER",))), "overlap"),
        (lambda: Boxes([0, 1], [[0, 0, np.nan, 1]], [0], 1), "no finite number"),
        (lambda: Boxes([0, 1], [[0, 0, 1, 1]], [0], 1, confidence=[1.5]), "in [0, 1] a box"),
        (lambda: Boxes([0, 1], [[0, 0, 1]], [0], 1), "left, top, right, bottom"),
        (lambda: Boxes([0, 1], [[0, 0, 1, 1]], [0], 1, sizes=[[0, 5]]), "no widths and heights"),
        (lambda: Masks([[2, 2]], [0, 1], [0], [3], 1), "3 pixels for 2 x 2"),
        (lambda: Masks.from_arrays([[[5]]], 2), "class 5 is outside"),
        (lambda: Masks.from_arrays([[[0.5]]], 2), "whole numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(make, words):
    with pytest.raises(BadInput, match=words.replace("[", r"\[").replace("]", r"\]")):
        make()
