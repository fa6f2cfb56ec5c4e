"""Votes in a data frame become labels, annotators' quality and a list of whom to ask."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from consensus.vote_worlds import crowd
from labelwright.consensus import DawidSkene, MajorityVote, aggregate, share_repeats
from labelwright.errors import BadInput
from labelwright.evidence import Votes


def frame(votes, names=("cat", "dog")):
    return pd.DataFrame(
        {
            "task": [f"t{i}" for i in votes.row],
            "annotator": [f"Ann ☃ {j}" for j in votes.source],
            "label": [names[k] for k in votes.value],
        }
    )


@pytest.fixture(scope="module")
def world():
    votes, truth = crowd(n=120, seed=3)
    return frame(votes), {f"t{i}": ("cat", "dog")[k] for i, k in enumerate(truth)}


def test_every_task_gets_one_label_with_confidence_and_probabilities(world):
    table, truth = world
    labels = aggregate(table).labels
    assert list(labels.columns) == ["task", "label", "confidence", "n_votes", "p_cat", "p_dog"]
    assert labels["task"].is_unique and len(labels) == table["task"].nunique()
    assert (labels["p_cat"] + labels["p_dog"]).sub(1).abs().max() < 1e-9
    assert (labels["label"] == labels["task"].map(truth)).mean() > 0.85
    assert (labels["n_votes"] == table.groupby("task", sort=False).size().to_numpy()).all()


def test_annotators_get_an_accuracy_with_its_interval_and_a_rank(world):
    annotators = aggregate(world[0]).annotators.set_index("annotator")
    assert (annotators["low"] <= annotators["accuracy"]).all() and (annotators["accuracy"] <= annotators["high"]).all()
    assert annotators.loc["Ann ☃ 0", "rank"] == 1  # accuracy 0.9
    assert (annotators["note"] == "").all()


def test_an_annotator_with_few_judged_tasks_gets_no_rank(world):
    few = pd.concat([world[0], pd.DataFrame({"task": ["t0"], "annotator": ["new"], "label": ["cat"]})])
    row = aggregate(few).annotators.set_index("annotator").loc["new"]
    assert row["note"] == "not enough data" and pd.isna(row["rank"]) and pd.isna(row["accuracy"])


def test_reask_names_uncertain_tasks_and_an_annotator_who_has_not_voted_on_them(world):
    table, _ = world
    reask = aggregate(table).reask
    voted = set(zip(table["task"], table["annotator"], strict=True))
    assert len(reask) and not voted & set(zip(reask["task"], reask["annotator"], strict=True))
    assert reask["expected_gain"].is_monotonic_decreasing and (reask["expected_gain"] > 0).all()


def test_known_labels_stand_and_check_annotators(world):
    table, truth = world
    wrong = {"t0": "dog" if truth["t0"] == "cat" else "cat"}
    result = aggregate(table, gold=wrong)
    row = result.labels.set_index("task").loc["t0"]
    assert row["label"] == wrong["t0"] and row["confidence"] == 1.0
    assert result.annotators["n_checked"].sum() == (table["task"] == "t0").sum()
    column = table.assign(known=table["task"].map(wrong))
    assert aggregate(column, gold="known").labels.equals(result.labels)


def test_the_result_has_the_callers_kind_of_frame_and_of_ids():
    rows = {"task": [7, 7, 3, 3], "annotator": [1, 2, 1, 2], "label": [1, 1, 0, 0]}
    assert aggregate(pl.DataFrame(rows)).labels["label"].to_list() == [1, 0]
    assert aggregate(pa.table(rows)).labels["task"].to_pylist() == [7, 3]
    assert aggregate(pd.DataFrame(rows)).labels["label"].tolist() == [1, 0]


def test_whole_floats_mixed_types_and_booleans_are_read():
    holes = pd.DataFrame({"task": ["a", "a", "b"], "annotator": [1.0, 2.0, 1.0], "label": [1, None, 0]})
    result = aggregate(holes)
    assert result.classes == ("0", "1") and result.votes.n_sources == 2
    assert any("abstention" in note for note in result.notes)
    mixed = pd.DataFrame({"task": ["a", 1, "b"], "annotator": ["x"] * 3, "label": [True, False, True]})
    assert aggregate(mixed).classes == ("false", "true")


def test_repeated_votes_share_the_weight_of_one():
    rows = pd.DataFrame({"task": ["a"] * 3, "annotator": ["x", "x", "y"], "label": ["p", "p", "q"]})
    result = aggregate(rows, method=MajorityVote())
    assert result.labels["p_p"].tolist() == [0.5]
    assert any("repeat" in note for note in result.notes)
    plain = Votes([0, 0], [0, 1], [0, 1], 1, 2, 2)
    assert share_repeats(plain) == plain


def test_a_classifier_breaks_what_votes_leave_open():
    rows = pd.DataFrame({"task": list("aabbccdd"), "annotator": ["x", "y"] * 4, "label": list("pqppqqpp")})
    probs = pd.DataFrame({"task": list("dcba"), "p_p": [0.9, 0.1, 0.8, 0.2], "q": [0.1, 0.9, 0.2, 0.8]})
    labels = aggregate(rows, pred_probs=probs).labels.set_index("task")
    assert labels.loc["a", "label"] == "q"


def test_one_class_and_total_disagreement_have_an_answer():
    one = pd.DataFrame({"task": list("aab"), "annotator": list("xyx"), "label": ["p"] * 3})
    assert aggregate(one).labels["confidence"].tolist() == [1.0, 1.0]
    split = pd.DataFrame({"task": ["a"] * 3, "annotator": list("xyz"), "label": list("pqr")})
    assert aggregate(split).labels["label"].iloc[0] in "pqr"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"task": "tsk"}), "did you mean 'tsk'"),
        (lambda t: t.assign(annotator=None), "an id is missing"),
        (lambda t: t.assign(label=" "), "no vote names a class"),
        (lambda t: t.to_numpy(), "is no data frame"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_in_one_line(world, change, message):
    with pytest.raises(BadInput, match=message):
        aggregate(change(world[0]))


def test_arguments_that_do_not_fit_are_refused(world):
    table, _ = world
    with pytest.raises(BadInput, match="pass a label model"):
        aggregate(table, method="ds")
    with pytest.raises(BadInput, match="has no votes"):
        aggregate(table, gold={"nowhere": "cat"})
    with pytest.raises(BadInput, match="never voted for"):
        aggregate(table, gold={"t0": "cta"})
    with pytest.raises(BadInput, match="two known labels"):
        aggregate(table.assign(known=table["label"]), gold="known")
    with pytest.raises(BadInput, match="both given"):
        aggregate(table, method=DawidSkene(), pred_probs=table)
    with pytest.raises(BadInput, match="no column for class 'cat'"):
        aggregate(table, pred_probs=table[["task"]])


def test_hostile_names_are_names(world):
    names = ("=cmd|' /C calc'!A0", "\x1b[31m\u202e<script>")
    labels = aggregate(frame(crowd(n=30)[0], names)).labels
    assert set(labels["label"]) <= set(names)
