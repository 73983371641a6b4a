"""rate() and its kin: how counters and gauges move within a window, counter resets undone."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from monitor.core import patience
from monitor.core.histograms import (
    HistogramBlock,
    UnlikeHistogramsError,
    added,
    coarser,
    reset_rows,
)
from monitor.core.labels import once
from monitor.promql.functions import remarks
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Floats, Ints, Mask, Vector, joined, nameless
from monitor.promql.windows import Track, Windows, cells_of

Piece = tuple[int, Ints, HistogramBlock]


@function("matrix")
def rate(context: Context, windows: Windows) -> Vector:
    """Per-second increase of a counter over the range, averaged and extrapolated to its edges."""
    return _extrapolated(context, windows, counter=True, per_second=True)


@function("matrix")
def increase(context: Context, windows: Windows) -> Vector:
    """Increase of a counter over the range, extrapolated to its edges."""
    return _extrapolated(context, windows, counter=True, per_second=False)


@function("matrix")
def delta(context: Context, windows: Windows) -> Vector:
    """Difference between a gauge's last and first value in the range, extrapolated to its edges."""
    return _extrapolated(context, windows, counter=False, per_second=False)


@function("matrix")
def irate(context: Context, windows: Windows) -> Vector:
    """Per-second increase of a counter between the last two samples of the range."""
    return _last_two(context, windows, counter=True)


@function("matrix")
def idelta(context: Context, windows: Windows) -> Vector:
    """Difference between the last two samples of the range."""
    return _last_two(context, windows, counter=False)


def _extrapolated(context: Context, windows: Windows, *, counter: bool, per_second: bool) -> Vector:
    with np.errstate(all="ignore"):
        values, ok = _float_rates(windows, counter=counter, per_second=per_second)
    pieces: list[Piece] = []
    for row, track in windows.tracks.items():
        metric = windows.labels[row].name
        mixed = (track.count > 0) & (windows.count[row if len(windows.count) > 1 else 0] > 0)
        if mixed.any():
            remarks.mixed_samples(context.notes, metric)
            ok[row] &= ~mixed
        steps = np.flatnonzero((track.count > 1) & ~mixed)
        for chosen, block, begun in _histogram_rates(context, metric, track, steps, counter=counter):
            with np.errstate(all="ignore"):
                factor = _factor(windows, track, chosen, block.count, begun)
            if per_second:
                factor = factor / (windows.frame.width / 1000)
            pieces.append((row, chosen, block.times(factor).as_gauge()))
    if counter:
        for metric in sampled_names(windows):
            remarks.possible_non_counter(context.notes, metric)
    return Vector(nameless(windows.labels), values, ok, joined(cells_of(pieces, windows.shape[1])))


def sampled_names(windows: Windows) -> set[str]:
    """The metrics that have a float sample in some window."""
    there, labels = (windows.count > 0).any(axis=1), windows.labels
    if there.all():
        return once(labels, "names", lambda: {one.name for one in labels})
    return {labels[row].name for row in np.flatnonzero(np.broadcast_to(there, len(labels)))}


def _float_rates(windows: Windows, *, counter: bool, per_second: bool) -> tuple[Floats, Mask]:
    count = windows.count
    enough = count >= 2
    if not enough.any():
        return np.zeros(windows.shape), np.zeros(windows.shape, dtype=bool)
    if windows.shared and len(windows.frame.ends) == 1:
        rates = _at_one_moment(windows, counter=counter, per_second=per_second)
        return rates[:, None], np.ones(windows.shape, dtype=bool)
    first, last = np.where(enough, windows.low, 0), np.where(enough, windows.high - 1, 0)
    begin, finish = windows.when(first), windows.when(last)
    start, result = windows.value_at(first), windows.value_at(last)
    result -= start
    if counter:
        undo_resets(windows, windows.offsets + first, windows.offsets + last, result)
    frame = windows.frame
    sampled = (finish - begin) / 1000
    average = sampled / (count - 1)
    to_start = (begin - (frame.ends - frame.width)) / 1000
    to_start = np.where(to_start >= average * 1.1, average / 2, to_start)
    to_end = (frame.ends - finish) / 1000
    to_end = np.where(to_end >= average * 1.1, average / 2, to_end)
    scale = sampled * frame.width / 1000 if per_second else sampled
    factor = np.broadcast_to((sampled + to_start + to_end) / scale, result.shape)
    if counter:
        factor = _not_below_zero(start, result, factor, (sampled, to_start, to_end, scale))
    result *= factor
    return result, np.array(np.broadcast_to(enough, windows.shape))


