"""Numbers as Prometheus writes them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.promql.numbers import api_number, number_text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1, "0.1"), (-0.0, "-0"), (1e20, "100000000000000000000"), (1e21, "1e+21"), (1e-7, "1e-07"),
     (1.5e-6, "0.0000015"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")],
)  # fmt: skip
def test_the_api_spells_a_number_like_go(value: float, text: str) -> None:
    assert api_number(value) == text


def test_a_label_value_never_has_an_exponent() -> None:
    assert number_text(1e-7) == "0.0000001"
    assert number_text(1e22) == "10000000000000000000000"


@given(st.floats(allow_nan=False))
def test_no_digit_is_lost(value: float) -> None:
    assert float(api_number(value)) == value
    assert float(number_text(value)) == value
