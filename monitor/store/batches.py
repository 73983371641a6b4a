"""Rows of ``sample_batch``: what one request brought, written at once and merged later."""

import datetime as dt
import os

import psycopg
from django.db import connection, transaction

from monitor.core import clock
from monitor.store import ids
from monitor.store.blocks import Block
from monitor.store.models import BatchKind, Project

BUCKETS_HOLD = dt.timedelta(seconds=5)
_INSERT = (
    "INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %b)"
)
# readers keep what is older than ten minutes; a batch with samples older than this is told to them
LATE_MS = 120_000
FRESH_MS = 60_000
_NOTE = (
    "INSERT INTO monitor_late_batch (project_id, min_ms)"
    " SELECT %s, %s WHERE %s < extract(epoch FROM clock_timestamp()) * 1000 - %s"
)

_buckets: dict[int, tuple[int, dt.datetime]] = {}


def buckets_of(project_id: int) -> int:
    return Project.objects.values_list("buckets", flat=True).get(id=project_id)


def recent_buckets_of(project_id: int, *, now: dt.datetime) -> int:
    """``buckets_of`` as it was at most five seconds ago: right for samples, which readers seek in every bucket."""
    known = _buckets.get(project_id)
    if known is None or not known[1] <= now < known[1] + BUCKETS_HOLD:
        known = _buckets[project_id] = (buckets_of(project_id), now)
    return known[0]


def write(
    project_id: int, shard: int, kind: BatchKind, block: Block, *, now: dt.datetime, brief: bool = False
) -> None:
    """One row of new samples, in the caller's transaction. ``brief``: squeezed quickly, not small."""
    if not block.n:
        return
    first = block.span()[0]
    if first >= clock.to_ms(now) - FRESH_MS:
        move(project_id, shard, kind, block, now=now, brief=brief)
        return
    # both or neither: a reader that missed the note would keep an old answer for ever
    with transaction.atomic(), connection.cursor() as cursor:
        move(project_id, shard, kind, block, now=now, brief=brief)
        cursor.execute(_NOTE, [project_id, first, first, LATE_MS])


def move(
    project_id: int, shard: int, kind: BatchKind, block: Block, *, now: dt.datetime, brief: bool = False
) -> None:
    """One row of samples that readers know already: nothing is noted, nobody has to forget anything."""
    if not block.n:
        return
    first, last = block.span()
    identity = ids.written(clock.to_ms(now), writer())
    data = block.encode(brief=brief)
    connection.ensure_connection()
    # past Django's cursor: its parameters become text in the statement, a waste for so many bytes
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_INSERT, [shard, identity, project_id, kind.value, first, last, block.n, data])


def writer() -> int:
    """A number that hardly any other process has: by it a process knows its own batches."""
    return _writer[0] if _writer[1] == os.getpid() else _new_writer()


_writer = (0, 0)


def _new_writer() -> int:
    global _writer  # noqa: PLW0603 — a fork must get a number of its own
    _writer = (int.from_bytes(os.urandom(4), "big"), os.getpid())
    return _writer[0]