def _at_one_moment(windows: Windows, *, counter: bool, per_second: bool) -> Floats:
    """The same for one window that all series share: what alert rules ask, without arrays for its times."""
    low, last = int(windows.low[0, 0]), int(windows.high[0, 0]) - 1
    samples = windows.values.reshape(len(windows.labels), -1)[:, low : last + 1]
    start = samples[:, 0]
    gained: Floats = samples[:, -1] - start
    if counter:
        fell = samples[:, 1:] < samples[:, :-1]
        if fell.any():
            gained += np.where(fell, samples[:, :-1], 0.0).sum(axis=1)
    end, width = int(windows.frame.ends[0]), windows.frame.width
    begin, finish = int(windows.times[low]), int(windows.times[last])
    sampled = (finish - begin) / 1000
    average = sampled / (last - low)
    to_start, to_end = (begin - (end - width)) / 1000, (end - finish) / 1000
    to_start = average / 2 if to_start >= average * 1.1 else to_start
    to_end = average / 2 if to_end >= average * 1.1 else to_end
    scale = sampled * width / 1000 if per_second else sampled
    early = (start * sampled < to_start * gained) & (start >= 0)
    if counter and early.any():
        reached = np.where(early, sampled * (start / gained), to_start)
        return gained * ((sampled + reached + to_end) / scale)
    return gained * ((sampled + to_start + to_end) / scale)


def _not_below_zero(
    start: Floats, result: Floats, factor: Floats, spans: tuple[Floats, Floats, Floats, Floats | float]
) -> Floats:
    """A counter starts at 0, so it can't have begun before its line reaches 0: less is extrapolated there."""
    # most counters are far from 0 most of the time; one comparison finds the few places that need a closer look
    reach = float(np.fmax.reduce(spans[1] / spans[0], axis=None, initial=0.0))
    near = np.flatnonzero(~(start >= reach * result))
    if not len(near):
        return factor
    sampled, to_start, to_end, scale = (np.broadcast_to(span, result.shape).take(near) for span in spans)
    begin, gained = start.take(near), result.take(near)
    early = (begin * sampled < to_start * gained) & (begin >= 0)
    to_start = np.where(early, sampled * (begin / gained), to_start)
    factor = factor.copy()
    factor.reshape(-1)[near] = (sampled + to_start + to_end) / scale
    return factor


def undo_resets(windows: Windows, first: Ints, last: Ints, result: Floats) -> None:
    """Adds to each window what the counter had reached before every reset within it."""
    values = windows.values
    fell = values[1:] < values[:-1]
    if not fell.any():
        return
    starts = windows.offsets[:, 0]
    fell[starts[(starts > 0) & (starts <= len(fell))] - 1] = False
    at = np.flatnonzero(fell) + 1
    if not len(at):
        return
    # rows may lie in any order, and an empty one where another begins: its result counts for nothing
    begins = np.unique(starts)
    owner = begins[np.searchsorted(begins, at, side="right") - 1]
    for begin in np.unique(owner):
        resets = at[owner == begin]
        lost = np.concatenate([[0.0], np.cumsum(values[resets - 1])])
        for row in np.flatnonzero(starts == begin):
            result[row] += lost[resets.searchsorted(last[row], "right")]
            result[row] -= lost[resets.searchsorted(first[row], "right")]


def _factor(windows: Windows, track: Track, steps: Ints, gained: Floats, begun: Floats | None) -> Floats:
    """How much further than its samples a histogram's window reaches.

    ``begun`` are the counts that the windows begin with: a counter can't have begun before its line reaches 0.
    """
    frame = windows.frame
    first, last = track.low[steps], track.high[steps] - 1
    begin, finish = track.times[first], track.times[last]
    sampled = (finish - begin) / 1000
    average = sampled / (last - first)
    to_start = (begin - (frame.ends[steps] - frame.width)) / 1000
    to_start = np.where(to_start >= average * 1.1, average / 2, to_start)
    if begun is not None:
        to_zero = np.where((gained > 0) & (begun >= 0), sampled * (begun / gained), to_start)
        to_start = np.minimum(to_start, to_zero)
    to_end = (frame.ends[steps] - finish) / 1000
    to_end = np.where(to_end >= average * 1.1, average / 2, to_end)
    return np.asarray((sampled + to_start + to_end) / sampled)


def _histogram_rates(
    context: Context, metric: str, track: Track, steps: Ints, *, counter: bool
) -> Iterator[tuple[Ints, HistogramBlock, Floats | None]]:
    """(steps, last − first with resets undone, first counts) for the steps that have an answer.

    The first counts are None where they bear no comparison: gauges, and windows across layouts.
    """
    parts = np.searchsorted(track.starts, track.low[steps], side="right") - 1
    ends = np.searchsorted(track.starts, track.high[steps] - 1, side="right") - 1
    for part in np.unique(parts[parts == ends]):
        chosen = steps[(parts == part) & (ends == part)]
        block, start = track.parts[part], int(track.starts[part])
        _remark_gauge(context, metric, block.gauge, counter=counter)
        low, last = track.low[chosen] - start, track.high[chosen] - 1 - start
        begun = block.count.take(low) if counter else None
        yield chosen, _within_part(block, low, last, counter=counter), begun
    for step in steps[parts != ends]:
        patience.look()
        samples = [track.sample(index) for index in range(int(track.low[step]), int(track.high[step]))]
        _remark_gauge(context, metric, any(one.gauge for one in samples), counter=counter)
        try:
            yield np.array([step]), _across_parts(samples, counter=counter), None
        except UnlikeHistogramsError as error:
            remarks.unlike(context.notes, metric, error)


