"""How the samples of one window become chunks: a row for each series, together with what its row holds already."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
from django.db import connection

from monitor.core import clock
from monitor.store.models import BatchKind
from monitor.store.samples import batches, blocks, chunks
from monitor.store.samples.blocks import Block
from monitor.store.samples.chunks import ChunkData
from monitor.store.samples.runs import by_series

# so many samples are held at once; where there are more, a part of the series is sealed at a time
AT_ONCE = 500_000
FETCHED = 100
# PostgreSQL cuts long values into pieces of this many bytes; what is left over lies in the row itself
PIECE = 1996

_EXISTING = """
    SELECT series_id, data || rest FROM monitor_chunk
    WHERE shard = %s AND series_id = ANY(%s) AND t0 = %s AND kind = %s FOR UPDATE
"""
_WRITE = """
    INSERT INTO monitor_chunk (shard, series_id, t0, project_id, kind, min_ms, max_ms, n, head, data, rest)
    SELECT %s, c.series_id, %s, %s, %s, c.min_ms, c.max_ms, c.n, c.head, c.data, c.rest
    FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::integer[], %b::bytea[], %b::bytea[],
                %b::bytea[]) AS c(series_id, min_ms, max_ms, n, head, data, rest)
    ORDER BY c.series_id
    ON CONFLICT (shard, series_id, t0) DO UPDATE SET min_ms = excluded.min_ms,
        max_ms = excluded.max_ms, n = excluded.n, head = excluded.head, data = excluded.data, rest = excluded.rest
"""
_SEALED = """
    INSERT INTO monitor_sealed (shard, project_id, until_ms) VALUES (%s, %s, %s)
    ON CONFLICT (shard, project_id) DO UPDATE SET until_ms = greatest(monitor_sealed.until_ms, excluded.until_ms)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One shard's samples of one project and kind."""

    shard: int
    project_id: int
    kind: BatchKind

    @property
    def key(self) -> tuple[int, int, int]:
        return self.shard, self.project_id, self.kind.value


def seal(
    place: Place, identities: Sequence[UUID], many: int, window: tuple[int, int], *, now: dt.datetime
) -> int:
    """Write the window's samples out of these batches as chunks, and the others as batches again; how many chunks."""
    begin, end = window
    parts = -(-many // AT_ONCE)
    made, until = 0, begin
    for part in range(parts):
        whole = _part(place, identities, part, parts)
        batches.move(place.project_id, place.shard, place.kind, whole.within(-(2**62), begin - 1), now=now)
        batches.move(place.project_id, place.shard, place.kind, whole.within(end, 2**62), now=now)
        inside = whole.within(begin, end - 1)
        if inside.n:
            made += _write(place, begin, inside)
            until = max(until, inside.span()[1])
    if place.kind == BatchKind.SAMPLES and made:
        with connection.cursor() as cursor:
            cursor.execute(_SEALED, [place.shard, place.project_id, until])
    return made


def decoded(shard: int, identities: Sequence[UUID]) -> Iterator[Block]:
    """The batches' blocks in the order of their ids, few bytes at a time."""
    ordered = sorted(identities, key=lambda identity: identity.bytes)
    for first in range(0, len(ordered), FETCHED):
        sql = "SELECT data FROM monitor_sample_batch WHERE shard = %s AND id = ANY(%s) ORDER BY id"
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(sql, [shard, ordered[first : first + FETCHED]], binary=True)
            yield from (blocks.decode(data) for (data,) in cursor)


def _part(place: Place, identities: Sequence[UUID], part: int, parts: int) -> Block:
    """One of ``parts`` of the series, in order."""
    found = [blocks.empty()]
    for block in decoded(place.shard, identities):
        mine = {name: table["series"] % parts == part for name, table in block.tables.items()}
        found.append(block if parts == 1 else block.take(mine))
    return (blocks.add_up if place.kind == BatchKind.DELTAS else blocks.settle)(blocks.join(found))


def _write(place: Place, begin: int, block: Block) -> int:
    owners = block.series_ids()
    before = _existing(place, begin, owners.tolist())
    tidy = blocks.add_up if place.kind == BatchKind.DELTAS else blocks.settle
    rows: list[ChunkData] = []
    for identity, part in by_series(block, owners).items():
        old = before.get(identity)
        merged = part if old is None else tidy(blocks.join([blocks.as_series(old, identity), part]))
        rows.append(chunks.seal(identity, begin, place.kind, merged))
    cuts = [len(row.data) // PIECE * PIECE for row in rows]
    columns = [
        [row.series_id for row in rows], [row.min_ms for row in rows], [row.max_ms for row in rows],
        [row.n for row in rows], [row.head for row in rows],
        [row.data[:cut] for row, cut in zip(rows, cuts, strict=True)],
        [row.data[cut:] for row, cut in zip(rows, cuts, strict=True)],
    ]  # fmt: skip
    with psycopg.Cursor(connection.connection) as cursor:
        at = clock.from_ms(begin)
        cursor.execute(_WRITE, [place.shard, at, place.project_id, place.kind.value, *columns])
    return len(rows)


def _existing(place: Place, begin: int, owners: list[int]) -> dict[int, Block]:
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_EXISTING, [place.shard, owners, clock.from_ms(begin), place.kind.value], binary=True)
        return {identity: blocks.decode(data) for identity, data in cursor}
