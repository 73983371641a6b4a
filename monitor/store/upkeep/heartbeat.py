"""When each unattended job last ran, how long it took and what went wrong. Kept in the cache: lost with it, and back
with the next run; until then a job is unknown, never well.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from django.core.cache import cache
from redis.exceptions import RedisError

PREFIX = "job:"
KEPT_SECONDS = 7 * 86_400
LONGEST_ERROR = 500
# a tick may wait behind others for so many of its intervals, and for so long at least
LATE_TIMES, LATE_SECONDS = 3.0, 60.0


class Beat(msgspec.Struct):
    """The last runs of one job. ``error`` is that of the last run that failed, at ``error_at``."""

    ok_at: dt.datetime | None = None
    error_at: dt.datetime | None = None
    error: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as people see it: ``state`` is good, bad (its last run failed), late or unknown."""

    name: str
    every_seconds: float
    state: str
    beat: Beat


def note(name: str, *, at: dt.datetime, seconds: float, error: str = "") -> None:
    """Write down one run. A cache that is away costs nobody his run."""
    try:
        beat = _read(cache.get(PREFIX + name)) or Beat()
        beat.seconds = seconds
        if error:
            beat.error_at, beat.error = at, error[:LONGEST_ERROR]
        else:
            beat.ok_at = at
        cache.set(PREFIX + name, msgspec.json.encode(beat), KEPT_SECONDS)
    except RedisError:
        return


def away(name: str, seconds: float, *, now: dt.datetime) -> bool:
    """Whether a job has not run for so long, or nobody knows when it did."""
    try:
        beat = _read(cache.get(PREFIX + name))
    except RedisError:
        return True
    ran = [at for at in (beat.ok_at, beat.error_at) if at is not None] if beat else []
    return not ran or (now - max(ran)).total_seconds() > seconds


def jobs(schedule: Mapping[str, float], now: dt.datetime) -> list[Job]:
    """Every job of ``schedule`` (name, seconds between runs), those in trouble first; raises RedisError."""
    found = cache.get_many([PREFIX + name for name in schedule])
    made = [_job(name, every, _read(found.get(PREFIX + name)), now) for name, every in schedule.items()]
    return sorted(made, key=lambda job: (ORDER[job.state], job.name))


ORDER = {"bad": 0, "late": 1, "unknown": 2, "good": 3}


def _job(name: str, every: float, beat: Beat | None, now: dt.datetime) -> Job:
    if beat is None:
        return Job(name, every, "unknown", Beat())
    ran = max(at for at in (beat.ok_at, beat.error_at) if at is not None)
    if (now - ran).total_seconds() > max(LATE_TIMES * every, every + LATE_SECONDS):
        return Job(name, every, "late", beat)
    return Job(name, every, "bad" if beat.error_at == ran else "good", beat)


def _read(content: bytes | None) -> Beat | None:
    return None if content is None else msgspec.json.decode(content, type=Beat)
