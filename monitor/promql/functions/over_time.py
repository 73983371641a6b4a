"""The *_over_time functions: one number out of every window."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from monitor.core import patience
from monitor.core.histograms import HistogramBlock, UnlikeHistogramsError, added, equal_rows, reset_rows
from monitor.promql.errors import TooMuchError
from monitor.promql.functions import remarks
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Floats, Ints, Mask, Vector, joined, nameless
from monitor.promql.windows import Track, Windows, cells_of

# below this share of the sum of magnitudes a plain sum may have lost the digits that matter
_CANCELLED = 1e-7
_PART_SAMPLES = 2_000_000

Piece = tuple[int, Ints, HistogramBlock]


@dataclass(slots=True)
class Ragged:
    """The non-empty windows spelled out: ``index`` into the flat samples, window i from starts[i] on."""

    index: Ints
    starts: Ints
    sizes: Ints
    cell: Ints

    @property
    def owner(self) -> Ints:
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def ragged(windows: Windows) -> Ragged:
    low, high = windows.flat_low().reshape(-1), windows.flat_high().reshape(-1)
    sizes = high - low
    cell = np.flatnonzero(sizes)
    low, sizes = low[cell], sizes[cell]
    starts = np.cumsum(sizes) - sizes
    index = np.repeat(low - starts, sizes) + np.arange(int(sizes.sum()))
    return Ragged(index, starts, sizes, cell)


def afford(context: Context, windows: Windows) -> None:
    touched = windows.touched()
    if touched > context.max_samples:
        message = (
            f"{context.node.name}() would touch {touched} samples here, more than the limit of"
            f" {context.max_samples}; take a shorter range, longer steps or fewer series"
        )
        raise TooMuchError(message)


def per_window(
    context: Context, windows: Windows, compute: Callable[[Windows, Ragged], Floats]
) -> tuple[Floats, Mask]:
    """``compute`` over the spelled-out windows, part by part; its answer has one entry per window."""
    afford(context, windows)
    values = np.zeros(windows.shape)
    with np.errstate(all="ignore"):
        for chosen, part in windows.parted(_PART_SAMPLES):
            patience.look()
            spelled = ragged(part)
            answers = np.zeros(part.shape)
            if len(spelled.cell):
                answers.reshape(-1)[spelled.cell] = compute(part, spelled)
            values[:, chosen] = answers
    return values, filled(windows)


def filled(windows: Windows) -> Mask:
    """Where a window holds a float."""
    return np.array(np.broadcast_to(windows.count > 0, windows.shape))


def floats_only(context: Context, windows: Windows, values: Floats, ok: Mask) -> Vector:
    """An answer from floats alone; remarks where histograms were passed over."""
    for row, track in windows.tracks.items():
        patience.look()
        if (ok[row] & (track.count > 0)).any():
            remarks.ignored_histograms(context.notes, windows.labels[row].name)
    return Vector(nameless(windows.labels), values, ok)


def reduced(windows: Windows, operation: np.ufunc, values: Floats) -> Floats:
    """``operation`` over each window (noise where it is empty), without copying the samples."""
    if not len(values):
        return np.zeros(windows.shape)
    padded = np.append(values, values[-1])
    edges = np.stack([windows.flat_low(), windows.flat_high()], axis=-1).reshape(-1)
    return np.asarray(operation.reduceat(padded, edges)[::2].reshape(windows.shape))


def _sums(windows: Windows) -> Floats:
    """Window sums; where terms cancel, with care."""
    values = windows.values
    totals = reduced(windows, np.add, values)
    if len(values) and not (values >= 0).all():
        magnitudes = reduced(windows, np.add, np.abs(values))
        doubtful = (np.abs(totals) < magnitudes * _CANCELLED) & filled(windows)
        for row, step in np.argwhere(doubtful):
            patience.look()
            totals[row, step] = careful_sum(_window(windows, row, step))
    return totals


def _window(windows: Windows, row: int, step: int) -> Floats:
    line, offset = (0 if windows.shared else row), int(windows.offsets[row, 0])
    return windows.values[offset + int(windows.low[line, step]) : offset + int(windows.high[line, step])]


def careful_sum(values: Floats) -> float:
    """Neumaier's sum, which carries the rounding errors along: the digits Prometheus gets, no more, no less."""
    total = carried = 0.0
    for value in values.tolist():
        fresh = total + value
        if math.isinf(fresh):
            carried = 0.0
        elif abs(total) >= abs(value):
            carried += (total - fresh) + value
        else:
            carried += (value - fresh) + total
        total = fresh
    return total if math.isinf(total) else total + carried


