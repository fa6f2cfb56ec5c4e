"""The measure of [P125]: how many labels an item determine the noise, and what votes have."""

from __future__ import annotations

import json

import numpy as np
import pytest

from json_schema import problems
from labelwright.audit import NoiseIdentifiability
from labelwright.audit.noise_identifiability import expected_counts, people_asked, standard_error
from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.evidence import Votes
from labelwright.noise import check_identifiable
from labelwright.report.measure import measure_facts
from labelwright.report.measure_page import render_measure
from labelwright.report.schemas import schema

CLASSES = ("cat", "dog", "fox")


def said_by(people, n=300, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    wrong = rng.random((n, people)) < 0.2
    return np.where(wrong, (truth[:, None] + rng.integers(1, 3, (n, people))) % 3, truth[:, None])


def answers(report):
    return [row[3] for row in report.section("How many labels an item").tables[0].rows]


def test_the_answers_are_those_of_kruskals_condition_for_each_number_of_labels():
    votes = Votes.from_matrix(said_by(4), n_classes=3)
    counts = expected_counts(votes, 3)
    table, tol = counts / counts.sum(axis=1, keepdims=True), standard_error(counts)
    report = NoiseIdentifiability().measure(votes, CLASSES)
    assert answers(report) == [check_identifiable(table, m, tol).answer for m in range(1, 7)]
    assert answers(report)[:3] == ["not identifiable", "not identifiable", "identifiable"]
    assert report.figures["items with so many"] == 300 and "So it can be estimated" in report.verdict


def test_two_labels_an_item_are_too_few_and_it_is_said_what_to_collect():
    report = NoiseIdentifiability().measure(Votes.from_matrix(said_by(2), n_classes=3), CLASSES)
    assert "2 labels an item can be explained by more than one noise" in report.verdict
    assert [alert.severity for alert in report.section("How many labels an item").alerts] == ["serious"]
    assert "until 3 people" in report.next_steps[0]


def test_a_person_who_says_it_twice_is_one_label():
    assert people_asked(Votes([0, 0, 0, 1], [0, 0, 1, 1], [0, 0, 1, -1], 2, 2, 2)).tolist() == [2, 0]


def test_classes_answered_alike_leave_the_noise_open():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400)
    said = np.where(truth[:, None] == 0, 0, rng.integers(1, 3, (400, 4)))  # nobody tells dog from fox
    report = NoiseIdentifiability(tol=0.2).measure(Votes.from_matrix(said, n_classes=3), CLASSES)
    assert "identifiable" not in answers(report)
    scalars = report.section("What is said of each class").scalars
    assert scalars["classes that are hardest to tell apart"] == "dog / fox"


def test_the_report_is_drawn_and_fits_its_schema():
    report = NoiseIdentifiability().measure(Votes.from_matrix(said_by(3), n_classes=3), CLASSES)
    assert problems(json.loads(json.dumps(measure_facts("identifiability", report))), schema("measure")) == []
    assert render_measure("identifiability", report).count("<svg") == 2


def test_the_command_reads_long_and_wide_votes_alike(tmp_path, capsys):
    matrix = said_by(3, 60)
    long = [f"t{i},w{j},{CLASSES[k]}" for i, row in enumerate(matrix) for j, k in enumerate(row)]
    wide = [f"t{i}," + ",".join(CLASSES[k] for k in row) for i, row in enumerate(matrix)]
    (tmp_path / "long.csv").write_text("task,worker,label\n" + "\n".join(long) + "\n")
    (tmp_path / "wide.csv").write_text("task,w0,w1,w2\n" + "\n".join(wide) + "\n")
    told = []
    for name, more in (("long.csv", []), ("wide.csv", ["--annotator", "w0,w1,w2"])):
        out = ["--out", str(tmp_path / name.split(".")[0]), "--json"]
        assert run(["measure", "identifiability", str(tmp_path / name), *more, *out]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1] and told[0]["figures"]["labels of the typical item"] == 3


def test_bad_input_is_said_in_one_line(tmp_path, capsys):
    (tmp_path / "one.csv").write_text("task,worker,label\nt1,w1,cat\nt1,w2,cat\n")
    assert run(["measure", "identifiability", str(tmp_path / "one.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "all labels are the same" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert run(["measure", "identifiability", str(tmp_path / "absent.csv"), "--out", str(tmp_path / "out")]) == 2
    with pytest.raises(BadInput, match="tolerance"):
        NoiseIdentifiability(tol=1.0)
