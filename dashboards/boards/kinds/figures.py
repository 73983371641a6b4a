"""Bars, histograms, heatmaps and state timelines: figures for Plotly."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards import units
from dashboards.boards.kinds import Drawing, Drawn, html
from dashboards.boards.kinds.parts import NOTHING, found
from dashboards.boards.manners import token
from dashboards.boards.tables import Column, Table, plain
from dashboards.boards.transform import TRANSFORMATIONS, every
from dashboards.panels import PANELS
from dashboards.panels.base import Frame, NoDataError

NO_BUCKETS = lazy("A heatmap needs buckets: sum by (le) (rate(…_bucket[…])), or a native histogram.")
MOST_STRETCHES = 2_000


def _figure(kind: str, frames: list[Frame], options: dict[str, Any]) -> Drawn:
    try:
        return Drawn(figure=PANELS[kind].figure(frames, options))
    except NoDataError:
        return Drawn(empty=NOTHING)


def bar(drawing: Drawing) -> Drawn:
    """A group of bars for each row of a table; for series a bar for each one's number."""
    unit = units.of(drawing.panel.unit)
    options = {
        "title": drawing.panel.title, "unit": unit.name, "stack": bool(drawing.options.get("stack")),
        "lying": bool(drawing.options.get("lying")),
    }  # fmt: skip
    table = next((one for one in drawing.tables if one.of("text") and one.of("number")), None)
    if table is None:
        parts = found(drawing)
        names = np.array([part.name for part in parts], dtype=object)
        values = np.array([np.nan if part.value is None else part.value * unit.factor for part in parts])
        return _figure(
            "bar",
            [Frame(drawing.panel.title, {"category": names, "value": values})] if parts else [],
            options,
        )
    category = table.find(str(drawing.options.get("x") or "")) or table.of("text")[0]
    frames = []
    for place, column in enumerate(table.of("number")):
        manners = drawing.manners(column, table.ref)
        if manners.hidden:
            continue
        columns = {"category": category.values, "value": column.values * units.of(manners.unit).factor}
        frames.append(
            Frame(manners.title or column.shown, columns, {}, drawing.colour(column, place, manners.colour))
        )
    return _figure("bar", frames, options)


def histogram(drawing: Drawing) -> Drawn:
    tables = list(drawing.tables)
    if not any(one.find("xMin") for one in tables):
        every()
        tables = TRANSFORMATIONS["histogram"].change(tables, {"bucketSize": drawing.options.get("bucket_size"), "bucketCount": drawing.options.get("bucket_count")})  # fmt: skip
    factor = units.of(drawing.panel.unit).factor
    frames = []
    for table in tables:
        low, high, count = (table.find(name) for name in ("xMin", "xMax", "Count"))
        if low is not None and high is not None and count is not None:
            columns = {"low": low.values * factor, "high": high.values * factor, "count": count.values}
            frames.append(Frame(drawing.panel.title, columns))
    return _figure(
        "histogram", frames, {"title": drawing.panel.title, "unit": units.of(drawing.panel.unit).name}
    )


def heatmap(drawing: Drawing) -> Drawn:
    bands = native(drawing) or classic(drawing)
    if not bands:
        return Drawn(empty=NO_BUCKETS if any(len(one) for one in drawing.tables) else NOTHING)
    options = {
        "title": drawing.panel.title, "unit": units.of(drawing.panel.unit).name, "log": True, "uirevision": drawing.key,
    }  # fmt: skip
    drawn = _figure("heatmap", bands, options)
    counts = [np.nansum(band.columns["value"]) for band in bands]
    busiest = bands[int(np.argmax(counts))]
    low, high = (float(busiest.labels[side]) for side in ("low", "high"))
    words = html("busiest", low=units.show(low, units.of(drawing.panel.unit).name), high=units.show(high, units.of(drawing.panel.unit).name), share=max(counts) / (sum(counts) or 1))  # fmt: skip
    return Drawn(words, drawn.figure, drawn.empty)


