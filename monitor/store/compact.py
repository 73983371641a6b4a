"""Turns many small batches into few, and closed windows into chunks. Safe to run anywhere, any number at once.

One call takes one shard's oldest batches of one project under lock, so two compactors never share a batch;
all of it is one transaction, so a reader sees either the batches or what became of them.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection, transaction

from monitor.core import clock
from monitor.store import batches, blocks, chunks, partitions
from monitor.store.blocks import Block
from monitor.store.chunks import WINDOW_MS, ChunkData
from monitor.store.models import BatchKind

# a window is closed this long after its end; what comes later is merged into its chunks
LATE_MS = 600_000
AT_ONCE = 500
# fewer small batches than this are not worth a rewrite
WORTH = 8
# a merged batch this large is left alone until its window closes
LARGE = 200_000


@dataclass(frozen=True, slots=True)
class Compacted:
    """What one pass did."""

    batches: int
    chunks: int


def run(*, now: dt.datetime) -> Compacted:
    """Compact everything that is due."""
    closed = chunks.window_of(clock.to_ms(now) - LATE_MS)
    done = [_pass(*home, closed=closed, now=now) for home in _homes(closed)]
    return Compacted(sum(one.batches for one in done), sum(one.chunks for one in done))


def _homes(closed: int) -> list[tuple[int, int, int]]:
    """(shard, project, kind) with work to do."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT shard, project_id, kind FROM monitor_sample_batch GROUP BY shard, project_id, kind"
            " HAVING min(min_ms) < %s OR count(*) FILTER (WHERE n < %s) >= %s",
            [closed, LARGE, WORTH],
        )
        homes: list[tuple[int, int, int]] = cursor.fetchall()
    return homes


def _pass(shard: int, project_id: int, kind: int, *, closed: int, now: dt.datetime) -> Compacted:
    partitions.for_batches(clock.to_ms(now))
    with transaction.atomic():
        taken = _take(shard, project_id, kind, closed)
        if not taken:
            return Compacted(0, 0)
        tidy = blocks.add_up if kind == BatchKind.DELTAS else blocks.settle
        whole = tidy(blocks.join([blocks.decode(bytes(data)) for _, data in taken]))
        _delete(shard, [identity for identity, _ in taken])
        old = whole.within(-(2**62), closed - 1)
        batches.move(project_id, shard, BatchKind(kind), whole.within(closed, 2**62), now=now)
        sealed = _seal(shard, project_id, BatchKind(kind), old) if old.n else 0
    return Compacted(len(taken), sealed)


def _take(shard: int, project_id: int, kind: int, closed: int) -> list[tuple[object, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, data FROM monitor_sample_batch"
            " WHERE shard = %s AND project_id = %s AND kind = %s AND (min_ms < %s OR n < %s)"
            " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [shard, project_id, kind, closed, LARGE, AT_ONCE],
        )
        taken: list[tuple[object, bytes]] = cursor.fetchall()
    return taken


def _delete(shard: int, identities: Sequence[object]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM monitor_sample_batch WHERE shard = %s AND id = ANY(%s)", [shard, list(identities)]
        )


def _seal(shard: int, project_id: int, kind: BatchKind, block: Block) -> int:
    parts = list(_by_window(block))
    partitions.for_chunks({window for _, window, _ in parts})
    before = _existing(shard, [(series_id, window) for series_id, window, _ in parts])
    tidy = blocks.add_up if kind == BatchKind.DELTAS else blocks.settle
    rows = []
    for series_id, window, part in parts:
        old = before.get((series_id, window))
        merged = tidy(blocks.join([blocks.as_series(old, series_id), part])) if old is not None else part
        rows.append(chunks.seal(series_id, window, kind, merged))
    _write(shard, project_id, rows)
    return len(rows)


def _by_window(block: Block) -> Iterable[tuple[int, int, Block]]:
    """(series, window, its rows) for every pair that has rows."""
    times = [table["t"] // WINDOW_MS * WINDOW_MS for table in block.tables.values()]
    for window in np.unique(np.concatenate(times)).tolist():
        inside = block.within(window, window + WINDOW_MS - 1)
        if inside.n:
            for series_id in inside.series_ids().tolist():
                yield series_id, window, inside.of_series(np.array([series_id], dtype=np.int64))


def _existing(shard: int, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Block]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series_id, t0, data FROM monitor_chunk JOIN unnest(%s::bigint[], %s::timestamptz[])"
            " AS k(series, window_start) ON series_id = k.series AND t0 = k.window_start"
            " WHERE shard = %s ORDER BY series_id, t0 FOR UPDATE OF monitor_chunk",
            [[key[0] for key in keys], [clock.from_ms(key[1]) for key in keys], shard],
        )
        return {(row[0], clock.to_ms(row[1])): blocks.decode(bytes(row[2])) for row in cursor.fetchall()}


def _write(shard: int, project_id: int, rows: Sequence[ChunkData]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO monitor_chunk"
            " (shard, series_id, t0, project_id, kind, min_ms, max_ms, n, head, data)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (shard, series_id, t0) DO UPDATE SET min_ms = excluded.min_ms,"
            " max_ms = excluded.max_ms, n = excluded.n, head = excluded.head, data = excluded.data",
            [
                (
                    shard, row.series_id, clock.from_ms(row.window), project_id, row.kind.value,
                    row.min_ms, row.max_ms, row.n, row.head, row.data,
                )
                for row in rows
            ],
        )  # fmt: skip
