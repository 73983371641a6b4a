"""What people read must never mislead by digits, units or a zero that is not one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import numbers


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2212", "-")


@pytest.mark.parametrize("value, unit, text", [
    (1.2398, "seconds", "1.24 s"), (0.0124, "seconds", "12.4 ms"), (0.9996, "seconds", "1 s"),
    (95, "seconds", "1 min 35 s"), (4.2e-5, "seconds", "42 µs"), (0, "seconds", "0 s"),
    (90061, "seconds", "1 d 1 h"), (0.0042, "ratio", "0.42 %"), (1, "ratio", "100 %"), (0, "ratio", "0 %"),
    (38.21, "tokens_per_second", "38.2 tok/s"), (4120, "count", "4 120"), (12_345_678, "count", "12.3 M"),
    (3 * 2**30, "bytes", "3 GiB"), (0.0012, "usd", "$0.0012"), (1234.5, "usd", "$1 234.50"),
    (4.5, "score", "4.50"), (71, "celsius", "71 °C"), (1e-7, "number", "0.0000001"), (0.5, "per_second", "0.5 /s"),
    (1.92e9, "hertz", "1.92 GHz"), (50, "hertz", "50 Hz"),
])  # fmt: skip
def test_a_value_is_written_with_unit_and_sane_digits(value: float, unit: str, text: str) -> None:
    assert plain(numbers.show(value, unit)) == text


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_unknown_is_a_dash_and_never_a_zero(value: float | None) -> None:
    assert numbers.show(value, "seconds") == "—"


@pytest.mark.parametrize("value, before, unit, text", [
    (1.2, 1.0, "seconds", "+20 %"), (0.02, 0.01, "ratio", "+1 pp"), (4.0, 4.2, "score", "-0.20"),
    (0, 0, "seconds", "0 %"), (1.0007, 1, "seconds", "<1 %"), (1, 0, "seconds", "—"), (1, None, "seconds", "—"),
])  # fmt: skip
def test_a_change_is_signed_in_the_unit_that_fits(
    value: float, before: float | None, unit: str, text: str
) -> None:
    assert plain(numbers.change(value, before, unit)) == text


def test_a_difference_of_latency_is_signed_in_milliseconds() -> None:
    assert plain(numbers.signed(-0.212, "seconds")) == "-212 ms"


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(numbers.UNITS))
def test_every_finite_value_is_written_in_every_unit(value: float, unit: str) -> None:
    text = numbers.show(value, unit)
    assert text
    assert "e+" not in text or abs(value) > 1e15
