"""Work that may have to end early looks at the time, and ends."""

import math

import pytest

from monitor.core import clock, patience

FAR = math.inf


class OverError(Exception):
    """Raised at the limit."""


def limit(until: float = FAR, *, gone: bool = False) -> patience.Limit:
    return patience.Limit(until, lambda: gone, OverError)


def test_without_a_limit_work_goes_on() -> None:
    patience.look()
    assert patience.left() == FAR


def test_a_look_after_the_time_ends_the_work() -> None:
    with patience.under(limit(clock.monotonic() - 1)), pytest.raises(OverError):
        patience.look()


def test_a_look_ends_the_work_that_nobody_waits_for() -> None:
    with patience.under(limit(gone=True)), pytest.raises(OverError):
        patience.look()


def test_a_limit_ends_with_what_it_was_set_for() -> None:
    with patience.under(limit(gone=True)):
        assert patience.left() == FAR
    patience.look()


@pytest.mark.parametrize("many", [0, 1, patience.AT_ONCE, patience.AT_ONCE + 1, 3 * patience.AT_ONCE])
def test_each_gives_every_thing_once_and_in_order(many: int) -> None:
    assert list(patience.each(range(many))) == list(range(many))


def test_a_long_loop_is_left_in_its_middle() -> None:
    done: list[int] = []
    looks = iter([False, False, True])
    with patience.under(patience.Limit(FAR, lambda: next(looks), OverError)), pytest.raises(OverError):
        done.extend(patience.each(range(10 * patience.AT_ONCE)))
    assert len(done) == 2 * patience.AT_ONCE
