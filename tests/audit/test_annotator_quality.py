"""Scorecards of annotators, weighted consensus and its risk [P003], in Python and from folders."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from labelwright.audit import (
    AnnotatorScorecard,
    OutlineQuality,
    bayesian_label_risk,
    mask_quality_score,
    weighted_consensus_map,
)
from labelwright.cli import run
from labelwright.errors import BadInput

FIELDS = np.zeros((24, 24), int)
FIELDS[2:10, 2:10], FIELDS[2:10, 12:20], FIELDS[14:22, 4:20] = 1, 2, 3


def card_of(*pairs):
    card = AnnotatorScorecard()
    for reference, answer in pairs:
        card.add(mask_quality_score(reference, answer))
    return card


def test_p003_equal_drawings_have_no_risk_opposite_ones_a_half_and_a_perfect_one_scores_1():
    drawn = (FIELDS > 0).astype(float)
    assert not weighted_consensus_map([drawn, drawn, drawn]).risk.any()
    assert (weighted_consensus_map([drawn, 1 - drawn]).risk == 0.5).all()
    assert mask_quality_score(FIELDS, FIELDS * 7).score == 1.0


def test_skills_are_the_shares_of_pixels_over_all_tasks():
    card = card_of(([[1, 1, 0, 0]], [[1, 0, 0, 0]]), ([[1, 1, 0, 0]], [[1, 1, 1, 0]]))
    assert (card.field_skill, card.nofield_skill) == (0.75, 0.75)
    assert AnnotatorScorecard().field_skill == 0.0 and np.isnan(AnnotatorScorecard().score)


def test_trust_is_about_the_last_tasks_and_lowers_the_share_of_reference_tasks():
    good, bad = mask_quality_score(FIELDS, FIELDS), mask_quality_score(FIELDS, FIELDS * 0)
    card = AnnotatorScorecard([bad] * 10)
    assert not card.trusted() and card.gold_share() == 0.1
    card.qualities += [good] * 10
    assert card.trusted() and card.gold_share() == pytest.approx(0.02)


def test_a_weight_is_the_skill_for_what_was_drawn():
    finder = card_of(([[1, 1, 0, 0]], [[1, 1, 1, 0]]))  # finds all, half of the background is wrong
    careful = card_of(([[1, 1, 0, 0]], [[1, 0, 0, 0]]))  # finds half, leaves all background
    merged = weighted_consensus_map([[[1.0, 0.0]], [[0.0, 1.0]]], [finder, careful])
    a, b = finder.score, careful.score
    assert_allclose(merged.probability, [[a * 1 / (a * 1 + b * 1), b * 0.5 / (a * 0.5 + b * 0.5)]])


def test_an_unsure_annotator_stands_once_in_the_denominator():
    assert_allclose(weighted_consensus_map([[[0.5]], [[1.0]], [[0.0]]]).probability, [[0.5]])


def test_an_untested_annotator_counts_like_the_mean_of_the_others():
    tested = card_of((FIELDS, FIELDS))
    merged = weighted_consensus_map([[[1.0]], [[0.0]]], [tested, AnnotatorScorecard()])
    assert_allclose(merged.probability, [[0.5]])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_risk_is_never_above_a_half_and_does_not_change_when_the_classes_are_swapped(shares):
    risk = bayesian_label_risk(shares)
    assert (risk <= 0.5).all()
    assert_allclose(risk, bayesian_label_risk(1 - np.array(shares)), atol=1e-12)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: weighted_consensus_map([[[0.3]]]), "something else"),
        (lambda: weighted_consensus_map([[[1.0]]], []), "1 maps and 0 scorecards"),
        (lambda: bayesian_label_risk([1.5]), "no share"),
        (lambda: OutlineQuality().measure({}, {}), "no annotator"),
        (lambda: OutlineQuality(pass_mark=2), "pass_mark is 2"),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(act, words):
    with pytest.raises(BadInput, match=words):
        act()


def test_the_report_names_who_falls_below_the_mark_and_lists_the_riskiest_task_first():
    half = np.where(FIELDS == 3, FIELDS, 0)
    drawings = {"ann": {"a": FIELDS, "b": FIELDS, "c": FIELDS}, "bob": {"a": FIELDS * 0, "b": FIELDS, "c": half}}
    measure = OutlineQuality(pass_mark=0.9)
    report = measure.measure({"a": FIELDS}, drawings)
    assert "1 of 2 tested annotators fall below" in report.verdict
    assert [alert.message.split()[0] for alert in report.alerts] == ["bob"]
    risks = report.section("Where the merged drawing is likely wrong").tables[0].rows
    assert [row[0] for row in risks][-1] == "b" and risks[-1][1] == 0
    assert_array_equal(measure.consensus_["b"].mask, FIELDS > 0)


@pytest.fixture
def folders(tmp_path):
    for person, factor in (("people/ann", 1), ("people/bob", 1), ("people/cy", 0), ("reference", 1)):
        (tmp_path / person).mkdir(parents=True)
        for task in ("field_1", "field_2"):
            if person != "reference" or task == "field_1":
                Image.fromarray((FIELDS * factor).astype(np.uint8)).save(tmp_path / person / f"{task}.png")
    return tmp_path


def test_the_command_reads_folders_and_writes_maps(folders, capsys):
    argv = ["measure", "outlines", str(folders / "people"), "--reference", str(folders / "reference")]
    assert run([*argv, "--out", str(folders / "out")]) == 0
    assert "1 of 3 tested annotators fall below the pass mark" in capsys.readouterr().out
    with np.load(folders / "out" / "consensus.npz") as maps:
        assert maps["mask/field_2"].any() and maps["risk/field_2"].max() <= 0.5
    assert run([*argv, "--out", str(folders / "out2"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["not trusted"] == 1


def test_bad_folders_are_refused_and_nothing_is_written(folders, capsys):
    out = folders / "out"
    (folders / "people" / "bob" / "field_1.png").write_bytes(b"no image")
    assert run(["measure", "outlines", str(folders / "people"), "--out", str(out)]) == 2
    assert "field_1.png" in capsys.readouterr().err and not out.exists()
    assert run(["measure", "outlines", str(folders / "absent"), "--out", str(out)]) == 2
    Image.new("RGB", (4, 4)).save(folders / "people" / "bob" / "field_1.png")
    assert run(["measure", "outlines", str(folders / "people"), "--out", str(out)]) == 2
    assert "colour image" in capsys.readouterr().err
