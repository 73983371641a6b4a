"""Rows of ``sample_batch``: what one request brought, written at once and merged later."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import psycopg
from django.db import connection

from monitor.core import clock
from monitor.store import ids, partitions
from monitor.store.models import BatchKind, Project
from monitor.store.samples.blocks import Block, Packed

BUCKETS_HOLD = dt.timedelta(seconds=5)
# readers keep what is older than ten minutes; a batch with samples older than this is told to them
LATE_MS = 120_000
# how the ids end of batches that a sender wrote, and of those that compaction made of them
SENT, MOVED = 1, 0

_INSERT = """
    INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data, late)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %b,
            CASE WHEN %s < extract(epoch FROM clock_timestamp()) * 1000 - %s
            THEN pg_current_xact_id()::text::bigint END)
"""
_MOVE = """
    INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %b)
"""
_PUSH = """
    SELECT batch, until_ms, brought FROM monitor_push(%s::smallint, %s::bigint, %s::uuid, %s::bigint, %s::text,
        %s::bigint, %s::bigint, %s::integer, %b::bytea, %s::bigint)
"""
# the same, and deltas beside it: both are stored or neither
_PUSH_TOLD = f"""
    WITH pushed AS MATERIALIZED ({_PUSH}), told AS (
        INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data, late)
        SELECT %s::smallint, %s::uuid, %s::bigint, %s::smallint, d.first, %s::bigint, %s::integer, %b::bytea,
            CASE WHEN d.first < extract(epoch FROM clock_timestamp()) * 1000 - {LATE_MS}
            THEN pg_current_xact_id()::text::bigint END
        FROM (SELECT %s::bigint AS first) AS d
        WHERE EXISTS (SELECT 1 FROM pushed WHERE brought IS NULL)
    )
    SELECT batch, until_ms, brought FROM pushed
"""
# until the end of the transaction no other writer of that shard of that project is let in
ALONE = "SELECT monitor_alone(%s::bigint, %s::smallint)"

_buckets: dict[int, tuple[int, dt.datetime]] = {}


@dataclass(frozen=True, slots=True)
class Pushed:
    """The id under which a batch is ``stored`` now, if it is; and what ``others`` wrote: (id, last time, bytes)."""

    stored: UUID | None
    others: list[tuple[UUID, int, bytes]]


def buckets_of(project_id: int) -> int:
    return Project.objects.values_list("buckets", flat=True).get(id=project_id)


def recent_buckets_of(project_id: int, *, now: dt.datetime) -> int:
    """``buckets_of`` as it was at most five seconds ago: right for samples, which readers seek in every bucket."""
    known = _buckets.get(project_id)
    if known is None or not known[1] <= now < known[1] + BUCKETS_HOLD:
        known = _buckets[project_id] = (buckets_of(project_id), now)
    return known[0]


def push(
    project_id: int, shard: int, block: Block, *, heard: UUID, now: dt.datetime, told: Packed | None = None
) -> Pushed:
    """One row of pushed samples, unless others have written the same times since the batch ``heard``.

    ``told``: what is added to derived series in the same commit.
    """
    moment = max(clock.to_ms(now), ids.milliseconds_of(heard) + 1)
    partitions.for_batches(moment)
    first, last = block.span()
    tail = ids.written(0, SENT).hex[12:]
    values = [shard, project_id, heard, moment, tail, first, last, block.n, block.encode(brief=True), LATE_MS]
    if told is None:
        rows = _run(_PUSH, values)
    else:
        # what was heard may lie a day ahead of a clock that was set back
        partitions.for_batches(clock.to_ms(now))
        beside = values_of(project_id, shard, BatchKind.DELTAS, told, ids.written(clock.to_ms(now), SENT))
        rows = _run(_PUSH_TOLD, [*values, *beside[:4], *beside[5:], beside[4]])
    others = [(identity, until, bytes(data)) for identity, until, data in rows if data is not None]
    return Pushed(next((identity for identity, _, data in rows if data is None), None), others)


def write(
    project_id: int, shard: int, kind: BatchKind, block: Block, *, now: dt.datetime, brief: bool = False
) -> None:
    """One row of new samples that nobody else writes, in the caller's transaction.

    ``brief``: squeezed quickly, not small.
    """
    if block.n:
        write_packed(project_id, shard, kind, Packed.of(block, brief=brief), now=now)


def write_packed(project_id: int, shard: int, kind: BatchKind, packed: Packed, *, now: dt.datetime) -> None:
    """As ``write``, of a block that is bytes already."""
    values = values_of(project_id, shard, kind, packed, ids.written(clock.to_ms(now), SENT))
    _run(_INSERT, [*values, values[4], LATE_MS])


def move(
    project_id: int, shard: int, kind: BatchKind, block: Block, *, now: dt.datetime, brief: bool = False
) -> None:
    """One row of samples that readers know already: nothing is noted, nobody has to forget anything."""
    if block.n:
        identity = ids.written(clock.to_ms(now), MOVED)
        _run(_MOVE, values_of(project_id, shard, kind, Packed.of(block, brief=brief), identity))


def values_of(project_id: int, shard: int, kind: BatchKind, packed: Packed, identity: UUID) -> list[object]:
    """The columns of a row but for ``late``, in the order of the table."""
    return [
        shard, identity, project_id, kind.value, packed.first_ms, packed.last_ms, packed.n, packed.data,
    ]  # fmt: skip


def _run(sql: str, values: list[object]) -> list[tuple[UUID, int, bytes | None]]:
    """Past Django's cursor: its parameters become text in the statement, a waste for so many bytes."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql, values, binary=True)
        return cursor.fetchall() if cursor.description else []
