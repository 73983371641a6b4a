"""Derived series: what had been counted before a span, and what was counted within it, as few rows as will do.

A chunk of theirs holds its totals beside its rows. Where nobody asks about a time within a chunk the totals do, and
a chunk that is taken apart is added up between the times that somebody asks about. One statement is one snapshot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import connection

from monitor.core import clock
from monitor.store import deadline
from monitor.store.reading import bases, unsealed
from monitor.store.reading.catalog import Known
from monitor.store.samples import blocks
from monitor.store.samples.blocks import GRID_MS, Block, Ints, Table
from monitor.store.samples.chunks import WINDOW_MS, window_of
from monitor.store.samples.runs import by_series, narrow
from monitor.store.shards import shards_of

# before any sample
BEGINNING = -(2**40)
# where times asked about lie closer than this, adding up between them brings little and rows are kept instead
APART_MS = 60_000

_READ = """
    SELECT id, NULL::bigint, CASE WHEN id = ANY(%(cached)s) THEN NULL ELSE data END, false, 0::bigint
    FROM monitor_sample_batch
    WHERE project_id = %(project)s AND shard = ANY(%(shards)s) AND min_ms <= %(end)s AND kind = 1
          AND max_ms >= %(since)s
    UNION ALL
    SELECT NULL, series_id, CASE WHEN whole THEN coalesce(head, data || rest) ELSE data || rest END,
           whole AND head IS NOT NULL, max_ms
    FROM monitor_chunk, LATERAL (SELECT max_ms < %(start)s
        OR %(apart)s AND t0 <> ALL(%(cut)s::timestamptz[])) AS c (whole)
    WHERE shard = ANY(%(shards)s) AND series_id = ANY(%(series)s) AND t0 <= to_timestamp(%(end)s / 1000.0)
          AND t0 >= to_timestamp(%(since)s / 1000.0)
    ORDER BY 5
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where derived series are read: a project and its shards, up to which time samples stay as they are, and
    at which version of them. ``lasting``: what is seen stays.
    """

    project_id: int
    buckets: int
    closed_ms: int
    version: int
    lasting: bool


@dataclass(slots=True)
class _Read:
    """Totals of windows before the span; by series its chunks' rows, in order; batches as they are."""

    totals: list[Block] = field(default_factory=list)
    rows: dict[int, list[Block]] = field(default_factory=dict)
    batches: list[Block] = field(default_factory=list)


def read(
    place: Place, summed: Mapping[int, Known], span: tuple[int, int], moments: Ints, seconds: float
) -> tuple[dict[int, Block], dict[int, Block]]:
    """By series the deltas since a boundary before the span, in order, and the totals of what came before it.

    Right at ``moments``, which hold both ends of the span: between two of them rows may be added up.
    """
    start, end = span
    boundary, complete = window_of(min(start, place.closed_ms)), window_of(min(end, place.closed_ms))
    base = bases.kept.latest(place.project_id, summed, boundary)
    since = BEGINNING if base is None else base.end
    apart = end - start >= APART_MS * len(moments)
    with deadline.stopped_after(seconds):
        found = _rows(place, list(summed), (boundary, end), since, moments if apart else None)
    ids = np.array(sorted(summed), dtype=np.int64)
    # what the base has counted may still stand in a batch whose other rows are newer
    fresh = narrow(found.batches, ids).within(since, 2**62)
    parts: dict[int, list[Block]] = {}
    if base is not None:
        parts = {
            identity: [block.within(boundary, 2**62)] for identity, block in base.rows_of(summed).items()
        }
    for identity, several in found.rows.items():
        parts.setdefault(identity, []).extend(several)
    for identity, block in by_series(fresh.within(boundary, 2**62), ids).items():
        late = in_order([block])
        parts.setdefault(identity, []).append(added_up(late, moments) if apart else late)
    rows = {identity: in_order(some) for identity, some in parts.items()}
    totals = found.totals if base is None else [base.totals.of_series(ids), *found.totals]
    if base is None or base.boundary < boundary:
        before = [] if base is None else [
            blocks.as_series(block, identity).within(BEGINNING, boundary - 1)
            for identity, block in base.rows_of(summed).items()
        ]  # fmt: skip
        totals = [bases.added([*totals, *before, fresh.within(-(2**62), boundary - 1)])]
    total = totals[0]
    if place.lasting and apart and (base is None or base.boundary < boundary):
        kept = bases.Base(boundary, frozenset(summed), total, boundary, {}, total.n)
        bases.kept.keep(place.project_id, place.version, kept)
    if place.lasting and not apart and since < complete:
        kept = bases.made(boundary, total, complete, rows, summed)
        bases.kept.keep(place.project_id, place.version, kept)
    return rows, by_series(total, ids)


