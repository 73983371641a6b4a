"""Coarse points of old samples: made once a day of sealed chunks is old enough, kept longer than the samples.

Compaction notes each day whose chunks it writes; the points of a noted day are made anew from its chunks, so
doing it twice changes nothing. Derived series are stored as deltas at the ends of the buckets.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from django.db import connection, transaction

from monitor.core import clock, coarse
from monitor.core.coarse import FIVE_MINUTES, HOUR, Points
from monitor.store import partitions
from monitor.store.ageing import coarse_partitions, keeping
from monitor.store.models import BatchKind
from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block
from monitor.store.samples.columns import pack, unpack

DAY_MS = partitions.DAY_MS
TABLES = {FIVE_MINUTES: "monitor_coarse_5m", HOUR: "monitor_coarse_1h"}
# one row of a series holds so much time, and one partition so many days
ROW_MS = {FIVE_MINUTES: DAY_MS, HOUR: 7 * DAY_MS}
PARTITION_MS = {FIVE_MINUTES: 28 * DAY_MS, HOUR: 364 * DAY_MS}
# a day is left alone for so long after its end: late samples would have it made again and again
SETTLED_MS = 3 * 3_600_000
SERIES_AT_ONCE = 500
DAYS_AT_ONCE = 50
LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Home:
    """One day of one project's samples on one shard."""

    shard: int
    project_id: int
    day: int


def note(shard: int, project_id: int, begin_ms: int, end_ms: int) -> None:
    """Chunks of [begin, end) have changed; inside the transaction that changes them."""
    # a sample at midnight belongs to the bucket that ends there
    days = list(range((begin_ms - 1) // DAY_MS, (end_ms - 1) // DAY_MS + 1))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitor_coarse_day (shard, project_id, day, made)"
            " SELECT %s, %s, d, false FROM unnest(%s::integer[]) AS d ORDER BY d"
            " ON CONFLICT (shard, project_id, day) DO UPDATE SET made = false",
            [shard, project_id, days],
        )


def run(*, now: dt.datetime, days: keeping.Days, seconds: float = LONGEST_SECONDS) -> int:
    """Make the points of days that are due; how many days that were. After ``seconds`` no further day is begun."""
    done, until = 0, clock.monotonic() + seconds
    for home in _due(now=now, days=days):
        if clock.monotonic() > until:
            break
        with transaction.atomic():
            if _claim(home):
                _make(home, days)
                done += 1
    return done


def made_until(now_ms: int, days: keeping.Days) -> int:
    """Up to when there are points, if whoever makes them has kept up."""
    after = min(days.coarse_after_days, days.raw_days - 1)
    return (now_ms - SETTLED_MS - after * DAY_MS) // DAY_MS * DAY_MS


def made_of(project_id: int, now_ms: int, days: keeping.Days) -> int:
    """Up to when there are points of this project, whatever whoever makes them has done."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(day) FROM monitor_coarse_day WHERE project_id = %s AND NOT made", [project_id]
        )
        first = cursor.fetchone()[0]
    until = made_until(now_ms, days)
    return until if first is None else min(until, first * DAY_MS)


def _due(*, now: dt.datetime, days: keeping.Days) -> list[Home]:
    """Noted days that are old enough and whose samples are still whole, the oldest first."""
    # a project that keeps samples for less than the usual wait would lose them before
    shortest = min((kept.raw_days for _, kept in keeping.all_projects(days)), default=days.raw_days)
    before = made_until(clock.to_ms(now), replace(days, raw_days=shortest)) // DAY_MS
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT shard, project_id, day FROM monitor_coarse_day WHERE NOT made AND day < %s ORDER BY day LIMIT %s",
            [before, DAYS_AT_ONCE],
        )
        homes = [Home(*row) for row in cursor.fetchall()]
    known = keeping.states([home.project_id for home in homes], days)
    fit = [home for home in homes if home.day * DAY_MS >= known[home.project_id].raw_from_ms]
    _forget([home for home in homes if home not in fit])
    return fit


def _forget(homes: Sequence[Home]) -> None:
    """Nothing can be made of days whose samples are gone in part."""
    with connection.cursor() as cursor:
        for home in homes:
            cursor.execute(
                "UPDATE monitor_coarse_day SET made = true WHERE shard = %s AND project_id = %s AND day = %s",
                [home.shard, home.project_id, home.day],
            )


def _claim(home: Home) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE monitor_coarse_day SET made = true WHERE shard = %s AND project_id = %s AND day = %s"
            " AND NOT made",
            [home.shard, home.project_id, home.day],
        )
        return bool(cursor.rowcount)


def _make(home: Home, days: keeping.Days) -> None:
    """The points of every series of one day, at every resolution that is kept."""
    kept = keeping.of_project(home.project_id, days)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM monitor_series WHERE shard = %s AND project_id = %s ORDER BY id",
            [home.shard, home.project_id],
        )
        series = [row[0] for row in cursor.fetchall()]
    for place in range(0, len(series), SERIES_AT_ONCE):
        found = list(_samples(home, series[place : place + SERIES_AT_ONCE]))
        for resolution in TABLES:
            if kept.days_of(resolution):
                _write(home, resolution, found)


def _samples(home: Home, series: Sequence[int]) -> Iterator[tuple[int, BatchKind, Block]]:
    """What the chunks hold of each series between the two midnights, the later one included."""
    begin, end = home.day * DAY_MS, (home.day + 1) * DAY_MS
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series_id, kind, data || rest FROM monitor_chunk WHERE shard = %s AND series_id = ANY(%s)"
            " AND t0 > %s AND t0 <= %s AND max_ms > %s AND min_ms <= %s ORDER BY series_id, t0",
            [home.shard, list(series), clock.from_ms(begin - DAY_MS), clock.from_ms(end), begin, end],
        )
        rows = cursor.fetchall()
    parts: dict[tuple[int, int], list[Block]] = {}
    for series_id, kind, data in rows:
        parts.setdefault((series_id, kind), []).append(
            blocks.as_series(blocks.decode(bytes(data)), series_id)
        )
    for (series_id, kind), found in parts.items():
        yield series_id, BatchKind(kind), blocks.join(found).within(begin + 1, end)


def _write(home: Home, resolution: int, found: Sequence[tuple[int, BatchKind, Block]]) -> None:
    """Put the day's points into the rows of their series, in place of those that stood there."""
    begin, end = home.day * DAY_MS, (home.day + 1) * DAY_MS
    row_begin = begin // ROW_MS[resolution] * ROW_MS[resolution]
    before = _rows(home.shard, resolution, [series_id for series_id, _, _ in found], row_begin, row_begin)
    rows = []
    for series_id, kind, block in found:
        old = [data for _, _, data in before.get(series_id, ())]
        if kind == BatchKind.DELTAS:
            data = _deltas(old, block, resolution, begin, end)
        else:
            data = _points(old, block, resolution, begin, end)
        if data is not None:
            rows.append((home.shard, series_id, clock.from_ms(row_begin), home.project_id, kind.value, data))
    coarse_partitions.ensure(TABLES[resolution], row_begin, PARTITION_MS[resolution])
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {TABLES[resolution]} (shard, series_id, t0, project_id, kind, data)"
            " VALUES (%s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (shard, series_id, t0) DO UPDATE SET data = excluded.data, kind = excluded.kind",
            rows,
        )


