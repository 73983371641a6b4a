"""What has arrived behind the tapes of one selection: unsealed batches, each taken apart once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from django.db import connection

from monitor.core.samples import Part
from monitor.store import deadline
from monitor.store.models import BatchKind
from monitor.store.reading.catalog import Members, Moment
from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block, Floats, Ints
from monitor.store.shards import shards_of

# more than this is better read anew than carried along
CELLS_KEPT = 4_000_000

_IDS = """
    SELECT id FROM monitor_sample_batch
    WHERE project_id = %s AND shard = ANY(%s) AND max_ms > %s AND kind = %s ORDER BY id
"""
_DATA = "SELECT id, data FROM monitor_sample_batch WHERE shard = ANY(%s) AND id = ANY(%s) ORDER BY id"


@dataclass(frozen=True, slots=True)
class TailPart:
    """Later samples of the rows of one part: ``values`` mean something where they are ``there``."""

    times: Ints
    values: Floats
    there: np.ndarray

    def within(self, start: int, end: int) -> "TailPart":
        low, high = int(self.times.searchsorted(start)), int(self.times.searchsorted(end, side="right"))
        if high - low == len(self.times):
            return self
        return TailPart(self.times[low:high], self.values[:, low:high], self.there[:, low:high])

    def taking(self, rows: Ints, times: Ints, values: Floats) -> "TailPart":
        """With these samples too; what is there already stays."""
        union = np.union1d(self.times, times)
        wide, there = self.values, self.there
        if len(union) > len(self.times):
            old = union.searchsorted(self.times)
            wide, there = np.zeros((len(wide), len(union))), np.zeros((len(wide), len(union)), dtype=bool)
            wide[:, old], there[:, old] = self.values, self.there
        else:
            wide, there = wide.copy(), there.copy()
        columns = union.searchsorted(times)
        new = ~there[rows, columns]
        wide[rows[new], columns[new]] = values[new]
        there[rows, columns] = True
        return TailPart(union, wide, there)


@dataclass(frozen=True, slots=True)
class Tail:
    """The batches taken in so far, and what they hold for each part of the stack."""

    seen: frozenset[UUID] = frozenset()
    parts: list[TailPart] = field(default_factory=list)


def brought_up(
    tail: Tail,
    project_id: int,
    moment: Moment,
    members: Members,
    stack: Sequence[Part],
    after: int,
    seconds: float,
) -> Tail | None:
    """The tail with every batch in it that has samples later than ``after``; None: not to be had this way.

    A batch that went away was made part of another one: what it held stays true.
    """
    shards = shards_of(project_id, moment.buckets)
    with deadline.stopped_after(seconds), connection.cursor() as cursor:
        cursor.execute(_IDS, [project_id, shards, after, BatchKind.SAMPLES.value])
        ids = [row[0] for row in cursor.fetchall()]
        new = [identity for identity in ids if identity not in tail.seen]
        if not new and tail.parts:
            return tail
        cursor.execute(_DATA, [shards, new])
        found = [blocks.decode(bytes(data)) for _, data in cursor.fetchall()]
    parts = tail.parts or [_nothing(len(part.rows)) for part in stack]
    longer = _taken_in(parts, members, stack, found, after)
    if longer is None or sum(part.values.size for part in longer) > CELLS_KEPT:
        return None
    return replace(tail, seen=tail.seen.intersection(ids) | frozenset(new), parts=longer)


def _nothing(rows: int) -> TailPart:
    return TailPart(np.empty(0, dtype=np.int64), np.empty((rows, 0)), np.empty((rows, 0), dtype=bool))


def _taken_in(
    parts: Sequence[TailPart], members: Members, stack: Sequence[Part], found: Sequence[Block], after: int
) -> list[TailPart] | None:
    """The parts with the samples of these blocks; None when there are histograms among them."""
    ids = np.array(members.ids, dtype=np.int64)
    order = np.argsort(ids)
    ids = ids[order]
    part_of, row_of = np.empty(len(ids), dtype=np.int64), np.empty(len(ids), dtype=np.int64)
    for number, part in enumerate(stack):
        part_of[part.rows], row_of[part.rows] = number, np.arange(len(part.rows))
    longer = list(parts)
    for block in found:
        if np.isin(block.tables["h"]["series"], ids).any():
            return None
        table = block.tables["f"]
        place = np.minimum(ids.searchsorted(table["series"]), len(ids) - 1)
        mine = np.flatnonzero((ids[place] == table["series"]) & (table["t"] > after))
        owner = order[place[mine]]
        times, values = table["t"][mine].astype(np.int64), table["v"][mine].astype(np.float64)
        for number in np.unique(part_of[owner]).tolist():
            chosen = part_of[owner] == number
            longer[number] = longer[number].taking(row_of[owner[chosen]], times[chosen], values[chosen])
    return longer
