"""The score of a drawing against a reference drawing [P003]."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from labelwright.audit import mask_quality_score, matched_objects
from labelwright.errors import BadInput

FIELDS = np.zeros((24, 24), int)
FIELDS[2:10, 2:10], FIELDS[2:10, 12:20], FIELDS[14:22, 4:20] = 1, 2, 3


def test_the_score_is_the_weighted_sum_of_its_four_parts():
    answer = np.where(FIELDS == 2, 0, FIELDS)
    quality = mask_quality_score(FIELDS, answer, reference_classes={1: "a", 3: "a"}, answer_classes={1: "a", 3: "b"})
    assert quality.area == 1 - 64 / 576 and quality.fragmentation == 2 / 3 and quality.edge == 1.0
    assert_allclose(quality.categorical, 64 / (64 + 128))
    assert_allclose(quality.score, 0.55 * (1 - 64 / 576) + 0.225 * 2 / 3 + 0.1 + 0.125 / 3)


def test_two_merged_fields_match_at_most_one():
    assert matched_objects(FIELDS, np.where(FIELDS == 2, 1, FIELDS)) == [(3, 3)]


def test_a_false_field_costs_area_and_no_fragmentation():
    answer = FIELDS.copy()
    answer[0, :] = 9
    quality = mask_quality_score(FIELDS, answer)
    assert quality.fragmentation == 1.0 and quality.area == 1 - 24 / 576


def test_an_outline_within_the_buffer_counts_and_one_beyond_it_does_not():
    moved = np.roll(FIELDS, 2, axis=1)
    assert mask_quality_score(FIELDS, moved, buffer=2).edge == 1.0
    assert mask_quality_score(FIELDS, moved, buffer=1).edge < 1.0


def test_nothing_to_draw_and_nothing_drawn_is_perfect():
    empty = np.zeros((4, 4), int)
    assert mask_quality_score(empty, empty).score == 1.0
    assert mask_quality_score(empty, empty + 1).score == 0.0


def test_only_the_target_cell_is_counted():
    inside = np.zeros(FIELDS.shape, bool)
    inside[:12, :12] = True
    assert mask_quality_score(FIELDS, np.where(inside, FIELDS, 0), inside=inside).score == 1.0


@pytest.mark.parametrize(("answer", "words"), [(FIELDS[:3], "shapes"), (FIELDS + 0.5, "no map of objects")])
def test_what_cannot_be_scored_is_said_in_one_line(answer, words):
    with pytest.raises(BadInput, match=words):
        mask_quality_score(FIELDS, answer)
