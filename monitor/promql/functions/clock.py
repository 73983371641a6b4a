"""Functions of the evaluation time and of values that are Unix times, all in UTC."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from monitor.core.labels import Labels
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Floats, Vector

Moments = npt.NDArray[np.datetime64]
# beyond this a calendar means nothing and the conversion overflows
_FAR_SECONDS = 1e15


@function(returns="scalar")
def time(context: Context) -> Floats:
    """The evaluation time in seconds since 1970."""
    return context.grid.times / 1000


@function(returns="scalar")
def start(context: Context) -> Floats:
    """Start of the query in seconds since 1970."""
    return np.full(context.grid.steps, context.query.start / 1000)


@function(returns="scalar")
def end(context: Context) -> Floats:
    """End of the query in seconds since 1970."""
    return np.full(context.grid.steps, context.query.end / 1000)


@function(returns="scalar")
def range_(context: Context) -> Floats:
    """Length of the query in seconds."""
    return np.full(context.grid.steps, (context.query.end - context.query.start) / 1000)


@function(returns="scalar")
def step(context: Context) -> Floats:
    """Distance of the query's steps in seconds, 0 for an instant query."""
    seconds = context.query.step / 1000 if context.query.steps > 1 else 0.0
    return np.full(context.grid.steps, seconds)


def _dated(
    context: Context, vector: Vector | None, part: Callable[[Moments], npt.NDArray[np.int64]]
) -> Vector:
    if vector is None:
        seconds = (context.grid.times // 1000)[None, :].astype(np.float64)
        vector = Vector([Labels()], seconds, np.ones(seconds.shape, dtype=bool))
    known = np.abs(vector.values) < _FAR_SECONDS
    moments = np.where(known, vector.values, 0.0).astype(np.int64).astype("M8[s]")
    return vector.with_floats(np.where(known, part(moments).astype(np.float64), np.nan))


def _days(moments: Moments) -> npt.NDArray[np.int64]:
    return moments.astype("M8[D]").astype(np.int64)


@function("vector", optional=1)
def minute(context: Context, vector: Vector | None = None) -> Vector:
    """Minute of the hour, 0 to 59."""
    return _dated(context, vector, lambda moments: moments.astype("M8[m]").astype(np.int64) % 60)


@function("vector", optional=1)
def hour(context: Context, vector: Vector | None = None) -> Vector:
    """Hour of the day, 0 to 23."""
    return _dated(context, vector, lambda moments: moments.astype("M8[h]").astype(np.int64) % 24)


@function("vector", optional=1)
def day_of_week(context: Context, vector: Vector | None = None) -> Vector:
    """Day of the week, 0 (Sunday) to 6."""
    return _dated(context, vector, lambda moments: (_days(moments) + 4) % 7)


@function("vector", optional=1)
def day_of_month(context: Context, vector: Vector | None = None) -> Vector:
    """Day of the month, 1 to 31."""
    return _dated(context, vector, lambda moments: _days(moments) - _days(moments.astype("M8[M]")) + 1)


@function("vector", optional=1)
def day_of_year(context: Context, vector: Vector | None = None) -> Vector:
    """Day of the year, 1 to 366."""
    return _dated(context, vector, lambda moments: _days(moments) - _days(moments.astype("M8[Y]")) + 1)


@function("vector", optional=1)
def days_in_month(context: Context, vector: Vector | None = None) -> Vector:
    """Number of days in the month, 28 to 31."""

    def length(moments: Moments) -> npt.NDArray[np.int64]:
        month = moments.astype("M8[M]")
        following = (month.astype(np.int64) + 1).astype("M8[M]")
        return _days(following) - _days(month)

    return _dated(context, vector, length)


@function("vector", optional=1)
def month(context: Context, vector: Vector | None = None) -> Vector:
    """Month of the year, 1 to 12."""
    return _dated(context, vector, lambda moments: moments.astype("M8[M]").astype(np.int64) % 12 + 1)


@function("vector", optional=1)
def year(context: Context, vector: Vector | None = None) -> Vector:
    """Year, for example 2026."""
    return _dated(context, vector, lambda moments: moments.astype("M8[Y]").astype(np.int64) + 1970)
