"""Every background task, killed outright again and again or begun twice at once: what is stored is as if nothing had
happened.
"""

import datetime as dt
import random
from collections.abc import Callable

import pytest

from tests.fixtures.fix_forks import Copies, apart, begun, ended, seen
from tests.fixtures.fix_work import TASKS, at

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
# there is neither a series store elsewhere nor a card, nothing is old enough to be forgotten, and the clock is right
IDLE = {"ship_samples", "poll_gpus", "forget_alerts", "forget_claims", "mind_clock"}
# a second look finds what the first left to others: leases of two minutes, groups that gather for a while
LATER = (0, 150)
# at most so many kills before a task is let through; one that ends before the next kill has had enough of them
KILLS, FARTHEST = 5, 150
chance = random.Random(4)  # noqa: S311 — where it dies


def plainly(copies: Copies, database: str, work: Callable[[], object]) -> list[int]:
    return ended(begun(database, work))


def killed(copies: Copies, database: str, work: Callable[[], object]) -> list[int]:
    """Begun again after each kill, until it gets to its end; what else went wrong."""
    for number in [1, *(round(FARTHEST ** chance.random()) for _ in range(KILLS - 1))]:
        (code,) = ended(begun(database, work, killed_at=number))
        if code != -9:
            return [code]
        copies.wait_until_left(database)
    return ended(begun(database, work))


def doubled(copies: Copies, database: str, work: Callable[[], object]) -> list[int]:
    """Two beats: two workers at the same thing at the same time."""
    return ended(*[begun(database, work) for _ in range(2)])


@pytest.mark.usefixtures("work")
def test_tasks_that_are_killed_or_begun_twice_leave_what_undisturbed_ones_leave(
    copies: Copies, now: dt.datetime
) -> None:
    ways = {copies.make(way.__name__): way for way in (plainly, killed, doubled)}
    undisturbed, *others = ways
    before, wrong = seen(undisturbed), []
    for name in TASKS:
        for seconds in LATER:
            work = at(now + dt.timedelta(seconds=seconds), name)
            codes = {way.__name__: way(copies, database, work) for database, way in ways.items()}
            wrong += [f"{name} {way}: {code}" for way, code in codes.items() if set(code) != {0}]
        after = seen(undisturbed)
        wrong += [f"{name} had nothing to do"] if (after == before) != (name in IDLE) else []
        for other in others:
            found = seen(other)
            wrong += [f"{name} {ways[other].__name__}: {more}" for more in apart(after, found).items()]
        before = after
    assert wrong == []
