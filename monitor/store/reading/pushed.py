"""The samples of pushed series for one question: kept tapes first, what was read besides, both put together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from django.db import connection

from monitor.core.histograms import HistogramRun
from monitor.core.samples import Series
from monitor.store.reading import tapes
from monitor.store.reading.catalog import Known, Moment
from monitor.store.reading.tapes import NONE, WORTH_MS, Sharing, Tape
from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block, Floats, Ints
from monitor.store.samples.chunks import WINDOW_MS, window_of
from monitor.store.samples.runs import by_series, narrow, runs_of

Part = tuple[Ints, Floats]


class Kept:
    """One question about pushed series: say what is ``missing``, ``take`` it, then ask for ``series``."""

    def __init__(
        self, project_id: int, moment: Moment, wanted: Mapping[int, Known], start: int, end: int
    ) -> None:
        self.project_id, self.moment, self.wanted = project_id, moment, wanted
        self.first, self.last = _widened(start, end, moment.closed_ms)
        self.tapes = tapes.kept.covering(project_id, wanted, start)
        highs = [tape.high for tape in self.tapes.values()]
        # where the reading of what the tapes lack begins: the same for all, so that one statement does
        self.resume = min(highs) + 1 if highs and min(highs) < end else None
        self.sharing = Sharing()
        self.fresh: dict[int, Part] = {}
        self.histograms: dict[int, Block] = {}

    def missing(self) -> Iterator[tuple[list[int], int, int]]:
        """(series, first, last) of what must be read."""
        bare = [identity for identity in self.wanted if identity not in self.tapes]
        if bare:
            yield bare, self.first, self.last
        if self.resume is not None:
            yield list(self.tapes), self.resume, self.last

    def take(self, read: Sequence[tuple[int | None, Block]]) -> None:
        """What was read, in order of arrival; a series of its own is named beside its block."""
        if not read:
            if self.resume is not None or len(self.tapes) < len(self.wanted):
                self._keep()
            return
        ids = np.array(sorted(self.wanted), dtype=np.int64)
        parts: dict[int, list[Part]] = {}
        for series_id, block in read:
            if series_id is not None:
                parts.setdefault(series_id, []).append((block.tables["f"]["t"], block.tables["f"]["v"]))
        for identity, part in _of_batches([block for series_id, block in read if series_id is None], ids):
            parts.setdefault(identity, []).append(part)
        for identity, mine in parts.items():
            times, values = _in_order(mine)
            first = self.first if identity not in self.tapes else self.tapes[identity].high + 1
            rows, times = self.sharing.part(self.sharing.one(times), first, self.last)
            self.fresh[identity] = (times, values[rows])
        self.histograms = _histograms(read, ids)
        self._keep()

    def series(self, member: Known, start: int, end: int) -> Series | None:
        """One series within the closed span; None when it has no sample there."""
        times, values = self._within(member.id, start, end)
        runs: tuple[HistogramRun, ...] = ()
        if self.histograms and member.id in self.histograms:
            mine = self.histograms[member.id].within(start, end)
            runs = tuple(runs_of(mine.tables["h"], mine.tables["b"]))
        if not len(times) and not runs:
            return None
        return Series(member.labels, times, values, runs)

    def _within(self, identity: int, start: int, end: int) -> Part:
        tape, part = self.tapes.get(identity), self.fresh.get(identity)
        if tape is None and part is None:
            return NONE
        if tape is None or part is None:
            times, values = part or (tape.times, tape.values)  # type: ignore[union-attr] # one of them is there
            rows, times = self.sharing.part(times, start, end)
            return times, values[rows]
        rows, times = self.sharing.part(part[0], start, end)
        values = part[1][rows]
        rows, before = self.sharing.part(tape.times, start, end)
        if not len(times):
            return before, tape.values[rows]
        if not len(before):
            return times, values
        return self.sharing.end_to_end(before, times), np.concatenate([tape.values[rows], values])

    def _keep(self) -> None:
        """Keep what was read and stays as it is; nothing within a transaction, which may be undone."""
        high = min(self.last, self.moment.closed_ms)
        if connection.in_atomic_block or high < self.first:
            return
        longer = {}
        for identity in self.wanted:
            if identity in self.histograms:
                continue
            old, (times, values) = self.tapes.get(identity), self.fresh.get(identity, NONE)
            if old is None:
                rows, times = self.sharing.part(times, self.first, high)
                longer[identity] = Tape(self.first, high, times, values[rows])
            elif self.resume is not None and self._worth(old.high, high):
                rows, times = self.sharing.part(times, old.high + 1, high)
                joined = self.sharing.end_to_end(old.times, times)
                longer[identity] = Tape(old.low, high, joined, np.concatenate([old.values, values[rows]]))
        if longer:
            tapes.kept.keep(self.project_id, self.moment.version, longer)

    def _worth(self, before: int, high: int) -> bool:
        """Whether a tape is made longer: by enough, or over the end of a window whose batches are sealed soon."""
        return high - before >= WORTH_MS or (high > before and window_of(high) > window_of(before + 1))


def _widened(start: int, end: int, closed: int) -> tuple[int, int]:
    """Whole windows where they are closed: their chunks are decoded whole anyway."""
    if start > closed:
        # a beginning: what comes later is added to it
        return closed, end
    first = start // WINDOW_MS * WINDOW_MS
    last = max(end, min(closed, (end // WINDOW_MS + 1) * WINDOW_MS - 1))
    return first, last


def _of_batches(found: Sequence[Block], ids: Ints) -> Iterator[tuple[int, Part]]:
    """What batches hold of each wanted series, in order of time; of several samples at one time the first."""
    tables = []
    for block in found:
        table = block.tables["f"]
        if len(table["series"]):
            place = np.minimum(ids.searchsorted(table["series"]), len(ids) - 1)
            mine = np.flatnonzero(ids[place] == table["series"])
            # others' samples alone are none
            if len(mine):
                tables.append((place[mine], table["t"][mine], table["v"][mine]))
    if not tables:
        return
    place, times, values = (np.concatenate(column) for column in zip(*tables, strict=True))
    order = np.lexsort((times, place))
    place, times, values = place[order], times[order], values[order]
    first = np.ones(len(place), dtype=bool)
    first[1:] = (place[1:] != place[:-1]) | (times[1:] != times[:-1])
    if not first.all():
        place, times, values = place[first], times[first], values[first]
    edges = np.flatnonzero(np.diff(place, prepend=-1, append=-1))
    starts, stops = edges[:-1], edges[1:]
    for identity, low, high in zip(ids[place[starts]].tolist(), starts.tolist(), stops.tolist(), strict=True):
        yield identity, (times[low:high], values[low:high])


def _in_order(parts: list[Part]) -> Part:
    """The samples of one series in order of time, the first of several at one time kept."""
    parts = [part for part in parts if len(part[0])]
    if not parts:
        return NONE
    if len(parts) == 1:
        return parts[0]
    apart = sorted(parts, key=_begin)
    if all(one[0][-1] < other[0][0] for one, other in pairwise(apart)):
        return np.concatenate([times for times, _ in apart]), np.concatenate([values for _, values in apart])
    times = np.concatenate([times for times, _ in parts])
    values = np.concatenate([values for _, values in parts])
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    first = np.concatenate(([True], times[1:] != times[:-1]))
    return times[first], values[first]


def _begin(part: Part) -> int:
    return int(part[0][0])


def _histograms(read: Sequence[tuple[int | None, Block]], ids: Ints) -> dict[int, Block]:
    """Native histogram samples by series; most questions meet none."""
    rows = [
        Block({**blocks.empty().tables, "h": whole.tables["h"], "b": whole.tables["b"]})
        for series_id, block in read
        if len(block.tables["h"]["t"])
        for whole in [block if series_id is None else blocks.as_series(block, series_id)]
    ]
    return by_series(blocks.settle(narrow(rows, ids)), ids) if rows else {}
