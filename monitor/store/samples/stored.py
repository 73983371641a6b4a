"""What is stored already at given series and times: asked only for samples that a process can't be sure of.

A sample is told from another at its time by 64 bits: those of its value, or a hash of a native histogram.
"""

import datetime as dt
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection

from monitor.core import clock
from monitor.store.samples import blocks, chunks
from monitor.store.samples.blocks import Block, Ints
from monitor.store.samples.columns import Column
from monitor.store.samples.homes import Home

# compaction leaves batches alone for twice as long, so who has asked within this time has seen each as it came
HEARD_MS = 10_000
KEPT_BLOCKS = 16
# more than this is not read after a silence: what lies before its end is looked up then
AFTER_SILENCE = 100_000

# merged batches hold what others wrote, but only those written by a sender tell how far was heard
_SILENCE = """
    SELECT max(id::text) FILTER (WHERE right(id::text, 8) <> '00000000')::uuid, coalesce(sum(n), 0)::bigint,
           max(max_ms), (SELECT until_ms FROM monitor_sealed WHERE shard = %(shard)s AND project_id = %(project)s)
    FROM monitor_sample_batch
    WHERE shard = %(shard)s AND id > %(heard)s AND project_id = %(project)s AND kind = 0
"""
_SINCE = """
    SELECT max_ms, data FROM monitor_sample_batch
    WHERE shard = %(shard)s AND id > %(heard)s AND project_id = %(project)s AND kind = 0
"""
# one statement, so one snapshot: compaction may be moving rows from one table to the other
_STORED = """
    SELECT id, NULL::bigint, CASE WHEN id = ANY(%(held)s) THEN NULL ELSE data END FROM monitor_sample_batch
    WHERE shard = %(shard)s AND project_id = %(project)s AND kind = 0 AND min_ms <= %(last)s AND max_ms >= %(first)s
    UNION ALL
    SELECT NULL, series_id, data || rest FROM monitor_chunk
    WHERE shard = %(shard)s AND series_id = ANY(%(series)s) AND t0 > %(oldest)s AND t0 <= %(newest)s
          AND kind = 0 AND min_ms <= %(last)s AND max_ms >= %(first)s
"""


@dataclass(frozen=True, slots=True)
class Found:
    """For each sample asked whether one is stored at its time, and what tells that one from others."""

    found: npt.NDArray[np.bool_]
    bits: Ints


def catch_up(home: Home, project_id: int, shard: int, *, now: dt.datetime) -> tuple[UUID, int]:
    """After a silence of this process: hear what others have written meanwhile, or at least up to when.

    Up to which batch that is, and at which moment.
    """
    moment = clock.to_ms(now)
    if moment - home.heard_ms <= HEARD_MS:
        return home.heard, home.heard_ms
    asked = {"shard": shard, "project": project_id, "heard": home.heard}
    ((last, many, until, sealed),) = _rows(_SILENCE, asked)
    if sealed is not None:
        home.missed(sealed)
    if many > AFTER_SILENCE:
        home.missed(until)
    elif many:
        for end, data in _rows(_SINCE, asked):
            home.hear(end, bytes(data))
    return last or home.heard, moment


def values_at(project_id: int, shard: int, series: Ints, times: Ints) -> Found:
    """The first sample stored at each pair; ``series`` sorted, times ascending within each."""
    wanted = np.unique(series)
    first, last = int(times.min()), int(times.max())
    held = _kept.held()
    rows = _rows(_STORED, {
        "held": list(held), "shard": shard, "project": project_id, "series": wanted.tolist(),
        "first": first, "last": last, "oldest": clock.from_ms(first - chunks.DAY_MS),
        "newest": clock.from_ms(last),
    })  # fmt: skip
    parts = [blocks.empty()]
    for identity, owner, data in sorted(rows, key=_by_age):
        if identity is None:
            parts.append(blocks.as_series(blocks.decode(bytes(data)), owner))
            continue
        block = held[identity] if data is None else blocks.decode(bytes(data))
        _kept.keep(identity, block)
        parts.append(block.of_series(wanted))
    there = blocks.settle(blocks.join(parts).within(first, last))
    return _looked_up(*stamps(there), series, times)


def stamps(block: Block) -> tuple[Ints, Ints, Ints]:
    """Series, time and telling bits of every sample of a settled block, floats first."""
    floats, heads = block.tables["f"], block.tables["h"]
    if not len(heads["t"]):
        return floats["series"], floats["t"], floats["v"].view(np.int64)
    return (
        np.concatenate((floats["series"], heads["series"])),
        np.concatenate((floats["t"], heads["t"])),
        np.concatenate((floats["v"].view(np.int64), _prints(block))),
    )


def _prints(block: Block) -> Ints:
    """A hash of each native histogram of the block, buckets and all."""
    heads, rows = block.tables["h"], block.tables["b"]
    keys = list(zip(rows["series"].tolist(), rows["t"].tolist(), strict=True))
    begins = {key: n for n, key in reversed(list(enumerate(keys)))}
    ends = {key: n + 1 for n, key in enumerate(keys)}
    whole = np.column_stack([
        _bits(heads[name]) for name in ("count", "sum", "zero", "schema", "threshold", "gauge")
    ])  # fmt: skip
    buckets = np.column_stack([_bits(rows[name]) for name in ("side", "index", "count")])
    found = []
    for n, key in enumerate(zip(heads["series"].tolist(), heads["t"].tolist(), strict=True)):
        mine = buckets[begins.get(key, 0) : ends.get(key, 0)]
        digest = hashlib.blake2b(whole[n].tobytes() + mine.tobytes(), digest_size=8).digest()
        found.append(int.from_bytes(digest, "big", signed=True))
    return np.array(found, dtype=np.int64)


def _bits(column: Column) -> Ints:
    return np.ascontiguousarray(column).view(np.int64)


def _by_age(row: tuple[Any, ...]) -> bytes:
    """Chunks first, then batches as they came: of two samples at one time the first stays."""
    return b"" if row[0] is None else bytes(row[0].bytes)


def _looked_up(owner: Ints, time: Ints, bits: Ints, series: Ints, times: Ints) -> Found:
    """Sort both sides together, what is stored first: it then leads those that ask for its place."""
    n = len(time)
    owner, time = np.concatenate((owner, series)), np.concatenate((time, times))
    order = np.lexsort((time, owner))
    owner, time = owner[order], time[order]
    starts = np.append(True, (owner[1:] != owner[:-1]) | (time[1:] != time[:-1]))
    leader = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
    leads = np.empty(len(order), dtype=np.int64)
    leads[order] = leader
    found = leads[n:] < n
    stored = np.zeros(len(series), dtype=np.int64)
    stored[found] = bits[leads[n:][found]]
    return Found(found, stored)


def _rows(sql: str, values: list[object] | dict[str, object]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, values, binary=True).fetchall()


class _Kept:
    """The batches that were decoded last: a sender of old samples asks for the same ones again."""

    def __init__(self) -> None:
        self.blocks: OrderedDict[UUID, Block] = OrderedDict()
        self.lock = Lock()

    def held(self) -> dict[UUID, Block]:
        with self.lock:
            return dict(self.blocks)

    def keep(self, identity: UUID, block: Block) -> None:
        with self.lock:
            self.blocks[identity] = block
            self.blocks.move_to_end(identity)
            while len(self.blocks) > KEPT_BLOCKS:
                self.blocks.popitem(last=False)


_kept = _Kept()
