"""Pushed points of delta temporality, stored as the totals that Prometheus' functions expect.

What a stream has added up to is kept beside its samples and grows in the same transaction, so a point counts
once, however often and in whatever order it is sent.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from django.db import connection, transaction

from monitor.core import clock
from monitor.core.deltas import Delta, Stream
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, fingerprint
from monitor.core.samples import of_points
from monitor.store import partitions
from monitor.store.samples import batches, increments, pushes
from monitor.store.samples.increments import Increments
from monitor.store.shards import shard_of

# told the positions of points that are new and of those known: what else that adds to series
Adds = Callable[[Sequence[int], Sequence[int]], Increments]


def add(project_id: int, deltas: Sequence[Delta], *, now: dt.datetime, adds: Adds | None = None) -> list[int]:
    """Count the points that are new; the positions of those that were known.

    ``adds`` is asked inside each transaction.
    """
    if not deltas:
        return []
    buckets = batches.recent_buckets_of(project_id, now=now)
    streams = [fingerprint(project_id, delta.stream) for delta in deltas]
    by_shard: dict[int, list[int]] = {}
    for position, stream in enumerate(streams):
        by_shard.setdefault(shard_of(project_id, buckets, stream), []).append(position)
    known: list[int] = []
    for shard, positions in sorted(by_shard.items()):
        with transaction.atomic():
            old = _add_shard(project_id, shard, [(p, streams[p], deltas[p]) for p in positions], now=now)
            if adds is not None:
                partitions.for_batches(clock.to_ms(now))
                told = adds([one for one in positions if one not in set(old)], old)
                increments.write(project_id, shard, told, now=now)
            known += old
    return sorted(known)


def _add_shard(
    project_id: int, shard: int, given: Sequence[tuple[int, int, Delta]], *, now: dt.datetime
) -> list[int]:
    states = _locked(project_id, shard, sorted({stream for _, stream, _ in given}), now=now)
    known: list[int] = []
    points: list[tuple[Labels, int, float]] = []
    histograms: list[tuple[Labels, HistogramRun]] = []
    for position, stream, delta in sorted(given, key=lambda one: one[2].at_ns):
        state = states[stream]
        newest = state.take(delta)
        if newest is None:
            known.append(position)
        elif newest:
            at_ms = delta.at_ns // 1_000_000
            points += zip(delta.series, [at_ms] * len(delta.series), state.sums(delta), strict=True)
            if delta.buckets is not None:
                histograms.append((delta.stream, state.run(at_ms)))
    _keep(shard, states, now=now)
    # in one go: two that go over several shards must go the same way
    pushes.store(project_id, of_points(points), natives=histograms, now=now)
    return known


def _locked(project_id: int, shard: int, streams: Sequence[int], *, now: dt.datetime) -> dict[int, Stream]:
    """The streams' sums, once this transaction alone may change them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitor_delta_total (shard, id, project_id, seen, data)"
            " SELECT %s, unnest(%s::bigint[]), %s, %s, '' ON CONFLICT DO NOTHING",
            [shard, list(streams), project_id, now.date()],
        )
        cursor.execute(
            "SELECT id, data FROM monitor_delta_total WHERE shard = %s AND id = ANY(%s) ORDER BY id FOR UPDATE",
            [shard, list(streams)],
        )
        return {identity: Stream.of(bytes(data)) for identity, data in cursor.fetchall()}


def _keep(shard: int, states: dict[int, Stream], *, now: dt.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE monitor_delta_total SET data = u.data, seen = %s"
            " FROM unnest(%s::bigint[], %s::bytea[]) AS u(id, data)"
            " WHERE monitor_delta_total.shard = %s AND monitor_delta_total.id = u.id",
            [now.date(), list(states), [state.encode() for state in states.values()], shard],
        )
