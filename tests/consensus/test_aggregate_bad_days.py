"""Votes as they come on bad days: each gives labels, finite numbers, a valid summary and a page."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from consensus.vote_worlds import crowd
from json_schema import problems
from labelwright.consensus import AboutVotes, aggregate, aggregate_file
from labelwright.report.aggregation_page import render_aggregation
from labelwright.report.aggregation_view import summary_of
from labelwright.report.schemas import schema

ABOUT = AboutVotes("votes.csv", "long table")
IDS = ("007", "7", "NaN", "null", "-1", " a", "a", "日本 ☃", "1e3", "new\nline", '"quoted"', "=1+1", "x" * 500)


def frame(rows):
    return pd.DataFrame(rows, columns=["task", "annotator", "label"])


def sound(result):
    """Return the result after looking at everything that is made of it."""
    probs = result.posterior
    assert np.isfinite(probs).all() and np.allclose(probs.sum(axis=1), 1)
    assert result.labels["confidence"].between(0, 1 + 1e-9).all()
    accuracy = result.annotators["accuracy"].dropna()
    assert accuracy.between(0, 1).all() and (result.reask["expected_gain"] > 0).all()
    assert (np.diff(result.model.objective_) >= 0).all()
    summary = summary_of(result, ABOUT)
    assert problems(summary, schema("aggregate")) == []
    assert "<h1>" in render_aggregation(result, ABOUT, summary)
    return result


def test_ids_are_any_strings_and_stay_apart(tmp_path):
    path = tmp_path / "votes.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["task", "annotator", "label"])
        writer.writerows([task, who, "yes" if len(task) % 2 else "no"] for task in IDS for who in IDS[:5])
    result, _ = aggregate_file(path)
    assert result.tasks == IDS and result.sources == IDS[:5]
    assert result.labels["label"].to_pylist() == ["yes" if len(task) % 2 else "no" for task in IDS]


def test_an_annotator_who_votes_again_and_again_counts_once():
    rows = [("a", "loud", "p")] * 50 + [("a", "x", "q"), ("a", "y", "q")]
    result = sound(aggregate(frame(rows)))
    assert result.labels["n_votes"].tolist() == [52]
    assert result.votes.weight.sum() == pytest.approx(3)
    assert result.agreement.n_tasks == 1


def test_an_annotator_who_only_abstains_changes_nothing():
    votes, _ = crowd(n=60)
    rows = [
        (i, f"a{j}", "pq"[k]) for i, j, k in zip(votes.row.tolist(), votes.source.tolist(), votes.value, strict=True)
    ]
    plain = sound(aggregate(frame(rows)))
    silent = sound(aggregate(frame([*rows, *[(i, "silent", None) for i in sorted(set(votes.row.tolist()))]])))
    assert np.array_equal(plain.posterior, silent.posterior)
    last = silent.annotators.iloc[-1]
    assert last["n_votes"] == 0 and last["note"] == "not enough data" and pd.isna(last["conflict"])


def test_one_class_is_certain_and_says_so():
    result = sound(aggregate(frame([(t, a, "only") for t in "abc" for a in "xyz"])))
    assert result.labels["confidence"].tolist() == [1.0] * 3 and "all votes name one class" in result.notes
    assert len(result.reask) == 0 and np.isnan(result.alpha.estimate)


def test_total_disagreement_is_in_doubt():
    result = sound(aggregate(frame([(t, a, label) for t in range(30) for a, label in zip("xyz", "pqr", strict=True)])))
    assert result.alpha.estimate < 0 and len(result.labels) == 30


def test_a_task_with_one_vote_follows_it_when_the_voter_is_good():
    votes, _ = crowd(n=100, accuracy=(0.95, 0.9, 0.9))
    rows = [
        (i, f"a{j}", "pq"[k]) for i, j, k in zip(votes.row.tolist(), votes.source.tolist(), votes.value, strict=True)
    ]
    result = sound(aggregate(frame([*rows, ("alone", "a0", "q")])))
    last = result.labels.iloc[-1]
    assert (last["label"], last["n_votes"]) == ("q", 1) and 0.5 < last["confidence"] < 1


def test_one_vote_in_all_is_a_result():
    assert sound(aggregate(frame([("a", "x", "p")]))).labels["label"].tolist() == ["p"]


def test_colluders_are_named_and_count_once():
    votes, truth = crowd(n=400, accuracy=(0.9, 0.85, 0.9, 0.85, 0.8, 0.5), coverage=1.0, seed=4)
    table = np.column_stack([votes.to_matrix(), votes.to_matrix()[:, 5], votes.to_matrix()[:, 5]])
    rows = [(i, f"a{j}", "pq"[table[i, j]]) for i in range(400) for j in range(8)]
    result = sound(aggregate(frame(rows)))
    pairs = {(result.sources[pair.first], result.sources[pair.second]) for pair in result.dependent}
    assert {("a5", "a6"), ("a5", "a7"), ("a6", "a7")} <= pairs
    assert (result.posterior.argmax(axis=1) == truth).mean() > 0.9


def test_an_annotator_worse_than_chance_has_the_last_rank_and_helps():
    votes, truth = crowd(n=400, accuracy=(0.9, 0.85, 0.8, 0.1), coverage=1.0, seed=5)
    table = votes.to_matrix()
    rows = [(i, f"a{j}", "pq"[table[i, j]]) for i in range(400) for j in range(4)]
    result = sound(aggregate(frame(rows)))
    ranked = result.annotators.set_index("annotator")
    assert ranked.loc["a3", "rank"] == 4 and ranked.loc["a3", "accuracy"] < 0.25
    assert (result.posterior.argmax(axis=1) == truth).mean() > 0.9