def _remark_gauge(context: Context, metric: str, gauge: bool, *, counter: bool) -> None:  # noqa: FBT001
    if counter and gauge:
        remarks.not_counter(context.notes, metric)
    if not counter and not gauge:
        remarks.not_gauge(context.notes, metric)


def _within_part(block: HistogramBlock, first: Ints, last: Ints, *, counter: bool) -> HistogramBlock:
    ((_, gained),) = added(block.take(last), block.take(first), -1.0)
    if not counter or len(block) < 2:
        return gained
    low, high = int(first.min()), int(last.max())
    used = reset_rows(block.take(slice(low, high)), block.take(slice(low + 1, high + 1)))
    resets = np.flatnonzero(used) + low + 1
    if not len(resets):
        return gained
    before = block.take(resets - 1)
    until, since = resets.searchsorted(last, "right"), resets.searchsorted(first, "right")

    def lost(column: Floats) -> Floats:
        running = np.concatenate([np.zeros_like(column[:1]), np.cumsum(column, axis=0)])
        return np.asarray(running[until] - running[since])

    gained.count += lost(before.count)
    gained.total += lost(before.total)
    gained.zero += lost(before.zero)
    gained.positive += lost(before.positive)
    gained.negative += lost(before.negative)
    return gained


def _across_parts(samples: list[HistogramBlock], *, counter: bool) -> HistogramBlock:
    """The same for one window whose samples differ in layout."""
    first, last = samples[0], samples[-1]
    restarted = counter and bool(reset_rows(first, samples[1])[0])
    basis = samples[1] if restarted else first
    relevant = [basis, *samples[1:]]
    if last.custom != basis.custom or (counter and any(one.custom != basis.custom for one in relevant)):
        raise UnlikeHistogramsError(mixed=True)
    gained = last
    if not last.custom:
        coarsest = min(one.schema for one in (relevant if counter else [basis, last]))
        gained = coarser(last, coarsest)
    if not restarted:
        ((_, gained),) = added(gained, first, -1.0)
    if counter:
        for previous, current in pairwise(samples[1:]):
            patience.look()
            if reset_rows(previous, current)[0]:
                ((_, gained),) = added(gained, previous)
    return gained


def _last_two(context: Context, windows: Windows, *, counter: bool) -> Vector:
    count = windows.count
    enough = count >= 2
    shape = windows.shape
    ok = np.array(np.broadcast_to(enough, shape))
    result = np.zeros(shape)
    if enough.any():
        last = np.where(enough, windows.high - 1, 1)
        elapsed = (windows.when(last) - windows.when(last - 1)) / 1000
        now, before = windows.value_at(last), windows.value_at(last - 1)
        with np.errstate(all="ignore"):
            result = now - before
            if counter:
                result = np.where(now < before, now, result) / elapsed
    pieces: list[Piece] = []
    for row, track in windows.tracks.items():
        metric = windows.labels[row].name
        for step in np.flatnonzero(track.count > 0):
            patience.look()
            piece = _last_histograms(context, windows, (row, int(step)), metric, counter=counter)
            if piece is None or piece:
                ok[row, step] = False
            if piece:
                pieces += piece
    return Vector(nameless(windows.labels), result, ok, joined(cells_of(pieces, shape[1])))


def _last_histograms(
    context: Context, windows: Windows, place: tuple[int, int], metric: str, *, counter: bool
) -> list[Piece] | None:
    """The answer where histograms are among the last two samples; None: no answer, []: two floats."""
    row, step = place
    track = windows.tracks[row]
    line = 0 if windows.shared else row
    low, high = int(windows.low[line, step]), int(windows.high[line, step])
    offset = 0 if windows.shared else int(windows.offsets[row, 0])
    recent: list[tuple[int, int | None]] = [
        (int(windows.times[offset + index]), None) for index in range(max(low, high - 2), high)
    ]
    start, stop = int(track.low[step]), int(track.high[step])
    found = [*recent, *((int(track.times[index]), index) for index in range(max(start, stop - 2), stop))]
    found = sorted(found, key=lambda pair: pair[0])[-2:]
    kinds = [index is not None for _, index in found]
    if len(found) < 2:
        return None
    if not any(kinds):
        return []
    if not all(kinds):
        remarks.mixed_samples(context.notes, metric)
        return None
    (before_at, before_index), (now_at, now_index) = found
    assert before_index is not None
    assert now_index is not None
    before, now = track.sample(before_index), track.sample(now_index)
    if counter and (before.gauge or now.gauge):
        remarks.not_counter(context.notes, metric)
    if not counter and not (before.gauge and now.gauge):
        remarks.not_gauge(context.notes, metric)
    result = now
    if not counter or not reset_rows(before, now)[0]:
        try:
            ((_, result),) = added(now, before, -1.0)
        except UnlikeHistogramsError as error:
            remarks.unlike(context.notes, metric, error)
            return None
    if counter:
        result = result.times(1000 / (now_at - before_at))
    return [(row, np.array([step]), result.as_gauge())]
