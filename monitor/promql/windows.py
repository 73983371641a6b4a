"""Range vectors as index arithmetic: for every series and step, which samples lie in the window.

Samples stay in flat arrays; a window is a pair of indices, so one numpy call serves all windows at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.core.histograms import HistogramBlock, HistogramRun, block_of, stacked
from monitor.core.labels import Labels, Roster, once
from monitor.core.samples import Part, Series, Table, is_stale
from monitor.promql.values import Cells, Floats, Grid, Ints, Vector

# small enough for a processor's cache, large enough to forget Python
CHUNK_SAMPLES = 262_144
CHUNK_CELLS = 524_288


@dataclass(slots=True)
class Track:
    """One series' histogram samples: ``parts`` in time order, each of one layout; windows as [low, high)."""

    times: Ints
    parts: list[HistogramBlock]
    starts: Ints
    low: Ints
    high: Ints

    @property
    def count(self) -> Ints:
        return self.high - self.low

    def sample(self, index: int) -> HistogramBlock:
        """One sample as a block of one row."""
        part = int(np.searchsorted(self.starts, index, side="right")) - 1
        row = index - int(self.starts[part])
        return self.parts[part].take(slice(row, row + 1))


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the windows lie: their right edges and the evaluation times, both (s,), and their width."""

    ends: Ints
    at: Ints
    width: int


@dataclass(slots=True)
class Windows:
    """The windows of n series over s steps.

    ``low``/``high`` are (r, s) with r = n, or 1 where all series share their times; ``offsets`` (n, 1) move
    them into the flat arrays. Shared times are kept once.
    """

    labels: list[Labels]
    times: Ints
    values: Floats
    offsets: Ints
    low: Ints
    high: Ints
    frame: Frame
    tracks: dict[int, Track] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        return (len(self.labels), len(self.frame.ends))

    @property
    def count(self) -> Ints:
        """Float samples per window, (r, s)."""
        return self.high - self.low

    @property
    def shared(self) -> bool:
        return len(self.low) == 1

    def when(self, local: Ints) -> Ints:
        """The times of samples given by their index within the series, (r, s) in and out."""
        return self.times.take(local if self.shared else self.offsets + local, mode="clip")

    def value_at(self, local: Ints) -> Floats:
        """The values of samples given like for ``when``, (n, s); an index beyond the samples gives noise."""
        return self.values.take(self.offsets + local, mode="clip")

    def sample_times(self) -> Ints:
        """The time of every entry of ``values``."""
        return np.tile(self.times, len(self.labels)) if self.shared else self.times

    def flat_low(self) -> Ints:
        return self.offsets + self.low

    def flat_high(self) -> Ints:
        return self.offsets + self.high

    def histogram_count(self) -> Ints:
        """Histogram samples per window, (n, s)."""
        count = np.zeros(self.shape, dtype=np.int64)
        for row, track in self.tracks.items():
            count[row] = track.count
        return count

    def touched(self) -> int:
        """How many samples a function that visits every window in full would read."""
        per_row = self.count.sum() * (self.shape[0] if len(self.low) == 1 else 1)
        return int(per_row + sum(track.count.sum() for track in self.tracks.values()))

    def parted(self, limit: int) -> Iterator[tuple[slice, "Windows"]]:
        """The windows in parts of steps, so that no part reads more than ``limit`` samples (or one step)."""
        frame, steps = self.frame, len(self.frame.ends)
        pieces = min(steps, max(1, -(-self.touched() // limit)))
        for part in np.array_split(np.arange(steps), pieces):
            if len(part):
                chosen = slice(int(part[0]), int(part[-1]) + 1)
                low, high = self.low[:, chosen], self.high[:, chosen]
                part_frame = Frame(frame.ends[chosen], frame.at[chosen], frame.width)
                yield (
                    chosen,
                    Windows(self.labels, self.times, self.values, self.offsets, low, high, part_frame),
                )


def bounds(times: Ints, ends: Ints, width: int) -> tuple[Ints, Ints]:
    """For each window (end - width, end] the first index in it and the first one after it."""
    step = int(ends[1] - ends[0]) if len(ends) > 1 else 0
    if step > 0 and width % step == 0 and width // step <= len(ends):
        # the left edges are right edges of earlier steps: one search for both
        shift = width // step
        edges = np.concatenate([ends[0] - width + step * np.arange(shift, dtype=np.int64), ends])
        index = times.searchsorted(edges, side="right")
        return index[: len(ends)], index[shift:]
    return times.searchsorted(ends - width, side="right"), times.searchsorted(ends, side="right")


def gathered_by_times(series: Sequence[Series]) -> list[Series]:
    """Series with the same times next to each other, so that they can share index arithmetic."""
    return sorted(series, key=_times_key)


def _times_key(series: Series) -> tuple[int, int]:
    return (len(series.times), int(series.times[0]) if len(series.times) else 0)


def of_series(series: Sequence[Series], frame: Frame) -> Iterator[Windows]:
    """Windows over raw series, in chunks; series with the same times share their index arithmetic."""
    shared_bounds: tuple[Ints, Ints, Ints] | None = None
    for chunk, shared in _chunks([one.times for one in series], len(frame.ends)):
        members = series[chunk.start : chunk.stop]
        values = np.concatenate([one.values for one in members])
        if _has_stale(values):
            yield _gathered(members, [_live(one) for one in members], frame)
        elif not shared:
            yield _gathered(members, [(one.times, one.values) for one in members], frame)
        else:
            times = members[0].times
            if shared_bounds is None or not _equal(shared_bounds[0], times):
                shared_bounds = (times, *bounds(times, frame.ends, frame.width))
            _, low, high = shared_bounds
            offsets = (np.arange(len(members), dtype=np.int64) * len(times))[:, None]
            labels = [one.labels for one in members]
            tracks = _tracks(members, frame)
            yield Windows(labels, times, values, offsets, low[None, :], high[None, :], frame, tracks)


def of_table(table: Table, frame: Frame) -> Iterator[Windows]:
    """Windows over a table, in chunks; rows of small parts are put together."""
    steps, packed, held = len(frame.ends), list[Part](), 0
    for part in table.parts:
        if not len(part.times):
            continue
        room = max(1, min(CHUNK_SAMPLES // max(1, len(part.times)), CHUNK_CELLS // max(1, steps)))
        if len(table.parts) > 1 and len(part.rows) <= room // 2:
            packed.append(part)
            held += max(part.values.size, len(part.rows) * steps)
            if held >= CHUNK_SAMPLES and steps > 1:
                yield from _of_packed(table, packed, frame)
                packed, held = [], 0
            continue
        for start in range(0, len(part.rows), room):
            chosen = slice(start, start + room)
            yield _of_part(table, Part(part.rows[chosen], part.times, part.values[chosen]), frame)
    if packed:
        yield from _of_packed(table, packed, frame)


def _has_stale(values: Floats) -> bool:
    # a minimum that is a number proves there is no NaN at all, for a third of the price of looking for one
    return bool(len(values) and np.isnan(np.minimum.reduce(values)) and is_stale(values).any())


def _of_part(table: Table, part: Part, frame: Frame) -> Windows:
    values = part.values.reshape(-1)
    labels = _labels_of(table, part.rows)
    if _has_stale(values):
        members = [Series(one, part.times, row) for one, row in zip(labels, part.values, strict=True)]
        return _gathered(members, [_live(one) for one in members], frame)
    low, high = bounds(part.times, frame.ends, frame.width)
    offsets = (np.arange(len(part.rows), dtype=np.int64) * len(part.times))[:, None]
    return Windows(labels, part.times, values, offsets, low[None, :], high[None, :], frame)


def _labels_of(table: Table, rows: Ints) -> list[Labels]:
    if len(rows) == len(table.labels):
        return table.labels
    labels = table.labels
    return once(labels, ("rows", rows.tobytes()), lambda: Roster(labels[row] for row in rows.tolist()))


def _of_packed(table: Table, parts: Sequence[Part], frame: Frame) -> Iterator[Windows]:
    """Windows over several parts at once, in the order of the table."""
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows)
    labels = _labels_of(table, rows[order])
    values = np.concatenate([part.values.reshape(-1) for part in parts])
    if _has_stale(values):
        members = [table[row] for row in rows[order].tolist()]
        yield _gathered(members, [_live(one) for one in members], frame)
        return
    pairs = [bounds(part.times, frame.ends, frame.width) for part in parts]
    sizes = [len(part.rows) for part in parts]
    lengths = np.repeat([len(part.times) for part in parts], sizes)
    offsets = (np.cumsum(lengths) - lengths)[order, None].astype(np.int64)
    yield Windows(
        labels,
        np.concatenate([np.tile(part.times, len(part.rows)) for part in parts]),
        values,
        offsets,
        np.repeat(np.stack([low for low, _ in pairs]), sizes, axis=0)[order],
        np.repeat(np.stack([high for _, high in pairs]), sizes, axis=0)[order],
        frame,
    )


def _live(series: Series) -> tuple[Ints, Floats]:
    """The samples that are no staleness markers."""
    stale = is_stale(series.values)
    return series.times[~stale], series.values[~stale]


def _chunks(times: Sequence[Ints], steps: int) -> Iterator[tuple[range, bool]]:
    """Runs of series to treat together, and whether they share their times."""
    start = 0
    while start < len(times):
        same = start + 1
        samples = len(times[start])
        room = max(1, min(CHUNK_SAMPLES // max(1, samples), CHUNK_CELLS // max(1, steps)))
        while same < len(times) and same - start < room and _equal(times[same], times[start]):
            same += 1
        if same - start >= min(4, room, len(times) - start):
            yield range(start, same), True
            start = same
            continue
        stop = same
        while stop < len(times) and samples < CHUNK_SAMPLES and (stop - start) * steps < CHUNK_CELLS:
            samples += len(times[stop])
            stop += 1
        yield range(start, stop), False
        start = stop


def _equal(one: Ints, other: Ints) -> bool:
    if one is other:
        return True
    if len(one) != len(other) or (len(one) and (one[0] != other[0] or one[-1] != other[-1])):
        return False
    return bool((one == other).all())


def _gathered(series: Sequence[Series], live: Sequence[tuple[Ints, Floats]], frame: Frame) -> Windows:
    """Windows over series that do not share their times."""
    lengths = [len(times) for times, _ in live]
    offsets = np.concatenate([[0], np.cumsum(lengths[:-1])]).astype(np.int64)[:, None]
    pairs = [bounds(times, frame.ends, frame.width) for times, _ in live]
    return Windows(
        [one.labels for one in series],
        np.concatenate([times for times, _ in live]),
        np.concatenate([values for _, values in live]),
        offsets,
        np.stack([low for low, _ in pairs]),
        np.stack([high for _, high in pairs]),
        frame,
        _tracks(series, frame),
    )


def _tracks(series: Sequence[Series], frame: Frame) -> dict[int, Track]:
    return {
        row: track(one.histograms, frame.ends, frame.width)
        for row, one in enumerate(series)
        if one.histograms
    }


def track(runs: Sequence[HistogramRun], ends: Ints, width: int) -> Track:
    """The runs of one series with neighbouring runs of one layout put together."""
    groups: list[list[HistogramBlock]] = []
    for run in runs:
        block = block_of(run)
        if groups and groups[-1][0].layout == block.layout:
            groups[-1].append(block)
        else:
            groups.append([block])
    times = np.concatenate([run.times for run in runs])
    return _track(times, [stacked(group) for group in groups], ends, width)


def _track(times: Ints, parts: list[HistogramBlock], ends: Ints, width: int) -> Track:
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).astype(np.int64)
    low, high = bounds(times, ends, width)
    return Track(times, parts, starts, low, high)


def of_vector(vector: Vector, grid: Grid, frame: Frame) -> Iterator[Windows]:
    """Windows over the results of an inner evaluation: a subquery."""
    times, ends, width = grid.times, frame.ends, frame.width
    low, high = bounds(times, ends, width)
    rows = len(vector.labels)
    room = max(1, min(CHUNK_SAMPLES // max(1, len(times)), CHUNK_CELLS // max(1, len(ends))))
    by_row = _cells_by_row(vector, rows)
    for start in range(0, rows, room):
        chosen = slice(start, min(rows, start + room))
        mask = vector.floats[chosen]
        if mask.all():
            part_low, part_high, flat_times = low[None, :], high[None, :], times
            offsets = (np.arange(len(mask), dtype=np.int64) * len(times))[:, None]
            values = vector.values[chosen].reshape(-1)
        else:
            before = np.zeros((len(mask), len(times) + 1), dtype=np.int64)
            np.cumsum(mask, axis=1, out=before[:, 1:])
            offsets = np.concatenate([[0], np.cumsum(before[:-1, -1])])[:, None]
            part_low, part_high = before[:, low], before[:, high]
            flat_times = np.broadcast_to(times, mask.shape)[mask]
            values = vector.values[chosen][mask]
        tracks = {
            row - start: _cell_track(cells, times, ends, width)
            for row, cells in by_row.items()
            if chosen.start <= row < chosen.stop
        }
        labels = vector.labels[chosen]
        yield Windows(labels, flat_times, values, offsets, part_low, part_high, frame, tracks)


def _cells_by_row(vector: Vector, rows: int) -> dict[int, list[tuple[Ints, HistogramBlock]]]:
    found: dict[int, list[tuple[Ints, HistogramBlock]]] = {}
    for cells in vector.histograms:
        edges = np.searchsorted(cells.place, np.arange(rows + 1) * vector.steps)
        for row in np.flatnonzero(np.diff(edges)):
            chosen = slice(int(edges[row]), int(edges[row + 1]))
            steps = cells.place[chosen] - row * vector.steps
            found.setdefault(int(row), []).append((steps, cells.block.take(chosen)))
    return found


def _cell_track(groups: list[tuple[Ints, HistogramBlock]], times: Ints, ends: Ints, width: int) -> Track:
    """Groups of one layout each, which may interleave: cut into runs in time order."""
    if len(groups) == 1:
        steps, block = groups[0]
        return _track(times[steps], [block], ends, width)
    steps = np.concatenate([group for group, _ in groups])
    source = np.repeat(np.arange(len(groups)), [len(group) for group, _ in groups])
    place = np.concatenate([np.arange(len(group)) for group, _ in groups])
    order = np.argsort(steps)
    cuts = np.flatnonzero(np.diff(source[order])) + 1
    parts = [groups[source[run[0]]][1].take(place[run]) for run in np.split(order, cuts)]
    return _track(times[steps[order]], parts, ends, width)


def cells_of(pieces: Sequence[tuple[int, Ints, HistogramBlock]], steps: int) -> list[Cells]:
    """(row, steps, block) triples as cells."""
    return [Cells(row * steps + step, block) for row, step, block in pieces if len(step)]