def _rows(place: Place, series: list[int], span: tuple[int, int], since: int, moments: Ints | None) -> _Read:
    """The rows of these series from the window ``since`` on; those before the span as totals."""
    start, end = span
    held = unsealed.kept.held()
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {
                "project": place.project_id, "shards": shards_of(place.project_id, place.buckets), "series": series,
                "start": start, "end": end, "since": since, "cached": list(held), "apart": moments is not None,
                "cut": [] if moments is None else [clock.from_ms(window) for window in cut(moments)],
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    found = _Read()
    for batch_id, series_id, data, is_total, last in rows:
        if batch_id is not None:
            found.batches.append(unsealed.of_batch(batch_id, data, held))
            continue
        block = blocks.decode(bytes(data))
        if last < start:
            found.totals.append(blocks.as_series(block, series_id))
            continue
        if is_total:
            block = _at(block, last)
        elif moments is not None:
            block = added_up(block, moments)
        found.rows.setdefault(series_id, []).append(block)
    return found


def in_order(parts: Sequence[Block]) -> Block:
    """One series' rows in order of time, of parts that mostly are in order and follow each other."""
    tables = {}
    for name, shape in blocks.SHAPES.items():
        several = [part.tables[name] for part in parts if len(part.tables[name]["t"])]
        columns = [column for column in shape if column != "series"]
        table = {
            column: np.concatenate([one[column] for one in several])
            if several
            else np.empty(0, dtype=shape[column])
            for column in columns
        }
        if (np.diff(table["t"]) < 0).any():
            order = np.argsort(table["t"], kind="stable")
            table = {column: values[order] for column, values in table.items()}
        tables[name] = table
    return Block(tables)


def cut(moments: Ints) -> list[int]:
    """The windows within which one of these times lies, so that their totals do not say enough."""
    windows = moments // WINDOW_MS * WINDOW_MS
    # what the last moment of a window holds is all of it
    inside: list[int] = np.unique(windows[moments < windows + WINDOW_MS - GRID_MS]).tolist()
    return inside


def _at(totals: Block, moment: int) -> Block:
    return Block(
        {name: {**table, "t": np.full(len(table["t"]), moment)} for name, table in totals.tables.items()}
    )


def added_up(block: Block, moments: Ints) -> Block:
    """The rows of one series, in order of time, those between two moments added up to one each."""
    f, h, b = block.tables["f"], block.tables["h"], block.tables["b"]
    return Block({
        "f": _joined(f, moments, ("v",)), "h": _joined(h, moments, ("count", "sum", "zero")), "b": _buckets(b, moments),
    })  # fmt: skip


def _joined(table: Table, moments: Ints, summed: Sequence[str]) -> Table:
    if not len(table["t"]):
        return table
    starts, ends = _cells(table["t"], moments)
    return {
        column: np.add.reduceat(values, starts) if column in summed else values[ends - 1]
        for column, values in table.items()
        if column != "series"
    }


def _buckets(table: Table, moments: Ints) -> Table:
    """The same of buckets: each gets the time of the last row of its cell."""
    times, index = table["t"], table["index"]
    if not len(times):
        return table
    starts, ends = _cells(times, moments)
    low = int(index.min())
    width = int(index.max()) - low + 1
    place = index - low
    place += np.repeat(np.arange(len(starts)) * width, ends - starts)
    if table["side"].any():
        place += table["side"] * (len(starts) * width)
    counts = np.bincount(place, table["count"])
    filled = np.flatnonzero(counts)
    cell, at = np.divmod(filled, width)
    side, cell = np.divmod(cell, len(starts))
    found = {"t": times[ends - 1][cell], "side": side, "index": at + low, "count": counts[filled]}
    if side.any():
        order = np.argsort(cell, kind="stable")
        found = {column: values[order] for column, values in found.items()}
    return found


def _cells(times: Ints, moments: Ints) -> tuple[Ints, Ints]:
    """Where rows begin and end between which none of the moments lies; a row at a moment lies before it."""
    inside = moments[(moments >= times[0]) & (moments < times[-1])]
    edges = np.unique(times.searchsorted(inside, side="right"))
    return np.append(0, edges), np.append(edges, len(times))
