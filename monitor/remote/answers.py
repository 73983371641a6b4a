"""The JSON of Prometheus' HTTP API as our answers: columns on the grid that was asked, histograms beside them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monitor.core.histograms import CUSTOM_SCHEMA, DEFAULT_ZERO_THRESHOLD, HistogramBlock, HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import Series
from monitor.promql.values import Cells, Grid, joined
from monitor.query import Result
from monitor.remote.scope import shown
from monitor.remote.vmrange import RANGE, range_of

Bucket = tuple[float, float, float]
# how far from a whole number the computed schema and index of an exponential bucket may lie
NEAR = 1e-6
SCHEMAS = range(-4, 9)


class UnreadableAnswerError(ValueError):
    """The store answered something that is no answer of Prometheus' API."""


def result_of(found: Mapping[str, Any], grid: Grid, label: str, *, kind: str, at_once: bool) -> Result:
    """The answer with its labels as the project knows them. ``kind``: what the expression gives."""
    try:
        data = found["data"]
        result = _shaped(data["resultType"], data["result"], grid, label, kind=kind, at_once=at_once)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        message = f"an answer that can't be read ({type(error).__name__}: {error})"
        raise UnreadableAnswerError(message) from error
    result.warnings = [str(one) for one in found.get("warnings") or ()]
    result.infos = [str(one) for one in found.get("infos") or ()]
    return result


def _shaped(told: str, rows: Any, grid: Grid, label: str, *, kind: str, at_once: bool) -> Result:
    times = grid.times
    if told == "string":
        return Result("string", times, text=str(rows[1]))
    if told == "scalar":
        rows = [{"metric": {}, "value": rows}]
    if told == "matrix" and at_once:
        return Result("matrix", times, raw=[_raw(row, label) for row in rows])
    labels = [shown(Labels(row["metric"]), label) for row in rows]
    values = np.zeros((len(rows), grid.steps))
    floats = np.zeros(values.shape, dtype=bool)
    cells: list[Cells] = []
    for place, row in enumerate(rows):
        points, histograms = _points(row)
        if points:
            at = _steps(grid, points)
            values[place, at] = _numbers(points)
            floats[place, at] = True
        steps = _steps(grid, histograms)
        for step, (_, body) in zip(steps.tolist(), histograms, strict=True):
            cells.append(Cells(np.array([place * grid.steps + step]), _histogram(body)))
    scalar = kind == "scalar" and at_once
    made: Any = "scalar" if scalar else "vector" if at_once else "matrix"
    return Result(made, times, labels, values, floats, joined(cells))


