"""Pieces of calls that travel by themselves: kept with the calls of their trace, whoever comes first."""

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from monitor.core import clock
from monitor.store import ids, partitions, prepared
from monitor.store.samples import batches, increments
from monitor.store.samples.increments import Increments
from monitor.store.shards import shard_of, shards_of

_ANY_KEPT = """
    SELECT 1 FROM monitor_piece WHERE shard = ANY($1::smallint[]) AND project_id = $2::bigint LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class PieceRow:
    """``key``: of trace and span; ``part``: of the content, so that a repeat is known; ``data``: redacted JSON."""

    key: uuid.UUID
    part: uuid.UUID
    kind: int
    at_ms: int
    data: str


@dataclass(frozen=True, slots=True)
class Known:
    """A stored call by one of its keys: its own, or that of what it happened in."""

    key: uuid.UUID
    generation_id: uuid.UUID


def put(
    project_id: int,
    rows: Sequence[PieceRow],
    adds: Callable[[set[uuid.UUID]], Increments],
    *,
    now: dt.datetime,
) -> set[uuid.UUID]:
    """Keep them; the parts that are new. ``adds`` says of those what they add to series, in the same commit."""
    if not rows:
        return set()
    partitions.for_batches(clock.to_ms(now))
    buckets = batches.recent_buckets_of(project_id, now=now)
    by_shard: dict[int, list[PieceRow]] = {}
    for row in rows:
        by_shard.setdefault(shard_of(project_id, buckets, ids.home(row.key)), []).append(row)
    made: set[uuid.UUID] = set()
    with transaction.atomic(), connection.cursor() as cursor:
        for shard, members in sorted(by_shard.items()):
            cursor.execute(
                "INSERT INTO monitor_piece (shard, key, part, project_id, kind, at_ms, seen, data)"
                " SELECT %s, u.key, u.part, %s, u.kind, u.at_ms, %s, u.data FROM unnest("
                "%s::uuid[], %s::uuid[], %s::smallint[], %s::bigint[], %s::text[])"
                " AS u(key, part, kind, at_ms, data) ORDER BY 2, 3 ON CONFLICT DO NOTHING RETURNING part",
                [
                    shard, project_id, now.date(), [row.key for row in members], [row.part for row in members],
                    [row.kind for row in members], [row.at_ms for row in members],
                    [row.data for row in members],
                ],
            )  # fmt: skip
            made |= {row[0] for row in cursor.fetchall()}
        increments.write(project_id, shards_of(project_id, buckets)[0], adds(made), now=now)
    return made


def any_kept(project_id: int, *, now: dt.datetime) -> bool:
    """Whether it is worth looking for pieces at all; most projects never have one."""
    shards = shards_of(project_id, batches.recent_buckets_of(project_id, now=now))
    values = [f"{{{','.join(map(str, shards))}}}".encode(), str(project_id).encode()]
    # every request with a span asks: found once, and past Django's cursor
    here = connections[DEFAULT_DB_ALIAS]
    here.ensure_connection()
    with here.wrap_database_errors:
        return bool(prepared.cells(here.connection, _ANY_KEPT, values, (), once=here.in_atomic_block))


def of_traces(
    project_id: int, traces: Collection[str], *, now: dt.datetime
) -> tuple[list[PieceRow], list[Known]]:
    """All pieces of these traces, and the calls that are stored of those that have some."""
    shards = shards_of(project_id, batches.recent_buckets_of(project_id, now=now))
    ranges = [ids.trace_keys(project_id, trace) for trace in traces]
    kept = _within(
        shards, ranges, "monitor_piece", "t.key, t.part, t.kind, t.at_ms, t.data", "t.at_ms, t.part"
    )
    rows = [PieceRow(*row) for row in kept]
    if not rows:
        return [], []
    homes = {ids.home(row.key) for row in rows}
    told = [one for one in ranges if ids.home(one[0]) in homes]
    # a key may also stand for what a call happened in, of which nothing was stored
    found = _within(shards, told, "monitor_generation_key", "t.key, t.generation_id", "t.key")
    there = _stored(shards, [identity for _, identity in found])
    return rows, [Known(key, identity) for key, identity in found if identity in there]


def _stored(shards: Sequence[int], identities: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM monitor_generation WHERE shard = ANY(%s) AND id = ANY(%s)",
            [list(shards), list(identities)],
        )
        return {row[0] for row in cursor.fetchall()}


def _within(
    shards: Sequence[int],
    ranges: Sequence[tuple[uuid.UUID, uuid.UUID]],
    table: str,
    columns: str,
    order: str,
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM unnest(%s::uuid[], %s::uuid[]) AS r(least, most)"
            f" CROSS JOIN unnest(%s::smallint[]) AS s(shard)"
            f" JOIN {table} t ON t.shard = s.shard AND t.key BETWEEN r.least AND r.most ORDER BY {order}",
            [[one[0] for one in ranges], [one[1] for one in ranges], list(shards)],
        )
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
