"""Derived series on their way to a store elsewhere: deltas become cumulative samples that are never changed again.

A store elsewhere takes samples in order and keeps what it has. So a grid step is reported once it is over, and
what comes later than that is counted at the next step; silence is reported only after a minute of it, so that
history sent in order keeps its times. Deltas removed, totals and samples are one transaction.
"""

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.store import partitions
from monitor.store.models import BatchKind
from monitor.store.reading.catalog import FLAT_MS
from monitor.store.reading.derived import cumulative
from monitor.store.samples import batches, blocks, chunks
from monitor.store.samples.append import GRID_MS
from monitor.store.samples.blocks import NEGATIVE, POSITIVE, Block, Ints
from monitor.store.samples.runs import by_series

# how long after its end a grid step still waits for calls
SETTLE_MS = 5_000
# a series that does not change reports this often, and goes on for a day after its last event
REPORT_MS = 30_000
# for so long nothing has come of a series that is silent
QUIET_MS = 60_000
# a long silence in old data is bridged by at most so many samples
BRIDGE = 480
ROWS_AT_ONCE = 60_000
NEVER = -(2**62)


@dataclass(slots=True)
class Total:
    """What a series has counted, the time of its last event, up to when that was reported, and when it last
    changed by our own clock.
    """

    counted: Block
    event_ms: int = NEVER
    sent_ms: int = NEVER
    changed_ms: int = NEVER


def fold(*, now: dt.datetime) -> int:
    """Report every derived series up to the last grid step that is over; how many samples that made."""
    closed = (clock.to_ms(now) - SETTLE_MS) // GRID_MS * GRID_MS - GRID_MS
    made = 0
    for shard, project_id in _homes(closed):
        more = True
        while more:
            samples, more = _fold(shard, project_id, closed, now=now)
            made += samples
    return made


_SILENT = "sent_ms <= %(sent)s AND sent_ms < event_ms + %(flat)s AND changed_ms <= %(changed)s"


def _silent(closed: int) -> dict[str, int]:
    return {"sent": closed - REPORT_MS, "flat": FLAT_MS, "changed": closed - QUIET_MS}


def _homes(closed: int) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT shard, project_id FROM monitor_sample_batch WHERE kind = 1 AND min_ms <= %(closed)s"
            f" UNION SELECT shard, project_id FROM monitor_total WHERE {_SILENT} ORDER BY 1, 2",
            {"closed": closed, **_silent(closed)},
        )
        found: list[tuple[int, int]] = cursor.fetchall()
    return found


def _fold(shard: int, project_id: int, closed: int, *, now: dt.datetime) -> tuple[int, bool]:
    """One pass over one home: how many samples it made, and whether deltas are left that it did not look at."""
    partitions.for_batches(clock.to_ms(now))
    with transaction.atomic():
        taken, more = _take(shard, project_id, closed)
        whole = blocks.add_up(blocks.join([blocks.empty(), *(block for _, block in taken)]))
        due = by_series(whole.within(NEVER, closed), whole.series_ids())
        totals = _totals(shard, project_id, sorted(due), closed, silent=not more)
        waiting, samples = [whole.within(closed + 1, -NEVER)], []
        for identity in sorted(due.keys() | totals.keys()):
            total, deltas = totals.setdefault(identity, Total(blocks.empty())), due.get(identity)
            if deltas is None:
                samples.append(_report(identity, total, blocks.empty(), closed))
            elif total.sent_ms >= closed:
                waiting.append(deltas)
                del totals[identity]
            else:
                samples.append(_report(identity, total, deltas, None))
                total.changed_ms = clock.to_ms(now)
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM monitor_sample_batch WHERE shard = %s AND id = ANY(%s)",
                [shard, [identity for identity, _ in taken]],
            )
        rest = blocks.add_up(blocks.join(waiting))
        batches.move(project_id, shard, BatchKind.DELTAS, rest, now=now, brief=True)
        block = blocks.settle(blocks.join([blocks.empty(), *samples]))
        batches.move(project_id, shard, BatchKind.SAMPLES, block, now=now, brief=True)
        _keep(shard, project_id, totals)
    return len(block.tables["f"]["t"]) + len(block.tables["h"]["t"]), more


def _take(shard: int, project_id: int, closed: int) -> tuple[list[tuple[object, Block]], bool]:
    """The oldest deltas that are due, and whether there are more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, n, data FROM monitor_sample_batch WHERE shard = %s AND project_id = %s AND kind = 1"
            " AND min_ms <= %s ORDER BY id LIMIT 500 FOR UPDATE",
            [shard, project_id, closed],
        )
        rows = cursor.fetchall()
    before = np.cumsum([0, *(n for _, n, _ in rows)])[:-1]
    chosen = [
        row for row, rows_before in zip(rows, before.tolist(), strict=True) if rows_before < ROWS_AT_ONCE
    ]
    return [(row[0], blocks.decode(bytes(row[2]))) for row in chosen], len(chosen) < len(rows)


def _totals(
    shard: int, project_id: int, changed: list[int], closed: int, *, silent: bool
) -> dict[int, Total]:
    """The totals of the series that changed; with ``silent`` also of those that have to report again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT series_id, data, event_ms, sent_ms, changed_ms FROM monitor_total"
            " WHERE shard = %(shard)s AND project_id = %(project)s"
            f" AND (series_id = ANY(%(changed_ids)s) OR (%(silent)s AND {_SILENT})) FOR UPDATE",
            {
                "shard": shard, "project": project_id, "changed_ids": changed, "silent": silent,
                **_silent(closed),
            },
        )  # fmt: skip
        return {row[0]: Total(blocks.decode(bytes(row[1])), *row[2:]) for row in cursor.fetchall()}