def native(drawing: Drawing) -> list[Frame]:
    """Bands that came out of native histograms carry their own edges."""
    found_bands = []
    factor = units.of(drawing.panel.unit).factor
    for table in drawing.tables:
        for column in table.of("number"):
            if table.time is not None and "low" in column.labels:
                edges = {side: repr(float(column.labels[side]) * factor) for side in ("low", "high")}
                found_bands.append(
                    Frame(table.name, {"time": table.time.values, "value": column.values}, edges)
                )
    return found_bands


def classic(drawing: Drawing) -> list[Frame]:
    """Buckets by ``le`` are cumulative: each band is what its bucket holds more than the one below."""
    factor = units.of(drawing.panel.unit).factor
    buckets: dict[float, tuple[Column, Column]] = {}
    for table in drawing.tables:
        for column in table.of("number"):
            edge = _edge(column, table)
            if edge is not None and table.time is not None:
                buckets[edge] = (table.time, column)
    edges = sorted(buckets)
    if len(edges) < 2:
        return []
    times = np.unique(np.concatenate([buckets[edge][0].values for edge in edges]))
    grid = np.zeros((len(edges), len(times)))
    for row, edge in enumerate(edges):
        time, column = buckets[edge]
        grid[row, np.searchsorted(times, time.values)] = np.nan_to_num(column.values)
    cumulative = any("le" in buckets[edge][1].labels for edge in edges) or bool(
        (np.diff(grid, axis=0) >= -1e-9).all()
    )
    counts = np.diff(grid, axis=0, prepend=0.0).clip(min=0.0) if cumulative else grid
    finite = [edge for edge in edges if math.isfinite(edge)]
    first = finite[0] / 2 if finite and finite[0] > 0 else finite[0] if finite else 0.0
    last = finite[-1] * 2 if finite and finite[-1] > 0 else 1.0
    bounds = [first, *(edge if math.isfinite(edge) else last for edge in edges)]
    return [
        Frame(
            f"{high:g}",
            {"time": times, "value": counts[row]},
            {"low": repr(low * factor), "high": repr(high * factor)},
        )
        for row, (low, high) in enumerate(pairwise(bounds))
        if high > low
    ]


def _edge(column: Column, table: Table) -> float | None:
    for text in (column.labels.get("le", ""), table.name, column.shown):
        try:
            return float(text.replace("+Inf", "inf"))
        except ValueError:
            continue
    return None


def states(drawing: Drawing) -> Drawn:
    """A lane for each series, coloured by what its value means."""
    stretches: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    place = 0
    for table in drawing.tables:
        if table.time is None:
            continue
        for column in (*table.of("number"), *table.of("text")):
            manners = drawing.manners(column, table.ref)
            lane = manners.title or column.shown
            step = (
                int(np.diff(table.time.values).min()) if len(table) > 1 else drawing.scope.step_seconds * 1000
            )
            for begin, end, value in _runs(plain(table.time), plain(column), step):
                shown = manners.show(value)
                state = (shown.text, token(shown.colour) if shown.colour else "")
                stretches.setdefault(state, []).append((lane, begin, end))
                place += 1
        if place > MOST_STRETCHES:
            break
    frames = [_state(text, colour, rows) for (text, colour), rows in stretches.items()]
    options = {
        "title": drawing.panel.title, "uirevision": drawing.key,
        "start_ms": int(drawing.scope.span.start.timestamp() * 1000), "end_ms": int(drawing.scope.span.end.timestamp() * 1000),
    }  # fmt: skip
    return _figure("timeline", frames, options)


def _state(text: str, colour: str, rows: list[tuple[str, int, int]]) -> Frame:
    lanes = np.array([lane for lane, _begin, _end in rows], dtype=object)
    begin, end = (np.array([row[side] for row in rows], dtype=np.int64) for side in (1, 2))
    return Frame(text, {"lane": lanes, "start": begin, "end": end}, {}, colour)


def _runs(times: list[int], values: list[Any], step: int) -> list[tuple[int, int, Any]]:
    """Stretches of equal values; a gap in the samples ends one."""
    runs: list[tuple[int, int, Any]] = []
    for time, value in zip(times, values, strict=True):
        if value is None:
            continue
        if runs and runs[-1][2] == value and time - runs[-1][1] <= step // 2:
            runs[-1] = (runs[-1][0], time + step, value)
        else:
            runs.append((time, time + step, value))
    return runs
