"""Durations go both ways without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import durations


@given(st.integers(min_value=0, max_value=durations.LONGEST_MS))
def test_text_and_number_go_round(milliseconds: int) -> None:
    assert durations.parse(durations.text(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("text", "ms"), [("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("1w", 604_800_000), ("0", 0)]
)
def test_known_spellings(text: str, ms: int) -> None:
    assert durations.parse(text) == ms


@pytest.mark.parametrize("text", ["", "5", "m", "30m1h", "1.5h", "-5m", "5 m"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(durations.BadDurationError, match="not a duration"):
        durations.parse(text)


def test_what_no_date_could_follow_is_out_of_range() -> None:
    with pytest.raises(durations.BadDurationError, match="out of range"):
        durations.parse("9000y")
