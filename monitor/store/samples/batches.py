"""Rows of ``sample_batch``: what one request brought, written at once and merged later."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections

from monitor.core import clock
from monitor.store import ids, partitions, prepared
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
    SELECT batch, until_ms, of_series, brought FROM monitor_push($1::smallint, $2::bigint, $3::uuid, $4::bigint,
        $5::text, $6::bigint, $7::bigint, $8::integer, $9::bytea, $10::bigint, $11::bigint, $12::bigint[], $13::bigint[])
"""
# the same, and deltas beside it: both are stored or neither
_PUSH_TOLD = f"""
    WITH pushed AS MATERIALIZED ({_PUSH}), told AS (
        INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data, late)
        SELECT $1::smallint, $14::uuid, $2::bigint, $15::smallint, $16::bigint, $17::bigint, $18::integer, $19::bytea,
            CASE WHEN $16::bigint < extract(epoch FROM clock_timestamp()) * 1000 - {LATE_MS}
            THEN pg_current_xact_id()::text::bigint END
        WHERE EXISTS (SELECT 1 FROM pushed WHERE until_ms IS NULL)
    )
    SELECT batch, until_ms, of_series, brought FROM pushed
"""
# until the end of the transaction no other writer of that shard of that project is let in
ALONE = "SELECT monitor_alone(%s::bigint, %s::smallint)"

_buckets: dict[int, tuple[int, dt.datetime]] = {}


@dataclass(frozen=True, slots=True)
class Known:
    """Numbers that stand for the series of a batch: of ``mine``, of those I know, and of those that I share none with."""

    mine: int
    known: list[int]
    apart: list[int]


@dataclass(frozen=True, slots=True)
class Other:
    """A batch that somebody else wrote; its bytes only where its series are not ``known``."""

    id: UUID
    until_ms: int
    series: int | None
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Pushed:
    """The id under which a batch is ``stored`` now, if it is; and what ``others`` wrote."""

    stored: UUID | None
    others: list[Other]


def buckets_of(project_id: int) -> int:
    return Project.objects.values_list("buckets", flat=True).get(id=project_id)


def recent_buckets_of(project_id: int, *, now: dt.datetime) -> int:
    """``buckets_of`` as it was at most five seconds ago: right for samples, which readers seek in every bucket."""
    known = _buckets.get(project_id)
    if known is None or not known[1] <= now < known[1] + BUCKETS_HOLD:
        known = _buckets[project_id] = (buckets_of(project_id), now)
    return known[0]


def push(
    project_id: int,
    shard: int,
    block: Block,
    *,
    heard: UUID,
    known: Known,
    now: dt.datetime,
    told: Packed | None = None,
) -> Pushed:
    """One row of pushed samples, unless others may have written the same since the batch ``heard``.

    ``told``: what is added to derived series in the same commit.
    """
    moment = max(clock.to_ms(now), ids.milliseconds_of(heard) + 1)
    partitions.for_batches(moment)
    first, last = block.span()
    tail = ids.written(0, SENT).hex[12:]
    data = block.encode(brief=True)
    values = [
        shard, project_id, heard, moment, tail, first, last, block.n, data, LATE_MS,
        known.mine, _array(known.known), _array(known.apart),
    ]  # fmt: skip
    if told is None:
        rows = _told(_PUSH, values)
    else:
        # what was heard may lie a day ahead of a clock that was set back
        partitions.for_batches(clock.to_ms(now))
        identity = ids.written(clock.to_ms(now), SENT)
        beside = [identity, BatchKind.DELTAS.value, told.first_ms, told.last_ms, told.n, told.data]
        rows = _told(_PUSH_TOLD, [*values, *beside])
    return Pushed(
        next((UUID(bytes=batch) for batch, until, *_ in rows if batch and until is None), None),
        [
            Other(UUID(bytes=batch), _number(until), None if series is None else _number(series), brought)
            for batch, until, series, brought in rows
            if batch and until
        ],
    )


def _array(numbers: Sequence[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


def _number(cell: bytes) -> int:
    return int.from_bytes(cell, "big", signed=True)


def _told(sql: str, values: Sequence[object]) -> list[list[bytes | None]]:
    """The rows of a statement that is asked over and over, as bytes."""
    # found once: each look through Django's own handle to it goes by the thread's storage
    here = connections[DEFAULT_DB_ALIAS]
    here.ensure_connection()
    given = [value if isinstance(value, bytes) else str(value).encode() for value in values]
    binary = {place for place, value in enumerate(values) if isinstance(value, bytes)}
    with here.wrap_database_errors:
        return prepared.cells(here.connection, sql, given, binary, once=here.in_atomic_block)


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
