"""Rows of benchmarks that are measured anew take the place of the old ones."""

from __future__ import annotations

import json

import pytest
from benchmarks import records


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    return tmp_path


def test_a_row_measured_anew_stands_where_the_old_one_stood_and_others_stay(results):
    records.store("one", "command", [{"work": "a", "s": 1.0}, {"work": "b", "s": 2.0}])
    rows = records.renewed("one", [{"work": "c", "s": 3.0}, {"work": "a", "s": 0.5}])
    assert rows == [{"work": "a", "s": 0.5}, {"work": "b", "s": 2.0}, {"work": "c", "s": 3.0}]
    records.store("one", "command", rows)
    assert json.loads((results / "one.json").read_text())["rows"] == rows


def test_a_benchmark_without_results_has_new_rows_alone(results):
    assert records.renewed("none", [{"work": "a"}]) == [{"work": "a"}]


def test_seconds_of_the_processor_do_not_count_waiting():
    import time

    took, result = records.spent(lambda: time.sleep(0.05) or "done")
    assert result == "done" and took.wall >= 0.05 > took.processor


def test_medians_of_calls_are_taken_call_by_call():
    called = []
    found = records.medians_spent({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, repeats=3)
    assert set(found) == {"a", "b"} and called == ["a", "b"] * 4