@function("matrix")
def sum_over_time(context: Context, windows: Windows) -> Vector:
    """Sum of all samples in the range."""
    return _added_up(context, windows, mean=False)


@function("matrix")
def avg_over_time(context: Context, windows: Windows) -> Vector:
    """Average of all samples in the range."""
    return _added_up(context, windows, mean=True)


def _added_up(context: Context, windows: Windows, *, mean: bool) -> Vector:
    afford(context, windows)
    ok = filled(windows)
    with np.errstate(all="ignore"):
        values = _sums(windows)
        if mean:
            totals, values = values, values / windows.count
            for row, step in np.argwhere(np.isinf(totals) & ok):
                patience.look()
                samples = _window(windows, row, step)
                if np.isfinite(samples).all():
                    values[row, step] = careful_sum(samples / len(samples))
    pieces: list[Piece] = []
    for row, track in windows.tracks.items():
        patience.look()
        mixed = ok[row] & (track.count > 0)
        if mixed.any():
            remarks.mixed_samples(context.notes, windows.labels[row].name)
            ok[row] &= ~mixed
        steps = np.flatnonzero((track.count > 0) & ~mixed)
        for chosen, block in _histogram_sums(context, windows.labels[row].name, track, steps):
            share = 1.0 / track.count[chosen] if mean else 1.0
            pieces.append((row, chosen, block.times(share)))
    return Vector(nameless(windows.labels), values, ok, joined(cells_of(pieces, windows.shape[1])))


def _histogram_sums(
    context: Context, metric: str, track: Track, steps: Ints
) -> Iterator[tuple[Ints, HistogramBlock]]:
    first = np.searchsorted(track.starts, track.low[steps], side="right") - 1
    last = np.searchsorted(track.starts, track.high[steps] - 1, side="right") - 1
    for part in np.unique(first[first == last]):
        chosen = steps[(first == part) & (last == part)]
        start = int(track.starts[part])
        yield chosen, _block_sums(track.parts[part], track.low[chosen] - start, track.high[chosen] - start)
    for step in steps[first != last]:
        patience.look()
        samples = [track.sample(index) for index in range(int(track.low[step]), int(track.high[step]))]
        try:
            total = samples[0]
            for sample in samples[1:]:
                patience.look()
                ((_, total),) = added(total, sample)
            yield np.array([step]), total
        except UnlikeHistogramsError as error:
            remarks.unlike(context.notes, metric, error)


def _block_sums(block: HistogramBlock, low: Ints, high: Ints) -> HistogramBlock:
    edges = np.stack([low, high], axis=-1).reshape(-1)

    def total(column: Floats) -> Floats:
        padded = np.concatenate([column, np.zeros_like(column[:1])])
        return np.asarray(np.add.reduceat(padded, edges, axis=0)[::2])

    result = block.take(slice(0, len(low)) if len(low) <= len(block) else np.zeros(len(low), dtype=np.int64))
    result.count, result.total, result.zero = total(block.count), total(block.total), total(block.zero)
    result.positive, result.negative = total(block.positive), total(block.negative)
    return result


