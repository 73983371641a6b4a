"""Numbers that no document says and that follow from those it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality.grounding.reckoning import MONTH, follows, lasts


@pytest.mark.parametrize("number", [37.0, 12_000.0, 220.0])
def test_differences_products_and_sums_follow(number: float) -> None:
    assert follows(number, {14.0, 51.0, 100.0, 120.0})


def test_another_number_does_not_follow() -> None:
    assert not follows(46.0, {64.0, 3.0})


def test_durations_are_the_same_in_months_and_in_days() -> None:
    days = (90 * 86_400.0, "time")
    assert lasts((3.0, "months"), {days})
    assert lasts((15.0, "months"), {days, (12.0, "months")})
    assert not lasts((2.0, "months"), {days})
    assert not lasts((90.0, "metre"), {(3 * MONTH, "time")})


@given(st.sets(st.floats(1, 1000), min_size=25, max_size=40), st.floats(3, 1000))
def test_of_a_document_full_of_numbers_nothing_follows(numbers: set[float], number: float) -> None:
    assert not follows(number, numbers)
