import datetime as dt

import pytest

from monitor.store.upkeep import heartbeat

pytestmark = pytest.mark.usefixtures("own_cache")
SCHEDULE = {"compact": 10.0}


def state(now: dt.datetime, after: float = 0.0) -> str:
    return heartbeat.jobs(SCHEDULE, now + dt.timedelta(seconds=after))[0].state


def test_a_job_that_never_ran_is_unknown_and_not_well(now: dt.datetime) -> None:
    assert state(now) == "unknown"


def test_a_job_that_does_not_come_is_late(now: dt.datetime) -> None:
    heartbeat.note("compact", at=now, seconds=0.1)
    assert [state(now, after) for after in (1, 69, 71)] == ["good", "good", "late"]


def test_a_job_is_bad_until_a_run_goes_well(now: dt.datetime) -> None:
    heartbeat.note("compact", at=now, seconds=0.1)
    heartbeat.note("compact", at=now + dt.timedelta(seconds=10), seconds=0.2, error="DiskFull: no space")
    assert state(now, 11) == "bad"
    heartbeat.note("compact", at=now + dt.timedelta(seconds=20), seconds=0.1)
    (job,) = heartbeat.jobs(SCHEDULE, now + dt.timedelta(seconds=21))
    assert (job.state, job.beat.error) == ("good", "DiskFull: no space")
