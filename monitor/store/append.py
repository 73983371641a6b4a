"""The write path. What a function here has returned is committed; a retry of the same changes nothing.

Generations are unique by their sender's id, scores by generation, name and source. Derived series are
written as deltas in the same transaction as the rows they come from, so both exist or neither does.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, fingerprint
from monitor.core.samples import of_points
from monitor.store import batches, blocks, ids, partitions, pushes, series
from monitor.store.batches import buckets_of
from monitor.store.blocks import Block
from monitor.store.models import BatchKind, SeriesKind
from monitor.store.shards import shard_of

__all__ = [
    "Appended",
    "Deltas",
    "GenerationRow",
    "buckets_of",
    "deltas",
    "generations",
    "histograms",
    "samples",
]

Point = tuple[Labels, int, float]
GRID_MS = 10_000

NARROW = (
    "client_id", "started_at", "received_at", "model", "version", "environment", "operation", "provider",
    "route", "duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "input_tokens",
    "cached_input_tokens", "output_tokens", "error", "finish_reason", "user_hash", "session", "trace_id",
    "span_id", "cost_usd", "tenant", "language", "topic", "template", "grounding", "mean_logprob",
)  # fmt: skip


@dataclass(slots=True)
class GenerationRow:
    """One call, ready to be stored. ``key`` is its sender's id hashed (None: it can't be repeated).

    ``around`` is the key of what may be the same call seen from outside: of the two only one is stored.
    """

    key: uuid.UUID | None
    started_ms: int
    narrow: tuple[object, ...]
    prompt: str
    output: str
    detail: str
    embedding: tuple[str, str] | None = None
    around: uuid.UUID | None = None


@dataclass(slots=True)
class Deltas:
    """What new rows add to derived series, at event times: counts and observations."""

    counts: list[tuple[Labels, int, float]] = field(default_factory=list)
    observations: list[tuple[Labels, int, float, float]] = field(default_factory=list)

    def count(self, labels: Labels, at_ms: int, amount: float = 1.0) -> None:
        self.counts.append((labels, at_ms, amount))

    def observe(self, labels: Labels, at_ms: int, value: float, weight: float = 1.0) -> None:
        self.observations.append((labels, at_ms, value, weight))


@dataclass(frozen=True, slots=True)
class Appended:
    """How many rows were new and how many were there already."""

    stored: int
    duplicates: int


def samples(project_id: int, points: Sequence[Point], *, now: dt.datetime) -> int:
    """Store pushed float samples; how many were given. Where another value stands already, that one stays."""
    pushes.store(project_id, of_points(points), now=now)
    return len(points)


def histograms(project_id: int, rows: Sequence[tuple[Labels, HistogramRun]], *, now: dt.datetime) -> int:
    """Store pushed native histogram samples; how many were given."""
    if not rows:
        return 0
    spans: dict[int, series.SeriesSpan] = {}
    pairs = []
    for labels, run in rows:
        identity = _span(spans, project_id, labels, int(run.times[0]), SeriesKind.PUSHED)
        _span(spans, project_id, labels, int(run.times[-1]), SeriesKind.PUSHED)
        pairs.append((identity, run))
    _store_pushed(project_id, blocks.of_runs(pairs), spans, now=now)
    return sum(len(run.times) for _, run in rows)


def generations(
    project_id: int,
    rows: Sequence[GenerationRow],
    derive: Callable[[list[int]], Deltas],
    *,
    now: dt.datetime,
) -> Appended:
    """Store the calls that are new, with their payloads, vectors and derived series.

    ``derive`` is given the positions of the new rows and says what they add. One transaction per shard key.
    """
    partitions.for_generations({row.started_ms for row in rows})
    partitions.for_batches(clock.to_ms(now))
    by_shard: dict[int, list[int]] = defaultdict(list)
    buckets = buckets_of(project_id)
    for position, row in enumerate(rows):
        place = ids.home(row.key) if row.key else ids.fresh(row.started_ms).bytes
        by_shard[shard_of(project_id, buckets, place)].append(position)
    stored = 0
    for shard, positions in sorted(by_shard.items()):
        with transaction.atomic():
            fresh = _claim(project_id, shard, rows, positions, now=now)
            _copy_generations(project_id, shard, rows, fresh)
            _store_deltas(project_id, shard, derive([position for position, _ in fresh]), now=now)
        stored += len(fresh)
    return Appended(stored, len(rows) - stored)


def deltas(project_id: int, shard: int, found: Deltas, *, now: dt.datetime) -> None:
    """Add to derived series inside the caller's transaction, on the shard of the rows they come from."""
    _store_deltas(project_id, shard, found, now=now)


