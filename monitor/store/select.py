"""The read path: selections in, series out. One statement reads unsealed batches and chunks in one snapshot."""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Lock
from uuid import UUID

import numpy as np
from django.db import connection

from monitor.core.histograms import CUSTOM_SCHEMA, HistogramRun
from monitor.core.samples import Selection, Series
from monitor.store import blocks, catalog, derived
from monitor.store.append import buckets_of
from monitor.store.blocks import CUSTOM, NEGATIVE, POSITIVE, Block, Ints, Table
from monitor.store.catalog import Known, label_names, label_values, series
from monitor.store.chunks import WINDOW_MS
from monitor.store.models import BatchKind, SeriesKind
from monitor.store.shards import shards_of

__all__ = ["TooManySamplesError", "label_names", "label_values", "select", "series"]

CACHE_NUMBERS = 12_000_000
NUMBERS_PER_ROW = 5
# closer than this samples hardly ever stand; a shorter question can't be too long
DENSEST_MS = 1_000

# a chunk that ended before the question counts with its totals alone (head), an overlapping one with its rows
_READ = """
    SELECT id, NULL::bigint, kind, CASE WHEN id = ANY(%(cached)s) THEN NULL ELSE data END, false
    FROM monitor_sample_batch
    WHERE project_id = %(project)s AND shard = ANY(%(shards)s) AND min_ms <= %(end)s
          AND ((kind = 0 AND %(pushed)s AND max_ms >= %(start)s) OR (kind = 1 AND %(derived)s))
    UNION ALL
    SELECT NULL, series_id, kind, CASE WHEN kind = 1 AND max_ms < %(start)s THEN head ELSE data END,
           kind = 1 AND max_ms < %(start)s
    FROM monitor_chunk
    WHERE shard = ANY(%(shards)s) AND series_id = ANY(%(series)s) AND t0 <= to_timestamp(%(end)s / 1000.0)
          AND (%(derived)s OR t0 >= to_timestamp(%(oldest)s / 1000.0))
          AND (kind = 1 OR max_ms >= %(start)s)
"""


class TooManySamplesError(RuntimeError):
    """The question touches more samples than it may. Ask for a shorter span, a wider step or fewer series."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the query touches more than {limit} samples; "
            "ask for a shorter span, a wider step or fewer series"
        )


@dataclass(slots=True)
class _Read:
    """What one statement brought: rows within the span, and totals from before it."""

    pushed: list[Block] = field(default_factory=list)
    deltas: list[Block] = field(default_factory=list)
    heads: list[Block] = field(default_factory=list)


def select(project_id: int, selections: Sequence[Selection], *, max_samples: int) -> list[list[Series]]:
    """For each selection its series, samples ascending and within the closed span.

    Raises TooManySamplesError when more than ``max_samples`` would be handed out.
    """
    known = catalog.of_project(project_id)
    chosen = [known.find(s.matchers, s.start_ms, s.end_ms) for s in selections]
    wanted = {member.id: member for members in chosen for member in members}
    if not wanted:
        return [[] for _ in selections]
    start = min(s.start_ms for s in selections)
    end = max(s.end_ms for s in selections)
    if len(wanted) * (end - start) > max_samples * DENSEST_MS:
        _refuse_too_many(project_id, wanted, start, end, max_samples)
    read = _read(project_id, wanted, start, end)
    ids = np.array(sorted(wanted), dtype=np.int64)
    pushed = _by_series(blocks.settle(_narrow(read.pushed, ids)), ids)
    deltas = _by_series(blocks.add_up(_narrow(read.deltas, ids)), ids)
    heads = _by_series(_narrow(read.heads, ids), ids)
    budget = _Budget(max_samples)
    return [
        [
            found
            for member in members
            if (found := _series(member, pushed, deltas, heads, selection)) is not None
            and budget.spend(found)
        ]
        for selection, members in zip(selections, chosen, strict=True)
    ]


def _refuse_too_many(project_id: int, wanted: dict[int, Known], start: int, end: int, limit: int) -> None:
    """Count in the table what a long question would read, before a byte of it is decoded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(n), 0) FROM monitor_chunk WHERE shard = ANY(%s) AND series_id = ANY(%s)"
            " AND kind = 0 AND t0 <= to_timestamp(%s / 1000.0) AND max_ms >= %s",
            [shards_of(project_id, buckets_of(project_id)), list(wanted), end, start],
        )
        if cursor.fetchone()[0] > limit:
            raise TooManySamplesError(limit)


class _Budget:
    def __init__(self, limit: int) -> None:
        self.limit, self.left = limit, limit

    def spend(self, found: Series) -> bool:
        width = sum(len(run.times) * (run.positive.shape[-1] + 1) for run in found.histograms)
        self.left -= len(found.times) + width
        if self.left < 0:
            raise TooManySamplesError(self.limit)
        return True


def _series(
    member: Known,
    pushed: dict[int, Block],
    deltas: dict[int, Block],
    heads: dict[int, Block],
    selection: Selection,
) -> Series | None:
    nothing = blocks.empty()
    if member.kind == SeriesKind.PUSHED:
        mine = pushed.get(member.id, nothing).within(selection.start_ms, selection.end_ms)
        return _as_pushed(member, mine) if mine.n else None
    mine, head = deltas.get(member.id, nothing), heads.get(member.id, nothing)
    if member.kind == SeriesKind.DERIVED_COUNTER:
        return derived.counter(member, mine.tables["f"], float(head.tables["f"]["v"].sum()), selection)
    return derived.histogram(member, mine, head, selection)


