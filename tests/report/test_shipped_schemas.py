"""The schemas are shipped, use only what the test's validator knows, and refuse what is wrong."""

from __future__ import annotations

from copy import deepcopy

import pytest

from json_schema import problems
from labelwright.audit.compare import compare_states
from labelwright.audit.findings import SCHEMA
from labelwright.errors import BadInput
from labelwright.report.schemas import NAMES, schema
from state_world import MAIL, edited, world


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_names_itself_and_is_closed(name):
    content = schema(name)
    assert content["$id"] == f"urn:labelwright:schema:{name}:1"
    assert content["type"] == "object" and content["title"]
    assert problems({}, content) != []


def test_an_unknown_schema_is_refused_with_a_near_one():
    with pytest.raises(BadInput, match="did you mean 'summary'"):
        schema("sumary")


def test_the_schema_of_issues_has_the_columns_of_the_table():
    assert list(schema("issue")["properties"]) == SCHEMA.names


def test_a_comparison_fits_its_schemas():
    comparison = compare_states(world(MAIL, wrong=[0]), world(edited(b=("x y", "ham"))[:4], wrong=[1]))
    assert problems(comparison.to_dict(), schema("compare")) == []
    rows = comparison.table().to_pylist()
    assert rows and [p for row in rows for p in problems(row, schema("compare-row"))] == []


def test_a_comparison_with_a_wrong_value_does_not_fit():
    comparison = compare_states(world(MAIL), world(MAIL)).to_dict()
    for path, value in ((("rows", "added"), -1), (("rows", "added"), "1"), (("joined_by",), 3), (("extra",), 1)):
        broken = deepcopy(comparison)
        place = broken
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        assert problems(broken, schema("compare")), path


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ({"id": "a", "decision": "keep"}, True),
        ({"id": "a", "decision": "relabel", "label": "x", "reviewed": 1}, True),
        ({"id": "a", "decision": "relabel"}, False),
        ({"id": "", "decision": "keep"}, False),
        ({"id": "a", "decision": "maybe"}, False),
        ({"decision": "keep"}, False),
    ],
)
def test_decisions_are_described(row, fits):
    assert (problems(row, schema("decision")) == []) is fits
