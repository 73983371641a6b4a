"""How pages ask the engine: PromQL in, frames and readings out, and failures as sentences for people."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from dashboards.panels.base import Column, Frame
from dashboards.span import Span
from monitor import query
from monitor.core.histograms import HistogramBlock, coarser, spread, upper_bounds
from monitor.core.labels import NAME, Labels
from monitor.core.quantiles import quantile

# a page asks many small questions; one that costs more than this is a question for the explore page
LIMITS = query.Limits(samples=20_000_000, series=20_000, steps=2_000, seconds=10.0)
MANY = 3_000


class AskError(Exception):
    """A question without an answer: what happened and, where known, the place in the expression."""

    def __init__(self, message: str, position: int | None = None, kind: str = "execution") -> None:
        super().__init__(message)
        self.position = position
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of an instant answer."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Spread:
    """One native histogram of an instant answer: bucket edges and counts, ascending, without empty ends."""

    labels: Mapping[str, str]
    low: Column
    high: Column
    count: Column
    n: float
    total: float
    block: HistogramBlock

    def quantile(self, q: float) -> float:
        """The q-quantile as PromQL would give it."""
        return float(quantile(self.block, np.array([q])).values[0])

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else float("nan")


def instant(project_id: int, expr: str, at: dt.datetime) -> query.Result:
    """The engine's answer at one moment; raises AskError."""
    return _told(lambda: query.instant(project_id, expr, at, limits=LIMITS))


def over(project_id: int, expr: str, span: Span, points: int) -> query.Result:
    """The engine's answer over a span in about ``points`` steps on a round grid; raises AskError."""
    step, first = _grid(span, points)
    return _told(lambda: query.range(project_id, expr, first, span.end, step, limits=LIMITS))


def _grid(span: Span, points: int) -> tuple[dt.timedelta, dt.datetime]:
    """How far apart the steps are, and the first of them."""
    step = span.step(points)
    seconds = step.total_seconds()
    return step, dt.datetime.fromtimestamp(-(-span.start.timestamp() // seconds) * seconds, dt.UTC)


def soon(expr: str, at: dt.datetime) -> query.Asking:
    """A question that ``instant`` and its like will be asked, for ``together``."""
    return query.Asking(expr, at, at)


def soon_over(expr: str, span: Span, points: int) -> query.Asking:
    """A question that ``over`` or ``frames`` will be asked, for ``together``."""
    step, first = _grid(span, points)
    return query.Asking(expr, first, span.end, step)


def together(project_id: int, asked: Sequence[query.Asking]) -> AbstractContextManager[None]:
    """Within this the questions of a page are answered out of one look at the store and a few shared reads."""
    return query.together(project_id, asked, limits=LIMITS)


def readings(project_id: int, expr: str, at: dt.datetime) -> list[Reading]:
    """The finite values at one moment."""
    found = instant(project_id, expr, at)
    return [
        Reading(labels, float(values[0]))
        for labels, _times, values in found.points()
        if np.isfinite(values[0])
    ]


def one(project_id: int, expr: str, at: dt.datetime) -> float | None:
    """The single value at one moment; None when there is none."""
    found = readings(project_id, expr, at)
    return found[0].value if len(found) == 1 else None


def spreads(project_id: int, expr: str, at: dt.datetime, *, fine: bool = False) -> list[Spread]:
    """The native histograms at one moment; ``fine``: in the buckets as they are stored."""
    found = instant(project_id, expr, at)
    return [
        _spread(found.labels[int(place)], cells.block.take(np.array([row])), fine=fine)
        for cells in found.histograms
        for row, place in enumerate(cells.place)
    ]


def frames(
    project_id: int, expr: str, span: Span, points: int, *, name: Callable[[Labels], str] | None = None
) -> list[Frame]:
    """One frame a series, on the full grid with NaN where nothing is known."""
    found = over(project_id, expr, span, points)
    return list(_frames(found, name or described))


def _frames(found: query.Result, name: Callable[[Labels], str]) -> Iterator[Frame]:
    for row, labels in enumerate(found.labels):
        known = found.floats[row]
        if known.any():
            values = np.where(known, found.values[row], np.nan)
            yield Frame(name(labels), {"time": found.times, "value": values}, labels)


def described(labels: Labels) -> str:
    """A series by its labels, as PromQL writes it."""
    inside = ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != NAME)
    return f"{labels.name}{{{inside}}}" if inside or not labels.name else labels.name


def version_of(labels: Mapping[str, str]) -> str:
    """Model and version: the name by which colours and rows know a version."""
    return f"{labels.get('model', '')} {labels.get('version', '')}".strip()


def windowed(expr: str, window: str) -> str:
    """The expression with its windows ``[W]`` filled in."""
    return expr.replace("[W]", f"[{window}]")


def quoted(value: str) -> str:
    """A label value as a PromQL string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _spread(labels: Labels, block: HistogramBlock, *, fine: bool = False) -> Spread:
    n = float(block.count[0])
    # narrow buckets of few calls would only draw noise
    wide = block if block.custom or fine else coarser(block, min(block.schema, 3 if n >= MANY else 2))
    used = np.flatnonzero(wide.positive[0] > 0)
    inside = slice(used[0], used[-1] + 1) if used.size else slice(0, 0)
    index = wide.positive_index[inside]
    every = np.arange(index[0], index[-1] + 1) if used.size else index
    high = upper_bounds(every, wide.schema, wide.custom_bounds)
    low = upper_bounds(every - 1, wide.schema, wide.custom_bounds)
    count = spread(wide.positive[:, inside], index, every)[0]
    return Spread(labels, low, high, count, n, float(block.total[0]), block)


def _told(ask: Callable[[], query.Result]) -> query.Result:
    try:
        return ask()
    except query.Failed as error:
        raise AskError(error.message, error.position, error.kind) from error
