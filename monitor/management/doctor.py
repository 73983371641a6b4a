"""``manage.py doctor``: looks at everything an installation needs and says what is wrong and how to mend it."""

import datetime as dt
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.core.cache import cache
from django.core.checks import WARNING, run_checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from monitor import unattended
from monitor.celery import app
from monitor.core.version import version

LEAST_FREE, SHORT_FREE = 2**30, 10 * 2**30
MOST_SKEW_SECONDS = 5.0
PATIENCE_SECONDS = 3.0


class State(StrEnum):
    """What a look found."""

    GOOD = "ok"
    WARN = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and what to do about it unless it is good."""

    state: State
    what: str
    remedy: str = ""


Look = Callable[[dt.datetime], Iterable[Finding]]


def examine(now: dt.datetime) -> Iterator[Finding]:
    """All looks, one after the other; one that can't be taken is a finding itself."""
    yield Finding(State.GOOD, f"Vigil {version()}, data in {settings.VIGIL_DATA}")
    for look, remedy in LOOKS.items():
        try:
            yield from look(now)
        except (DatabaseError, RedisError, BrokerError, OSError, unattended.UnknownError) as error:
            text = str(error).strip().splitlines()
            yield Finding(State.BAD, f"{look.__doc__}: {text[0] if text else type(error).__name__}", remedy)


def _database(now: dt.datetime) -> Iterator[Finding]:
    """PostgreSQL"""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), clock_timestamp(), pg_database_size(current_database())"
        )
        server, moment, size = cursor.fetchone()
        cursor.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        vector = cursor.fetchone()
    yield Finding(State.GOOD, f"PostgreSQL {server} answers; {size / 1e6:.0f} MB")
    if vector is None:
        yield Finding(
            State.BAD,
            "the extension vector is not there",
            "as an admin of the database: CREATE EXTENSION vector",
        )
    skew = abs((moment - now).total_seconds())
    if skew > MOST_SKEW_SECONDS:
        yield Finding(
            State.WARN, f"the database's clock differs from this machine's by {skew:.0f} s", "run NTP on both"
        )


def _migrations(_now: dt.datetime) -> Iterator[Finding]:
    """Tables"""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        yield Finding(
            State.BAD,
            f"{len(waiting)} migrations have not run, the first is {waiting[0][0]}",
            "manage.py up, or manage.py migrate",
        )
    else:
        yield Finding(State.GOOD, "tables are those of this version")


def _cache(_now: dt.datetime) -> Iterator[Finding]:
    """Valkey or Redis"""
    cache.set("doctor", 1, 10)
    yield Finding(State.GOOD, "the queue's server answers")


def _workers(_now: dt.datetime) -> Iterator[Finding]:
    """Workers"""
    answers = app.control.ping(timeout=PATIENCE_SECONDS)
    if answers:
        yield Finding(
            State.GOOD,
            f"{len(answers)} worker answers" if len(answers) == 1 else f"{len(answers)} workers answer",
        )
    else:
        yield Finding(
            State.BAD,
            "no worker answers: nothing is scraped, no rule evaluated, nobody told",
            "manage.py up; its log says why a worker ended",
        )


def _jobs(now: dt.datetime) -> Iterator[Finding]:
    """Jobs"""
    found = unattended.jobs(now)
    for job in found:
        if job.state in {"bad", "late"}:
            about = (
                job.beat.error if job.state == "bad" else f"last ran {job.beat.ok_at or job.beat.error_at}"
            )
            yield Finding(State.WARN, f"the job {job.name} is {job.state}: {about}", "see the worker's log")
    well = sum(job.state == "good" for job in found)
    yield Finding(
        State.GOOD if well else State.WARN,
        f"{well} of {len(found)} jobs ran well",
        "" if well else "is beat running?",
    )


def _disk(_now: dt.datetime) -> Iterator[Finding]:
    """Disk"""
    free = shutil.disk_usage(settings.VIGIL_DATA).free
    told = f"{free / 2**30:.1f} GiB free under {settings.VIGIL_DATA}"
    remedy = "lower VIGIL_RETENTION_DAYS, or give it more room"
    if free < LEAST_FREE:
        yield Finding(State.BAD, told, remedy)
    else:
        yield Finding(
            State.WARN if free < SHORT_FREE else State.GOOD, told, remedy if free < SHORT_FREE else ""
        )


def _secrets(_now: dt.datetime) -> Iterator[Finding]:
    """Secrets"""
    folder = settings.LAYOUT.secrets
    for path in folder.glob("*"):
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) and path.stat().st_uid == os.geteuid():
            yield Finding(State.WARN, f"others may read {path}", f"chmod 600 {path}")


def _settings(_now: dt.datetime) -> Iterator[Finding]:
    """Settings"""
    problems = [
        one for one in run_checks(include_deployment_checks=True) if one.id and one.id.startswith("monitor.")
    ]
    for one in problems:
        yield Finding(State.BAD if one.level > WARNING else State.WARN, str(one.msg), str(one.hint or ""))


# each with what to do when it can't be taken at all
LOOKS: dict[Look, str] = {
    _database: "manage.py up, or see DATABASE_URL", _migrations: "mend the database first",
    _cache: "manage.py up, or see REDIS_URL", _workers: "mend the queue's server first",
    _jobs: "mend the queue's server first", _disk: "see VIGIL_DATA", _secrets: "see VIGIL_DATA", _settings: "",
}  # fmt: skip
