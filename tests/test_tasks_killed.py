"""Every background task, killed outright again and again or begun twice at once: in the end nothing is lost, doubled
or stuck, as if nothing had happened.
"""

import datetime as dt
import mmap
import multiprocessing
import random
from collections.abc import Callable, Sequence

import pytest
from django.db import connection

from monitor.ingest.verify import verify
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_forks import Copies, Killer, apart, begun, ended, inside, seen
from tests.fixtures.fix_work import TASKS, at

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
# kills of each task, among all the statements that it makes when it is left alone
KILLS = 2
# seconds later, undisturbed: what the first look left to others has come free, groups have gathered
LATER = (150, 1_000, 1_015, 4_000)
# how it was done, not what: tries, and what they cost; batches and chunks, whose content is counted anew instead
TRACES = {
    "monitor_sample_batch", "monitor_chunk", "monitor_late_batch", "monitor_sealed", "monitor_deliveryattempt",
    "monitor_judgespending",
}  # fmt: skip
PATIENCE_SECONDS = 120
NUMBER = 4


class Shared:
    """Numbers that processes tell each other."""

    def __init__(self, size: int) -> None:
        self.raw = mmap.mmap(-1, NUMBER * size)

    def __getitem__(self, place: int) -> int:
        return int.from_bytes(self.raw[NUMBER * place : NUMBER * (place + 1)], "little")

    def __setitem__(self, place: int, number: int) -> None:
        self.raw[NUMBER * place : NUMBER * (place + 1)] = number.to_bytes(NUMBER, "little")


def counting(moment: dt.datetime, statements: Shared) -> Callable[[], object]:
    """All tasks, and how many statements each makes."""

    def run() -> None:
        for place, name in enumerate(TASKS):
            with connection.execute_wrapper(killer := Killer()):
                at(moment, name)()
            statements[place] = killer.met

    return run


def kills(statements: Shared) -> list[tuple[str, int]]:
    """Each task, some of whose statements are its last, and then left alone: 0."""
    chance, steps = random.Random(4), []
    for place, name in enumerate(TASKS):
        many = statements[place]
        chosen = chance.sample(range(1, many + 1), min(KILLS, many))
        steps += [(name, number) for number in [*chosen, 0]]
    return steps


def mortal(moment: dt.datetime, steps: Sequence[tuple[str, int]], done: Shared) -> Callable[[], object]:
    """The steps from the first that is not done, until one of them ends it."""

    def run() -> None:
        for number in range(done[0], len(steps)):
            name, last = steps[number]
            done[0] = number + 1
            with connection.execute_wrapper(Killer(last)):
                at(moment, name)()

    return run


def together(moment: dt.datetime) -> Callable[[], object]:
    """All tasks, each begun when the other process begins it, too."""
    meet = multiprocessing.get_context("fork").Barrier(2)

    def run() -> None:
        for name in TASKS:
            meet.wait(PATIENCE_SECONDS)
            at(moment, name)()

    return run


def undisturbed(copies: Copies, now: dt.datetime, statements: Shared) -> str:
    database = copies.make("undisturbed")
    assert ended(begun(database, counting(now, statements))) == [0]
    return database


def killed(copies: Copies, now: dt.datetime, statements: Shared) -> str:
    database, steps, done = copies.make("killed"), kills(statements), Shared(1)
    while done[0] < len(steps):
        (code,) = ended(begun(database, mortal(now, steps, done)))
        assert code in {0, -9}, steps[done[0] - 1]
        copies.wait_until_left(database)
    return database


def doubled(copies: Copies, now: dt.datetime) -> str:
    database, work = copies.make("doubled"), together(now)
    assert ended(*[begun(database, work) for _ in range(2)]) == [0, 0]
    return database


@pytest.mark.usefixtures("work")
def test_tasks_that_are_killed_or_begun_twice_leave_what_undisturbed_ones_leave(
    copies: Copies, pager: Pager, now: dt.datetime
) -> None:
    statements = Shared(len(TASKS))
    ways = [undisturbed(copies, now, statements), killed(copies, now, statements), doubled(copies, now)]
    found = []
    for database in ways:
        for seconds in LATER:
            assert ended(begun(database, at(now + dt.timedelta(seconds=seconds), *TASKS))) == [0], database
        found.append({table: rows for table, rows in seen(database).items() if table not in TRACES})
        with inside(database):
            assert verify(pager.cast.project.pk).differences == []
    assert [apart(found[0], one) for one in found[1:]] == [{}, {}]
