"""The label as a whole: sections, alerts, uses, privacy and odd tables [P022, P065]."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from labelwright.audit.noise_rate import estimate_noise
from labelwright.audit.nutrition import (
    Answers,
    DatasetNutritionLabel,
    Reference,
    UseCase,
    nutrition_label,
    read_table,
)
from labelwright.audit.nutrition.label_facts import conflicting_rows, surest_disagreement
from labelwright.audit.scores import Scores
from labelwright.data.dataset import Dataset, Plan
from labelwright.errors import BadInput
from labelwright.metrics.report import Report


def messages(report, category=None):
    return [a.message for a in report.alerts if category in (None, a.category)]


def test_a_clean_table_raises_only_the_unanswered_questions(dataset, columns):
    report = nutrition_label(dataset(columns()))
    assert [alert.category for alert in report.alerts] == ["provenance"]


def test_the_label_comes_back_from_json_equal_to_itself(dataset, columns):
    report = nutrition_label(dataset(columns()), use_cases=[{"id": "a"}])
    assert Report.from_json(report.to_json()) == report


def test_the_same_seed_gives_the_same_label_and_another_seed_another_sample(dataset, columns):
    big = dataset(columns(4000))
    first = nutrition_label(big, seed=1)
    assert nutrition_label(big, seed=1) == first
    assert nutrition_label(big, seed=2) != first


def test_without_use_cases_the_label_is_the_first_generation_behind_an_overview(dataset, columns):
    data, answers = dataset(columns()), Answers.from_dict({"made_by": "us", "sensitive": ["group"]})
    second = nutrition_label(data, answers=answers)
    first = DatasetNutritionLabel(answers).measure(read_table(data, answers))
    assert second.sections[0].title == "Overview"
    assert second.sections[1:] == first.sections


def test_the_version_and_the_thresholds_of_the_rules_are_recorded(dataset, columns):
    overview = nutrition_label(dataset(columns())).section("Overview")
    assert overview.scalars["version of the rules"] == "1"
    thresholds = next(t for t in overview.tables if t.title == "Thresholds of the rules")
    assert ("missing", 0.2) in thresholds.rows


def test_a_column_that_lacks_a_third_of_its_cells_raises_an_alert_in_statistics(dataset, columns):
    data = columns()
    data["side"] = [None if i % 3 == 0 else v for i, v in enumerate(data["side"])]
    found = nutrition_label(dataset(data)).section("Statistics").alerts
    assert [alert.columns for alert in found] == [("side",)]


def test_twins_with_another_label_raise_an_alert_in_labels(dataset, columns):
    data = columns()
    twins = {k: [*v, *v[:40]] for k, v in data.items()}
    twins["y"][400:] = [{"yes": "no", "no": "yes"}[y] for y in twins["y"][:40]]
    assert any("twin" in a.message for a in nutrition_label(dataset(twins)).section("Labels").alerts)


def test_twins_with_the_same_label_raise_none(dataset, columns):
    twins = {k: [*v, *v[:40]] for k, v in columns().items()}
    assert not any("twin" in m for m in messages(nutrition_label(dataset(twins))))


def test_conflicting_twins_are_found_among_text_and_missing_cells(dataset):
    data = dataset(
        {"a": ["some long text here, quite long", None, "some long text here, quite long", None], "y": list("pqqq")}
    )
    assert conflicting_rows(read_table(data, Answers())).tolist() == [True, False, True, False]


def test_a_copy_of_the_label_is_a_leak(dataset, columns):
    data = columns()
    data["code"] = ["A17" if y == "yes" else "B2" for y in data["y"]]
    found = nutrition_label(dataset(data)).section("Pairs of columns").alerts
    assert [alert.columns for alert in found] == [("code",)]


def test_an_identifier_is_no_leak_and_no_pair(dataset, columns):
    data = columns()
    data["id"] = [f"p{i}" for i in range(400)]
    report = nutrition_label(dataset(data))
    assert messages(report, "collection process") == []
    assert not any("id" in row[:2] for row in report.section("Pairs of columns").tables[0].rows)


def noisy(columns, flips, n=800):
    """Labels with some flipped, and the probabilities of a model that is sure of most rows."""
    rng = np.random.default_rng(0)
    data = columns(n)
    truth = np.array([y == "yes" for y in data["y"]])
    sure = np.clip(rng.beta(30, 1, n), 0, 1)
    probs = np.where(truth[:, None], np.column_stack([1 - sure, sure]), np.column_stack([sure, 1 - sure]))
    wrong = flips(data, rng)
    data["y"] = ["yes" if t ^ w else "no" for t, w in zip(truth, wrong, strict=True)]
    return data, probs


def test_labels_that_contradict_sure_predictions_raise_an_alert(dataset, columns):
    data, probs = noisy(columns, lambda d, rng: rng.random(800) < 0.1)
    clean, same = noisy(columns, lambda d, rng: np.zeros(800, bool))
    assert any("surest" in m for m in messages(nutrition_label(dataset(data), pred_probs=probs)))
    assert not any("surest" in m for m in messages(nutrition_label(dataset(clean), pred_probs=same)))


def test_where_no_row_is_sure_wrong_labels_are_not_told_from_hard_rows(dataset, columns):
    data, _ = noisy(columns, lambda d, rng: rng.random(800) < 0.3)
    unsure = np.tile([0.45, 0.55], (800, 1))
    found = nutrition_label(dataset(data), pred_probs=unsure).section("Labels").alerts
    assert [(a.category, a.severity) for a in found] == [("description/ambiguity", "caution")]
    assert "the data cannot say" in found[0].message


def test_wrong_labels_in_one_group_raise_the_alert_of_the_use_that_watches_it_and_of_no_other(dataset, columns):
    data, probs = noisy(columns, lambda d, rng: (np.array(d["group"]) == "small") & (rng.random(800) < 0.25))
    uses = [UseCase("watch", groups=("group",)), UseCase("ignore", columns=("height",))]
    report = nutrition_label(dataset(data), pred_probs=probs, use_cases=uses)
    found = [a for a in report.alerts if "sure predictions" in a.message]
    assert [a.use_cases for a in found] == [("watch",)]
    assert "group 2" in found[0].message


def test_a_group_far_below_its_share_raises_an_alert(dataset, columns):
    answers = {"reference_shares": {"group": {"big": 0.2, "small": 0.8}}, "sensitive": ["group"]}
    report = nutrition_label(dataset(columns()), answers=answers, use_cases=[{"id": "u", "groups": ["group"]}])
    found = [a for a in report.alerts if a.category == "representation" and a.use_cases]
    assert [(a.use_cases, a.columns) for a in found] == [(("u",), ("group",))]


def test_a_group_that_is_missing_altogether_counts_as_nothing(dataset, columns):
    answers = {"reference_shares": {"group": {"third": 0.2}}}
    assert "0 %" in messages(nutrition_label(dataset(columns()), answers=answers), "representation")[0]


def test_an_encoded_copy_of_a_sensitive_column_is_a_proxy(dataset, columns):
    data = columns()
    data["district"] = ["D4" if g == "big" else "D9" for g in data["group"]]
    answers = {"sensitive": ["group"]}
    uses = [
        UseCase("reads", columns=("height", "district"), groups=("group",)),
        UseCase("reads_not", columns=("height",), groups=("group",)),
    ]
    report = nutrition_label(dataset(data), answers=answers, use_cases=uses)
    found = [a for a in report.alerts if a.category == "proxy variables"]
    assert [(a.use_cases, a.columns) for a in found] == [(("reads",), ("group", "district"))]


def test_old_records_raise_an_alert_only_beyond_the_horizon_of_the_use(dataset, columns):
    answers = {"newest_record": "2020-01-01", "as_of": "2020-12-31"}
    uses = [UseCase("fresh", horizon_days=30), UseCase("patient", horizon_days=1000)]
    report = nutrition_label(dataset(columns()), answers=answers, use_cases=uses)
    assert [a.use_cases for a in report.alerts if a.category == "timeliness"] == [("fresh",)]


def test_the_matrix_of_uses_and_rules_comes_right_after_the_overview(dataset, columns):
    data = columns()
    data["side"] = [None] * 300 + data["side"][300:]
    report = nutrition_label(
        dataset(data), use_cases=[UseCase("a", columns=("side",)), UseCase("b", columns=("height",))]
    )
    assert report.sections[1].title == "Use cases and alerts"
    matrix = report.sections[1].tables[0]
    assert matrix.columns == ("rule", "category", "a", "b")
    assert ("missing values", "completeness", "serious", "–") in matrix.rows


def test_no_value_of_a_sensitive_column_stands_anywhere_in_the_label(dataset, columns):
    data = columns()
    data["group"] = [{"big": "SECRETBIG", "small": "SECRETSMALL"}[g] for g in data["group"]]
    data["age"] = [70_000 + i % 13 for i in range(400)]
    answers = {"sensitive": ["group", "age", "y"], "reference_shares": {"group": {"SECRETBIG": 0.9}}}
    data["y"] = [f"SECRET{y}" for y in data["y"]]
    text = nutrition_label(dataset(data), answers=answers, use_cases=[{"id": "u"}]).to_json()
    assert "SECRET" not in text
    assert "7000" not in text


def test_alerts_never_quote_a_value(dataset, columns):
    data = {k: ([f"VALUE{v}" for v in vs] if isinstance(vs[0], str) else vs) for k, vs in columns().items()}
    data["copy"] = [y[::-1] for y in data["y"]]
    data["side"] = [None if i % 3 else v for i, v in enumerate(data["side"])]
    report = nutrition_label(dataset(data), use_cases=[{"id": "u", "groups": ["group", "copy"]}])
    assert len(report.alerts) > 2
    assert not any("VALUE" in alert.message for alert in report.alerts)


def test_more_rows_of_the_same_kind_never_remove_an_alert(dataset, columns):
    data = columns(200)
    data["side"] = [None if i % 3 else v for i, v in enumerate(data["side"])]
    answers = {"sensitive": ["group"], "reference_shares": {"group": {"small": 0.9}}}
    small, big = (
        {
            (a.category, a.columns, a.use_cases)
            for a in nutrition_label(dataset(d), answers=answers, use_cases=[{"id": "u"}]).alerts
        }
        for d in (data, {k: v * 3 for k, v in data.items()})
    )
    assert small <= big


def test_noise_and_scores_stand_among_the_labels(dataset, columns):
    data, probs = noisy(columns, lambda d, rng: rng.random(800) < 0.1)
    rows = np.arange(800)
    scores = Scores("label", "row", np.ones(800), rows < 7, rows)
    made = dataset(data)
    facts = nutrition_label(made, label_scores=scores, noise=estimate_noise(made.labels, probs), pred_probs=probs)
    facts = facts.section("Labels")
    assert facts.scalars["rows with a suspect label"] == 7
    assert facts.scalars["label-error rate, % (model estimate)"] == pytest.approx(10, abs=3)
    assert facts.tables[1].rows[0][:2] in {("no", "yes"), ("yes", "no")}


def test_annotators_that_agree_have_alpha_one(dataset, columns):
    data = columns() | {"ann": columns()["y"], "bob": columns()["y"]}
    scalars = nutrition_label(dataset(data), answers={"annotator_columns": ["ann", "bob"]}).section("Labels").scalars
    assert (scalars["annotators"], scalars["Krippendorff's alpha"]) == (2, 1.0)


def test_a_reference_joins_by_key_and_shows_its_caution(dataset, columns):
    data = columns(60)
    data["area"] = [f"a{i % 6}" for i in range(60)]
    data["rate"] = [float(i % 6) + (i % 5) / 9 for i in range(60)]
    outside = pa.table({"area": ["a0", "a1", "a2", "a3", "a4"], "official": [0.0, 1.0, 2.0, 3.0, 4.0]})
    section = nutrition_label(dataset(data), reference=Reference(outside, ["area"], [("rate", "official")])).sections[
        -1
    ]
    assert section.scalars["rows joined"] == 50
    assert section.scalars["rows without a match, %"] == pytest.approx(16.67)
    assert section.tables[0].rows[0][2] > 0.95
    assert "fallible" in section.text


def test_a_reference_with_a_key_twice_is_refused(dataset, columns):
    outside = pa.table({"side": ["left", "left"], "x": [1, 2]})
    with pytest.raises(BadInput, match="occurs twice"):
        nutrition_label(dataset(columns()), reference=Reference(outside, ["side"]))


def test_a_use_case_about_a_column_that_is_not_there_is_refused(dataset, columns):
    with pytest.raises(BadInput, match=r"use case u: there is no column 'hight'.*did you mean 'height'"):
        nutrition_label(dataset(columns()), use_cases=[{"id": "u", "columns": ["hight"]}])


def test_probabilities_of_another_shape_are_refused(dataset, columns):
    with pytest.raises(BadInput, match=r"shape \(3, 2\)"):
        nutrition_label(dataset(columns()), pred_probs=np.ones((3, 2)))


def test_surest_rows_show_the_share_of_flipped_labels_whatever_the_difficulty_of_the_rest():
    rng = np.random.default_rng(0)
    n = 20_000
    p = rng.random(n)
    truth = rng.random(n) < p
    labels = (truth ^ (rng.random(n) < 0.08)).astype(np.int32)
    found = surest_disagreement(labels, np.column_stack([1 - p, p]))
    assert found.rows == 2000
    assert found.rate == pytest.approx(0.08 + 0.025 * 0.84, abs=0.015)


@pytest.mark.parametrize(
    "data",
    [
        {"y": ["a"]},
        {"y": []},
        {"y": ["a"] * 5, "x": [1.0] * 5},
        {"y": [None] * 30, "x": list(range(30))},
        {"y": ["a", "b"] * 20, "x": [None] * 40},
        {"y": ["a", "b"] * 20, "x": [1e308, -1e308] * 20},
        {"y": ["a", "b"] * 20, "x": [5e-324, 0.0] * 20},
        {"y": ["a", "b"] * 20, "<b>\u202ex\x1b[31m": ["=1+1", "::error::"] * 20},
        {"y": [f"class {i}" for i in range(200)], "x": [f"v{i % 9}" for i in range(200)]},
        {"y": ["a", "b"] * 20, "x": [[1.0, 2.0]] * 40},
        {"y": ["a", "b"] * 20, "x": [{"k": 1}] * 40},
    ],
)
def test_odd_tables_get_a_label_of_strict_json(dataset, data):
    schema = pa.schema([("y", pa.string())]) if set(data) == {"y"} else None
    report = nutrition_label(dataset(pa.table(data, schema=schema)), use_cases=[{"id": "u"}])
    assert json.loads(report.to_json())["title"] == "Nutrition label of made_up.csv"


def test_regression_and_tags_get_a_label(dataset, columns):
    data = dataset(columns())
    numbers = replace(data, plan=Plan("regression", "table", "y"), labels=np.arange(400.0), space=None)
    assert nutrition_label(numbers).section("Labels").scalars["task"] == "regression"
    tags = np.column_stack([data.labels, 1 - data.labels]).astype(np.int8)
    many = Dataset(data.source, Plan("multilabel", "table", "y"), tags, data.given, data.space, data.ids)
    label = nutrition_label(many, answers={"sensitive": ["group"]}, use_cases=[{"id": "u"}])
    assert label.section("Labels").scalars["classes"] == 2


def test_an_alert_that_two_uses_share_stands_once_and_names_both(dataset, columns):
    data = columns()
    data["side"] = [None] * 300 + data["side"][300:]
    report = nutrition_label(dataset(data), use_cases=[{"id": "a"}, {"id": "b"}])
    found = [a for a in report.section("Use cases and alerts").alerts if a.category == "completeness"]
    assert [a.use_cases for a in found] == [("a", "b")]


def test_the_checksum_follows_the_rows_and_not_how_they_are_chunked(dataset, columns, tmp_path):
    from labelwright.audit.nutrition.metadata import checksum

    table = pa.table(columns())
    none = tmp_path / "none"
    chunked = pa.concat_tables([table.slice(0, 13), table.slice(13)])
    assert checksum(none, table) == checksum(none, chunked)
    assert checksum(none, table.slice(0, 13)) == checksum(none, pa.table({k: v[:13] for k, v in columns().items()}))
    assert checksum(none, table) != checksum(none, table.slice(1))
