"""Lines and smoothing through the samples of a window."""

import numpy as np

from monitor.core import patience
from monitor.promql.errors import ExecutionError
from monitor.promql.functions import remarks
from monitor.promql.functions.over_time import Ragged, per_window
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Floats, Ints, Mask, Vector, nameless
from monitor.promql.windows import Windows


@function("matrix")
def deriv(context: Context, windows: Windows) -> Vector:
    """Per-second slope of the least-squares line through the range."""

    def compute(part: Windows, spelled: Ragged) -> Floats:
        return _line(part, spelled)[0]

    return _from_two(context, windows, *per_window(context, windows, compute))


@function("matrix", "scalar")
def predict_linear(context: Context, windows: Windows, ahead: Floats) -> Vector:
    """The value so many seconds from now, on the least-squares line through the range."""
    by_time = dict(zip(windows.frame.at.tolist(), ahead.tolist(), strict=True))

    def compute(part: Windows, spelled: Ragged) -> Floats:
        slope, origin, centre, height = _line(part, spelled)
        step = spelled.cell % len(part.frame.at)
        seconds = np.array([by_time[moment] for moment in part.frame.at.tolist()])
        # whole milliseconds are subtracted first: a moment as float seconds is off by up to 0.1 µs
        far = (part.frame.at[step] - origin) / 1000 - centre + seconds[step]
        # a level line stays level, however far away
        return height + np.where(slope == 0, 0.0, slope * far)

    return _from_two(context, windows, *per_window(context, windows, compute))


def _line(part: Windows, spelled: Ragged) -> tuple[Floats, Ints, Floats, Floats]:
    """Slope per second, first sample (ms), and the point (seconds after it, value) the line goes through."""
    values, times = part.values[spelled.index], part.sample_times()[spelled.index]
    origin = times[spelled.starts]
    x = (times - origin[spelled.owner]) / 1000
    mean_x = np.add.reduceat(x, spelled.starts) / spelled.sizes
    level = values[spelled.starts]
    mean_y = np.add.reduceat(values - level[spelled.owner], spelled.starts) / spelled.sizes
    away = x - mean_x[spelled.owner]
    rise = values - level[spelled.owner] - mean_y[spelled.owner]
    slope = np.add.reduceat(away * rise, spelled.starts) / np.add.reduceat(away * away, spelled.starts)
    constant = np.logical_and.reduceat(values == level[spelled.owner], spelled.starts)
    slope = np.where(constant, np.where(np.isinf(level), np.nan, 0.0), slope)
    mean_y = np.where(constant, 0.0, mean_y)
    return slope, origin, mean_x, np.where(np.isnan(slope), np.nan, level + mean_y)


def _from_two(context: Context, windows: Windows, values: Floats, ok: Mask) -> Vector:
    """Keeps the windows with at least two floats; remarks where histograms were passed over."""
    for row, track in windows.tracks.items():
        if (ok[row] & (track.count > 0)).any():
            remarks.ignored_histograms(context.notes, windows.labels[row].name)
    return Vector(nameless(windows.labels), values, ok & (windows.count >= 2))


@function("matrix", "scalar", "scalar")
def double_exponential_smoothing(
    context: Context, windows: Windows, smoothing: Floats, trend: Floats
) -> Vector:
    """Smoothed value of the range (Holt's method): a smoothing and a trend factor, both between 0 and 1."""
    for what, factor in (("smoothing", smoothing), ("trend", trend)):
        wrong = factor[~((factor > 0) & (factor < 1))]
        if len(wrong) and windows.labels:
            message = f"invalid {what} factor. Expected: 0 < {what[0]}f < 1, got: {wrong[0]:f}"
            raise ExecutionError(message)
    by_time = {
        moment: pair
        for moment, *pair in zip(windows.frame.at.tolist(), smoothing.tolist(), trend.tolist(), strict=True)
    }

    def compute(part: Windows, spelled: Ragged) -> Floats:
        pairs = np.array([by_time[moment] for moment in part.frame.at.tolist()])
        factors = pairs[spelled.cell % len(part.frame.at)]
        return _smoothed(part.values, spelled, factors[:, 0], factors[:, 1])

    return _from_two(context, windows, *per_window(context, windows, compute))


def _smoothed(values: Floats, spelled: Ragged, smoothing: Floats, trend: Floats) -> Floats:
    level = values[spelled.index[spelled.starts]]
    second = np.minimum(spelled.starts + 1, spelled.starts + spelled.sizes - 1)
    slope = values[spelled.index[second]] - level
    older = level
    for place in range(1, int(spelled.sizes.max())):
        patience.look()
        going = spelled.sizes > place
        sample = values[spelled.index[np.where(going, spelled.starts + place, spelled.starts)]]
        if place > 1:
            slope = np.where(going, trend * (level - older) + (1 - trend) * slope, slope)
        fresh = smoothing * sample + (1 - smoothing) * (level + slope)
        older, level = np.where(going, level, older), np.where(going, fresh, level)
    return level
