"""What pages tell of the jobs that run by themselves."""

import datetime as dt

from redis.exceptions import RedisError

from monitor.store.upkeep import heartbeat
from monitor.store.upkeep.heartbeat import Job

__all__ = ["Job", "UnknownError", "jobs", "schedule"]


class UnknownError(RuntimeError):
    """Nothing can be told now: the server that remembers does not answer. See `manage.py doctor`."""


def schedule() -> dict[str, float]:
    """Every job by name, with the seconds between its runs."""
    # the worker's wiring; pages that tell nothing of it need not load it
    from monitor.celery import app

    beat = app.conf.beat_schedule
    return {one["task"].rpartition(".")[2]: float(one["schedule"]) for one in beat.values()}


def jobs(now: dt.datetime) -> list[Job]:
    """All of them, those in trouble first; raises UnknownError."""
    try:
        return heartbeat.jobs(schedule(), now)
    except RedisError as error:
        message = f"the queue's server does not answer ({error}); `manage.py doctor` says more"
        raise UnknownError(message) from error