def _as_pushed(member: Known, block: Block) -> Series:
    floats = block.tables["f"]
    return Series(
        member.labels, floats["t"].astype(np.int64, copy=False), floats["v"].astype(np.float64, copy=False),
        tuple(_runs(block.tables["h"], block.tables["b"])),
    )  # fmt: skip


def _runs(heads: Table, rows: Table) -> list[HistogramRun]:
    """Consecutive histogram samples of one layout, as runs."""
    n = len(heads["t"])
    if not n:
        return []
    bounds = {int(t): _bounds_at(rows, int(t)) for t in heads["t"][heads["schema"] == CUSTOM_SCHEMA]}
    layouts = [
        (
            int(heads["schema"][i]),
            float(heads["threshold"][i]),
            int(heads["gauge"][i]),
            bounds.get(int(heads["t"][i]), ()),
        )
        for i in range(n)
    ]
    cuts = [0, *(i for i in range(1, n) if layouts[i] != layouts[i - 1]), n]
    return [_run(heads, rows, slice(first, last), layouts[first]) for first, last in pairwise(cuts)]


def _run(
    heads: Table, rows: Table, part: slice, layout: tuple[int, float, int, tuple[float, ...]]
) -> HistogramRun:
    times = heads["t"][part].astype(np.int64)
    inside = (rows["t"] >= times[0]) & (rows["t"] <= times[-1])
    positive_index, positive = _matrix(rows, inside & (rows["side"] == POSITIVE), times)
    negative_index, negative = _matrix(rows, inside & (rows["side"] == NEGATIVE), times)
    return HistogramRun(
        times=times, count=heads["count"][part], total=heads["sum"][part], zero=heads["zero"][part],
        schema=layout[0], zero_threshold=layout[1], gauge=bool(layout[2]), custom_bounds=layout[3],
        positive_index=positive_index, positive=positive,
        negative_index=negative_index, negative=negative,
    )  # fmt: skip


def _matrix(
    rows: Table, mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]", times: Ints
) -> tuple[Ints, blocks.Floats]:
    index = np.unique(rows["index"][mask]).astype(np.int64)
    matrix = np.zeros((len(times), len(index)))
    matrix[np.searchsorted(times, rows["t"][mask]), np.searchsorted(index, rows["index"][mask])] = rows[
        "count"
    ][mask]
    return index, matrix


def _bounds_at(rows: Table, at: int) -> tuple[float, ...]:
    mine = (rows["t"] == at) & (rows["side"] == CUSTOM)
    return tuple(rows["count"][mine][np.argsort(rows["index"][mine])].tolist())


def _narrow(parts: Sequence[Block], ids: Ints) -> Block:
    return blocks.join([blocks.empty(), *(part.of_series(ids) for part in parts)])


def _by_series(block: Block, ids: Ints) -> dict[int, Block]:
    """One small block per series that has rows; ``block`` is sorted by series within each table or unsorted heads."""
    slices: dict[int, dict[str, slice]] = defaultdict(dict)
    tables = {}
    for name, table in block.tables.items():
        order = np.argsort(table["series"], kind="stable")
        tables[name] = {column: values[order] for column, values in table.items()}
        column = tables[name]["series"]
        left, right = np.searchsorted(column, ids, "left"), np.searchsorted(column, ids, "right")
        for identity, low, high in zip(ids.tolist(), left.tolist(), right.tolist(), strict=True):
            if high > low:
                slices[identity][name] = slice(low, high)
    nothing = slice(0, 0)
    return {
        identity: Block({
            name: {column: values[part.get(name, nothing)] for column, values in table.items()}
            for name, table in tables.items()
        })
        for identity, part in slices.items()
    }  # fmt: skip


def _read(project_id: int, wanted: dict[int, Known], start: int, end: int) -> _Read:
    kinds = {member.kind for member in wanted.values()}
    held = _cache.held()
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {
                "project": project_id, "shards": shards_of(project_id, buckets_of(project_id)),
                "series": list(wanted), "start": start, "end": end, "oldest": start - WINDOW_MS,
                "cached": list(held), "pushed": SeriesKind.PUSHED in kinds,
                "derived": kinds != {SeriesKind.PUSHED},
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    read = _Read()
    for batch_id, series_id, kind, data, is_head in rows:
        block = (
            blocks.as_series(blocks.decode(bytes(data)), series_id)
            if batch_id is None
            else _of_batch(batch_id, data, held)
        )
        target = read.heads if is_head else read.deltas if kind == BatchKind.DELTAS else read.pushed
        target.append(block)
    return read


def _of_batch(identity: UUID, data: bytes | None, held: dict[UUID, Block]) -> Block:
    block = held[identity] if data is None else blocks.decode(bytes(data))
    _cache.keep(identity, block)
    return block


class _BlockCache:
    """Decoded batches, which never change once written; least recently used ones go first."""

    def __init__(self, numbers: int) -> None:
        self.room, self.used = numbers, 0
        self.kept: OrderedDict[UUID, Block] = OrderedDict()
        self.lock = Lock()

    def held(self) -> dict[UUID, Block]:
        """What is kept now; the caller's copy stays whole whatever is evicted meanwhile."""
        with self.lock:
            return dict(self.kept)

    def keep(self, identity: UUID, block: Block) -> None:
        with self.lock:
            self.kept[identity] = block
            self.kept.move_to_end(identity)
            self.used = sum(member.n for member in self.kept.values()) * NUMBERS_PER_ROW
            while self.used > self.room and len(self.kept) > 1:
                self.used -= self.kept.popitem(last=False)[1].n * NUMBERS_PER_ROW


_cache = _BlockCache(CACHE_NUMBERS)