def _keep(shard: int, project_id: int, totals: dict[int, Total]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO monitor_total (shard, series_id, project_id, event_ms, sent_ms, changed_ms, data)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (shard, series_id) DO UPDATE SET"
            " event_ms = excluded.event_ms, sent_ms = excluded.sent_ms, changed_ms = excluded.changed_ms,"
            " data = excluded.data",
            [
                (
                    shard, identity, project_id, total.event_ms, total.sent_ms, total.changed_ms,
                    total.counted.encode(brief=True),
                )
                for identity, total in totals.items()
            ],
        )  # fmt: skip


def _report(identity: int, total: Total, deltas: Block, silent_until: int | None) -> Block:
    """The samples of one series up to its last delta or the end of its silence; its total then counts the deltas."""
    # what comes too late counts at the first step that has not been reported yet
    moved = Block({
        name: {**table, "t": np.maximum(table["t"], total.sent_ms + GRID_MS)} for name, table in deltas.tables.items()
    })  # fmt: skip
    settled = blocks.add_up(moved)
    changes = np.union1d(settled.tables["f"]["t"], settled.tables["h"]["t"]).astype(np.int64)
    if len(changes):
        total.event_ms = max(total.event_ms, int(changes[-1]))
    ends = [] if silent_until is None else [min(silent_until, total.event_ms + FLAT_MS)]
    points = _points(total, changes, ends, anew=_begins(total.counted, settled))
    made = _samples(identity, total.counted, settled, points)
    if len(points):
        total.sent_ms = int(points[-1])
    total.counted = blocks.as_series(chunks.totals(blocks.join([total.counted, deltas])), identity)
    return made


def _points(total: Total, changes: Ints, ends: list[int], *, anew: bool) -> Ints:
    """When a series reports: at its changes, one step before each, at ``ends``, and now and then in between.

    ``anew``: what was reported last is repeated, because buckets begin with the next step.
    """
    edges = np.union1d(changes, changes - GRID_MS)
    edges = edges[edges >= total.sent_ms + (0 if anew else 1)]
    marks = np.union1d(edges, ends).astype(np.int64).tolist()
    if total.sent_ms != NEVER:
        marks.insert(0, total.sent_ms)
    bridges = [np.arange(one, other, _spacing(one, other)) for one, other in pairwise(marks)]
    points = np.unique(np.concatenate([np.array(marks, dtype=np.int64), *bridges]))
    return points[np.isin(points, edges) | (points > total.sent_ms)]


def _spacing(one: int, other: int) -> int:
    """How far apart the samples of a silence stand; silent for more than a day, a series is not there."""
    length = other - one
    if length > FLAT_MS:
        return length
    return max(REPORT_MS, -(-length // BRIDGE) // GRID_MS * GRID_MS)


def _begins(counted: Block, deltas: Block) -> bool:
    """Whether buckets are filled that were empty before: a store of single buckets must see them rise from 0."""
    rows, old = deltas.tables["b"], counted.tables["b"]
    known = set(zip(old["side"].tolist(), old["index"].tolist(), strict=True))
    return not known.issuperset(zip(rows["side"].tolist(), rows["index"].tolist(), strict=True))


def _samples(identity: int, counted: Block, deltas: Block, points: Ints) -> Block:
    """The cumulative samples of one series at these times."""
    if not len(points):
        return blocks.empty()
    head, before = deltas.tables["h"], counted.tables["h"]
    if not len(head["t"]) and not len(before["t"]):
        floats = deltas.tables["f"]
        base = float(counted.tables["f"]["v"].sum())
        sums = np.concatenate(([base], base + np.cumsum(floats["v"])))
        values = sums[np.searchsorted(floats["t"], points, side="right")]
        return blocks.of_floats(np.full(len(points), identity, dtype=np.int64), points, values)
    at = np.searchsorted(head["t"], points, side="right")
    columns = {
        name: np.concatenate(([before[name].sum()], before[name].sum() + np.cumsum(head[name])))[at]
        for name in ("count", "sum", "zero")
    }
    rows, old = deltas.tables["b"], counted.tables["b"]
    positive_index, positive = cumulative(rows, old, POSITIVE, points)
    negative_index, negative = cumulative(rows, old, NEGATIVE, points)
    run = HistogramRun(
        times=points, count=columns["count"], total=columns["sum"], zero=columns["zero"],
        positive_index=positive_index, positive=positive,
        negative_index=negative_index, negative=negative,
    )  # fmt: skip
    return blocks.of_runs([(identity, run)])
