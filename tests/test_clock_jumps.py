"""Every background task, with something to do, under a clock that jumps: it ends well, and no alert ends by it."""

import datetime as dt

import pytest

from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_forks import Copies, begun, ended
from tests.fixtures.fix_work import TASKS, at, known

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def test_every_task_is_tried() -> None:
    assert known() == set(TASKS)


HOUR, DAY = 3_600, 86_400
# seconds from noon: the clock is set back by two hours, then on by a day
JUMPS = (0, 15, 15 - 2 * HOUR, 30 - 2 * HOUR, 30 - 2 * HOUR + DAY, 45 - 2 * HOUR + DAY)


@pytest.mark.usefixtures("work")
def test_a_clock_that_jumps_stops_no_task_and_ends_no_alert(
    copies: Copies, pager: Pager, now: dt.datetime
) -> None:
    database = copies.make("jumped")
    # who tells of alerts comes first: it must not take the silence of a jump for an end
    order = (
        "mind_clock",
        "deliver_alerts",
        *(name for name in TASKS if name not in {"mind_clock", "deliver_alerts"}),
    )
    for seconds in JUMPS:
        # what fails is named by its traceback
        assert ended(begun(database, at(now + dt.timedelta(seconds=seconds), *order))) == [0], seconds
    # once at noon and again a day later, as a reminder
    assert pager.heard.count("firing Mounted") in {1, 2}
    assert "resolved Mounted" not in pager.heard
