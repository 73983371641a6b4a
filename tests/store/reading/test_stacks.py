"""Whole answers out of matrices: what arrives behind them is seen at once, in whatever order it comes."""

import datetime as dt
import random

import numpy as np
import pytest

from monitor.core import clock
from monitor.core.samples import Selection, Table
from monitor.store.ageing import compact
from monitor.store.reading import select, stacks
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast
from tests.store.reading.test_tapes import HOUR, MINUTE, _run, label, push, told, untold
from tests.store.reading.test_tapes import ask as ask_for

pytestmark = pytest.mark.django_db(transaction=True)


def scraped(project_id: int, start: int, count: int, members: range = range(4), step: int = 15_000) -> None:
    points = [(number, start + i * step, float(i + number)) for i in range(count) for number in members]
    push(project_id, points, clock.now())


def held() -> list[stacks.Stack]:
    return list(stacks.kept.kept.values())


@pytest.fixture
def today(cast: Cast) -> int:
    """Three hours of four series, asked for, so that they are at hand."""
    stacks.kept.clear()
    at = clock.to_ms(clock.now())
    scraped(cast.project.id, at - 3 * HOUR, 600)
    for _ in range(2):
        ask_for(cast.project.id, at - 2 * HOUR, at - HOUR)
    assert len(held()) == 1
    return at


def asked(project_id: int, start: int, end: int) -> list[object]:
    found = ask_for(project_id, start, end)
    assert told(found) == told(untold(project_id, start, end))
    return list(found)


def test_series_of_one_scrape_are_one_matrix(cast: Cast, today: int) -> None:
    known = select.look(cast.project.id)
    selection = Selection((), today - 2 * HOUR, today - HOUR)
    (found,) = known.select([selection], max_samples=10**6)
    assert isinstance(found, Table)
    assert [part.values.shape for part in found.parts] == [(4, 241)]


def test_a_new_scrape_is_in_the_next_answer(cast: Cast, today: int) -> None:
    asked(cast.project.id, today - MINUTE, today)
    scraped(cast.project.id, today - 30_000, 2)
    assert len(asked(cast.project.id, today - MINUTE, today)) == 4
    (stack,) = held()
    assert stack.tail is not None
    assert stack.tail.seen


def test_who_may_not_copy_so_much_makes_no_stack(
    cast: Cast, today: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks.kept.clear()
    monkeypatch.setattr(select, "TOLD_AT_ONCE", 0)
    expected = []

    def refuse(samples: int) -> None:
        expected.append(samples)
        raise MemoryError

    with pytest.raises(MemoryError):
        select.look(cast.project.id).select(
            [Selection((), today - 2 * HOUR, today - HOUR)], max_samples=10**6, expect=refuse
        )
    # a third of what samples cost that are read: their times are shared
    assert 4 * 241 // 3 <= expected[0] <= 4 * 600 // 3
    assert held() == []


def test_half_a_scrape_is_as_good_as_it_is(cast: Cast, today: int) -> None:
    scraped(cast.project.id, today - MINUTE, 3)
    scraped(cast.project.id, today - MINUTE + 45_000, 1, range(2))
    assert len(asked(cast.project.id, today - MINUTE, today)) == 4
    assert len(asked(cast.project.id, today - 15_000, today)) == 2


def test_a_histogram_behind_the_tapes_shows(cast: Cast, today: int) -> None:
    asked(cast.project.id, today - MINUTE, today)
    append.histograms(cast.project.id, [(label(0), _run(today - 5_000))], now=clock.now())
    found = ask_for(cast.project.id, today - MINUTE, today)
    assert told(found)[0][3] == [[today - 5_000]]


def test_what_is_sealed_meanwhile_is_still_there(cast: Cast, today: int) -> None:
    for number in range(12):
        scraped(cast.project.id, today - 8 * MINUTE + number * 30_000, 2)
        asked(cast.project.id, today - 9 * MINUTE, today)
    compact.run(now=clock.now())
    asked(cast.project.id, today - 9 * MINUTE, today)
    compact.run(now=clock.now() + dt.timedelta(hours=9))
    asked(cast.project.id, today - 9 * MINUTE, today)


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_pushes_at_the_present_gives_what_the_tables_hold(
    cast: Cast, today: int, seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(25):
        match dice.randrange(5):
            case 0 | 1:
                start = today - dice.randrange(12 * MINUTE) // 15_000 * 15_000
                first = dice.randrange(4)
                members = range(first, dice.randrange(first + 1, 6))
                scraped(cast.project.id, start, dice.randrange(1, 20), members)
            case 2:
                compact.run(now=clock.now())
            case _:
                end = today - dice.choice([0, 0, MINUTE, 20 * MINUTE])
                asked(cast.project.id, end - dice.choice([MINUTE, 5 * MINUTE, HOUR]), end)


def test_more_samples_than_allowed_are_refused(cast: Cast, today: int) -> None:
    selection = Selection((), today - 2 * HOUR, today - HOUR)
    with pytest.raises(select.TooManySamplesError):
        select.select(cast.project.id, [selection], max_samples=963)


def test_values_are_the_ones_that_were_sent(cast: Cast, today: int) -> None:
    one = ask_for(cast.project.id, today - 2 * HOUR, today - HOUR)[2]
    assert np.diff(one.values).tolist() == [1.0] * 240