def _span(
    spans: dict[int, series.SeriesSpan], project_id: int, labels: Labels, at: int, kind: SeriesKind
) -> int:
    identity = fingerprint(project_id, labels)
    span = spans.get(identity)
    if span is None:
        spans[identity] = series.SeriesSpan(identity, labels, kind, at, at)
    else:
        span.first_ms, span.last_ms = min(span.first_ms, at), max(span.last_ms, at)
    return identity


def _store_pushed(
    project_id: int, block: Block, spans: dict[int, series.SeriesSpan], *, now: dt.datetime
) -> None:
    partitions.for_batches(clock.to_ms(now))
    buckets = batches.recent_buckets_of(project_id, now=now)
    by_shard: dict[int, list[int]] = defaultdict(list)
    for identity in spans:
        by_shard[shard_of(project_id, buckets, identity)].append(identity)
    settled = blocks.settle(block)
    for shard, members in sorted(by_shard.items()):
        part = settled if len(by_shard) == 1 else settled.of_series(np.array(sorted(members), dtype=np.int64))
        with transaction.atomic():
            series.register(project_id, shard, [spans[member] for member in members], now=now)
            batches.write(project_id, shard, BatchKind.SAMPLES, part, now=now)


def _store_deltas(project_id: int, shard: int, found: Deltas, *, now: dt.datetime) -> None:
    if not found.counts and not found.observations:
        return
    spans: dict[int, series.SeriesSpan] = {}
    identity_of: dict[Labels, int] = {}
    counted = _columns(project_id, spans, identity_of, found.counts, SeriesKind.DERIVED_COUNTER)
    observed = _columns(project_id, spans, identity_of, found.observations, SeriesKind.DERIVED_HISTOGRAM)
    block = blocks.add_up(
        blocks.join([
            blocks.of_floats(*counted, np.array([row[2] for row in found.counts], dtype=np.float64)),
            blocks.of_observations(
                *observed,
                np.array([row[2] for row in found.observations], dtype=np.float64),
                np.array([row[3] for row in found.observations], dtype=np.float64),
            ),
        ])
    )  # fmt: skip
    series.register(project_id, shard, list(spans.values()), now=now)
    batches.write(project_id, shard, BatchKind.DELTAS, block, now=now)


def _columns(
    project_id: int,
    spans: dict[int, series.SeriesSpan],
    identity_of: dict[Labels, int],
    rows: Iterable[tuple[object, ...]],
    kind: SeriesKind,
) -> tuple[blocks.Ints, blocks.Ints]:
    """Series ids and times on the 10 s grid, noting each series' span."""
    identities, times = [], []
    for labels, at, *_ in rows:
        assert isinstance(labels, Labels)
        assert isinstance(at, int)
        on_grid = at // GRID_MS * GRID_MS
        identity = identity_of.get(labels)
        span = spans.get(identity) if identity is not None else None
        if span is None:
            identity = identity_of[labels] = _span(spans, project_id, labels, on_grid, kind)
        elif on_grid < span.first_ms:
            span.first_ms = on_grid
        elif on_grid > span.last_ms:
            span.last_ms = on_grid
        identities.append(identity)
        times.append(on_grid)
    return np.array(identities, dtype=np.int64), np.array(times, dtype=np.int64)


