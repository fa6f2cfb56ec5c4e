"""The verdict in five formats: valid by their own rules, whatever the data hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from json_schema import problems
from labelwright.audit.compare import compare_states
from labelwright.audit.gate import judge, parse_condition
from labelwright.data.mend import read_decisions
from labelwright.errors import BadInput
from labelwright.report.gate_formats import FORMATS, format_verdict
from labelwright.report.schemas import schema
from state_world import MAIL, about_columns, edited, pairs, world

CONDITIONS = ("label>0", "new:any>0", "noise_rate>50%", "duplicate<9", "label>1%")
HOSTILE = (
    "::error file=x::boom",
    "a\n::error::boom",
    "a\r::set-output name=x::y",
    "##[error]boom",
    "text ##vso[task.setvariable]boom",
    "%0A::error::boom",
    "x,line=1::boom",
    "\x1b[31mred\x07",
    "\u202ereversed",
    "</failure><b>&amp;]]>",
    "\ud800",
)


def verdict_of(old, new, conditions=CONDITIONS, **more):
    return judge(new, [parse_condition(text) for text in conditions], baseline=compare_states(old, new), **more)


@pytest.fixture
def verdict():
    found = [pairs("exact_duplicate", [(4, 0)]), about_columns("leaking_column", ["text"])]
    new = world(edited(b=(None, "ham")), found, wrong=[1, 2])
    return verdict_of(world(MAIL), new, decisions=read_decisions({"id": ["c"], "decision": ["keep"], "who": ["Ann"]}))


@pytest.fixture(params=HOSTILE, ids=range(len(HOSTILE)))
def hostile(request):
    """The worst text there is as id, label, column name, reviewer and file name."""
    bad = request.param
    rows = [
        ("a", "one", "ham"),
        (bad.replace("\ud800", "?"), "two", "spam"),
        ("c", "three", bad.replace("\ud800", "?")),
    ]
    state = world(rows, [about_columns("leaking_column", [bad.replace("\ud800", "?")])], wrong=[1, 2])
    state = replace(state, source=replace(state.source, path=Path(bad.replace("/", "_"))))
    name = str(state.ids[1])
    return verdict_of(
        state,
        state,
        ("any>0", "label>1%"),
        decisions=read_decisions({"id": [name], "decision": ["keep"], "who": ["\x1b" + name]}),
    )


def test_the_json_fits_its_schema(verdict):
    content = json.loads(format_verdict(verdict, "json"))
    assert problems(content, schema("check")) == []
    assert content["passed"] is False
    assert [gate["passed"] for gate in content["gates"]] == [not gate.failed for gate in verdict.gates]


def test_the_junit_has_a_case_a_condition_and_a_failure_a_failed_one(verdict):
    root = ElementTree.fromstring(format_verdict(verdict, "junit"))
    suite = root.find("testsuite")
    failed = sum(gate.failed for gate in verdict.gates)
    assert (root.tag, suite.get("tests"), suite.get("failures")) == ("testsuites", str(len(CONDITIONS)), str(failed))
    assert [case.get("name") for case in suite.iter("testcase")] == [gate.condition.text for gate in verdict.gates]
    assert len(list(suite.iter("failure"))) == failed


def test_the_junit_has_only_elements_and_attributes_of_the_format(verdict):
    allowed = {
        "testsuites": {"name", "tests", "failures", "errors"},
        "testsuite": {"name", "tests", "failures", "errors", "skipped"},
        "testcase": {"name", "classname"},
        "failure": {"message", "type"},
        "system-out": set(),
    }
    for element in ElementTree.fromstring(format_verdict(verdict, "junit")).iter():
        assert set(element.attrib) <= allowed[element.tag]


def sarif_run(verdict):
    log = json.loads(format_verdict(verdict, "sarif"))
    assert set(log) == {"$schema", "version", "runs"} and log["version"] == "2.1.0"
    return log["runs"][0]


def test_the_sarif_results_name_their_rule_file_and_line(verdict):
    run = sarif_run(verdict)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note", "none")
        physical = result["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == "mail.csv"
        assert physical.get("region", {"startLine": 1})["startLine"] >= 1
    label = next(result for result in run["results"] if result["ruleId"] == "label")
    assert label["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}


def test_the_sarif_lists_a_finding_once_and_a_waived_one_as_suppressed(verdict):
    results = sarif_run(verdict)["results"]
    prints = [result["partialFingerprints"]["labelwright/v1"] for result in results]
    assert len(prints) == len(set(prints))
    waived = [result for result in results if "suppressions" in result]
    assert [result["partialFingerprints"]["labelwright/v1"] for result in waived] == ["label c"]
    assert waived[0]["suppressions"] == [{"kind": "external", "justification": "confirmed by Ann"}]


def test_every_condition_and_note_stands_among_the_notifications_of_the_sarif(verdict):
    said = sarif_run(verdict)["invocations"][0]["toolExecutionNotifications"]
    assert len(said) == len(verdict.gates) + len(verdict.notes)


def test_github_annotates_conditions_and_rows_with_file_and_line(verdict):
    lines = format_verdict(verdict, "github").splitlines()
    assert sum(line.startswith("::error ") for line in lines) == sum(gate.failed for gate in verdict.gates)
    assert any(line.startswith("::warning title=Label error,file=mail.csv,line=3::") for line in lines)


def test_the_text_says_every_condition_and_the_outcome(verdict):
    text = format_verdict(verdict, "text")
    assert all(gate.condition.text in text for gate in verdict.gates)
    assert text.splitlines()[-1] == "Gate failed: 3 of 5 conditions."
    assert "1 decision: label confirmed as it is now" in text


COMMAND = re.compile(r"^::(error|warning|notice) title=[^:,]*,file=[^:,]*(,line=\d+)?::[^\r\n]*$")


def test_hostile_data_start_no_command_of_their_own(hostile):
    for line in format_verdict(hostile, "github").split("\n"):
        assert COMMAND.match(line) or not line.lstrip().startswith("::")
        assert line.count("::") == (2 if COMMAND.match(line) else 0) + line.count("new::")
        assert "##[" not in line and "##vso[" not in line and "\r" not in line
        assert "%0A" not in line or "%250A" in line


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_data_leave_no_control_or_direction_mark(hostile, name):
    shown = format_verdict(hostile, name)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode("utf-8")


@pytest.mark.parametrize("name", ["text", "junit"])
def test_no_line_of_hostile_data_is_a_ci_command(hostile, name):
    assert not re.search(r"^\s*::|##\[|##vso\[", format_verdict(hostile, name), re.M)


def test_hostile_data_leave_json_sarif_and_junit_whole(hostile):
    assert problems(json.loads(format_verdict(hostile, "json")), schema("check")) == []
    assert sarif_run(hostile)["results"]
    assert len(list(ElementTree.fromstring(format_verdict(hostile, "junit")).iter("testcase"))) == 2


def test_no_format_shows_the_content_of_a_row(verdict):
    for name in FORMATS:
        assert "call your mother" not in format_verdict(verdict, name)


def test_an_unknown_format_is_refused_with_a_near_one(verdict):
    with pytest.raises(BadInput, match="did you mean 'sarif'"):
        format_verdict(verdict, "sariff")
