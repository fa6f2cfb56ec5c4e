"""Runs behind the league tables: stored one by one, gone on with, and shown with what to know about them."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks import league_page, learning_runs
from benchmarks.league import Family
from benchmarks.learning_runs import Runs, go_on


class Constant:
    """Answers with one class."""

    def __init__(self, answer):
        self.answer = answer

    def fit(self, x, y):
        return self

    def predict(self, x):
        return np.full(len(x), self.answer)


class Toy:
    """Four test rows, three of class 1."""

    x = x_test = np.zeros((4, 1), np.float32)
    y_test = np.array([1, 1, 1, 0])
    evidence = None


@pytest.fixture
def toy(monkeypatch, tmp_path):
    monkeypatch.setattr(learning_runs, "problem", lambda name, seed: Toy())
    return Runs("toy", "toy", tmp_path)


def wanted(**methods):
    return [(method, "set", seed, make) for seed in (0, 1, 2) for method, make in methods.items()]


def test_a_run_is_measured_once_and_read_back(toy, tmp_path):
    calls = []

    def make(one):
        calls.append(one)
        return Constant(1)

    assert go_on(toy, wanted(one=make), 60) == 0
    again = Runs("toy", "toy", tmp_path)
    assert go_on(again, wanted(one=make), 60) == 0
    assert len(calls) == 3
    assert again.values("one", "set") == [0.75] * 3


def test_what_is_not_done_in_time_is_counted(toy):
    assert go_on(toy, wanted(one=lambda one: Constant(1)), -1) == 3


def test_a_failure_is_a_result_and_shown(toy, tmp_path, monkeypatch):
    def broken(one):
        raise ValueError("no")

    go_on(toy, wanted(one=lambda one: Constant(1), two=lambda one: Constant(0), bad=broken), 60)
    assert json.loads((tmp_path / "toy.json").read_text())["runs"]["bad | set | 0"]["error"] == "ValueError: no"
    family = Family("Toys", "accuracy", ("set", "other"), dict.fromkeys(("two", "bad", "one")))
    monkeypatch.setattr(league_page, "runs_of", lambda name: toy)
    page = league_page.section("toy", family)
    assert "Not measured yet: other." in page
    assert page.index("| one | 0.750 | 1.0 |") < page.index("| two | 0.250 | 2.0 |") < page.index("| bad | fails |")
    assert "`bad` fails: ValueError: no" in page


def test_few_seeds_stand_in_brackets(toy):
    go_on(toy, wanted(one=lambda one: Constant(1))[:2], 60)
    assert league_page.cell(toy, "one", "set") == "(0.750)"
