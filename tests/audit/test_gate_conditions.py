"""What a condition may say, and what is refused because it means nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.audit.gate import parse_condition
from labelwright.audit.kinds import KINDS
from labelwright.errors import BadInput


@pytest.mark.parametrize("kind", [*KINDS, "any", "duplicate"])
def test_every_kind_can_be_counted_alone_and_as_new(kind):
    assert parse_condition(f"{kind}>0").kinds
    assert parse_condition(f"new:{kind}>=3").only_new


def test_blanks_case_and_hyphens_do_not_matter():
    assert parse_condition(" New: Near-Duplicate >= 2 ").text == "new:near_duplicate>=2"


def test_a_share_is_read_as_per_cent():
    condition = parse_condition("label>2.5%")
    assert (condition.bound, condition.is_share) == (0.025, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lable>2%", "did you mean 'label'"),
        ("label", "in quotes"),
        ("", "in quotes"),
        (">3", "does not say what is counted"),
        ("label=3", "use >, >=, < or <="),
        ("label!=3", "use >, >=, < or <="),
        ("label>many", "is no number"),
        ("label>-1", "is no number"),
        ("label>nan", "is no number"),
        ("label>2.5", "whole numbers"),
        ("label>200%", "no share is above 100%"),
        ("label>100%", "never holds"),
        ("label<0", "never holds"),
        ("label>=0", "always holds"),
        ("label<=100%", "always holds"),
        ("noise_rate>5", "write noise_rate>5%"),
        ("new:noise_rate>5%", "leave out new:"),
        ("non_iid>2%", "not counted by rows"),
        ("old:label>2", "is no kind of finding"),
        ("label>2%%", "is no condition"),
        ("\x1b[31m>2", "is no kind of finding"),
    ],
)
def test_what_means_nothing_is_refused_with_the_remedy(text, says):
    with pytest.raises(BadInput) as refused:
        parse_condition(text)
    assert says in str(refused.value)
    assert "\x1b" not in str(refused.value)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        assert parse_condition(parse_condition(text).text).text == parse_condition(text).text
    except BadInput as refused:
        assert "\n" not in str(refused)


@given(st.sampled_from([">", ">=", "<", "<="]), st.integers(1, 9), st.integers(0, 10))
def test_a_condition_holds_as_its_operator_says(operator, bound, value):
    assert parse_condition(f"label{operator}{bound}").holds(value) == eval(f"{value}{operator}{bound}")