@function("matrix")
def count_over_time(_: Context, windows: Windows) -> Vector:
    """Number of samples in the range."""
    count = np.array(np.broadcast_to(windows.count, windows.shape))
    if windows.tracks:
        count += windows.histogram_count()
    return Vector(nameless(windows.labels), count.astype(np.float64), count > 0)


@function("matrix")
def present_over_time(_: Context, windows: Windows) -> Vector:
    """1 wherever the range holds any sample."""
    ok = filled(windows) | (windows.histogram_count() > 0)
    return Vector(nameless(windows.labels), np.ones(windows.shape), ok)


@function("matrix")
def min_over_time(context: Context, windows: Windows) -> Vector:
    """Smallest value in the range."""
    afford(context, windows)
    return floats_only(context, windows, reduced(windows, np.fmin, windows.values), filled(windows))


@function("matrix")
def max_over_time(context: Context, windows: Windows) -> Vector:
    """Largest value in the range."""
    afford(context, windows)
    return floats_only(context, windows, reduced(windows, np.fmax, windows.values), filled(windows))


@function("matrix", keeps_name=True)
def last_over_time(_: Context, windows: Windows) -> Vector:
    """Newest sample in the range."""
    return _edge(windows, newest=True)


@function("matrix", keeps_name=True)
def first_over_time(_: Context, windows: Windows) -> Vector:
    """Oldest sample in the range."""
    return _edge(windows, newest=False)


def _edge(windows: Windows, *, newest: bool) -> Vector:
    ok = filled(windows)
    values = np.zeros(windows.shape)
    index = windows.flat_high() - 1 if newest else windows.flat_low()
    if len(windows.values):
        values = windows.values.take(np.where(ok, index, 0))
    pieces: list[Piece] = []
    for row, track in windows.tracks.items():
        patience.look()
        steps = np.flatnonzero(track.count > 0)
        chosen = track.high[steps] - 1 if newest else track.low[steps]
        wins = np.ones(len(steps), dtype=bool)
        competing = ok[row][steps]
        if competing.any():
            float_times = _edge_times(windows, row, newest=newest)[steps]
            rival = track.times[chosen]
            wins = ~competing | ((rival > float_times) if newest else (rival < float_times))
        ok[row][steps[wins]] = False
        steps, chosen = steps[wins], chosen[wins]
        owner = np.searchsorted(track.starts, chosen, side="right") - 1
        for part in np.unique(owner):
            mine = owner == part
            block = track.parts[part].take(chosen[mine] - int(track.starts[part]))
            pieces.append((row, steps[mine], block))
    return Vector(list(windows.labels), values, ok, joined(cells_of(pieces, windows.shape[1])))


def _edge_times(windows: Windows, row: int, *, newest: bool) -> Ints:
    line, offset = (0, 0) if windows.shared else (row, int(windows.offsets[row, 0]))
    index = (windows.high[line] - 1 if newest else windows.low[line]) + offset
    return np.asarray(windows.times[np.clip(index, 0, max(0, len(windows.times) - 1))])


@function("matrix")
def ts_of_last_over_time(_: Context, windows: Windows) -> Vector:
    """Time of the newest sample in the range, in seconds."""
    return _edge_moments(windows, newest=True)


@function("matrix")
def ts_of_first_over_time(_: Context, windows: Windows) -> Vector:
    """Time of the oldest sample in the range, in seconds."""
    return _edge_moments(windows, newest=False)


def _edge_moments(windows: Windows, *, newest: bool) -> Vector:
    ok = filled(windows)
    moments = np.zeros(windows.shape)
    for row in patience.each(range(len(windows.labels))):
        if ok[row].any():
            moments[row] = _edge_times(windows, row, newest=newest)
        track = windows.tracks.get(row)
        if track is not None:
            there = track.count > 0
            index = np.where(there, track.high - 1 if newest else track.low, 0)
            other = track.times[index]
            better = there & (~ok[row] | ((other > moments[row]) if newest else (other < moments[row])))
            moments[row] = np.where(better, other, moments[row])
            ok[row] |= there
    return Vector(nameless(windows.labels), moments / 1000, ok)


