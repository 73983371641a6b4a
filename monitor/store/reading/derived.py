"""Deltas of derived series become what PromQL expects: cumulative samples on a regular grid.

A delta at grid time T holds the events of [T, T + 10 s), so a call shows at once. A series starts with 0 one
grid step before its first event and goes on flat for a day after its last one.
"""

from collections.abc import Iterable

import numpy as np

from monitor.core.histograms import HistogramRun
from monitor.core.samples import LOOKBACK_MS, Selection, Series
from monitor.store.reading.catalog import FLAT_MS, Known
from monitor.store.samples.append import GRID_MS
from monitor.store.samples.blocks import NEGATIVE, POSITIVE, Block, Ints, Table
from monitor.store.samples.chunks import WINDOW_MS

# a window of a range selector should hold about this many samples
PER_WINDOW = 30
MOST_POINTS = 8_640
LEAST_PER_WINDOW = 4
# a window that is asked for by itself and holds so many sealed ones reports where those end: their totals are at hand
WHOLE_WINDOWS = 4


def spacing(selection: Selection) -> int:
    """How far apart a range selector's samples are: 10 s, or wider where the question is too long for that."""
    span, window = selection.span_ms or selection.end_ms - selection.start_ms, selection.range_ms
    wanted = max(window // PER_WINDOW, min(span // MOST_POINTS, window // LEAST_PER_WINDOW))
    return max(GRID_MS, wanted // GRID_MS * GRID_MS)


def grid(selection: Selection, known: Known, last_event: int) -> Ints:
    """The times at which a series reports within the selection; empty where it does not exist.

    An instant selector reads one sample per step, so it gets one just there; a range selector gets a
    regular grid and the two samples with which the series begins. Asked at one moment alone it also gets
    samples at both ends of its window: what is wide-meshed for a curve would be a wrong count.
    """
    begin = known.first_ms - GRID_MS
    low, high = max(selection.start_ms, begin), min(selection.end_ms, last_event + FLAT_MS)
    if high < low:
        return np.empty(0, dtype=np.int64)
    if selection.range_ms:
        regular = _regular(selection, low, high)
    else:
        steps = _steps(selection)
        regular = np.minimum(steps[(steps >= low) & (steps < high + LOOKBACK_MS)], high)
    edges = [t for t in (begin, known.first_ms) if low <= t <= high]
    points = np.union1d(regular, np.array(edges, dtype=np.int64))
    return _with_ends(points, low, selection.end_ms) if _alone(selection) else points


def moments(selection: Selection, members: Iterable[Known]) -> Ints:
    """All times at which any of these series may report: what lies between two of them may be added up."""
    start, end = selection.start_ms, selection.end_ms
    regular = _regular(selection, start, end) if selection.range_ms else _steps(selection)
    edges = {t for one in members for t in (one.first_ms - GRID_MS, one.first_ms) if start <= t <= end}
    # a series that ended stands still from its last event on, whatever time it then reports at
    return np.union1d(regular, np.array(sorted(edges | {start, end}), dtype=np.int64))


def _steps(selection: Selection) -> Ints:
    first = selection.start_ms + LOOKBACK_MS - 1
    return np.arange(first, selection.end_ms + 1, max(selection.step_ms, 1), dtype=np.int64)


def _regular(selection: Selection, low: int, high: int) -> Ints:
    """A range selector's grid; of a long window asked for by itself the last moments of sealed windows."""
    step, shift = spacing(selection), 0
    if _alone(selection) and selection.range_ms >= WHOLE_WINDOWS * WINDOW_MS:
        step, shift = max(step // WINDOW_MS, 1) * WINDOW_MS, GRID_MS
    return np.arange(-(-(low + shift) // step) * step - shift, high + 1, step, dtype=np.int64)


def _alone(selection: Selection) -> bool:
    """Whether one window is asked for by itself, too wide for the fine grid, which is near enough to its ends."""
    span = selection.end_ms - selection.start_ms
    one = bool(selection.range_ms) and not selection.step_ms and selection.span_ms <= span
    return one and spacing(selection) > GRID_MS


def _with_ends(points: Ints, low: int, end: int) -> Ints:
    """Nothing is left to be guessed at either end; the last two stay as far apart as deltas are, or would show none."""
    inside = points[(points <= end - GRID_MS) | (points == points[:1])]
    return np.union1d(inside, np.array([low, end], dtype=np.int64))


def counter(known: Known, deltas: Table, base: float, selection: Selection) -> Series | None:
    """A cumulative counter; ``base`` is what was counted before the deltas at hand."""
    times, last = deltas["t"], known.last_ms
    points = grid(selection, known, max(last, int(times[-1])) if len(times) else last)
    if not len(points):
        return None
    total = np.concatenate(([base], base + np.cumsum(deltas["v"])))
    values = total[np.searchsorted(times, points, side="right")]
    return Series(known.labels, points, values)


def histogram(known: Known, deltas: Block, base: Block, selection: Selection) -> Series | None:
    """A cumulative native histogram of schema 5; ``base`` holds at most one row per bucket."""
    head, rows = deltas.tables["h"], deltas.tables["b"]
    times, last = head["t"], known.last_ms
    points = grid(selection, known, max(last, int(times[-1])) if len(times) else last)
    if not len(points):
        return None
    at = np.searchsorted(times, points, side="right")
    before = base.tables["h"]
    sums = {
        name: np.concatenate(([before[name].sum()], before[name].sum() + np.cumsum(head[name])))[at]
        for name in ("count", "sum", "zero")
    }
    positive_index, positive = cumulative(rows, base.tables["b"], POSITIVE, points)
    negative_index, negative = cumulative(rows, base.tables["b"], NEGATIVE, points)
    run = HistogramRun(
        times=points, count=sums["count"], total=sums["sum"], zero=sums["zero"],
        positive_index=positive_index, positive=positive,
        negative_index=negative_index, negative=negative,
    )  # fmt: skip
    return Series(known.labels, np.empty(0, dtype=np.int64), np.empty(0), (run,))


def cumulative(
    rows: Table, base: Table, side: int, points: Ints
) -> tuple[Ints, "np.ndarray[tuple[int, int], np.dtype[np.float64]]"]:
    """Bucket indices and the matrix (points × buckets) of counts up to each point; ``rows`` are in order of time."""
    mine, old = rows["side"] == side, base["side"] == side
    if not mine.all():
        rows = {column: values[mine] for column, values in rows.items()}
    times, buckets, counts = rows["t"], rows["index"], rows["count"]
    index = np.union1d(_distinct(buckets), base["index"][old]).astype(np.int64)
    width = len(index)
    # how many rows there are between one point and the next; what is behind the last one counts nowhere
    ends = np.searchsorted(times, points, side="right")
    slot = np.repeat(np.arange(len(points)), np.diff(ends, prepend=0))
    n = len(slot)
    cells = slot * width + np.searchsorted(index, buckets[:n])
    # of nothing the sum is a whole number
    matrix = np.bincount(cells, counts[:n], len(points) * width).astype(np.float64, copy=False)
    matrix = matrix.reshape(len(points), width)
    if len(points):
        matrix[0] += np.bincount(np.searchsorted(index, base["index"][old]), base["count"][old], width)
    return index, np.cumsum(matrix, axis=0)


def _distinct(buckets: Ints) -> Ints:
    """Each once, in order; of numbers so close to each other that is told without sorting."""
    if not len(buckets):
        return buckets
    least = int(buckets.min())
    found: Ints = np.flatnonzero(np.bincount(buckets - least)) + least
    return found
