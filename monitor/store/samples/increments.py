"""What new rows add to derived series, as columns: added up and written as one batch of deltas."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.core import clock
from monitor.core.histograms import DEFAULT_ZERO_THRESHOLD, bucket_of
from monitor.core.labels import Labels, fingerprint
from monitor.store.models import BatchKind, SeriesKind
from monitor.store.samples import batches, blocks, series
from monitor.store.samples.blocks import (
    DERIVED_SCHEMA,
    GRID_MS,
    NEGATIVE,
    POSITIVE,
    Block,
    Cell,
    Floats,
    Ints,
    Key,
)

# found once: to look into an enumeration takes several times as long
_COUNTER, _HISTOGRAM = SeriesKind.DERIVED_COUNTER, SeriesKind.DERIVED_HISTOGRAM


@dataclass(frozen=True, slots=True)
class Increments:
    """``owners`` are positions in ``labels``; times in Unix milliseconds, on no grid yet.

    ``counted`` says of each label set whether it is a counter; the others are histograms.
    """

    labels: list[Labels]
    counted: list[bool]
    owners: Ints
    times: Ints
    values: Floats


# a label set, whether it is a counter, a time in Unix milliseconds, and an amount or what was observed
Row = tuple[Labels, bool, int, float]


def of_counts(counts: Sequence[Mapping[Labels, int]], *, now: dt.datetime) -> Increments:
    """Counters that grow by so much now, those of several sources added together."""
    whole: dict[Labels, int] = {}
    for one in counts:
        for labels, n in one.items():
            whole[labels] = whole.get(labels, 0) + n
    grown = {labels: n for labels, n in whole.items() if n}
    size = len(grown)
    return Increments(
        list(grown), [True] * size, np.arange(size), np.full(size, clock.to_ms(now), dtype=np.int64),
        np.array(list(grown.values()), dtype=np.float64),
    )  # fmt: skip


def rows_of(found: Increments) -> Iterator[Row]:
    """One after the other, for ``made_of_few``."""
    for owner, at, value in zip(
        found.owners.tolist(), found.times.tolist(), found.values.tolist(), strict=True
    ):
        yield found.labels[owner], found.counted[owner], at, value


def joined(parts: Sequence[Increments]) -> Increments:
    """All of them; the same label set may appear more than once."""
    if len(parts) == 1:
        return parts[0]
    lengths = [len(part.labels) for part in parts]
    starts = np.cumsum([0, *lengths[:-1]])
    return Increments(
        [labels for part in parts for labels in part.labels],
        [kind for part in parts for kind in part.counted],
        np.concatenate([part.owners + start for part, start in zip(parts, starts, strict=True)]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def write(project_id: int, shard: int, found: Increments, *, now: dt.datetime) -> None:
    """Add to the series, inside the caller's transaction, on the shard of the rows they come from."""
    if len(found.owners):
        write_packed(project_id, shard, *packed(project_id, found), now=now)


def write_packed(
    project_id: int, shard: int, spans: Sequence[series.SeriesSpan], data: blocks.Packed, *, now: dt.datetime
) -> None:
    """As ``write``, of what is made already."""
    series.register(project_id, shard, spans)
    batches.write_packed(project_id, shard, BatchKind.DELTAS, data, now=now)


def packed(project_id: int, found: Increments) -> tuple[list[series.SeriesSpan], blocks.Packed]:
    """As ``made``, as bytes: squeezed quickly, for they are read back and merged within seconds."""
    spans, block = made(project_id, found)
    return spans, blocks.Packed.of(block, brief=True)


def made(project_id: int, found: Increments) -> tuple[list[series.SeriesSpan], Block]:
    """The series and the times they gain samples at, and those samples added up; ``found`` must not be empty."""
    times = found.times // GRID_MS * GRID_MS
    ids = np.array([fingerprint(project_id, labels) for labels in found.labels], dtype=np.int64)
    return _spans(found, ids, times), _block(found, ids[found.owners], times)


def made_of_few(project_id: int, rows: Iterable[Row]) -> tuple[list[series.SeriesSpan], blocks.Packed]:
    """As ``made``, one after the other: of a few rows that takes a fraction of the time."""
    spans: dict[int, series.SeriesSpan] = {}
    counts: dict[Key, float] = {}
    heads: dict[Key, list[float]] = {}
    filled: dict[Cell, float] = {}
    for labels, counted, at, value in rows:
        time = at - at % GRID_MS
        identity = fingerprint(project_id, labels)
        span = spans.get(identity)
        if span is None:
            kind = _COUNTER if counted else _HISTOGRAM
            spans[identity] = series.SeriesSpan(identity, labels, kind, time, time)
        elif time < span.first_ms:
            span.first_ms = time
        elif time > span.last_ms:
            span.last_ms = time
        key = identity, time
        if counted:
            counts[key] = counts.get(key, 0.0) + value
            continue
        head = heads.get(key)
        if head is None:
            head = heads[key] = [0.0, 0.0, 0.0]
        head[0] += 1.0
        head[1] += value
        size = abs(value)
        if size <= DEFAULT_ZERO_THRESHOLD:
            head[2] += 1.0
        else:
            cell = identity, time, POSITIVE if value > 0 else NEGATIVE, bucket_of(size, DERIVED_SCHEMA)
            filled[cell] = filled.get(cell, 0.0) + 1.0
    return list(spans.values()), blocks.of_few(counts, heads, filled)


def _spans(found: Increments, ids: Ints, times: Ints) -> list[series.SeriesSpan]:
    order = np.argsort(found.owners, kind="stable")
    owners, at = found.owners[order], times[order]
    starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
    spans: dict[int, series.SeriesSpan] = {}
    for owner, low, high in zip(
        owners[starts].tolist(),
        np.minimum.reduceat(at, starts).tolist(),
        np.maximum.reduceat(at, starts).tolist(),
        strict=True,
    ):
        kind = SeriesKind.DERIVED_COUNTER if found.counted[owner] else SeriesKind.DERIVED_HISTOGRAM
        identity = int(ids[owner])
        known = spans.setdefault(identity, series.SeriesSpan(identity, found.labels[owner], kind, low, high))
        known.first_ms, known.last_ms = min(known.first_ms, low), max(known.last_ms, high)
    return list(spans.values())


def _block(found: Increments, ids: Ints, times: Ints) -> Block:
    counts = np.array(found.counted, dtype=bool)[found.owners]
    block = blocks.add_up(blocks.of_floats(ids[counts], times[counts], found.values[counts]))
    observed = ~counts
    if observed.any():
        rest = blocks.of_observations(
            ids[observed], times[observed], found.values[observed], np.ones(int(observed.sum()))
        )
        block.tables["h"], block.tables["b"] = rest.tables["h"], rest.tables["b"]
    return block
