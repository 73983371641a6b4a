"""The questions of a panel, asked and turned into tables; bounded in time, so that a slow one holds up nobody."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dashboards import ask
from dashboards.boards import known, spelling
from dashboards.boards.document import Panel, Query
from dashboards.boards.fill import Scope, put
from dashboards.boards.tables import Column, Table, numbers, texts
from monitor import query
from monitor.core import durations
from monitor.core.histograms import coarser, spread, upper_bounds
from monitor.core.labels import NAME, Labels

MOST_SERIES = 200
MOST_ROWS = 2_000
LEGEND = re.compile(r"\{\{\s*([\w.:]+)\s*\}\}")
WINDOWED = re.compile(r"\[\$\{?__interval\b")
# empty at first asking: windows this much wider, for series with few samples
WIDER = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """``bands`` are heatmaps of native histograms; ``cut`` counts series that were left out."""

    tables: list[Table]
    exprs: list[str]
    notes: tuple[str, ...] = ()
    cut: int = 0
    widened: str = ""


def panel(project_id: int, wanted: Panel, scope: Scope, seconds: float) -> Answer:
    """Every query of the panel; raises AskError with the first mistake."""
    scope = replace(scope, step_seconds=step_of(wanted, scope))
    names = known.names(project_id, scope.span.end)
    found = _asked(project_id, wanted, scope, names, seconds)
    window = _window(wanted)
    if not found.tables and scope.widening == 1 and window:
        wider = replace(scope, widening=WIDER)
        again = _asked(project_id, wanted, wider, names, seconds)
        if again.tables:
            return replace(again, widened=put(window, wider))
    return found


def _window(wanted: Panel) -> str:
    """The variable by which the windows of a panel are as wide as its points are apart; empty where none are."""
    exprs = [one.expr for one in wanted.queries]
    if any("__rate_interval" in expr for expr in exprs):
        return "$__rate_interval"
    return "$__interval" if any(WINDOWED.search(expr) for expr in exprs) else ""


def questions(project_id: int, wanted: Panel, scope: Scope) -> list[query.Asking]:
    """What ``panel`` is going to ask first."""
    scope = replace(scope, step_seconds=step_of(wanted, scope))
    return [asked for _, asked in _questions(wanted, scope, known.names(project_id, scope.span.end))]


def _questions(wanted: Panel, scope: Scope, names: frozenset[str]) -> list[tuple[Query, query.Asking]]:
    width, end = scope.step_seconds, scope.span.end
    first = -(-scope.span.start.timestamp() // width) * width
    start = min(dt.datetime.fromtimestamp(first, dt.UTC), end)
    found = []
    for one in wanted.queries:
        if not one.hidden and one.expr.strip():
            expr = spelling.present(put(one.expr, scope), names)
            step = None if one.instant else dt.timedelta(seconds=width)
            found.append((one, query.Asking(expr, start, end, step)))
    return found


def _asked(project_id: int, wanted: Panel, scope: Scope, names: frozenset[str], seconds: float) -> Answer:
    tables: list[Table] = []
    exprs: list[str] = []
    notes: dict[str, None] = {}
    cut = 0
    for one, asked in _questions(wanted, scope, names):
        exprs.append(asked.expr)
        result = _result(project_id, asked, seconds)
        notes |= dict.fromkeys([*result.warnings, *result.infos])
        cut += max(0, len(result.labels) - MOST_SERIES) if one.shape == "series" else 0
        tables += list(_tables(result, one, asked.expr, at_once=one.instant, bands=wanted.kind == "heatmap"))
    return Answer(tables, exprs, tuple(notes), cut)


def step_of(wanted: Panel, scope: Scope) -> int:
    """Seconds between the points of a panel: fitting its width, never closer than its queries ask."""
    points = 240 if wanted.w > 14 else 120
    step = int(scope.span.step(points).total_seconds())
    for one in wanted.queries:
        text = put(one.least_step, scope).lstrip(">")
        if text:
            try:
                step = max(step, durations.parse(text) // 1000)
            except durations.BadDurationError:
                continue
    most = int(wanted.options.get("most_points") or 0)
    return max(step, int(scope.span.seconds / most)) if most > 1 else max(step, 1)


def _result(project_id: int, asked: query.Asking, seconds: float) -> query.Result:
    limits = replace(ask.LIMITS, seconds=seconds)
    try:
        if asked.step is None:
            return query.instant(project_id, asked.expr, asked.end, limits=limits)
        return query.range(project_id, asked.expr, asked.start, asked.end, asked.step, limits=limits)
    except query.Failed as error:
        raise ask.AskError(error.message, error.position, error.kind) from error


def _tables(result: query.Result, one: Query, expr: str, *, at_once: bool, bands: bool) -> Iterator[Table]:
    if result.raw is not None:
        for series in result.raw[:MOST_SERIES]:
            yield _series(one.ref, one.legend, expr, series.labels, series.times, series.values)
        return
    if bands and result.histograms:
        yield from _bands(result, one.ref)
        return
    if one.shape == "table":
        made = _rows(result, one.ref, at_once=at_once)
        if len(made):
            yield made
        return
    shown = [row for row in range(len(result.labels)) if result.floats[row].any()][:MOST_SERIES]
    differing = _differing([result.labels[row] for row in shown])
    for row in shown:
        values = np.where(result.floats[row], result.values[row], np.nan)
        labels = result.labels[row]
        legend = one.legend if one.legend not in {"", "__auto"} else ""
        name = _legend(legend, labels) if legend else _auto(labels, differing, expr)
        yield _named(one.ref, name, labels, result.times, values)


def _series(ref: str, legend: str, expr: str, labels: Labels, at: np.ndarray, values: np.ndarray) -> Table:
    name = _legend(legend, labels) if legend not in {"", "__auto"} else ask.described(labels) or expr
    return _named(ref, name, labels, at, values)


def _named(ref: str, name: str, labels: Labels, at: np.ndarray, values: np.ndarray) -> Table:
    time = Column("Time", "time", np.asarray(at, dtype=np.int64))
    value = Column("Value", "number", np.asarray(values, dtype=np.float64), dict(labels), name)
    return Table(ref, (time, value), name)


def _legend(template: str, labels: Labels) -> str:
    """The legend with its labels put in; what is left of an empty label is tidied away."""
    text = LEGEND.sub(lambda found: labels.get(found[1], ""), template)
    return text.strip() or ask.described(labels)


def _differing(labels: Sequence[Labels]) -> set[str]:
    names = {name for one in labels for name in one if name != NAME}
    return {name for name in names if len({one.get(name, "") for one in labels}) > 1}


def _auto(labels: Labels, differing: set[str], expr: str) -> str:
    if not differing:
        return labels.name or (ask.described(labels) if labels else expr)
    return ", ".join(labels.get(name, "") for name in sorted(differing) if labels.get(name))


def _rows(result: query.Result, ref: str, *, at_once: bool) -> Table:
    """A row for each series, or for each of its points: the time, its labels, its value."""
    names = sorted({name for labels in result.labels for name in labels})
    rows, steps = np.nonzero(result.floats)
    if at_once:
        rows, steps = rows[:MOST_ROWS], steps[:MOST_ROWS]
    else:
        rows, steps = rows[-MOST_ROWS:], steps[-MOST_ROWS:]
    columns = [Column("Time", "time", np.asarray(result.times)[steps])]
    columns += [texts(name, [result.labels[int(row)].get(name, "") for row in rows]) for name in names]
    columns.append(numbers("Value", result.values[rows, steps] if len(rows) else []))
    return Table(ref, tuple(columns))


def _bands(result: query.Result, ref: str) -> Iterator[Table]:
    """The buckets of native histograms, added over the series, as one series for each band."""
    at = np.asarray(result.times, dtype=np.int64)
    sums: dict[tuple[float, float], np.ndarray] = {}
    for cells in result.histograms:
        block = cells.block if cells.block.custom else coarser(cells.block, min(cells.block.schema, 1))
        index = block.positive_index
        if not len(index):
            continue
        every = np.arange(index.min(), index.max() + 1)
        counts = spread(block.positive, index, every)
        high = upper_bounds(every, block.schema, block.custom_bounds)
        low = upper_bounds(every - 1, block.schema, block.custom_bounds)
        steps = cells.place % len(at)
        for place in range(len(every)):
            edge = (float(low[place]), float(high[place]))
            total = sums.setdefault(edge, np.full(len(at), np.nan))
            total[steps] = np.nan_to_num(total[steps]) + counts[:, place]
    for (low_edge, high_edge), values in sorted(sums.items()):
        labels = {"low": repr(low_edge), "high": repr(high_edge)}
        yield Table(
            ref,
            (Column("Time", "time", at), Column("Value", "number", values, labels, f"{high_edge:g}")),
            f"{high_edge:g}",
        )
