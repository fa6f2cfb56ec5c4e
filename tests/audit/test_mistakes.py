"""What is left of a model's mistakes when every acceptable label counts [P023]."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from labelwright.audit import (
    MistakeAnalysis,
    MistakeContext,
    MistakeReview,
    MultiLabelTargets,
    categorize_mistakes,
    major_error_slice,
    mistakes_of,
    multilabel_accuracy,
    severities,
)
from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.metrics.classification import balanced_accuracy


@given(st.integers(0, 500))
@settings(max_examples=40, deadline=None)
def test_p023_with_the_given_label_alone_multilabel_accuracy_is_balanced_accuracy(seed):
    rng = np.random.default_rng(seed)
    labels, guess = rng.permutation(np.arange(60) % 4), rng.integers(0, 4, 60)
    found = multilabel_accuracy(guess, MultiLabelTargets.single(labels, 4))
    assert_allclose(found, balanced_accuracy(labels, guess), rtol=1e-12)


def test_more_acceptable_labels_never_lower_the_accuracy():
    rng = np.random.default_rng(0)
    labels, guess = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    targets = MultiLabelTargets.single(labels, 5)
    more = targets.with_labels(np.arange(50), rng.integers(0, 5, 50))
    unclear = more.with_labels(np.arange(50, 90), guess[50:90], unclear=True)
    values = [multilabel_accuracy(guess, one) for one in (targets, more, unclear)]
    assert values == sorted(values) and values[0] < values[-1]


def test_problematic_rows_are_not_scored():
    targets = MultiLabelTargets.single([0, 1, 1], 2)
    assert multilabel_accuracy([0, 0, 1], targets.without_rows([1])) == 1.0
    assert mistakes_of([0, 0, 1], targets.without_rows([1])).size == 0


def test_votes_make_a_class_acceptable_from_a_fifth_on_and_the_given_label_always():
    targets = MultiLabelTargets.from_votes([2, 0], [[8, 2, 0], [0, 0, 0]])
    assert_array_equal(targets.valid, [[True, True, True], [True, False, False]])


def test_severity_is_the_support_of_people():
    votes = [[10, 0, 0], [9, 1, 0], [7, 3, 0], [0, 0, 0]]
    assert severities([0, 1, 2, 3], [1, 1, 1, 1], votes) == ["major", "minor", "borderline", "not judged"]
    assert severities([0], [1], None) == ["not judged"]


def test_a_mistake_inside_a_coarse_class_is_fine_grained_and_out_of_vocabulary_far_from_both():
    rng = np.random.default_rng(1)
    centres = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0, 0, 1, 0]], float)
    labels = np.repeat([0, 1, 2], 60)
    points = centres[labels] + rng.normal(0, 0.02, (180, 4))
    guess = labels.copy()
    guess[[0, 1]] = 1
    points[1] = [0, 0, 0, 1.0]  # like nothing in either class
    kinds = categorize_mistakes(
        [0, 1], guess, MultiLabelTargets.single(labels, 3), MistakeContext(points, ["a", "a", "b"])
    )
    assert kinds == ["fine-grained", "fine-grained, out of vocabulary"]


def spread_mistakes():
    """Return labels, predictions with one mistake for each pair of classes (so that none stands out), and features."""
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(6), 40)
    points = np.eye(6)[labels] + rng.normal(0, 0.05, (240, 6))
    guess = labels.copy()
    for a in range(6):
        for b in range(6):
            if a != b:
                guess[40 * a + b] = b
    return labels, guess, points


def test_a_mistake_that_follows_the_background_is_spurious():
    labels, guess, points = spread_mistakes()
    behind = np.full_like(points, 0.1)
    behind[1] = np.eye(6)[1]
    rows = mistakes_of(guess, MultiLabelTargets.single(labels, 6))
    kinds = categorize_mistakes(
        rows, guess, MultiLabelTargets.single(labels, 6), MistakeContext(points, backgrounds=behind)
    )
    assert kinds[rows.tolist().index(1)] == "spurious"
    hidden = np.full(240, -1)
    hidden[1] = guess[1]
    kinds = categorize_mistakes(rows, guess, MultiLabelTargets.single(labels, 6), MistakeContext(points, hidden=hidden))
    assert [kind == "spurious" for kind in kinds] == [row == 1 for row in rows]


def test_a_mistake_far_from_its_class_is_non_prototypical():
    labels, guess, points = spread_mistakes()
    points[1] = [0.3, 0.3, 0.3, 0.5, 0.5, 0.5]
    rows = mistakes_of(guess, MultiLabelTargets.single(labels, 6))
    kinds = categorize_mistakes(rows, guess, MultiLabelTargets.single(labels, 6), MistakeContext(points))
    assert kinds[rows.tolist().index(1)] == "non-prototypical"


def test_the_slice_holds_what_most_other_models_miss_and_the_reference_scores_0_there():
    targets = MultiLabelTargets.single([0, 0, 0, 0], 2)
    reference = np.array([1, 1, 1, 0])
    watch = major_error_slice([0, 1, 2], {"a": [1, 0, 1, 0], "b": [1, 0, 0, 0]}, targets)
    assert_array_equal(watch, [0])
    assert not targets.accepts(reference)[watch].any()
    assert_array_equal(major_error_slice([0, 1], {}, targets), [0, 1])


def test_a_review_makes_predictions_right_unclear_or_leaves_rows_out():
    targets = MultiLabelTargets.single([0, 0, 0, 0], 2)
    review = MistakeReview([0, 1, 2, 3], [1, 1, 1, 1], ["correct", "unclear", "problematic", "mistake"])
    after = review.update(targets)
    assert mistakes_of([1, 1, 1, 1], after).tolist() == [3]
    assert targets.valid[:, 1].sum() == 0


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: MistakeReview([0], [1], ["wrnog"]), "'wrnog' is no decision"),
        (lambda: MistakeReview([0, 1], [1], ["mistake"]), "different lengths"),
        (lambda: MultiLabelTargets.from_votes([0], [[-1, 2]]), "negative"),
        (lambda: MultiLabelTargets.single([0], 2).accepts([0, 1]), "2 predictions for 1 rows"),
        (lambda: MistakeAnalysis().measure({}, MultiLabelTargets.single([0], 2), "ab", [[1.0]]), "no predictions"),
        (lambda: MistakeAnalysis(minor=0), "minor is 0"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(act, words):
    with pytest.raises(BadInput, match=words):
        act()


@pytest.fixture
def votes(tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    names = np.array(["ape", "bee", "cow"])
    counts = 10 * np.eye(3, dtype=int)[y]
    counts[0], counts[1] = [6, 4, 0], [0, 9, 1]
    points = np.eye(3)[y] + rng.normal(0, 0.1, (90, 3))
    table = {"id": [f"r{i}" for i in range(90)], "kind": names[y], **{f"x{j}": points[:, j] for j in range(3)}}
    table |= {f"votes_{name}": counts[:, k] for k, name in enumerate(names)}
    pq.write_table(pa.table(table), tmp_path / "rows.parquet")
    guess = y.copy()
    guess[0], guess[1], guess[2] = 1, 2, 0
    for name, said in (("first", guess), ("second", np.where(np.arange(90) == 2, 0, y))):
        probs = 0.8 * np.eye(3)[said] + 0.2 / 3
        pq.write_table(
            pa.table({"id": table["id"], **{n: probs[:, k] for k, n in enumerate(names)}}), tmp_path / f"{name}.parquet"
        )
    return tmp_path


def test_the_command_counts_votes_writes_the_sheet_and_reads_it_back(votes, capsys, monkeypatch):
    monkeypatch.chdir(votes)
    argv = ["measure", "mistakes", "rows.parquet", "--label", "kind", "--id", "id", "--votes", "votes_"]
    argv += ["--pred-probs", "first.parquet", "--pred-probs", "second.parquet"]
    assert run(argv) == 0
    assert "first contradicts 3 given labels; 1 of these are no mistakes, 2 remain." in capsys.readouterr().out
    sheet = pa.csv.read_csv(votes / "mistakes-report" / "mistakes.csv")
    assert sheet["id"].to_pylist() == ["r2", "r1"] and sheet["severity"].to_pylist() == ["major", "minor"]
    assert (votes / "mistakes-report" / "watch.csv").read_text().count("r2") == 1
    filled = sheet.set_column(sheet.column_names.index("decision"), "decision", pa.array(["correct", ""]))
    pa.csv.write_csv(filled, votes / "filled.csv")
    assert run([*argv, "--review", "filled.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["mistakes left"] == 1


def test_acceptable_labels_and_parents_are_read_and_wrong_ones_are_told(votes, capsys, monkeypatch):
    monkeypatch.chdir(votes)
    table = pq.read_table("rows.parquet")
    also = pa.array(["bee; cow"] + [None] * 89)
    pq.write_table(table.append_column("also", also), "more.parquet")
    (votes / "parents.yaml").write_text("ape: mammal\nbee: insect\ncow: mammal\n")
    argv = ["measure", "mistakes", "more.parquet", "--label", "kind", "--id", "id", "--pred-probs", "first.parquet"]
    assert run([*argv, "--acceptable", "also", "--parents", "parents.yaml"]) == 0
    assert "1 of these are no mistakes" in capsys.readouterr().out
    (votes / "parents.yaml").write_text("ape: mammal\n")
    assert run([*argv, "--parents", "parents.yaml"]) == 2
    assert run([*argv, "--acceptable", "kindd"]) == 2
    assert run([*argv, "--votes", "vote_"]) == 2
    assert "no column of votes" in capsys.readouterr().err
