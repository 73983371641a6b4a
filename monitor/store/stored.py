"""What is stored already at given series and times: asked only for samples that a process can't be sure of."""

import datetime as dt
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
from monitor.store import batches, blocks, ids
from monitor.store.blocks import Block, Ints
from monitor.store.chunks import WINDOW_MS
from monitor.store.homes import Home

# a batch becomes visible at its commit, somewhat after the moment in its id
COMMIT_MS = 1_000
KEPT_BLOCKS = 16

_OTHERS = """
    SELECT id, data FROM monitor_sample_batch
    WHERE shard = %s AND id > %s AND project_id = %s AND kind = 0 AND right(id::text, 8) <> %s
"""
_BATCHES = """
    SELECT id, CASE WHEN id = ANY(%s) THEN NULL ELSE data END FROM monitor_sample_batch
    WHERE shard = %s AND project_id = %s AND kind = 0 AND min_ms <= %s AND max_ms >= %s
    ORDER BY id
"""
_CHUNKS = """
    SELECT series_id, data FROM monitor_chunk
    WHERE shard = %s AND series_id = ANY(%s) AND t0 > %s AND t0 <= %s
          AND kind = 0 AND min_ms <= %s AND max_ms >= %s
"""


@dataclass(frozen=True, slots=True)
class Found:
    """For each sample asked whether one is stored, and the bits of its value."""

    found: npt.NDArray[np.bool_]
    bits: Ints


def hear_others(home: Home, project_id: int, shard: int, *, now: dt.datetime) -> None:
    """Let ``home`` know what other processes have written since it was last asked."""
    moment = clock.to_ms(now)
    since = min(home.looked_ms, moment) - COMMIT_MS
    if home.looked_ms:
        own = f"{batches.writer():08x}"
        rows = _rows(_OTHERS, [shard, ids.first_at(since), project_id, own])
        for identity, data in rows:
            if identity not in home.heard:
                home.hear(blocks.decode(bytes(data)))
        home.heard = {identity for identity, _ in rows}
    home.looked_ms = max(home.looked_ms, moment)


def values_at(project_id: int, shard: int, series: Ints, times: Ints) -> Found:
    """The first value stored at each pair; ``series`` sorted, times ascending within each."""
    wanted = np.unique(series)
    first, last = int(times.min()), int(times.max())
    oldest = clock.from_ms(first - WINDOW_MS)
    sealed = _rows(_CHUNKS, [shard, wanted.tolist(), oldest, clock.from_ms(last), last, first])
    parts = [blocks.as_series(blocks.decode(bytes(data)), identity) for identity, data in sealed]
    parts += [block.of_series(wanted) for block in _unsealed(project_id, shard, first, last)]
    return _looked_up(blocks.settle(blocks.join([blocks.empty(), *parts]).within(first, last)), series, times)


def _looked_up(there: Block, series: Ints, times: Ints) -> Found:
    """Sort both sides together, what is stored first: it then leads those that ask for its place."""
    table = there.tables["f"]
    n = len(table["t"])
    owner = np.concatenate((table["series"], series))
    time = np.concatenate((table["t"], times))
    order = np.lexsort((time, owner))
    owner, time = owner[order], time[order]
    starts = np.append(True, (owner[1:] != owner[:-1]) | (time[1:] != time[:-1]))
    leader = order[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
    leads = np.empty(len(order), dtype=np.int64)
    leads[order] = leader
    found = leads[n:] < n
    bits = np.zeros(len(series), dtype=np.int64)
    bits[found] = table["v"].view(np.int64)[leads[n:][found]]
    return Found(found, bits)


def _unsealed(project_id: int, shard: int, first: int, last: int) -> list[Block]:
    held = _kept.held()
    found = []
    for identity, data in _rows(_BATCHES, [list(held), shard, project_id, last, first]):
        block = held[identity] if data is None else blocks.decode(bytes(data))
        _kept.keep(identity, block)
        found.append(block)
    return found


def _rows(sql: str, values: list[object]) -> list[tuple[Any, ...]]:
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
