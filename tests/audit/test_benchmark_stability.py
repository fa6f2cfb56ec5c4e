"""Test labels reviewed, corrected, and what that does to the ranking of models [P016]."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kendalltau

from labelwright.audit import (
    BenchmarkReview,
    BenchmarkStability,
)
from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.report.measure_page import render_measure


def world(seed: int = 0, n: int = 400, models: int = 4):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    given_labels = np.where(rng.random(n) < 0.2, (truth + 1) % 3, truth)
    skill = np.linspace(0.5, 0.9, models)
    predictions = {
        f"m{k}": np.where(rng.random(n) < skill[k], truth, np.where(rng.random(n) < 0.5, given_labels, (truth + 2) % 3))
        for k in range(models)
    }
    return given_labels, truth, predictions


@given(st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_the_curve_starts_at_right_labels_and_ends_at_wrong_ones(seed):
    stability = BenchmarkStability(*world(seed))
    curve = stability.curve([0.0, 1.0])
    assert_allclose(curve.corrected[:, 0], stability.on_right, atol=1e-15)
    assert_allclose(curve.corrected[:, 1], stability.on_errors, atol=1e-15)
    assert_allclose(curve.original[:, 1], stability.given_on_errors, atol=1e-15)


@given(st.integers(0, 200))
@settings(max_examples=40, deadline=None)
def test_both_models_are_equal_where_they_change_places(seed):
    stability = BenchmarkStability(*world(seed, n=60))
    for a in stability.names:
        for b in stability.names:
            v = stability.crossover(a, b)
            if np.isfinite(v):
                assert 0 < v < 1
                values = stability.curve([v]).corrected[:, 0]
                i, j = stability.names.index(a), stability.names.index(b)
                assert_allclose(values[i], values[j], atol=1e-12)
                assert_allclose(v, stability.crossover(b, a), atol=1e-12)


def test_at_the_present_share_the_curve_is_plain_accuracy():
    labels, truth, predictions = world()
    stability = BenchmarkStability(labels, truth, predictions)
    curve = stability.curve([stability.prevalence])
    assert_allclose(curve.original[:, 0], [(p == labels).mean() for p in predictions.values()])
    assert_allclose(curve.corrected[:, 0], [(p == truth).mean() for p in predictions.values()])


def test_taking_right_items_away_gives_the_curve_on_average():
    stability, rng = BenchmarkStability(*world()), np.random.default_rng(0)
    drawn = np.mean([stability.removal(0.5, rng)[1] for _ in range(400)], axis=0)
    assert_allclose(drawn, stability.curve([0.5]).corrected[:, 0], atol=0.01)
    with pytest.raises(BadInput, match="no less than"):
        stability.removal(0.01, 0)


def test_items_that_cannot_be_corrected_leave_both_sides():
    labels, truth, predictions = world()
    corrected = truth.copy()
    corrected[:50] = -1
    stability = BenchmarkStability(labels, corrected, predictions)
    kept = BenchmarkStability(labels[50:], truth[50:], {name: p[50:] for name, p in predictions.items()})
    assert_array_equal(stability.on_errors, kept.on_errors)
    assert stability.prevalence == kept.prevalence


def test_rank_agreement_is_kendalls_tau():
    labels, truth, predictions = world(3, n=80)
    stability = BenchmarkStability(labels, truth, predictions)
    given_scores = [(p == labels).mean() for p in predictions.values()]
    scores = [(p == truth).mean() for p in predictions.values()]
    assert_allclose(stability.rank_agreement(stability.prevalence), kendalltau(given_scores, scores).statistic)
    interval = stability.rank_agreement_interval(stability.prevalence, seed=0, n=50)
    assert interval.low <= interval.estimate <= interval.high


def test_the_crossover_lies_in_its_interval():
    labels = np.zeros(400, int)
    truth = np.repeat([0, 1], [300, 100])
    a = np.concatenate([np.repeat([0, 1], [270, 30]), np.repeat([1, 0], [20, 80])])
    b = np.concatenate([np.repeat([0, 1], [210, 90]), np.repeat([1, 0], [80, 20])])
    stability = BenchmarkStability(labels, truth, {"a": a, "b": b})
    assert_allclose(stability.crossover("a", "b"), 0.2 / (0.2 + 0.6))
    interval = stability.crossover_interval("a", "b", seed=0, n=300)
    assert interval.low < 0.25 < interval.high
    assert interval.high - interval.low < 0.3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: BenchmarkStability([0, 1], [0, 1], {}), "no model"),
        (lambda: BenchmarkStability([0, 1], [0, 1], {"a": [0]}), "1 predictions"),
        (lambda: BenchmarkStability([0, 1], [1, 0], {"a": [0, 1]}), "no item has a label that is right"),
        (lambda: BenchmarkStability([0, 1], [0, 1], {"a": [0, 1]}).curve([0.5]), "no label was corrected"),
        (lambda: BenchmarkStability([0, 1], [0, 0], {"a": [0, 1]}).crossover("a", "b"), "no model 'b'"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()


def test_the_measure_says_when_another_model_is_best():
    labels = np.zeros(100, int)
    truth = np.repeat([0, 1], [80, 20])
    clean = np.where(np.arange(100) % 10 == 0, 1 - truth, truth)
    fits_noise = np.zeros(100, int)
    reviewed = np.arange(70, 100)
    votes = np.where((truth[reviewed] == 0)[:, None], [5, 0, 0, 0], [1, 4, 0, 0])
    report = BenchmarkReview(n_bootstrap=20).measure(
        labels,
        {"clean": clean, "fits noise": fits_noise},
        ("a", "b"),
        reviewed=reviewed,
        guessed=np.ones(30, int),
        votes=votes,
    )
    assert report.verdict == (
        "At least 20.00 % of the test labels are wrong. "
        "By the given labels fits noise is best, by corrected ones clean."
    )
    assert [a.severity for a in report.alerts] == ["serious"]
    assert len(report.section("What the reviewers found").tables[2].rows) == 20
    json.loads(report.to_json())
    assert "<svg" in render_measure("benchmark-stability", report)


def test_a_review_without_errors_leaves_the_ranking():
    report = BenchmarkReview().measure(
        [0, 1, 0], {"a": [0, 1, 0]}, ("x", "y"), reviewed=[1], guessed=[0], votes=[[5, 0, 0, 0]]
    )
    assert "the ranking stands" in report.verdict
    render_measure("benchmark-stability", report)


def files(folder):
    rng = np.random.default_rng(0)
    truth = np.repeat(["cat", "dog"], 30)
    given_labels = truth.copy()
    given_labels[:6] = "dog"
    lines = ["id,x,label", *(f"r{i},{rng.normal():.3f},{y}" for i, y in enumerate(given_labels))]
    (folder / "test.csv").write_text("\n".join(lines) + "\n")
    for name, answer in (("good", truth), ("noisy", given_labels)):
        rows = [f"r{i},{y}" for i, y in enumerate(answer)]
        (folder / f"{name}.csv").write_text("id,prediction\n" + "\n".join(rows[:50]) + "\n")
    review = [
        "id,guessed,n_given,n_guessed,n_both,n_neither",
        *(f"r{i},cat,0,5,0,0" for i in range(6)),
        "r9,dog,5,0,0,0",
    ]
    (folder / "votes.csv").write_text("\n".join(review) + "\nr10,dog,0,0,0,0\n")
    probs = [f"r{i},{0.9 if y == 'cat' else 0.1},{0.1 if y == 'cat' else 0.9}" for i, y in enumerate(truth)]
    (folder / "probs.csv").write_text("id,cat,dog\n" + "\n".join(probs) + "\n")
    return folder


def test_the_command_ranks_models_and_writes_decisions(tmp_path, capsys):
    at = files(tmp_path)
    command = ["measure", "benchmark-stability", str(at / "test.csv"), "--label", "label", "--id", "id"]
    models = ["--predictions", str(at / "good.csv"), "--predictions", str(at / "noisy.csv")]
    assert run([*command, *models, "--votes", str(at / "votes.csv"), "--out", str(at / "out")]) == 0
    assert "By the given labels noisy is best, by corrected ones good." in capsys.readouterr().out
    assert (at / "out" / "decisions.csv").read_text().count("relabel") == 6


def test_the_command_lists_what_to_review(tmp_path, capsys):
    at = files(tmp_path)
    command = ["measure", "benchmark-stability", str(at / "test.csv"), "--label", "label", "--id", "id"]
    assert run([*command, "--pred-probs", str(at / "probs.csv"), "--out", str(at / "out")]) == 0
    listed = (at / "out" / "to_review.csv").read_text().splitlines()
    assert sorted(line.split(",")[0].strip('"') for line in listed[1:]) == [f"r{i}" for i in range(6)]
    assert run([*command, "--out", str(at / "no")]) == 2
    assert "neither a review nor probabilities" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,guessed\nr1,cat\n", "no column 'n_given'"),
        ("id,guessed,n_given,n_guessed,n_both,n_neither\nzz,cat,1,2,0,0\n", "no row 'zz'"),
        ("id,guessed,n_given,n_guessed,n_both,n_neither\nr1,cow,1,2,0,0\n", "'cow' is not among the classes"),
        ("id,guessed,n_given,n_guessed,n_both,n_neither\nr1,cat,0,0,0,0\n", "no item has a vote"),
        ("id,guessed,n_given,n_guessed,n_both,n_neither\nr1,cat,x,0,0,0\n", "is no number"),
    ],
)
def test_a_bad_review_file_is_one_line(tmp_path, capsys, content, words):
    at = files(tmp_path)
    (at / "votes.csv").write_text(content)
    command = ["measure", "benchmark-stability", str(at / "test.csv"), "--label", "label", "--id", "id"]
    models = ["--predictions", str(at / "good.csv"), "--votes", str(at / "votes.csv"), "--out", str(at / "o")]
    assert run([*command, *models]) == 2
    assert words in capsys.readouterr().err
