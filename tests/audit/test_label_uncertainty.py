"""How unsure people are of labels, and what that says of errors and robustness [P103]."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from labelwright.audit import (
    ConcentrationEstimator,
    UncertainLabels,
    UncertaintyAbstainer,
    error_region_uncertainty,
    label_uncertainty,
)
from labelwright.cli import run
from labelwright.errors import BadInput
from labelwright.report.measure_page import render_measure


def cloud(n: int = 300, d: int = 4, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.random(n)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [([1, 0, 0], 0.0), ([0.5, 0.5, 0], 1.0), ([0, 1, 0], 2.0), ([0.4, 0.3, 0.3], 0.9), ([1 / 3] * 3, 1.0)],
)
def test_uncertainty_is_0_when_certain_1_when_even_and_2_when_all_disagree(shares, expected):
    assert_allclose(label_uncertainty([shares], [0]), [expected])


def test_rows_without_votes_or_label_are_unknown():
    lu = label_uncertainty([[np.nan, np.nan], [1, 0], [1, 0]], [0, -1, 1])
    assert np.isnan(lu[:2]).all() and lu[2] == 2


@given(st.integers(0, 300), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_uncertainty_stays_in_0_to_2_and_ignores_the_names_of_classes(seed, k):
    rng = np.random.default_rng(seed)
    shares, labels, order = rng.dirichlet(np.ones(k), 20), rng.integers(0, k, 20), rng.permutation(k)
    lu = label_uncertainty(shares, labels)
    assert ((lu >= 0) & (lu <= 2)).all()
    assert_allclose(label_uncertainty(shares[:, order], np.argsort(order)[labels]), lu)


def test_errors_are_compared_with_random_sets_of_their_size():
    lu = np.r_[np.zeros(90), np.ones(10)]
    found = error_region_uncertainty(lu, np.arange(100) >= 90, seed=0, draws=200)
    assert (found.errors, found.all, found.n_errors) == (1.0, 0.1, 10)
    assert_allclose(found.ratio, 10)
    assert found.random.high < 0.5
    assert np.isnan(error_region_uncertainty(lu, np.zeros(100, bool), seed=0).ratio)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_without_changes_adversarial_risk_is_risk(norm):
    x, lu = cloud()
    found = ConcentrationEstimator(norm, 0.0, gamma=0.4, alpha=0.1).estimate(x, lu)
    assert found.adversarial_risk == found.risk


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_gamma_0_is_the_plain_search_whatever_the_uncertainty(norm):
    x, lu = cloud()
    estimator = ConcentrationEstimator(norm, 0.3, gamma=0.0, alpha=0.1)
    a, b = estimator.fit_region(x, lu), estimator.fit_region(x, np.zeros(len(x)))
    assert_array_equal(a.centres, b.centres)
    assert_array_equal(a.radii, b.radii)


def test_one_ball_is_the_best_of_all_balls():
    x, lu = cloud(120)
    eps, gamma, target = 0.4, 0.5, 13  # ceil(120 · 0.1 · 1.05)
    region = ConcentrationEstimator("l2", eps, gamma=gamma, alpha=0.1, n_balls=1).fit_region(x, lu)
    apart = cdist(x, x)
    best = np.inf
    for i in range(120):
        ranked = np.sort(apart[i])
        radius = ranked[target] - 1e-6
        if lu[apart[i] <= radius].mean() >= gamma:
            best = min(best, (apart[i] <= radius + eps).sum() - target)
    assert region.covers(x).sum() == target
    assert region.covers(x, eps).sum() - target == best


def test_the_region_covers_what_was_asked_and_is_as_uncertain():
    x, lu = cloud(400)
    region = ConcentrationEstimator("l2", 0.2, gamma=0.6, alpha=0.1).fit_region(x, lu)
    inside = region.covers(x)
    assert region.complete and len(region.radii) <= 5
    assert inside.sum() >= 42 and lu[inside].mean() >= 0.6 - 1e-9


def test_a_gamma_that_nothing_reaches_ends_the_search():
    x, lu = cloud(100)
    found = ConcentrationEstimator("l2", 0.2, gamma=2.0, alpha=0.1).estimate(x, lu)
    assert not found.complete and found.risk == 0.0 and found.robustness == 1.0


def test_copies_of_rows_do_not_stop_the_search():
    x = np.repeat(np.random.default_rng(0).normal(size=(30, 2)), 4, axis=0)
    region = ConcentrationEstimator("l2", 0.1, gamma=0.0, alpha=0.2).fit_region(x, np.zeros(120))
    assert region.covers(x).sum() >= 24


def test_larger_changes_reach_more_rows():
    x, lu = cloud(300)
    risks = [
        ConcentrationEstimator("l2", e, gamma=0.0, alpha=0.1).estimate(x, lu).adversarial_risk for e in (0, 0.5, 2)
    ]
    assert risks[0] < risks[1] < risks[2]


def test_the_abstainer_answers_the_rows_below_its_threshold():
    lu, right = [0.0, 0.5, 1.0, 2.0, np.nan], [1, 1, 0, 0, 1]
    abstainer = UncertaintyAbstainer(0.5)
    assert abstainer.abstains(lu).tolist() == [False, False, True, True, True]
    assert abstainer.score(lu, right) == (0.4, 1.0)


def test_the_curve_ends_at_plain_accuracy_and_finds_the_threshold():
    lu, right = np.array([0.1, 0.2, 0.3, 0.4]), np.array([True, True, False, False])
    coverage, accuracy = UncertaintyAbstainer.curve(lu, right)
    assert_allclose(coverage, [0, 0.25, 0.5, 0.75, 1])
    assert_allclose(accuracy[1:], [1, 1, 2 / 3, 0.5])
    assert UncertaintyAbstainer.for_accuracy(lu, right, 1.0).threshold == 0.2
    with pytest.raises(BadInput, match="no part"):
        UncertaintyAbstainer.for_accuracy(lu, ~right, 1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: label_uncertainty([[0.5, 0.2]], [0]), "do not sum to 1"),
        (lambda: label_uncertainty([[1.0]], [0]), "two or more"),
        (lambda: label_uncertainty([[0.5, 0.5]], [2]), "2 classes"),
        (lambda: ConcentrationEstimator("l1", 0.5), "'l1' is unknown"),
        (lambda: ConcentrationEstimator("l2", -1), "at least 0"),
        (lambda: ConcentrationEstimator("l2", 1, alpha=0.0), "alpha between 0 and 1"),
        (lambda: ConcentrationEstimator().estimate([[1.0]], [0.1]), "cannot be split"),
        (lambda: ConcentrationEstimator().fit_region([[1.0], [2.0]], [0.1]), "2 rows"),
        (lambda: UncertaintyAbstainer(3), r"in \[0, 2\]"),
        (lambda: UncertainLabels().measure([[np.nan, np.nan]], [0], "ab"), "no row has both"),
    ],
)
def test_bad_input_is_one_clear_line(call, words):
    with pytest.raises(BadInput, match=words):
        call()


def test_the_measure_compares_models_and_bounds_robustness():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    unsure = np.where(np.arange(200) < 40, 0.45, 0.02)
    shares = np.where(labels[:, None] == [0, 1], 1 - unsure[:, None], unsure[:, None])
    shares[5] = shares[5][::-1]
    predictions = {"model": np.where(np.arange(200) < 30, 1 - labels, labels)}
    report = UncertainLabels(eps=0.2, alpha=0.1).measure(
        shares, labels, ("cat", "dog"), predictions=predictions, X=rng.normal(size=(200, 3))
    )
    json.loads(report.to_json())
    assert "Errors of model are" in report.verdict and "1 of 200 have fewer votes" in report.verdict
    assert report.section("Where models err").tables[0].rows[0][5] > 3
    assert 0 <= report.section("How robust a classifier can be").tables[0].rows[1][1] <= 1
    assert "<svg" in render_measure("label-uncertainty", report)


def test_the_command_writes_decisions_for_outvoted_labels(tmp_path, capsys):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 50)
    rows = [f"r{i},{('no', 'yes')[k]},{rng.normal():.3f},{rng.normal():.3f}" for i, k in enumerate(y)]
    (tmp_path / "data.csv").write_text("id,label,a,b\n" + "\n".join(rows) + "\n")
    votes = [f"r{i},w{w},{('no', 'yes')[k if i != 3 else 1 - k]}" for i, k in enumerate(y) for w in range(3)]
    (tmp_path / "votes.csv").write_text("id,worker,label\n" + "\n".join(votes) + "\n")
    command = ["measure", "label-uncertainty", str(tmp_path / "data.csv"), "--label", "label", "--id", "id"]
    more = ["--votes", str(tmp_path / "votes.csv"), "--eps", "0.1", "--alpha", "0.2", "--gamma", "0"]
    assert run([*command, *more, "--out", str(tmp_path / "out")]) == 0
    assert "1 of 50 have fewer votes than another class" in capsys.readouterr().out
    assert (tmp_path / "out" / "decisions.csv").read_text().splitlines()[1].startswith('"r3","relabel"')
    assert run([*command, "--votes", str(tmp_path / "nothing.csv"), "--out", str(tmp_path / "no")]) == 2