def _claim(
    project_id: int, shard: int, rows: Sequence[GenerationRow], positions: Sequence[int], *, now: dt.datetime
) -> list[tuple[int, uuid.UUID]]:
    """The positions that are new here, each with its id; the primary key decides between two senders."""
    keyed: dict[uuid.UUID, int] = {}
    fresh: list[tuple[int, uuid.UUID]] = []
    for position in positions:
        key = rows[position].key
        if key is None:
            fresh.append((position, ids.fresh(rows[position].started_ms)))
        else:
            keyed.setdefault(key, position)
    if not keyed:
        return fresh
    claims = {key: ids.of_key(rows[position].started_ms, key) for key, position in keyed.items()}
    # what lies around a call is claimed for it, so that it counts as known when it comes
    arounds = {rows[position].around: key for key, position in keyed.items() if rows[position].around}
    claims |= {around: claims[key] for around, key in arounds.items() if around is not None}
    made = _insert_keys(project_id, shard, claims, now=now)
    inside = _inside_stored(shard, [around for around in arounds if around and around not in made])
    for key, position in keyed.items():
        if key not in made or key in arounds:
            continue
        outer = inside.get(rows[position].around or key)
        if outer is None:
            fresh.append((position, claims[key]))
        else:
            _point_to(shard, key, outer)
    return sorted(fresh)


def _insert_keys(
    project_id: int, shard: int, claims: dict[uuid.UUID, uuid.UUID], *, now: dt.datetime
) -> set[uuid.UUID]:
    """The keys that nobody had claimed before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitor_generation_key (shard, key, project_id, generation_id, seen)"
            " SELECT %s, k.key, %s, k.id, %s FROM unnest(%s::uuid[], %s::uuid[]) AS k(key, id)"
            " ORDER BY k.key ON CONFLICT DO NOTHING RETURNING key",
            [shard, project_id, now.date(), list(claims), list(claims.values())],
        )
        return {row[0] for row in cursor.fetchall()}


def _inside_stored(shard: int, arounds: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Of these keys those of stored calls, with their ids; the others were claimed by a call inside."""
    if not arounds:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, generation_id FROM monitor_generation_key WHERE shard = %s AND key = ANY(%s)",
            [shard, list(arounds)],
        )
        return {key: identity for key, identity in cursor.fetchall() if ids.is_of_key(identity, key)}


def _point_to(shard: int, key: uuid.UUID, identity: uuid.UUID) -> None:
    """Let a call's key mean another call, as which it is stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE monitor_generation_key SET generation_id = %s WHERE shard = %s AND key = %s",
            [identity, shard, key],
        )


def _copy_generations(
    project_id: int, shard: int, rows: Sequence[GenerationRow], fresh: Sequence[tuple[int, uuid.UUID]]
) -> None:
    narrow = (
        (shard, identity, project_id, *rows[position].narrow) for position, identity in fresh
    )  # fmt: skip
    texts = (
        (shard, identity, project_id, row.prompt, row.output, row.detail)
        for row, identity in ((rows[position], identity) for position, identity in fresh)
    )
    vectors = [
        (shard, identity, "prompt", project_id, row.narrow[3], row.narrow[4], *row.embedding)
        for row, identity in ((rows[position], identity) for position, identity in fresh)
        if row.embedding is not None
    ]
    if not fresh:
        return
    _copy("monitor_generation", ("shard", "id", "project_id", *NARROW), narrow)
    _copy("monitor_payload", ("shard", "id", "project_id", "prompt", "output", "detail"), texts)
    if vectors:
        _copy(
            "monitor_embedding",
            ("shard", "id", "kind", "project_id", "model", "version", "embedder", "e"),
            vectors,
        )


def _copy(table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