def _points(row: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    one, many = row.get("value"), row.get("values")
    histogram, histograms = row.get("histogram"), row.get("histograms")
    return ([one] if one else many or []), ([histogram] if histogram else histograms or [])


def _steps(grid: Grid, points: Sequence[Any]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """At which steps of the grid the points lie."""
    moments = np.array([point[0] for point in points], dtype=np.float64) * 1000
    steps = np.rint((moments - grid.start) / grid.step).astype(np.int64)
    if grid.steps == 1:
        return np.zeros_like(steps)
    if len(steps) and (steps.min() < 0 or steps.max() >= grid.steps):
        message = "times outside of what was asked"
        raise ValueError(message)
    return steps


def _numbers(points: Sequence[Any]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([point[1] for point in points], dtype=np.float64)


def _raw(row: Mapping[str, Any], label: str) -> Series:
    points, histograms = _points(row)
    runs = tuple(_run(round(float(moment) * 1000), _histogram(body)) for moment, body in histograms)
    times = np.rint(np.array([point[0] for point in points], dtype=np.float64) * 1000).astype(np.int64)
    return Series(shown(Labels(row["metric"]), label), times, _numbers(points), runs)


def _run(moment: int, block: HistogramBlock) -> HistogramRun:
    return HistogramRun(
        np.array([moment]), block.count, block.total, block.zero, block.schema, block.zero_threshold,
        block.positive_index, block.positive, block.negative_index, block.negative, block.custom_bounds,
    )  # fmt: skip


def _histogram(body: Mapping[str, Any]) -> HistogramBlock:
    """One histogram; its schema is read off the widths of its buckets."""
    buckets = [(float(low), float(high), float(count)) for _, low, high, count in body.get("buckets") or ()]
    return block_of_buckets(buckets, float(body["count"]), float(body["sum"]))


def block_of_buckets(buckets: Iterable[Bucket], count: float, total: float) -> HistogramBlock:
    """One histogram with these buckets: (low, high, count), in any order."""
    zero, threshold = 0.0, DEFAULT_ZERO_THRESHOLD
    above: list[Bucket] = []
    below: list[Bucket] = []
    for low, high, inside in sorted(buckets):
        if low < 0 < high and low == -high:
            zero, threshold = inside, high
        elif high <= 0 and np.isfinite(low):
            below.append((-high, -low, inside))
        else:
            above.append((low, high, inside))
    schema = _schema([*above, *below])
    if schema is None:
        return _custom([(-high, -low, inside) for low, high, inside in below] + above, count, total)
    positive_index, positive = _indexed(above, schema)
    negative_index, negative = _indexed(below, schema)
    return HistogramBlock(
        np.array([count]), np.array([total]), np.array([zero]), positive, negative, positive_index,
        negative_index, schema, threshold,
    )  # fmt: skip


def _schema(buckets: Sequence[Bucket]) -> int | None:
    """The schema whose buckets these are; None when they are custom ones."""
    inner = [(low, high) for low, high, _ in buckets if low > 0 and np.isfinite(high)]
    if len(inner) < len(buckets):
        return None
    if not inner:
        return 0
    low, high = np.array(inner).T
    exact = -np.log2(np.log2(high / low))
    schema = int(np.rint(exact[0]))
    places = np.log2(high) * 2.0**schema
    fits = np.abs(exact - schema).max() < NEAR * 2**9 and np.abs(places - np.rint(places)).max() < NEAR * 2**9
    return schema if fits and schema in SCHEMAS else None


def _indexed(
    buckets: Sequence[Bucket], schema: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    high = np.array([upper for _, upper, _ in buckets], dtype=np.float64)
    index = np.rint(np.log2(high) * 2.0**schema).astype(np.int64)
    order = np.argsort(index)
    counts = np.array([inside for _, _, inside in buckets], dtype=np.float64)
    return index[order], counts[order][None, :]


def _custom(buckets: Sequence[Bucket], count: float, total: float) -> HistogramBlock:
    """Buckets of no exponential schema: their own bounds, with empty buckets in the gaps."""
    bounds = sorted({edge for low, high, _ in buckets for edge in (low, high) if np.isfinite(edge)})
    counts = np.zeros((1, len(bounds) + 1))
    for _, high, inside in buckets:
        counts[0, bounds.index(high) if np.isfinite(high) else len(bounds)] += inside
    return HistogramBlock(
        np.array([count]), np.array([total]), np.zeros(1), counts, np.empty((1, 0)),
        np.arange(len(bounds) + 1), np.empty(0, dtype=np.int64), CUSTOM_SCHEMA, 0.0, tuple(bounds),
    )  # fmt: skip


def put_together(buckets: Result, sums: Result, grid: Grid) -> Result:
    """Buckets told apart by ``vmrange``, and the sums beside them, as histograms again."""
    inside: dict[tuple[Labels, int], list[Bucket]] = {}
    for row, labels in enumerate(buckets.labels):
        if RANGE not in labels:
            continue
        low, high = range_of(labels[RANGE])
        bare = labels.drop((RANGE,))
        for step in np.flatnonzero(buckets.floats[row]).tolist():
            count = float(buckets.values[row, step])
            if count:
                inside.setdefault((bare, step), []).append((low, high, count))
    totals = {
        (labels, step): float(sums.values[row, step])
        for row, labels in enumerate(sums.labels)
        for step in np.flatnonzero(sums.floats[row]).tolist()
    }
    rows: dict[Labels, int] = {}
    cells = []
    for labels, step in dict.fromkeys([*inside, *totals]):
        row = rows.setdefault(labels, len(rows))
        parts = inside.get((labels, step), [])
        block = block_of_buckets(parts, sum(part[2] for part in parts), totals.get((labels, step), 0.0))
        cells.append(Cells(np.array([row * grid.steps + step]), block))
    shape = (len(rows), grid.steps)
    return Result(
        buckets.kind, grid.times, list(rows), np.zeros(shape), np.zeros(shape, dtype=bool), joined(cells),
        warnings=buckets.warnings, infos=buckets.infos,
    )  # fmt: skip
