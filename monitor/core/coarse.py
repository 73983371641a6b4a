"""Samples of a series at a coarser resolution: one point per bucket, from which windows of whole buckets are exact.

A bucket that ends at T holds the samples of (T - resolution, T], as windows of PromQL are open on the left.
Staleness markers are no samples. Times are Unix milliseconds.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from monitor.core.samples import is_stale

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FIVE_MINUTES, HOUR = 300_000, 3_600_000
# ascending: the finest that fits is taken
RESOLUTIONS = (FIVE_MINUTES, HOUR)


@dataclass(slots=True)
class Points:
    """Columns of n buckets, ascending. ``rise`` is what a counter grew by within the bucket, resets counted.

    ``gone``: the series was marked stale after the bucket's last sample.
    """

    end: Ints
    count: Ints
    total: Floats
    least: Floats
    most: Floats
    first: Floats
    last: Floats
    first_at: Ints
    last_at: Ints
    rise: Floats
    gone: Ints

    def __len__(self) -> int:
        return len(self.end)

    def where(self, rows: "Mask | slice") -> "Points":
        return replace(self, **{one.name: getattr(self, one.name)[rows] for one in fields(self)})


def none() -> Points:
    whole = np.empty(0, dtype=np.int64)
    broken = np.empty(0)
    return Points(whole, whole, broken, broken, broken, broken, broken, whole, whole, broken, whole)


def joined(parts: "list[Points]") -> Points:
    """All points in order of time; the parts don't overlap."""
    if not parts:
        return none()
    whole = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Points)}
    order = np.argsort(whole["end"], kind="stable")
    return Points(**{name: column[order] for name, column in whole.items()})


def bucket_of(times: Ints, resolution: int) -> Ints:
    """The end of the bucket that each time belongs to."""
    return -(-times // resolution) * resolution


def points(times: Ints, values: Floats, resolution: int) -> Points:
    """The samples of one series, ascending, as points."""
    stale = is_stale(values)
    marks = bucket_of(times[stale], resolution)
    moments, values = times[~stale], values[~stale]
    if not len(moments):
        return none()
    ends = bucket_of(moments, resolution)
    starts = np.flatnonzero(np.append(True, ends[1:] != ends[:-1]))
    stops = np.append(starts[1:], len(ends))
    steps = np.diff(values, prepend=values[:1])
    # after a reset the counter has grown by what it shows
    growth = np.where(steps < 0, values, steps)
    growth[starts] = 0.0
    last_at = moments[stops - 1]
    final = np.searchsorted(times[stale], last_at, side="right")
    marked = np.append(marks, np.iinfo(np.int64).max)
    return Points(
        ends[starts], stops - starts, np.add.reduceat(values, starts), np.fmin.reduceat(values, starts),
        np.fmax.reduceat(values, starts), values[starts], values[stops - 1], moments[starts], last_at,
        np.add.reduceat(growth, starts), (marked[final] == ends[starts]).astype(np.int64),
    )  # fmt: skip


@dataclass(slots=True)
class Windows:
    """Windows of whole buckets over the points of one series: the points [low, high) are inside each."""

    points: Points
    ends: Ints
    width: int
    low: Ints
    high: Ints

    @property
    def filled(self) -> Mask:
        return self.high > self.low


def windows(inside: Points, ends: Ints, width: int) -> Windows:
    """``ends`` must lie on the resolution's grid, ``width`` must be a multiple of it."""
    low = np.searchsorted(inside.end, ends - width, side="right")
    high = np.searchsorted(inside.end, ends, side="right")
    return Windows(inside, ends, width, low, high)


def _over(add: np.ufunc, column: Floats | Ints, low: Ints, high: Ints) -> Floats:
    """``add`` over column[low:high] of each window; 0 where it is empty."""
    result = np.zeros(len(low))
    filled = high > low
    if filled.any():
        padded = np.append(column, column[-1:]).astype(np.float64)
        edges = np.column_stack((low[filled], high[filled])).ravel()
        result[filled] = add.reduceat(padded, edges)[::2]
    return result


def over_time(name: str, inside: Windows) -> tuple[Floats, Mask]:
    """The values of ``name``_over_time, and which windows have one."""
    held, low, high = inside.points, inside.low, inside.high
    filled = inside.filled
    if name == "min":
        return _over(np.fmin, held.least, low, high), filled
    if name == "max":
        return _over(np.fmax, held.most, low, high), filled
    if name == "present":
        return np.ones(len(low)), filled
    if name in {"first", "last"}:
        column = held.first if name == "first" else held.last
        place = low if name == "first" else high - 1
        return (column[np.where(filled, place, 0)] if len(held) else np.zeros(len(low))), filled
    count = _over(np.add, held.count, low, high)
    if name == "count":
        return count, filled
    total = _over(np.add, held.total, low, high)
    return (total if name == "sum" else total / np.where(filled, count, 1.0)), filled


def newest(inside: Windows, lookback: int) -> tuple[Floats, Mask]:
    """What an instant selector sees at the windows' ends: the last sample, if it is young enough and not gone."""
    values, filled = over_time("last", inside)
    if not len(inside.points):
        return values, filled
    place = np.where(filled, inside.high - 1, 0)
    young = inside.points.last_at[place] > inside.ends - lookback
    return values, filled & young & (inside.points.gone[place] == 0)


def growth(inside: Windows, *, counter: bool, per_second: bool) -> tuple[Floats, Mask]:
    """rate, increase and delta as PromQL extrapolates them: a window's edges and count are all that takes."""
    held = inside.points
    count = _over(np.add, held.count, inside.low, inside.high)
    enough = count >= 2
    if not enough.any():
        return np.zeros(len(inside.ends)), enough
    low, high = np.where(enough, inside.low, 0), np.where(enough, inside.high - 1, 0)
    first, last = held.first[low], held.last[high]
    risen = _risen(inside) if counter else last - first
    with np.errstate(divide="ignore", invalid="ignore"):
        sampled = (held.last_at[high] - held.first_at[low]).astype(np.float64)
        between = sampled / (count - 1)
        before = (held.first_at[low] - (inside.ends - inside.width)).astype(np.float64)
        after = (inside.ends - held.last_at[high]).astype(np.float64)
        before = np.where(before >= between * 1.1, between / 2, before)
        after = np.where(after >= between * 1.1, between / 2, after)
        if counter:
            # a counter starts at 0, so it can't have begun before its line reaches 0
            to_zero = np.where((risen > 0) & (first >= 0), sampled * (first / risen), np.inf)
            before = np.minimum(before, to_zero)
        values = risen * ((sampled + before + after) / sampled)
    return (values / (inside.width / 1000) if per_second else values), enough


def risen(inside: Windows) -> tuple[Floats, Mask]:
    """What a counter grew by between the first and last sample of each window, resets counted: exact."""
    count = _over(np.add, inside.points.count, inside.low, inside.high)
    return _risen(inside), count >= 2


def _risen(inside: Windows) -> Floats:
    """Growth within the buckets of each window, and from each of them to the next."""
    held = inside.points
    steps = held.first - np.append(held.first[:1], held.last[:-1])
    between = np.where(steps < 0, held.first, steps)
    return _over(np.add, held.rise, inside.low, inside.high) + _over(
        np.add, between, np.minimum(inside.low + 1, inside.high), inside.high
    )
