"""Columns are typed by what they hold; what is declared missing is missing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from labelwright.audit.nutrition.answers import Answers
from labelwright.audit.nutrition.reading import read_table
from labelwright.errors import BadInput

N = 40
Y = ["a", "b"] * (N // 2)


def kind(dataset, values, **answers):
    return column(dataset, values, **answers).kind


def column(dataset, values, **answers):
    table = read_table(dataset({"x": values, "y": Y}), Answers.from_dict(answers))
    return table.columns["x"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"user-{i}" for i in range(N)], "identifier"),
        (list(range(N)), "identifier"),
        ([str(1000 + i) for i in range(N)], "identifier"),
        ([0, 1] * 20, "nominal"),
        ([i % 7 for i in range(N)], "discrete"),
        ([str(i % 7) for i in range(N)], "discrete"),
        ([i / 7 for i in range(N)], "continuous"),
        (["1.5e3", " 2 ", "-.5", "7."] * 10, "continuous"),
        (["007", "012", "099", "100"] * 10, "nominal"),
        (["red", "green"] * 20, "nominal"),
        ([True, False] * 20, "nominal"),
        (["2024-01-31", "2023-02-01"] * 20, "date"),
        (["2024-01-31", "2023-02-30"] * 20, "nominal"),
        ([date(2024, 1, 31), None] * 20, "date"),
        ([f"the quick brown fox jumps over dog number {i}" for i in range(N)], "text"),
        ([None] * N, "empty"),
        ([""] * N, "empty"),
        ([float("nan")] * N, "empty"),
        ([[1, 2]] * N, "opaque"),
        ([b"\xff"] * N, "opaque"),
        (["1_000", "2_000"] * 20, "nominal"),
        (["nan", "1", "2", "inf"] * 10, "nominal"),
    ],
)
def test_the_kind_of_a_column_follows_from_its_values(dataset, values, expected):
    assert kind(dataset, values) == expected


def test_a_declared_code_is_missing_and_an_undeclared_one_is_suspected(dataset):
    values = ["?", "red", "green", "red"] * 10
    assert column(dataset, values).suspects == (("?", 10),)
    assert column(dataset, values).missing_share == 0
    declared = column(dataset, values, missing_codes={"x": "?"})
    assert declared.suspects == ()
    assert declared.missing_share == 0.25


def test_numbers_beside_a_declared_word_for_missing_are_numbers(dataset):
    found = column(dataset, ["12", "?", "7", "9"] * 10, missing_codes={"*": "?"})
    assert found.kind == "discrete"
    assert np.isnan(found.numbers).sum() == 10


@pytest.mark.parametrize(("code", "values"), [("-1", [-1, 3, 5, 8]), ("999", [999, 3, 5, 8])])
def test_a_lone_code_far_from_all_other_numbers_is_suspected(dataset, code, values):
    assert column(dataset, values * 10).suspects == ((code, 10),)


def test_minus_one_among_negative_numbers_is_a_number(dataset):
    assert column(dataset, [-1, -3, 5, 8] * 10).suspects == ()


def test_a_declared_number_is_missing(dataset):
    assert column(dataset, [-1, 3, 5, 8] * 10, missing_codes={"x": -1}).missing_share == 0.25


def test_a_declared_type_wins(dataset):
    assert kind(dataset, [str(i) for i in range(N)], variables={"x": {"type": "continuous"}}) == "continuous"
    assert kind(dataset, [i % 3 for i in range(N)], variables={"x": {"type": "ordinal"}}) == "ordinal"


def test_an_unknown_type_is_refused(dataset):
    with pytest.raises(BadInput, match="did you mean 'nominal'"):
        kind(dataset, Y, variables={"x": {"type": "nominl"}})


def test_an_answer_about_a_column_that_is_not_there_is_refused(dataset):
    with pytest.raises(BadInput, match="there is no column 'age'"):
        kind(dataset, Y, sensitive=["age"])


def test_dictionary_and_large_strings_read_like_strings(dataset):
    plain = column(dataset, Y)
    for values in (pa.array(Y).dictionary_encode(), pa.array(Y, pa.large_string())):
        other = column(dataset, values)
        assert (other.levels, other.codes.tolist()) == (plain.levels, plain.codes.tolist())


def test_infinite_numbers_are_missing(dataset):
    assert column(dataset, [float("inf"), 0.5, 1.5, -float("inf")] * 10).missing_share == 0.5
