"""Samples of some pushed series taken back over a span, so that whoever computes them can say them anew.

What goes stays gone. A span is emptied a week at a time, and readers hear of it as of a late batch.
"""

import datetime as dt
from collections.abc import Sequence

import numpy as np
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.samples import Selection
from monitor.store import partitions
from monitor.store.ageing import coarsening, compact, sealing
from monitor.store.models import BatchKind, SeriesKind
from monitor.store.reading import catalog
from monitor.store.samples import batches, blocks
from monitor.store.samples.blocks import Block, Ints
from monitor.store.samples.chunks import DAY_MS
from monitor.store.shards import shards_of

_BATCHES = """
    SELECT id FROM monitor_sample_batch
    WHERE shard = %s AND project_id = %s AND kind = %s AND min_ms <= %s AND max_ms >= %s ORDER BY id
"""
_CHUNKS = """
    DELETE FROM monitor_chunk WHERE shard = %s AND series_id = ANY(%s) AND kind = %s
           AND t0 > %s AND t0 <= %s AND min_ms <= %s AND max_ms >= %s
    RETURNING series_id, data || rest
"""
_TELL = """
    INSERT INTO monitor_late_batch (project_id, min_ms, xid)
    VALUES (%s, %s, pg_current_xact_id()::text::bigint)
"""


def remove(project_id: int, selections: Sequence[Selection], *, now: dt.datetime) -> int:
    """Take back the samples that the selections mean; how many there were. Derived series are left as they are."""
    known = catalog.of_project(project_id)
    gone = 0
    for one in selections:
        members = known.find(one.matchers, one.start_ms, one.end_ms)
        ids = np.array(sorted(each.id for each in members if each.kind == SeriesKind.PUSHED), dtype=np.int64)
        if not len(ids):
            continue
        partitions.for_batches(clock.to_ms(now))
        for shard in shards_of(project_id, batches.buckets_of(project_id)):
            place = sealing.Place(shard, project_id, BatchKind.SAMPLES)
            for first in range(one.start_ms, one.end_ms + 1, partitions.WEEK_MS):
                last = min(one.end_ms, first + partitions.WEEK_MS - 1)
                gone += _remove(place, ids, (first, last), now=now)
    return gone


def _remove(place: sealing.Place, ids: Ints, span: tuple[int, int], *, now: dt.datetime) -> int:
    """The same on one shard, while neither its writers nor compaction are let in."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(compact.ALONE, [place.project_id, place.shard])
            cursor.execute(batches.ALONE, [place.project_id, place.shard])
        gone = _from_batches(place, ids, span, now=now) + _from_chunks(place, ids, span, now=now)
        if gone:
            coarsening.note(place.shard, place.project_id, span[0], span[1] + 1)
            with connection.cursor() as cursor:
                cursor.execute(_TELL, [place.project_id, span[0]])
    return gone


def _from_batches(place: sealing.Place, ids: Ints, span: tuple[int, int], *, now: dt.datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_BATCHES, [*place.key, span[1], span[0]])
        found = [identity for (identity,) in cursor.fetchall()]
    gone = 0
    for identity in found:
        for whole in sealing.decoded(place.shard, [identity]):
            kept = _without(whole, ids, span)
            if kept.n < whole.n:
                gone += whole.n - kept.n
                with connection.cursor() as cursor:
                    cursor.execute(
                        "DELETE FROM monitor_sample_batch WHERE shard = %s AND id = %s",
                        [place.shard, identity],
                    )
                batches.move(place.project_id, place.shard, place.kind, kept, now=now)
    return gone


def _from_chunks(place: sealing.Place, ids: Ints, span: tuple[int, int], *, now: dt.datetime) -> int:
    """What is left of a chunk becomes a batch again, and a chunk once more when that is compacted."""
    oldest, newest = clock.from_ms(span[0] - DAY_MS), clock.from_ms(span[1])
    with connection.cursor() as cursor:
        cursor.execute(
            _CHUNKS, [place.shard, ids.tolist(), place.kind.value, oldest, newest, span[1], span[0]]
        )
        rows = cursor.fetchall()
    if not rows:
        return 0
    whole = [blocks.as_series(blocks.decode(bytes(data)), identity) for identity, data in rows]
    kept = blocks.settle(blocks.join([_without(one, ids, span) for one in whole]))
    batches.move(place.project_id, place.shard, place.kind, kept, now=now)
    return sum(one.n for one in whole) - kept.n


def _without(block: Block, ids: Ints, span: tuple[int, int]) -> Block:
    """The rows of other series, and of these the ones outside of the span."""
    return block.take({
        name: ~np.isin(table["series"], ids) | (table["t"] < span[0]) | (table["t"] > span[1])
        for name, table in block.tables.items()
    })  # fmt: skip