def _points(old: Sequence[bytes], block: Block, resolution: int, begin: int, end: int) -> bytes | None:
    """Float samples; native histograms that were pushed have no points."""
    floats = block.tables["f"]
    if not len(floats["t"]):
        return None
    order = np.argsort(floats["t"], kind="stable")
    made = coarse.points(floats["t"][order].astype(np.int64), floats["v"][order], resolution)
    known = [Points(**unpack(data)) for data in old]
    kept = [points.where((points.end <= begin) | (points.end > end)) for points in known]
    return pack(asdict(coarse.joined([*kept, made])))


def _deltas(old: Sequence[bytes], block: Block, resolution: int, begin: int, end: int) -> bytes | None:
    if not block.n:
        return None
    moved = Block({
        name: {**table, "t": coarse.bucket_of(table["t"].astype(np.int64), resolution)}
        for name, table in block.tables.items()
    })  # fmt: skip
    series_id = int(block.series_ids()[0])
    known = [blocks.as_series(blocks.decode(data), series_id) for data in old]
    kept = [part for whole in known for part in (whole.within(-(2**62), begin), whole.within(end + 1, 2**62))]
    return blocks.add_up(blocks.join([*kept, moved])).encode()


def _rows(
    shard: int, resolution: int, series: Sequence[int], first_ms: int, last_ms: int
) -> dict[int, list[tuple[int, int, bytes]]]:
    """(begin, kind, data) of the rows that begin within the span, by series."""
    found: dict[int, list[tuple[int, int, bytes]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT series_id, t0, kind, data FROM {TABLES[resolution]} WHERE shard = %s"
            " AND series_id = ANY(%s) AND t0 >= %s AND t0 <= %s ORDER BY series_id, t0",
            [shard, list(series), clock.from_ms(first_ms), clock.from_ms(last_ms)],
        )
        for series_id, begin, kind, data in cursor.fetchall():
            found.setdefault(series_id, []).append((clock.to_ms(begin), kind, bytes(data)))
    return found


def points_of(
    shards: Sequence[int], series: Sequence[int], resolution: int, first_ms: int, last_ms: int
) -> dict[int, Points]:
    """The points of pushed series whose buckets end within (first, last]."""
    found: dict[int, Points] = {}
    for series_id, rows in _between(shards, series, resolution, first_ms, last_ms).items():
        parts = [Points(**unpack(data)) for kind, data in rows if kind == BatchKind.SAMPLES]
        if parts:
            whole = coarse.joined(parts)
            found[series_id] = whole.where((whole.end > first_ms) & (whole.end <= last_ms))
    return found


def deltas_of(
    shards: Sequence[int], series: Sequence[int], resolution: int, first_ms: int, last_ms: int
) -> dict[int, Block]:
    """The deltas of derived series whose buckets end within (first, last]."""
    found: dict[int, Block] = {}
    for series_id, rows in _between(shards, series, resolution, first_ms, last_ms).items():
        parts = [
            blocks.as_series(blocks.decode(data), series_id)
            for kind, data in rows
            if kind == BatchKind.DELTAS
        ]
        if parts:
            found[series_id] = blocks.add_up(blocks.join(parts)).within(first_ms + 1, last_ms)
    return found


def _between(
    shards: Sequence[int], series: Sequence[int], resolution: int, first_ms: int, last_ms: int
) -> dict[int, list[tuple[int, bytes]]]:
    found: dict[int, list[tuple[int, bytes]]] = {}
    for shard in shards:
        for series_id, rows in _rows(
            shard, resolution, series, first_ms - ROW_MS[resolution], last_ms
        ).items():
            found.setdefault(series_id, []).extend((kind, data) for _, kind, data in rows)
    return found


def drop_samples(*, now: dt.datetime, days: keeping.Days) -> list[str]:
    """Drop the chunks that are too old, and say from when on samples are whole; the partitions' names."""
    projects = keeping.all_projects(days)
    longest = max((kept.raw_days for _, kept in projects), default=days.raw_days)
    gone = partitions.drop_before(partitions.CHUNKS, clock.to_ms(now) - longest * DAY_MS)
    if gone:
        last = max(dt.datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=dt.UTC) for name in gone)
        keeping.samples_begin(last + dt.timedelta(milliseconds=partitions.WEEK_MS))
    for project_id, kept in projects:
        if kept.raw_days < longest:
            oldest = clock.from_ms((clock.to_ms(now) - kept.raw_days * DAY_MS) // DAY_MS * DAY_MS)
            keeping.samples_begin(oldest, project_id)
            with connection.cursor() as cursor:
                cursor.execute(
                    "DELETE FROM monitor_chunk WHERE project_id = %s AND t0 < %s AND max_ms < %s",
                    [project_id, oldest, clock.to_ms(oldest)],
                )
    return gone


def drop(*, now: dt.datetime, days: keeping.Days) -> list[str]:
    """Drop partitions that no project keeps any more, and rows that their project does not; the partitions' names."""
    gone = []
    projects = keeping.all_projects(days)
    for resolution, table in TABLES.items():
        longest = max((kept.days_of(resolution) for _, kept in projects), default=0)
        oldest_ms = clock.to_ms(now) - longest * DAY_MS
        gone += coarse_partitions.drop_before(table, oldest_ms, PARTITION_MS[resolution])
        for project_id, kept in projects:
            if kept.days_of(resolution) < longest:
                oldest = now - dt.timedelta(days=kept.days_of(resolution), milliseconds=ROW_MS[resolution])
                with connection.cursor() as cursor:
                    cursor.execute(
                        f"DELETE FROM {table} WHERE project_id = %s AND t0 < %s", [project_id, oldest]
                    )
    with connection.cursor() as cursor:
        forgotten = (clock.to_ms(now) - days.longest * DAY_MS) // DAY_MS
        cursor.execute("DELETE FROM monitor_coarse_day WHERE made AND day < %s", [forgotten])
    return gone
