"""A worker that dies at any of its writes leaves nothing that the next one can't go on from."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from monitor.canary import acting, gather, run
from monitor.canary.models import Mode, Release, ReleaseEvidence, RolloutAction, RolloutRun, RunState, State
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_release import Open, Sides

MINUTE = dt.timedelta(minutes=1)
WRITES = ("INSERT INTO", "UPDATE")
TABLES = ("release", "rollout")


class KilledError(BaseException):
    """Nobody catches it."""


class Killer:
    """Dies in place of the write of that number."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith(WRITES) and any(f'"monitor_{one}' in sql for one in TABLES):
            self.left -= 1
            if self.left == 0:
                raise KilledError
        return execute(sql, *rest)


def looked(release: Release, now: dt.datetime) -> None:
    run.step(Release.objects.get(pk=release.pk), now=now)
    acting.run_due(now=now)


def test_a_worker_that_dies_at_any_write_ends_and_doubles_nothing(
    sides: Sides, release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    RolloutAction.objects.create(project=cast.project, name="r", kind="webhook", settings={"url": server.url})
    sides(30, share=0.5, per_minute=40, worse=12.0)
    found = release(mode=Mode.AUTOMATIC, started_at=now - 30 * MINUTE)
    for number in range(1, 100):
        before, told = transaction.savepoint(), len(server.received)
        killer = Killer(number)
        try:
            with connection.execute_wrapper(killer):
                looked(found, now + MINUTE)
        except KilledError:
            pass
        looked(found, now + 2 * MINUTE)
        after = Release.objects.get(pk=found.pk)
        assert (after.state, after.last_error) == (State.ROLLING_BACK, ""), number
        assert after.decisions.filter(kind="rollback").count() == 1
        begin = gather.bucket_of(found.started_at)
        assert ReleaseEvidence.objects.filter(release=found, bucket__gte=begin).count() == 6
        back = RolloutRun.objects.filter(decision__kind="rollback")
        assert [one.state for one in back] == [RunState.DONE]
        # given twice where nobody noted that it was given, and then as the same order
        assert len({one.json["id"] for one in server.received[told:] if one.json["share"] == 0.0}) == 1
        transaction.savepoint_rollback(before)
        if killer.left > 0:
            assert number > 8
            return
