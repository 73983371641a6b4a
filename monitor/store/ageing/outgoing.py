"""The queue to a series store elsewhere: batches as they were accepted, kept until that store has taken them.

Nothing is written for it beyond what a store at home writes: accepted data is a row of ``sample_batch`` from its
commit on. Here it is taken out, the oldest first, where compaction would have made chunks of it.
"""

import datetime as dt
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec
import numpy as np
from django.db import connection

from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.store import ids
from monitor.store.models import BatchKind
from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block, Floats, Ints
from monitor.store.samples.runs import by_series, runs_of

LABELS_KEPT = 500_000
LENGTH_HOLD = dt.timedelta(seconds=2)


class FullError(RuntimeError):
    """The queue holds as much as it may. Senders keep their data and come again."""


@dataclass(frozen=True, slots=True)
class Length:
    """What waits: samples, batches, and since when the oldest of them does."""

    samples: int
    batches: int
    oldest: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One series of one project and samples of it that wait."""

    project_id: int
    labels: Labels
    times: Ints
    values: Floats
    runs: tuple[HistogramRun, ...]

    @property
    def samples(self) -> int:
        return len(self.times) + sum(len(run.times) for run in self.runs)

    @property
    def weight(self) -> int:
        """How many numbers a message of it holds, about."""
        return len(self.times) + sum(
            run.positive.size + run.negative.size + len(run.times) for run in self.runs
        )

    def halves(self) -> "list[Outgoing]":
        """The earlier and the later half of more than one sample."""
        moments = np.sort(np.concatenate([self.times, *(run.times for run in self.runs)]))
        middle = int(moments[len(moments) // 2])
        return [self._part(-(2**62), middle - 1), self._part(middle, 2**62)]

    def _part(self, first: int, last: int) -> "Outgoing":
        inside = (self.times >= first) & (self.times <= last)
        runs = (_run_between(run, first, last) for run in self.runs)
        kept = tuple(run for run in runs if len(run.times))
        return replace(self, times=self.times[inside], values=self.values[inside], runs=kept)


@dataclass(frozen=True, slots=True)
class Taken:
    """The oldest batches: what to send, and what to remove once that is done. ``nameless``: lost their series."""

    batches: list[UUID]
    series: list[Outgoing]
    nameless: int


def _run_between(run: HistogramRun, first: int, last: int) -> HistogramRun:
    rows = np.flatnonzero((run.times >= first) & (run.times <= last))
    return replace(
        run, times=run.times[rows], count=run.count[rows], total=run.total[rows], zero=run.zero[rows],
        positive=run.positive[rows] if len(run.positive_index) else run.positive,
        negative=run.negative[rows] if len(run.negative_index) else run.negative,
    )  # fmt: skip


def length() -> Length:
    """How much waits now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(n), 0), count(*), min(id::text) FROM monitor_sample_batch")
        samples, batches, first = cursor.fetchone()
    oldest = clock.from_ms(ids.milliseconds_of(UUID(first))) if first else None
    return Length(int(samples), int(batches), oldest)


_seen: list[tuple[dt.datetime, Length]] = []


def require_room(most: int, *, now: dt.datetime) -> None:
    """Raises FullError when ``most`` samples wait or more; looks at most every two seconds."""
    if not _seen or not _seen[0][0] <= now < _seen[0][0] + LENGTH_HOLD:
        _seen[:] = [(now, length())]
    waiting = _seen[0][1].samples
    if waiting >= most:
        message = (
            f"{waiting} samples wait for the series store that METRICS_URL names, as many as may; "
            "see /readyz for why it does not take them, and send this again later"
        )
        raise FullError(message)


def take(batches: int, samples: int) -> Taken:
    """The oldest batches, at most so many, and of samples hardly more than so many. Call under a turn."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, project_id, data FROM ("
            "  SELECT id, project_id, data, sum(n) OVER (ORDER BY id) - n AS before FROM ("
            "    SELECT id, project_id, data, n FROM monitor_sample_batch WHERE kind = %s ORDER BY id LIMIT %s"
            "  ) AS first"
            ") AS counted WHERE before < %s ORDER BY id",
            [BatchKind.SAMPLES.value, batches, samples],
        )
        rows = cursor.fetchall()
    by_project: dict[int, list[Block]] = {}
    for _, project_id, data in rows:
        by_project.setdefault(project_id, []).append(blocks.decode(bytes(data)))
    series, nameless = [], 0
    for project_id, parts in by_project.items():
        found, lost = _named(project_id, blocks.settle(blocks.join(parts)))
        series += found
        nameless += lost
    return Taken([row[0] for row in rows], series, nameless)


def remove(batches: Sequence[UUID]) -> None:
    """These have arrived."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM monitor_sample_batch WHERE id = ANY(%s)", [list(batches)])


def _named(project_id: int, block: Block) -> tuple[list[Outgoing], int]:
    """The rows by series with their labels; how many samples belong to series that are no longer known."""
    identities = block.series_ids()
    labels = _labels(project_id, identities.tolist())
    found, lost = [], 0
    for identity, part in by_series(block, identities).items():
        floats, heads = part.tables["f"], part.tables["h"]
        if identity not in labels:
            lost += len(floats["t"]) + len(heads["t"])
            continue
        runs = tuple(runs_of(heads, part.tables["b"]))
        found.append(Outgoing(project_id, labels[identity], floats["t"], floats["v"], runs))
    return found, lost


_labels_kept: OrderedDict[tuple[int, int], Labels] = OrderedDict()


def _labels(project_id: int, identities: Sequence[int]) -> dict[int, Labels]:
    """Label sets by series id, most of them remembered from the last time."""
    missing = [one for one in identities if (project_id, one) not in _labels_kept]
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, labels::text FROM monitor_series WHERE project_id = %s AND id = ANY(%s)",
                [project_id, missing],
            )
            for identity, text in cursor.fetchall():
                _labels_kept[project_id, identity] = Labels(msgspec.json.decode(text))
    found = {one: _labels_kept[project_id, one] for one in identities if (project_id, one) in _labels_kept}
    while len(_labels_kept) > LABELS_KEPT:
        _labels_kept.popitem(last=False)
    return found


def forget() -> None:
    """Drop what this process remembers of the queue; after a restore or a deleted project."""
    _labels_kept.clear()
    _seen.clear()
