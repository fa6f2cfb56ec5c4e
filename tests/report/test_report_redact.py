"""Nothing of a row is left in a redacted report."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from labelwright.audit.findings import merge_scores
from labelwright.audit.nutrition import nutrition_label
from labelwright.audit.scores import Scores
from labelwright.audit.summary import summarise
from labelwright.report.html import render
from labelwright.report.redact import redact
from labelwright.report.view import build_view

SECRET = re.compile(r"SECRET|98765|4242")


def secret_audit(audits, modality):
    """Return an audit with a secret in every cell of every column, and findings of every level that quote them."""
    n = 80
    classes = ("common", "other", "SECRETCLASS")
    result = audits(modality, n=n, classes=classes[:2], ticket=[f"SECRETID{i}" for i in range(n)])
    given = tuple("SECRETCLASS" if i < 3 else g for i, g in enumerate(result.dataset.given))
    columns = {
        "topic": list(given),
        "ticket": [f"SECRETID{i}" for i in range(n)],
        "text": [f"SECRETTEXT {i}" for i in range(n)],
        "age": [987650 + i % 7 for i in range(n)],
        "ratio": [4242.5 + i for i in range(n)],
        "city": [("SECRETCITY", "SECRETTOWN")[i % 2] for i in range(n)],
        "seen": [f"4242-01-0{1 + i % 9}" for i in range(n)],
    }
    if modality == "image":
        columns["picture"] = result.dataset.source.table["picture"].to_pylist()
    from labelwright.evidence.space import LabelSpace

    space = LabelSpace(classes)
    plan = replace(result.dataset.plan, feature_columns=("age", "ratio", "city", "seen") if modality == "table" else ())
    source = replace(result.dataset.source, table=pa.table(columns))
    dataset = replace(
        result.dataset,
        source=source,
        plan=plan,
        given=given,
        space=space,
        labels=space.encode(given),
        ids=np.array(columns["ticket"]),
    )
    one = np.ones(1, bool)
    quoting = [
        Scores("outlier", "row", np.zeros(1), one, np.array([1]), reason=["SECRETCITY is rare"]),
        Scores("near_duplicate", "pair", np.zeros(1), one, np.array([1]), np.array([2]), reason=["SECRETTEXT twice"]),
        Scores(
            "class_name", "class", np.zeros(1), one, given=["SECRETCLASS"], suggested=["common"], reason=["SECRETCLASS"]
        ),
        Scores(
            "underperforming_group",
            "group",
            np.zeros(1),
            one,
            part=["city=SECRETCITY"],
            given=["SECRETCITY"],
            reason=["SECRETCITY"],
        ),
        Scores(
            "leaking_column",
            "column",
            np.zeros(1),
            one,
            column=["city"],
            given=["SECRETCITY"],
            reason=["SECRETCITY tells"],
        ),
        Scores("non_iid", "dataset", np.zeros(1), one, part=["SECRETPART"], reason=["SECRETCITY first"]),
        Scores("dark", "row", np.zeros(1), one, np.array([4]), reason=["SECRET.png"]),
        Scores(
            "unheard_of",
            "row",
            np.zeros(1),
            one,
            np.array([4]),
            given=["SECRETVALUE"],
            suggested=["98765"],
            reason=["SECRET"],
        ),
    ]
    label = Scores(
        "label",
        "row",
        np.linspace(0, 1, n),
        np.arange(n) < 9,
        np.arange(n),
        given=list(given),
        suggested=["common"] * n,
        reason=["the text SECRETTEXT"] * n,
    )
    issues = merge_scores([label, *quoting], dataset.ids)
    answers = {"reference_shares": {"city": {"SECRETCITY": 0.9}}}
    uses = [{"id": "u", "groups": ["city"], "columns": ["city", "age"]}]
    nutrition = nutrition_label(dataset, issues=issues, answers=answers, use_cases=uses)
    return replace(
        result,
        dataset=dataset,
        issues=issues,
        nutrition=nutrition,
        notes=("read SECRETCITY as text",),
        noise=None,
        summary=summarise(dataset, issues, None),
    )


@pytest.mark.parametrize("modality", ["text", "table", "image"])
def test_no_secret_of_any_column_is_left(audits, modality):
    view = build_view(secret_audit(audits, modality))
    assert SECRET.search(json.dumps(view))
    clean = redact(view)
    assert not SECRET.search(json.dumps(clean)), SECRET.search(json.dumps(clean))
    html = render(clean)
    assert not SECRET.search(html)
    assert "<img" not in html


def test_the_findings_stay_with_their_row_numbers(audits):
    view = build_view(secret_audit(audits, "table"))
    finding = next(f for f in redact(view)["findings"] if f["kind"] == "label")
    assert [item["card"]["row"] for item in finding["items"]] == list(range(9))
    assert finding["total"] == 9


def test_names_of_rare_classes_are_masked_and_others_stay(audits):
    rows = redact(build_view(secret_audit(audits, "text")))["classes"]["rows"]
    assert {row["name"] for row in rows} == {"common", "other", "(rare class 1)"}


def test_values_of_a_regression_are_left_out(every):
    if every.dataset.plan.task != "regression":
        pytest.skip("about regression only")
    clean = json.dumps(redact(build_view(every)))
    shown = {item["given"] for item in build_view(every)["findings"][0]["items"]}
    assert shown
    assert not any(value in clean for value in shown)


def test_redacting_twice_changes_nothing_more(every):
    once = redact(build_view(every))
    assert redact(once)["findings"] == once["findings"]