@function("matrix")
def ts_of_max_over_time(context: Context, windows: Windows) -> Vector:
    """Time of the largest value in the range (the newest of equals), in seconds."""
    return _extreme_moment(context, windows, np.fmax)


@function("matrix")
def ts_of_min_over_time(context: Context, windows: Windows) -> Vector:
    """Time of the smallest value in the range (the newest of equals), in seconds."""
    return _extreme_moment(context, windows, np.fmin)


def _extreme_moment(context: Context, windows: Windows, operation: np.ufunc) -> Vector:
    def newest_best(part: Windows, spelled: Ragged) -> Floats:
        values, times = part.values[spelled.index], part.sample_times()[spelled.index]
        best = operation.reduceat(values, spelled.starts)[spelled.owner]
        matches = (values == best) | np.isnan(best)
        return np.asarray(np.maximum.reduceat(np.where(matches, times, -(2**62)), spelled.starts) / 1000)

    return floats_only(context, windows, *per_window(context, windows, newest_best))


def _variance(part: Windows, spelled: Ragged) -> Floats:
    # measured from the first value, so that equal values differ by exactly nothing
    values = part.values[spelled.index]
    values = values - values[spelled.starts][spelled.owner]
    mean = np.add.reduceat(values, spelled.starts) / spelled.sizes
    away = values - mean[spelled.owner]
    return np.asarray(np.add.reduceat(away * away, spelled.starts) / spelled.sizes)


@function("matrix")
def stdvar_over_time(context: Context, windows: Windows) -> Vector:
    """Population variance of the values in the range."""
    return floats_only(context, windows, *per_window(context, windows, _variance))


@function("matrix")
def stddev_over_time(context: Context, windows: Windows) -> Vector:
    """Population standard deviation of the values in the range."""
    values, ok = per_window(context, windows, lambda part, spelled: np.sqrt(_variance(part, spelled)))
    return floats_only(context, windows, values, ok)


def _quantiles(values: Floats, spelled: Ragged, q: Floats) -> Floats:
    """The q-quantile of each window, linear between neighbours; NaN values come first, as in Prometheus.

    Windows of one size are sorted together as the rows of a matrix.
    """
    result = np.empty(len(spelled.sizes))
    for size in np.unique(spelled.sizes).tolist():
        patience.look()
        rows = np.flatnonzero(spelled.sizes == size)
        ordered = values[spelled.starts[rows][:, None] + np.arange(size)]
        ordered.sort(axis=1)
        nans = np.isnan(ordered).sum(axis=1) if np.isnan(ordered[:, -1]).any() else np.zeros(len(rows), int)
        rank = np.nan_to_num(np.clip(q[rows], 0, 1) * (size - 1))
        below = np.floor(rank).astype(np.int64)
        # numpy sorts NaN last, so the places turn round by the number of them
        lower = ordered[np.arange(len(rows)), (below - nans) % size]
        upper = ordered[np.arange(len(rows)), (np.minimum(size - 1, below + 1) - nans) % size]
        weight = rank - below
        result[rows] = lower * (1 - weight) + upper * weight
    result = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, result))
    return np.where(np.isnan(q), np.nan, result)


@function("scalar", "matrix")
def quantile_over_time(context: Context, q: Floats, windows: Windows) -> Vector:
    """The given quantile (0 to 1) of the values in the range."""
    by_time = dict(zip(windows.frame.at.tolist(), q.tolist(), strict=True))

    def compute(part: Windows, spelled: Ragged) -> Floats:
        share = np.array([by_time[moment] for moment in part.frame.at.tolist()])
        share = share[spelled.cell % len(part.frame.at)]
        return _quantiles(part.values[spelled.index], spelled, share)

    values, ok = per_window(context, windows, compute)
    for wrong in np.unique(q[ok.any(axis=0) & ~((q >= 0) & (q <= 1))]):
        remarks.invalid_quantile(context.notes, float(wrong))
    return floats_only(context, windows, values, ok)


