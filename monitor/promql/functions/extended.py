"""Ranges whose ends have a value of their own: ``anchored`` takes the sample before the range, ``smoothed`` what
lies on the line between the samples on both sides. Nothing is extrapolated.
"""

from dataclasses import replace

import numpy as np

from monitor.core.samples import Series, is_stale
from monitor.promql.errors import ExecutionError
from monitor.promql.functions import rates, remarks
from monitor.promql.functions.registry import FUNCTIONS, Context
from monitor.promql.tree import Edges
from monitor.promql.values import Floats, Ints, Mask, Vector, empty, nameless
from monitor.promql.windows import Windows

_RATES = frozenset({"rate", "increase", "delta"})


def over(context: Context, windows: Windows, edges: Edges, lookback: int) -> Vector:
    """rate(), increase(), delta(), changes() or resets() over such ranges."""
    name = context.node.name
    if windows.tracks:
        message = "smoothed and anchored modifiers do not work with native histograms"
        raise ExecutionError(message)
    if not len(windows.times):
        return empty(len(windows.frame.ends))
    sides = _Sides(windows, lookback)
    if name not in _RATES:
        low = np.where(sides.before, windows.low - 1, windows.low)
        there = windows.high > windows.low
        # only what lies in the range decides whether there is an answer
        wider = replace(windows, low=np.where(there, low, 0), high=np.where(there, windows.high, 0))
        result: Vector = FUNCTIONS[name].run(context, wider)
        return result
    counter = name != "delta"
    with np.errstate(all="ignore"):
        values, ok = _moved(windows, sides, counter=counter, smoothed=edges == "smoothed")
    if counter:
        for metric in rates.sampled_names(windows):
            remarks.possible_non_counter(context.notes, metric)
    if name == "rate":
        values = values / (windows.frame.width / 1000)
    return Vector(nameless(windows.labels), values, ok)


class _Sides:
    """Which windows have a sample before their left edge, and one behind their right edge, within the look-back."""

    def __init__(self, windows: Windows, lookback: int) -> None:
        frame = windows.frame
        if windows.shared:
            length: Ints | int = len(windows.times)
        else:
            length = _lengths(windows.offsets[:, 0], len(windows.values))[:, None]
        self.start, self.end = frame.ends - frame.width, frame.ends
        self.before: Mask = (windows.low > 0) & (
            windows.when(np.maximum(windows.low - 1, 0)) > self.start - lookback
        )
        self.behind: Mask = (windows.high < length) & (
            windows.when(np.minimum(windows.high, length - 1)) <= self.end + lookback
        )


def _lengths(offsets: Ints, total: int) -> Ints:
    """How many samples each series has; in the flat arrays they may lie in any order."""
    order = np.argsort(offsets, kind="stable")
    lengths = np.empty_like(offsets)
    lengths[order] = np.diff(offsets[order], append=total)
    return lengths


def _moved(windows: Windows, sides: _Sides, *, counter: bool, smoothed: bool) -> tuple[Floats, Mask]:
    """How far the value moved from edge to edge, counter resets undone."""
    low, last = windows.low, windows.high - 1
    inside = last >= low
    earliest = np.where(sides.before, low - 1, low)
    left = windows.value_at(np.maximum(earliest, 0))
    right = windows.value_at(np.maximum(last, 0))
    if not smoothed:
        result = right - left
        if counter:
            rates.undo_resets(windows, windows.offsets + earliest, windows.offsets + last, result)
        return result, np.array(np.broadcast_to(inside, windows.shape))
    ok = inside | sides.behind
    reaches = sides.before & ok
    left = np.where(reaches, _between(windows, low - 1, low, sides.start, counter=counter, left=True), left)
    newest = windows.value_at(np.maximum(windows.high, 0))
    exact = inside & (windows.when(np.maximum(last, 0)) == sides.end)
    onward = sides.behind & ~exact
    line = _between(windows, last, windows.high, sides.end, counter=counter, left=False)
    right = np.where(onward & (inside | sides.before), line, np.where(onward & ~inside, newest, right))
    result = right - left
    if counter:
        first, final = windows.value_at(np.maximum(low, 0)), windows.value_at(np.maximum(last, 0))
        within = np.zeros(windows.shape)
        rates.undo_resets(windows, windows.offsets + low, windows.offsets + np.maximum(last, low), within)
        ends = np.where(first < left, left, 0.0) + np.where(right < final, final, 0.0)
        result += np.where(inside, within + ends, np.where(right < left, left, 0.0))
    return result, np.array(np.broadcast_to(ok, windows.shape))


def _between(windows: Windows, one: Ints, other: Ints, at: Ints, *, counter: bool, left: bool) -> Floats:
    """What lies at a moment on the line between two samples; a counter reset begins from 0."""
    one, other = np.maximum(one, 0), np.maximum(other, 0)
    begin, finish = windows.when(one), windows.when(other)
    low, high = windows.value_at(one), windows.value_at(other)
    if counter:
        fell = high < low
        low, high = (np.where(fell, 0.0, low), high) if left else (low, np.where(fell, high + low, high))
    return np.asarray(low + (high - low) * ((at - begin) / (finish - begin)))


def at_moments(series: Series, moments: Ints, lookback: int) -> tuple[Floats, Mask]:
    """A smoothed instant selector: between the samples around each moment, else the one before it."""
    if series.histograms:
        message = "smoothed and anchored modifiers do not work with native histograms"
        raise ExecutionError(message)
    live = ~is_stale(series.values)
    times, values = series.times[live], series.values[live]
    if not len(times):
        return np.zeros(len(moments)), np.zeros(len(moments), dtype=bool)
    after = times.searchsorted(moments)
    before = np.maximum(times.searchsorted(moments, side="right") - 1, 0)
    behind = np.minimum(after, len(times) - 1)
    there = (times[before] <= moments) & (times[before] > moments - lookback)
    onward = (after < len(times)) & (times[behind] <= moments + lookback) & (times[behind] > times[before])
    width = np.where(onward, times[behind] - times[before], 1)
    step = (values[behind] - values[before]) * ((moments - times[before]) / width)
    return np.where(onward, values[before] + step, values[before]), there


def edged(series: Series, start: int, end: int, lookback: int, edges: Edges) -> Series:
    """The samples of a range with a value at each of its ends."""
    if series.histograms:
        message = "smoothed and anchored modifiers do not work with native histograms"
        raise ExecutionError(message)
    reach = end + lookback if edges == "smoothed" else end
    live = ~is_stale(series.values) & (series.times > start - lookback) & (series.times <= reach)
    times, values = series.times[live], series.values[live]
    first = max(0, int(times[:-1].searchsorted(start, side="right")) - 1) if len(times) else 0
    last = len(times) - 1
    if edges == "smoothed" and len(times):
        last = int(times[:-1].searchsorted(end))
    if not len(times) or times[last] <= start:
        return Series(series.labels, times[:0], values[:0])
    left, right = float(values[first]), float(values[last])
    if edges == "smoothed":
        if times[first] < start:
            left = float(np.interp(start, times[first : first + 2], values[first : first + 2]))
        if last > 0 and times[last] > end:
            right = float(np.interp(end, times[last - 1 : last + 1], values[last - 1 : last + 1]))
    inner = (times > start) & (times < end)
    return Series(
        series.labels,
        np.concatenate([[start], times[inner], [end]]).astype(np.int64),
        np.concatenate([[left], values[inner], [right]]),
    )
