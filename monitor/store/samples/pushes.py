"""Pushed samples, column by column: registered, checked against what is stored, written, committed.

A sample that is stored already is taken silently; another value for its series and time is refused. Writers of
one shard of a project commit one after the other, each knowing what the one before wrote: so the first stays.
In-order samples cost no look-up, for the newest of each series is remembered.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, fingerprints
from monitor.core.samples import Columns
from monitor.store.samples import batches, blocks, homes, placing, stored
from monitor.store.samples.blocks import Block, Ints
from monitor.store.samples.placing import Push, Stamped, Tells
from monitor.store.shards import shard_of
from monitor.store.together import Together

# samples of requests that came at the same time go into one batch, so many at most
TOGETHER = 50_000

Native = tuple[Labels, HistogramRun]


@dataclass(slots=True)
class _Request:
    """What was given, by series id."""

    samples: Stamped
    natives: list[tuple[int, Block]] = field(default_factory=list)


def store(
    project_id: int,
    columns: Columns,
    *,
    now: dt.datetime,
    natives: Sequence[Native] = (),
    tells: Tells | None = None,
) -> Ints:
    """Store the samples; the positions of those refused, because another value stands at their time.

    Native histograms are counted on after the last of the columns. ``tells`` says for the part of each shard what
    is added to derived series in the commit that stores it; it may be asked more than once.
    """
    if not len(columns) and not natives:
        return np.empty(0, dtype=np.int64)
    known = fingerprints(project_id, columns.labels)
    request = _Request(_of_columns(np.array(known, dtype=np.int64), columns))
    strangers = fingerprints(project_id, [labels for labels, _ in natives])
    if natives:
        _add_natives(request, len(columns), strangers, [run for _, run in natives])
    buckets = batches.recent_buckets_of(project_id, now=now)
    refused = []
    for shard, samples in _by_shard(project_id, buckets, request.samples.in_order()):
        labels = partial(_labels, known + strangers, columns.labels + [labels for labels, _ in natives])
        mine = set(samples.rows[samples.rows >= len(columns)].tolist()) if natives else set()
        push = Push(samples, [one for one in request.natives if one[0] in mine], labels, now, tells)
        if connection.in_atomic_block:
            # what this commits is not others' to wait for
            refused += _write(project_id, shard, [push])
        else:
            refused.append(_lane(project_id, shard).do(push, size=len(samples.rows)))
    return np.sort(np.concatenate(refused))


def _of_columns(ids: Ints, columns: Columns) -> Stamped:
    """The samples by series; within a series as they came."""
    order = np.argsort(ids, kind="stable")
    counts = columns.counts[order]
    ends = np.cumsum(counts)
    starts = (np.cumsum(columns.counts) - columns.counts)[order]
    rows = np.arange(len(columns)) + np.repeat(starts - (ends - counts), counts)
    bits = columns.values.view(np.int64)[rows]
    return Stamped(np.repeat(ids[order], counts), columns.times[rows], bits, rows)


def _add_natives(request: _Request, first: int, ids: Sequence[int], runs: Sequence[HistogramRun]) -> None:
    """Each native sample as a block of its own, found again by its position."""
    parts = [request.samples]
    for identity, run in zip(ids, runs, strict=True):
        whole = blocks.settle(blocks.of_runs([(identity, run)]))
        series, times, bits = stored.stamps(whole)
        parts.append(Stamped(series, times, bits, np.arange(first, first + len(times))))
        for at in times.tolist():
            request.natives.append((first, whole.within(at, at)))
            first += 1
    request.samples = Stamped.joined(parts)


def _labels(ids: Sequence[int], labels: Sequence[Labels]) -> dict[int, Labels]:
    return dict(zip(ids, labels, strict=True))


def _by_shard(project_id: int, buckets: int, samples: Stamped) -> list[tuple[int, Stamped]]:
    if buckets == 1:
        return [(shard_of(project_id, 1, 0), samples)]
    bucket = samples.series % buckets
    return [
        (shard_of(project_id, buckets, int(number)), samples.where(bucket == number))
        for number in np.unique(bucket)
    ]


Lane = Together[Push, Ints]
_lanes: dict[tuple[int, int], Lane] = {}


def _lane(project_id: int, shard: int) -> Lane:
    """Where the threads of this process queue up to write."""
    key = (project_id, shard)
    return _lanes.get(key) or _lanes.setdefault(
        key, Together(partial(_write, project_id, shard), most=TOGETHER)
    )


def _write(project_id: int, shard: int, pushes: list[Push]) -> list[Ints]:
    """Write what is new; for each the rows that are refused."""
    home = homes.home(project_id, shard)
    try:
        return placing.Placing(home, project_id, shard, pushes).run()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        # the server went away while the connection was idle; what did arrive is known as stored the second time
        connection.close()
        return placing.Placing(home, project_id, shard, pushes).run()