@function("matrix")
def mad_over_time(context: Context, windows: Windows) -> Vector:
    """Median absolute deviation of the values in the range."""

    def compute(part: Windows, spelled: Ragged) -> Floats:
        values, half = part.values[spelled.index], np.full(len(spelled.sizes), 0.5)
        median = _quantiles(values, spelled, half)
        return _quantiles(np.abs(values - median[spelled.owner]), spelled, half)

    return floats_only(context, windows, *per_window(context, windows, compute))


@function("matrix")
def changes(_: Context, windows: Windows) -> Vector:
    """How often the value changed within the range."""
    now, before = windows.values[1:], windows.values[:-1]
    differs = (now != before) & ~(np.isnan(now) & np.isnan(before))
    return _events(windows, differs, lambda previous, current: ~equal_rows(previous, current))


@function("matrix")
def resets(_: Context, windows: Windows) -> Vector:
    """How often the counter started anew within the range."""
    return _events(windows, windows.values[1:] < windows.values[:-1], reset_rows)


def _events(
    windows: Windows, differs: Mask, between: Callable[[HistogramBlock, HistogramBlock], Mask]
) -> Vector:
    """Counts the marked steps from one sample to the next within each window."""
    ok = filled(windows)
    values = np.zeros(windows.shape)
    if len(windows.values):
        running = np.concatenate([[0], np.cumsum(differs)])
        first, last = np.where(ok, windows.flat_low(), 0), np.where(ok, windows.flat_high() - 1, 0)
        values = (running[last] - running[first]).astype(np.float64)
    for row, track in windows.tracks.items():
        patience.look()
        values[row], ok[row] = _mixed_events(windows, row, differs, track, between)
    return Vector(nameless(windows.labels), values, ok)


def _mixed_events(
    windows: Windows,
    row: int,
    differs: Mask,
    track: Track,
    between: Callable[[HistogramBlock, HistogramBlock], Mask],
) -> tuple[Floats, Mask]:
    """The same for one series in which floats and histograms may follow each other; a change of kind counts."""
    offset = int(windows.offsets[row, 0])
    following = int(windows.offsets[row + 1, 0]) if row + 1 < len(windows.offsets) else len(windows.values)
    times = windows.sample_times()[offset:following]
    marked = np.concatenate([[False], differs[offset : following - 1]])[: len(times)]
    steps = np.zeros(len(track.times), dtype=bool)
    for start, block in zip(track.starts.tolist(), track.parts, strict=True):
        steps[start + 1 : start + len(block)] = between(block.take(slice(0, -1)), block.take(slice(1, None)))
    for start in track.starts.tolist()[1:]:
        steps[start] = between(track.sample(start - 1), track.sample(start))[0]
    order = np.argsort(np.concatenate([times, track.times]), kind="stable")
    kinds = np.concatenate([np.zeros(len(times), dtype=bool), np.ones(len(track.times), dtype=bool)])[order]
    events = np.concatenate([marked, steps])[order]
    events[1:] = np.where(kinds[1:] == kinds[:-1], events[1:], True)
    running = np.cumsum(events)
    everything = np.concatenate([times, track.times])[order]
    ends, width = windows.frame.ends, windows.frame.width
    low, high = everything.searchsorted(ends - width, "right"), everything.searchsorted(ends, "right")
    there = high > low
    count = running[np.where(there, high - 1, 0)] - running[np.where(there, low, 0)]
    return count.astype(np.float64), there


@function("matrix")
def absent_over_time(context: Context, windows: Windows) -> Vector:
    """1 wherever the range holds no sample of any series; labels come from the selector's equality matchers."""
    return present_over_time(context, windows)
