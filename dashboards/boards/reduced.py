"""One number out of many: the calculations people know from Grafana, by their names."""

from collections.abc import Callable

import numpy as np

from dashboards.boards.tables import Array

Reduce = Callable[[Array, Array], float]


def reduce(name: str, values: Array) -> float:
    """The calculation over the values; NaN where nothing is known. Unknown names mean the last known value."""
    known = values[np.isfinite(values)]
    return float(CALCULATIONS.get(name, CALCULATIONS["lastNotNull"])(known, values))


def _last(known: Array, _values: Array) -> float:
    return known[-1] if known.size else np.nan


def _first(known: Array, _values: Array) -> float:
    return known[0] if known.size else np.nan


def _of(work: Callable[[Array], float]) -> Reduce:
    return lambda known, _values: work(known) if known.size else np.nan


def _delta(known: Array) -> float:
    """How far a counter came, resets left out."""
    steps = np.diff(known)
    return float(np.where(steps < 0, known[1:], steps).sum()) if known.size > 1 else 0.0


def _percent(known: Array) -> float:
    return float((known[-1] - known[0]) / known[0]) if known[0] else np.nan


CALCULATIONS: dict[str, Reduce] = {
    "lastNotNull": _last,
    # as Grafana does where the newest point is not there yet
    "last": _last,
    "current": _last,
    "firstNotNull": _first,
    "first": lambda _known, values: values[0] if values.size else np.nan,
    "mean": _of(np.mean),
    "avg": _of(np.mean),
    "median": _of(np.median),
    "min": _of(np.min),
    "max": _of(np.max),
    "sum": _of(np.sum),
    "total": _of(np.sum),
    "count": lambda _known, values: float(values.size),
    "range": _of(lambda known: float(known.max() - known.min())),
    "delta": _of(_delta),
    "step": _of(lambda known: float(np.diff(known).min()) if known.size > 1 else np.nan),
    "diff": _of(lambda known: float(known[-1] - known[0])),
    "diffperc": _of(_percent),
    "variance": _of(np.var),
    "stdDev": _of(np.std),
    "p25": _of(lambda known: float(np.quantile(known, 0.25))),
    "p75": _of(lambda known: float(np.quantile(known, 0.75))),
    "p90": _of(lambda known: float(np.quantile(known, 0.9))),
    "p95": _of(lambda known: float(np.quantile(known, 0.95))),
    "p99": _of(lambda known: float(np.quantile(known, 0.99))),
    "distinctCount": _of(lambda known: float(np.unique(known).size)),
    "changeCount": _of(lambda known: float(np.count_nonzero(np.diff(known)))),
    "logmin": _of(lambda known: float(known[known > 0].min()) if (known > 0).any() else np.nan),
    "allIsZero": _of(lambda known: float(not known.any())),
}
