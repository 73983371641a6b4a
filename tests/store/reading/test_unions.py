"""Many selections in one ask get what each would get alone, whatever lies on tapes and what came since."""

import random

import pytest

from monitor.core import clock
from monitor.core.labels import Matcher
from monitor.core.samples import Selection
from monitor.store.reading import catalog, select, stacks, tapes, unions
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast
from tests.store.reading.test_stacks import scraped
from tests.store.reading.test_tapes import HOUR, MINUTE, _run, label, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def today(cast: Cast) -> int:
    """Two hours of eight series, all on tapes."""
    stacks.kept.clear()
    unions.kept.clear()
    at = clock.to_ms(clock.now())
    scraped(cast.project.id, at - 2 * HOUR, 480, range(8))
    for _ in range(2):
        select.look(cast.project.id).select([Selection((), at - HOUR, at)], max_samples=10**6)
    return at


def one(number: int, start: int, end: int) -> Selection:
    return Selection((Matcher("number", "=", str(number)),), start, end)


def alike(project_id: int, wanted: list[Selection]) -> None:
    """Together as each alone would be answered by a process that remembers nothing."""
    found = select.look(project_id).select(wanted, max_samples=10**6)
    tapes.kept.clear()
    stacks.kept.clear()
    catalog.forget(project_id)
    for selection, mine in zip(wanted, found, strict=True):
        (alone,) = select.look(project_id).select([selection], max_samples=10**6)
        assert told(list(mine)) == told(list(alone))


def test_each_selection_gets_its_own_series_and_span(cast: Cast, today: int) -> None:
    wanted = [one(n, today - (n + 1) * MINUTE, today) for n in range(6)] + [
        Selection((), today - MINUTE, today)
    ]
    alike(cast.project.id, wanted)


def test_one_union_serves_every_round(cast: Cast, today: int) -> None:
    for _ in range(3):
        scraped(cast.project.id, clock.to_ms(clock.now()), 1, range(8))
        now = clock.to_ms(clock.now())
        select.look(cast.project.id).select([one(n, now - MINUTE, now) for n in range(6)], max_samples=10**6)
    assert len(unions.kept.kept) == 1


def test_series_that_stopped_or_never_came_are_left_out(cast: Cast, today: int) -> None:
    scraped(cast.project.id, today + 15_000, 2, range(3))
    wanted = [one(n, today + 1, today + MINUTE) for n in range(6)] + [
        Selection((), today + 1, today + MINUTE)
    ]
    alike(cast.project.id, wanted)


def test_a_histogram_among_them_is_found_the_other_way(cast: Cast, today: int) -> None:
    append.histograms(cast.project.id, [(label(0), _run(today + 5_000))], now=clock.now())
    alike(cast.project.id, [one(n, today - MINUTE, today + MINUTE) for n in range(6)])


def test_any_mixture_is_answered_alike(cast: Cast, today: int) -> None:
    dice = random.Random(7)
    for _ in range(8):
        members = range(dice.randint(0, 4), dice.randint(5, 8))
        scraped(cast.project.id, today + dice.randint(0, 60_000), dice.randint(1, 3), members, 1_000)
    starts = [today - dice.randint(0, HOUR // 2) for _ in range(7)]
    alike(cast.project.id, [one(n, start, today + dice.randint(0, 90_000)) for n, start in enumerate(starts)])
