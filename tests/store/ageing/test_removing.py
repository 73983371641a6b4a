"""Samples taken back: from batches and chunks, of those series and that span alone, and others may come instead."""

import datetime as dt

import numpy as np
import pytest

from monitor import query
from monitor.core import clock
from monitor.core.labels import NAME, Labels, Matcher
from monitor.core.samples import Columns, Selection
from monitor.store.ageing import compact, removing
from monitor.store.samples import pushes
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
STEP = 60_000
STEPS = 600
GONE = slice(100, 201)


def push(cast: Cast, now: dt.datetime, value: float, part: slice = slice(0, STEPS)) -> int:
    """Ten hours of two series, a point a minute; how many points were refused."""
    times = begin(now) + STEP * np.arange(STEPS)[part]
    labels = [Labels({NAME: "x", "of": of}) for of in "ab"]
    values = np.full(2 * times.size, value)
    columns = Columns(labels, np.array([times.size] * 2), np.tile(times, 2), values)
    return len(pushes.store(cast.project.id, columns, now=now))


def begin(now: dt.datetime) -> int:
    return clock.to_ms(now) - STEPS * STEP


def seen(cast: Cast, now: dt.datetime, of: str) -> list[float]:
    """The values of a series at its own minutes; -1 where there is none."""
    first = begin(now)
    found = query.range(
        cast.project.id, f'last_over_time(x{{of="{of}"}}[1s])', first, first + STEP * (STEPS - 1),
        dt.timedelta(milliseconds=STEP),
    )  # fmt: skip
    if not found.labels:
        return [-1.0] * STEPS
    row: list[float] = np.where(found.present(), found.values, -1.0)[0].tolist()
    return row


def take_back(cast: Cast, now: dt.datetime) -> int:
    span = (begin(now) + STEP * GONE.start, begin(now) + STEP * (GONE.stop - 1))
    chosen = (Matcher(NAME, "=", "x"), Matcher("of", "=", "a"))
    return removing.remove(cast.project.id, [Selection(chosen, *span)], now=now)


@pytest.fixture(params=["batches", "chunks"])
def stored(request: pytest.FixtureRequest, cast: Cast, now: dt.datetime) -> str:
    push(cast, now, 1.0)
    if request.param == "chunks":
        assert compact.run(now=now + dt.timedelta(minutes=1)).chunks > 0
    return str(request.param)


def test_what_is_taken_back_is_gone_and_nothing_else(cast: Cast, now: dt.datetime, stored: str) -> None:
    assert seen(cast, now, "a") == [1.0] * STEPS
    assert take_back(cast, now) == 101
    expected = np.ones(STEPS)
    expected[GONE] = -1
    assert seen(cast, now, "a") == expected.tolist()
    assert seen(cast, now, "b") == [1.0] * STEPS


def test_other_values_may_take_their_place(cast: Cast, now: dt.datetime, stored: str) -> None:
    take_back(cast, now)
    assert push(cast, now, 2.0, GONE) == 101
    compact.run(now=now + dt.timedelta(minutes=2))
    expected = np.ones(STEPS)
    expected[GONE] = 2
    assert seen(cast, now, "a") == expected.tolist()
    assert seen(cast, now, "b") == [1.0] * STEPS


def test_a_second_time_there_is_nothing_to_take(cast: Cast, now: dt.datetime, stored: str) -> None:
    take_back(cast, now)
    assert take_back(cast, now) == 0
