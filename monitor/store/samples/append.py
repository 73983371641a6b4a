"""The write path of samples. What a function here has returned is committed; a retry changes nothing.

Derived series are written as deltas in the same transaction as the rows they come from, so both exist or
neither does.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, fingerprint
from monitor.core.samples import of_points
from monitor.store.models import BatchKind, SeriesKind
from monitor.store.samples import batches, blocks, pushes, series
from monitor.store.samples.batches import buckets_of
from monitor.store.samples.blocks import GRID_MS

__all__ = ["GRID_MS", "Deltas", "buckets_of", "deltas", "histograms", "samples"]

Point = tuple[Labels, int, float]


@dataclass(slots=True)
class Deltas:
    """What new rows add to derived series, at event times: counts and observations."""

    counts: list[tuple[Labels, int, float]] = field(default_factory=list)
    observations: list[tuple[Labels, int, float, float]] = field(default_factory=list)

    def count(self, labels: Labels, at_ms: int, amount: float = 1.0) -> None:
        self.counts.append((labels, at_ms, amount))

    def observe(self, labels: Labels, at_ms: int, value: float, weight: float = 1.0) -> None:
        self.observations.append((labels, at_ms, value, weight))


def samples(project_id: int, points: Sequence[Point], *, now: dt.datetime) -> int:
    """Store pushed float samples; how many were given. Where another value stands already, that one stays."""
    pushes.store(project_id, of_points(points), now=now)
    return len(points)


def histograms(project_id: int, rows: Sequence[tuple[Labels, HistogramRun]], *, now: dt.datetime) -> int:
    """Store pushed native histogram samples; how many were given. What stands already stays."""
    pushes.store(project_id, of_points([]), now=now, natives=rows)
    return sum(len(run.times) for _, run in rows)


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
    series.register(project_id, shard, list(spans.values()))
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
