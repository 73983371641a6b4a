"""Stretches fill a span, give as many calls as are wanted, and stay where they are when the span moves on."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.store.calls.stretches import stretches

MOMENTS = st.integers(0, 2**42)


@given(since=MOMENTS, length=st.integers(1, 10**10), number=st.integers(1, 200), limit=st.integers(0, 20_000))
def test_they_fill_the_span_and_give_what_is_wanted(since: int, length: int, number: int, limit: int) -> None:
    found = stretches(since, since + length, number, limit)[::-1]
    assert [found[0].since, *(one.until for one in found)] == [*(one.since for one in found), since + length]
    assert all(one.since < one.until and one.most >= 0 for one in found)
    assert sum(one.most for one in found) == limit
    assert len(found) <= number + 1


@given(since=MOMENTS, later=st.integers(0, 10**6))
def test_a_span_that_moves_on_keeps_its_stretches(since: int, later: int) -> None:
    length = 86_400_000
    before, after = (
        {one.since for one in stretches(since + moved, since + moved + length, 100, 8_000)}
        for moved in (0, later)
    )
    assert before - {since} - {at for at in before if at <= since + later} <= after


@given(since=MOMENTS)
def test_stretches_of_one_length_give_equally_many(since: int) -> None:
    found = stretches(since, since + 86_400_000, 100, 8_000)
    assert {one.most for one in found[1:-1]} <= {79, 80, 81}
