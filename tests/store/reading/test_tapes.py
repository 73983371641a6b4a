"""Kept samples never outlive a change: an answer from tapes is the answer that the tables give."""

import datetime as dt
import random

import numpy as np
import pytest

from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, Matcher
from monitor.core.samples import Selection, Series
from monitor.store.ageing import compact
from monitor.store.reading import catalog, select, tapes
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast

# pushed batches are left alone at first
LATER = dt.timedelta(seconds=30)
pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = 60_000
HOUR = 60 * MINUTE


def label(number: int) -> Labels:
    return Labels({"__name__": "x", "number": str(number)})


def ask(project_id: int, start: int, end: int) -> list[Series]:
    selection = Selection((Matcher("__name__", "=", "x"),), start, end)
    return list(select.select(project_id, [selection], max_samples=10**7)[0])


def told(series: list[Series]) -> list[tuple[Labels, list[int], list[float], list[list[int]]]]:
    return [
        (one.labels, one.times.tolist(), one.values.tolist(), [run.times.tolist() for run in one.histograms])
        for one in series
    ]


def untold(project_id: int, start: int, end: int) -> list[Series]:
    """The same answer by a process that has kept nothing."""
    before, tapes.kept = tapes.kept, tapes.Tapes(tapes.NUMBERS_KEPT)
    try:
        return ask(project_id, start, end)
    finally:
        tapes.kept = before


def push(project_id: int, points: list[tuple[int, int, float]], now: dt.datetime) -> None:
    append.samples(project_id, [(label(number), at, value) for number, at, value in points], now=now)


def test_what_was_read_is_kept(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 5 * HOUR
    push(cast.project.id, [(0, at + i * MINUTE, i) for i in range(100)], now)
    ask(cast.project.id, at, at + HOUR)
    assert tapes.kept.covering(cast.project.id, _ids(cast.project.id), at)


def test_series_of_one_scrape_share_their_times(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 5 * HOUR
    push(cast.project.id, [(number, at + i * MINUTE, i) for i in range(100) for number in range(3)], now)
    for _ in range(2):
        found = ask(cast.project.id, at + MINUTE, at + HOUR)
        assert len({id(one.times) for one in found}) == 1


def test_a_late_sample_shows_at_once(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 5 * HOUR
    push(cast.project.id, [(0, at, 1.0), (0, at + HOUR, 3.0)], now)
    ask(cast.project.id, at, at + 2 * HOUR)
    push(cast.project.id, [(0, at + MINUTE, 2.0)], now)
    (found,) = ask(cast.project.id, at, at + 2 * HOUR)
    assert found.values.tolist() == [1.0, 2.0, 3.0]


def test_a_late_sample_that_is_sealed_meanwhile_shows_too(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 9 * HOUR
    push(cast.project.id, [(0, at, 1.0), (0, at + HOUR, 3.0)], now)
    compact.run(now=now + LATER)
    ask(cast.project.id, at, at + 2 * HOUR)
    push(cast.project.id, [(0, at + MINUTE, 2.0)], now)
    compact.run(now=now + LATER)
    (found,) = ask(cast.project.id, at, at + 2 * HOUR)
    assert found.values.tolist() == [1.0, 2.0, 3.0]


def test_compaction_changes_no_version(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 9 * HOUR
    push(cast.project.id, [(0, at + i * MINUTE, i) for i in range(500)], now)
    before = select.look(cast.project.id).moment.version
    assert compact.run(now=now + LATER).batches
    assert select.look(cast.project.id).moment.version == before


def test_a_late_histogram_shows_at_once(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now) - 5 * HOUR
    push(cast.project.id, [(0, at, 1.0)], now)
    ask(cast.project.id, at, at + HOUR)
    append.histograms(cast.project.id, [(label(0), _run(at + MINUTE))], now=now)
    assert told(ask(cast.project.id, at, at + HOUR))[0][3] == [[at + MINUTE]]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_writing_and_asking_gives_what_the_tables_hold(
    cast: Cast, now: dt.datetime, seed: int
) -> None:
    project, dice = cast.project.id, random.Random(seed)
    today = clock.to_ms(clock.now())
    span = 8 * HOUR
    for _ in range(25):
        base = today - dice.randrange(span)
        match dice.randrange(4):
            case 0:
                step = dice.choice([7_000, 15_000, MINUTE])
                members = dice.sample(range(4), dice.randrange(1, 5))
                push(
                    project,
                    [
                        (number, base + i * step, dice.random())
                        for i in range(dice.randrange(1, 60))
                        for number in members
                    ],
                    clock.now(),
                )
            case 1:
                compact.run(now=clock.now() + LATER)
            case _:
                end = min(today, base + dice.choice([5 * MINUTE, HOUR, 5 * HOUR]))
                start = end - dice.choice([5 * MINUTE, HOUR, 5 * HOUR])
                assert told(ask(project, start, end)) == told(untold(project, start, end))


def _ids(project_id: int) -> list[int]:
    return [member.id for member in catalog.found(project_id, [], 0, 2**60)]


def _run(at: int) -> HistogramRun:
    one, none = np.array([1.0]), np.empty(0, dtype=np.int64)
    return HistogramRun(
        times=np.array([at]), count=one, total=one, zero=one * 0,
        positive_index=np.array([0]), positive=one[None, :], negative_index=none, negative=np.empty((1, 0)),
    )  # fmt: skip
