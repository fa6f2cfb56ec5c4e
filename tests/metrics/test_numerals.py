"""Numbers are told without an exponent where none is needed, and exactly where they must read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.metrics.numerals import exact_number, rounded_number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_exact_number_reads_back(value):
    assert float(exact_number(value)) == value


@given(st.floats(1e-3, 1e14))
def test_a_rounded_number_has_no_exponent_and_lies_near(value):
    text = rounded_number(value)
    assert "e" not in text
    assert float(text) == float(f"{value:.6g}")


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (-0.0, "-0"), (1e300, "1e+300"), (float("inf"), "inf"), (float("nan"), "nan")]
)
def test_what_is_not_ordinary_is_told_all_the_same(value, text):
    assert rounded_number(value) == text
