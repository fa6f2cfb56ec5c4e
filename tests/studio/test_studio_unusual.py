"""Words that speak against a label and cells that are unusual within their class."""

from __future__ import annotations

import numpy as np

from labelwright.studio.items import Content
from labelwright.studio.unusual import WordOdds, _far, _rare, marked_text

SAID = ["free prize", "free win", "free now"] * 3 + ["see you", "see her", "see now"] * 3
LABELS = np.repeat([0, 1], 9)


def odds(said=SAID, labels=LABELS):
    return WordOdds(lambda rows: [said[row] for row in rows], labels, 2)


def test_words_of_the_other_class_are_marked_and_those_of_both_are_not():
    assert [SAID[2][a:b] for a, b, _ in odds().against(2, "free now", given=1, other=0)] == ["free"]
    assert odds().against(2, "free now", given=0, other=1) == []


def test_a_row_does_not_speak_for_its_own_label():
    said, labels = [*SAID, "free free"], np.append(LABELS, 1)
    counted = odds(said, labels)
    marked = [len(counted.against(row, "free", given=1, other=0)) for row in (18, 0)]
    assert marked == [1, 0]


def test_texts_without_words_have_none_marked():
    assert odds(["", "!?"] * 9).against(0, "!?", given=0, other=1) == []


def test_the_parts_of_a_marked_text_are_the_text():
    text = "ab free cd free"
    parts = marked_text(text, [(3, 7, 2.0), (11, 15, 2.0)])
    assert "".join(part["text"] for part in parts) == text
    assert [part["text"] for part in parts if part["marked"]] == ["free", "free"]


def test_a_number_far_from_its_own_class_is_unusual_there_alone():
    values, groups = np.r_[np.arange(30.0), np.arange(1000.0, 1030.0), 1015.0], np.r_[np.zeros(30), np.ones(30), 0]
    why = _far(values, groups.astype(int))
    assert why(60) is not None and why(45) is None


def test_a_rare_value_of_a_class_is_unusual_and_free_text_never():
    cells, groups = ["a"] * 99 + ["b"] + ["b"] * 50, np.r_[np.zeros(100), np.ones(50)].astype(int)
    assert (_rare(cells, groups)(99), _rare(cells, groups)(120)) == ("1 / 100", None)
    assert _rare([str(k) for k in range(40)], np.zeros(40, int))(3) is None


def test_the_studio_marks_words_of_a_mislabelled_ticket(ticket_audit):
    issues = ticket_audit.issues.to_pylist()
    wrong = next(one for one in issues if one["kind"] == "label" and one["is_issue"])
    content = Content.of(ticket_audit)
    other = ticket_audit.dataset.space.index[wrong["suggested"]]
    parts = content.explained(wrong["row"], other)["texts"][0]["parts"]
    assert any(part["marked"] for part in parts)
