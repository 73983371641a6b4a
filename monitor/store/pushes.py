"""Pushed float samples, column by column: registered, checked against what is stored, written, committed.

A sample that is stored already is taken silently; another value for its series and time is refused. In-order
samples cost no look-up: the newest of each series is remembered, others' writes are heard before each write.
"""

import contextlib
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db import transaction

from monitor.core import clock
from monitor.core.labels import Labels, fingerprint
from monitor.core.samples import Columns
from monitor.store import batches, blocks, homes, partitions, series, stored
from monitor.store.blocks import Floats, Ints
from monitor.store.models import BatchKind, SeriesKind
from monitor.store.shards import shard_of

Mask = npt.NDArray[np.bool_]
# made only when a series has to be registered
LabelsOf = Callable[[], dict[int, Labels]]


@dataclass(slots=True)
class Sorted:
    """Samples by series, then time, no time twice; ``rows`` says where each stood in what was given."""

    series: Ints
    times: Ints
    values: Floats
    rows: Ints

    def where(self, kept: Mask) -> "Sorted":
        return Sorted(self.series[kept], self.times[kept], self.values[kept], self.rows[kept])


@dataclass(slots=True)
class Spans:
    """The series of a ``Sorted`` and the times of their first and last samples."""

    ids: Ints
    first: Ints
    last: Ints
    lengths: Ints


def store(project_id: int, columns: Columns, *, now: dt.datetime) -> Ints:
    """Store the samples; the positions of those refused, because another value stands at their time."""
    if not len(columns):
        return np.empty(0, dtype=np.int64)
    partitions.for_batches(clock.to_ms(now))
    known = [fingerprint(project_id, labels) for labels in columns.labels]
    ids = np.array(known, dtype=np.int64)
    samples, again = _settled(_in_order(ids, columns))
    refused = []
    buckets = batches.recent_buckets_of(project_id, now=now)
    for shard, part in _by_shard(project_id, buckets, samples):
        refused.append(
            _Write(project_id, shard, part, now).run(lambda: dict(zip(known, columns.labels, strict=True)))
        )
    # what stands at a time given twice is known only now: it was stored before, or first of them
    for shard, part in _by_shard(project_id, buckets, again) if len(again.rows) else ():
        there = stored.values_at(project_id, shard, part.series, part.times)
        refused.append(part.rows[there.bits != part.values.view(np.int64)])
    return np.sort(np.concatenate(refused))


def _in_order(ids: Ints, columns: Columns) -> Sorted:
    """The samples by series; within a series as they came."""
    order = np.argsort(ids, kind="stable")
    counts = columns.counts[order]
    ends = np.cumsum(counts)
    starts = (np.cumsum(columns.counts) - columns.counts)[order]
    rows = np.arange(len(columns)) + np.repeat(starts - (ends - counts), counts)
    return Sorted(np.repeat(ids[order], counts), columns.times[rows], columns.values[rows], rows)


def _settled(samples: Sorted) -> tuple[Sorted, Sorted]:
    """Ascending times, the first of several at one time; and the others of those."""
    same = samples.series[1:] == samples.series[:-1]
    if not (same & (samples.times[1:] <= samples.times[:-1])).any():
        return samples, samples.where(np.zeros(len(samples.rows), dtype=bool))
    order = np.lexsort((samples.rows, samples.times, samples.series))
    ordered = Sorted(samples.series[order], samples.times[order], samples.values[order], samples.rows[order])
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (ordered.series[1:] == ordered.series[:-1]) & (ordered.times[1:] == ordered.times[:-1])
    return ordered.where(~again), ordered.where(again)


def _by_shard(project_id: int, buckets: int, samples: Sorted) -> list[tuple[int, Sorted]]:
    if buckets == 1:
        return [(shard_of(project_id, 1, 0), samples)]
    bucket = samples.series % buckets
    return [
        (shard_of(project_id, buckets, int(number)), samples.where(bucket == number))
        for number in np.unique(bucket)
    ]


def _spans(samples: Sorted) -> Spans:
    starts = np.flatnonzero(np.append(True, samples.series[1:] != samples.series[:-1]))
    ends = np.append(starts[1:], len(samples.series))
    return Spans(samples.series[starts], samples.times[starts], samples.times[ends - 1], ends - starts)


@dataclass(slots=True)
class _Write:
    """One shard's part of one push."""

    project_id: int
    shard: int
    samples: Sorted
    now: dt.datetime

    def run(self, labels: LabelsOf) -> Ints:
        """Write what is new; the rows that are refused."""
        home = homes.home(self.project_id, self.shard)
        stored.hear_others(home, self.project_id, self.shard, now=self.now)
        spans = _spans(self.samples)
        newest, first, last = home.look(spans.ids)
        grows = (spans.first < first) | (spans.last > last + series.TOUCH_MS)
        doubtful = spans.first <= newest
        refused = np.empty(0, dtype=np.int64)
        # one statement needs no transaction around it
        with transaction.atomic() if grows.any() else contextlib.nullcontext():
            if grows.any():
                made = self._register(spans, grows, labels)
                doubtful &= ~np.isin(spans.ids, made)
            if doubtful.any():
                refused = self._drop_known(np.repeat(doubtful, spans.lengths))
            block = blocks.of_floats(self.samples.series, self.samples.times, self.samples.values)
            batches.write(self.project_id, self.shard, BatchKind.SAMPLES, block, now=self.now, brief=True)
            transaction.on_commit(lambda: home.remember(spans.ids, spans.last))
            if grows.any():
                transaction.on_commit(
                    lambda: home.cover(spans.ids[grows], spans.first[grows], spans.last[grows])
                )
        return refused

    def _register(self, spans: Spans, grows: Mask, labels: LabelsOf) -> Ints:
        """The series that did not exist before; nothing of them can be stored."""
        labels_of = labels()
        found = [
            series.SeriesSpan(identity, labels_of[identity], SeriesKind.PUSHED, first, last)
            for identity, first, last in zip(
                spans.ids[grows].tolist(),
                spans.first[grows].tolist(),
                spans.last[grows].tolist(),
                strict=True,
            )
        ]
        made = series.register(self.project_id, self.shard, found, now=self.now)
        return np.array(sorted(made), dtype=np.int64)

    def _drop_known(self, doubtful: Mask) -> Ints:
        """Leave out what is stored already; the rows that are stored with another value."""
        asked = self.samples.where(doubtful)
        there = stored.values_at(self.project_id, self.shard, asked.series, asked.times)
        known = np.zeros(len(doubtful), dtype=bool)
        known[np.flatnonzero(doubtful)[there.found]] = True
        differs = there.found & (there.bits != asked.values.view(np.int64))
        self.samples = self.samples.where(~known)
        refused: Ints = asked.rows[differs]
        return refused
