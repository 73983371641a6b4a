"""How pushes become one batch: what is known is left out, what differs is refused, the rest is committed.

The server lets one writer of a shard of a project in at a time and tells it what others have written since it
last heard. If that may touch the same samples, nothing is written yet: it is heard first, then tried again.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.store import partitions
from monitor.store.models import BatchKind, SeriesKind
from monitor.store.samples import batches, blocks, increments, series, stored
from monitor.store.samples.blocks import Block, Ints, Packed
from monitor.store.samples.homes import Home, Looked
from monitor.store.samples.increments import Increments

Mask = npt.NDArray[np.bool_]
# told the rows of a push that were given, are new and are refused: what that adds to derived series
Tells = Callable[[Ints, Ints, Ints], Increments]
# tries before a writer keeps the others out while it looks
TRIES = 3


@dataclass(slots=True)
class Stamped:
    """Samples; ``bits`` tell one from another at its time, ``rows`` say where each stood in what was given."""

    series: Ints
    times: Ints
    bits: Ints
    rows: Ints

    def where(self, kept: "Mask | Ints") -> "Stamped":
        return Stamped(self.series[kept], self.times[kept], self.bits[kept], self.rows[kept])

    def in_order(self) -> "Stamped":
        """By series, then time, then as they came."""
        rises = self.series[1:] > self.series[:-1]
        same = self.series[1:] == self.series[:-1]
        if (rises | (same & (self.times[1:] > self.times[:-1]))).all():
            return self
        return self.where(np.lexsort((self.rows, self.times, self.series)))

    @staticmethod
    def joined(parts: "Sequence[Stamped]") -> "Stamped":
        return Stamped(
            np.concatenate([part.series for part in parts]),
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.bits for part in parts]),
            np.concatenate([part.rows for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class Push:
    """One request's samples for one shard, in order; native histograms by their row, labels when asked for."""

    samples: Stamped
    natives: list[tuple[int, Block]]
    labels: Callable[[], dict[int, Labels]]
    now: dt.datetime
    tells: Tells | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What is added to derived series beside the samples."""

    spans: list[series.SeriesSpan]
    packed: Packed


@dataclass(slots=True)
class _Spans:
    """The series of samples in order, and the times of their first and last ones."""

    ids: Ints
    first: Ints
    last: Ints
    lengths: Ints


class Placing:
    """Several pushes on their way into one batch."""

    def __init__(self, home: Home, project_id: int, shard: int, pushes: Sequence[Push]) -> None:
        self.home, self.project_id, self.shard, self.pushes = home, project_id, shard, pushes
        self.now = max(push.now for push in pushes)
        lengths = [len(push.samples.rows) for push in pushes]
        self.offsets = np.cumsum([0, *lengths])
        whole = pushes[0].samples if len(pushes) == 1 else Stamped.joined([push.samples for push in pushes])
        # while they are together, rows are numbered on
        self.given = whole.rows
        whole = Stamped(whole.series, whole.times, whole.bits, np.arange(len(self.given))).in_order()
        same = (whole.series[1:] == whole.series[:-1]) & (whole.times[1:] == whole.times[:-1])
        leads = np.append(True, ~same)
        self.samples = whole.where(leads) if same.any() else whole
        self.again = whole.where(~leads)
        # which of the samples stands at the time of one given again
        self.leader = (np.cumsum(leads) - 1)[~leads]
        self.spans = _spans(self.samples)

    def run(self) -> list[Ints]:
        """Commit what is new; of each push the rows that are refused."""
        if not connection.in_atomic_block:
            found = stored.catch_up(self.home, self.project_id, self.shard, now=self.now)
            self.home.heard_to(*found)
            heard = self.home.heard
            for _ in range(TRIES):
                looked = self._look()
                grows = self._grows(looked)
                if grows.any() and not self._touched(grows):
                    break
                kept, refused = self._checked(looked.newest)
                told = self._told(kept, refused)
                if told is not None and not series.covered(self.shard, told.spans):
                    break
                done, heard = self._push(kept, heard, told)
                if done:
                    self._remember(heard)
                    return refused
        with transaction.atomic():
            return self._alone()

    def _alone(self) -> list[Ints]:
        """Within a transaction, while no other writer of this shard is let in."""
        with connection.cursor() as cursor:
            cursor.execute(batches.ALONE, [self.project_id, self.shard])
        heard, _ = stored.catch_up(self.home, self.project_id, self.shard, now=self.now)
        done = False
        made: Ints | None = None
        while not done:
            looked = self._look()
            if made is None:
                grows = self._grows(looked)
                made = self._register(grows) if grows.any() else np.empty(0, dtype=np.int64)
            new = np.isin(self.spans.ids, made)
            newest = np.where(new, self.spans.first - 1, looked.newest)
            kept, refused = self._checked(newest)
            told = self._told(kept, refused)
            if told is not None:
                series.register(self.project_id, self.shard, told.spans)
            done, heard = self._push(kept, heard, told)
        transaction.on_commit(lambda: self._remember(heard, self.spans.ids[new], grows))
        return refused

    def _look(self) -> Looked:
        return self.home.look(self.spans.ids, int(self.spans.first.min()))

    def _grows(self, looked: Looked) -> Mask:
        grows: Mask = (self.spans.first < looked.first) | (
            self.spans.last > looked.last + series.patience(self.spans.ids)
        )
        return grows

    def _touched(self, grows: Mask) -> bool:
        """Whether all that grows was there already, and the table covers it now."""
        ids, first, last = self.spans.ids[grows], self.spans.first[grows], self.spans.last[grows]
        if not series.touch(self.shard, ids.tolist(), first.tolist(), last.tolist()):
            return False
        self.home.cover(ids, first, last)
        return True

    def _register(self, grows: Mask) -> Ints:
        """The series that did not exist before; nothing of them can be stored."""
        labels = {identity: one for push in self.pushes for identity, one in push.labels().items()}
        spans = self.spans
        found = [
            series.SeriesSpan(identity, labels[identity], SeriesKind.PUSHED, first, last)
            for identity, first, last in zip(
                spans.ids[grows].tolist(), spans.first[grows].tolist(), spans.last[grows].tolist(), strict=True
            )
        ]  # fmt: skip
        made = series.register(self.project_id, self.shard, found)
        return np.array(sorted(made), dtype=np.int64)

    def _checked(self, newest: Ints) -> tuple[Stamped, list[Ints]]:
        """What is not stored yet, and of each push what is refused: stored, or first given, with another value."""
        samples, truth = self.samples, self.samples.bits
        doubtful = self.spans.first <= newest
        known = np.zeros(len(samples.rows), dtype=bool)
        if doubtful.any():
            places = np.flatnonzero(np.repeat(doubtful, self.spans.lengths))
            asked = samples.where(places)
            there = stored.values_at(self.project_id, self.shard, asked.series, asked.times)
            known[places] = there.found
            truth = truth.copy()
            truth[places[there.found]] = there.bits[there.found]
        differs = np.concatenate((
            samples.rows[truth != samples.bits], self.again.rows[truth[self.leader] != self.again.bits]
        ))  # fmt: skip
        kept = samples.where(~known) if known.any() else samples
        return kept, self._by_push(differs)

    def _by_push(self, rows: Ints) -> list[Ints]:
        rows = np.sort(rows)
        cuts = np.searchsorted(rows, self.offsets)
        return [self.given[rows[cuts[n] : cuts[n + 1]]] for n in range(len(self.pushes))]

    def _told(self, kept: Stamped, refused: list[Ints]) -> _Told | None:
        """What the pushes tell of their samples; None when nobody asked to be told."""
        if all(push.tells is None for push in self.pushes):
            return None
        fresh = [self.given[kept.rows]] if len(self.pushes) == 1 else self._by_push(kept.rows)
        found = increments.joined([
            push.tells(push.samples.rows, new, bad)
            for push, new, bad in zip(self.pushes, fresh, refused, strict=True)
            if push.tells is not None
        ])  # fmt: skip
        if not len(found.owners):
            return None
        # a handful of counters: as columns they would take several times as long
        return _Told(*increments.made_of_few(self.project_id, increments.rows_of(found)))

    def _push(self, kept: Stamped, heard: UUID, told: _Told | None) -> tuple[bool, UUID]:
        """Whether all is stored now, and up to which batch all is known."""
        beside = None if told is None else told.packed
        if not len(kept.rows):
            if beside is not None:
                partitions.for_batches(clock.to_ms(self.now))
                batches.write_packed(self.project_id, self.shard, BatchKind.DELTAS, beside, now=self.now)
            return True, heard
        block = self._block(kept)
        known = batches.Known(*self.home.acquainted(self.spans.ids))
        answer = batches.push(
            self.project_id, self.shard, block, heard=heard, known=known, now=self.now, told=beside
        )
        for other in answer.others:
            self.home.hear(other.until_ms, other.data, other.series)
        return answer.stored is not None, answer.stored or max([heard, *(one.id for one in answer.others)])

    def _block(self, kept: Stamped) -> Block:
        if not any(push.natives for push in self.pushes):
            return blocks.of_floats(kept.series, kept.times, kept.bits.view(np.float64))
        native: dict[int, Block] = {}
        for offset, push in zip(self.offsets.tolist(), self.pushes, strict=False):
            places = {row: offset + n for n, row in enumerate(push.samples.rows.tolist())}
            native |= {places[row]: block for row, block in push.natives}
        rows = kept.rows.tolist()
        plain = np.array([row not in native for row in rows], dtype=bool)
        floats = kept.where(plain)
        parts = [native[row] for row in rows if row in native]
        parts.append(blocks.of_floats(floats.series, floats.times, floats.bits.view(np.float64)))
        return blocks.settle(blocks.join(parts))

    def _remember(self, heard: UUID, made: Ints | None = None, grown: Mask | None = None) -> None:
        spans = self.spans
        self.home.remember(spans.ids, spans.last, made)
        if grown is not None and grown.any():
            self.home.cover(spans.ids[grown], spans.first[grown], spans.last[grown])
        self.home.heard_to(heard, clock.to_ms(self.now))


def _spans(samples: Stamped) -> _Spans:
    starts = np.flatnonzero(np.append(True, samples.series[1:] != samples.series[:-1]))
    ends = np.append(starts[1:], len(samples.series))
    return _Spans(samples.series[starts], samples.times[starts], samples.times[ends - 1], ends - starts)
