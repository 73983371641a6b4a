"""Walks a plan over the series it selected: every node for all steps at once. Reads nothing, knows no clock."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.core import patience
from monitor.core.histograms import HistogramBlock, HistogramRun, block_of
from monitor.core.labels import Labels
from monitor.core.samples import LOOKBACK_MS, Series, Table, is_stale
from monitor.promql import tree
from monitor.promql.errors import ExecutionError, TooMuchError
from monitor.promql.functions import FUNCTIONS, extended
from monitor.promql.functions.info import Joined
from monitor.promql.functions.labels import same_labels
from monitor.promql.functions.registry import Context
from monitor.promql.operators import aggregate, binary, subquery, unary
from monitor.promql.plan import Plan, Read, inner_grid
from monitor.promql.values import (
    Cells,
    Floats,
    Grid,
    Ints,
    Notes,
    Value,
    Vector,
    empty,
    joined,
    merged,
    piled,
)
from monitor.promql.windows import Windows, gathered_by_times, of_series, of_table
from monitor.promql.worked import Worked

# what a bucket of a native histogram costs to work with, in numbers
BUCKET = 0.4
Data = Mapping[Read, Sequence[Series]]


def _any_number(_: int) -> None:
    """For callers who need not share their memory."""


@dataclass(slots=True)
class Evaluation:
    """One query under way."""

    plan: Plan
    data: Data
    max_samples: int = 50_000_000
    notes: Notes = field(default_factory=Notes)
    # parts that other questions about the same samples have in common with this one, and its whole grid
    worked: tuple[Worked, Grid] | None = None
    # told how many values will be worked out; raises where those are too many just now
    afford: Callable[[int], None] = _any_number

    def run(self) -> Value:
        return self.value(self.plan.root, self.plan.grid)

    def value(self, node: tree.Node, grid: Grid) -> Value:
        patience.look()
        notes = self.notes
        outer, notes.of = notes.of, tree.word(node)
        try:
            if self.worked is None or not isinstance(node, tree.Aggregation | tree.Call):
                return self._value(node, grid)
            known, whole = self.worked
            frame = (whole, self.plan.grid, self.plan.lookback)
            return known.value(frame, node, grid, notes, lambda notes: self._apart(node, grid, notes))
        finally:
            notes.of = outer

    def _apart(self, node: tree.Node, grid: Grid, notes: Notes) -> Value:
        """The node's value; what is to be noted goes elsewhere."""
        mine, self.notes, notes.of = self.notes, notes, tree.word(node)
        try:
            return self._value(node, grid)
        finally:
            self.notes = mine

    def _value(self, node: tree.Node, grid: Grid) -> Value:
        match node:
            case tree.Number(value=number):
                return np.full(grid.steps, number)
            case tree.Text(value=text):
                return text
            case tree.Selector():
                return self._instant(node, grid)[0]
            case tree.Given(value=known):
                return known
            case tree.Fixed(expr=expr):
                return _repeated(self.value(expr, Grid(grid.start, grid.start, grid.step)), grid.steps)
            case tree.Negation(expr=expr):
                value = self.value(expr, grid)
                assert not isinstance(value, str)
                return unary.negated(value)
            case tree.Binary():
                return self._binary(node, grid)
            case tree.Aggregation():
                return self._aggregation(node, grid)
            case tree.Call():
                return self._call(node, grid)
            case _:
                message = "a range vector has no value at a step; give it to a function such as rate()"
                raise ExecutionError(message)

    def vector(self, node: tree.Node, grid: Grid) -> Vector:
        value = self.value(node, grid)
        assert isinstance(value, Vector)
        return value

    def _instant(self, node: tree.Selector, grid: Grid) -> tuple[Vector, Floats]:
        """The newest sample within the look-back, and the times (ms) of the samples taken."""
        series = self.data[Read(node, 0, grid)]
        self._afford(len(series), grid, _buckets(series))
        if node.edges == "smoothed":
            return self._smoothed(series, subquery.frame(node, 0, grid).ends)
        return instant(series, subquery.frame(node, 0, grid).ends, self.plan.lookback)

    def _smoothed(self, series: Sequence[Series], moments: Ints) -> tuple[Vector, Floats]:
        found = [extended.at_moments(one, moments, self.plan.lookback) for one in series]
        if not found:
            return empty(len(moments)), np.empty((0, len(moments)))
        values, floats = np.stack([one for one, _ in found]), np.stack([there for _, there in found])
        vector = Vector([one.labels for one in series], values, floats).without_empty_rows()
        return vector, np.broadcast_to(moments, vector.values.shape).astype(np.float64)

    def _afford(self, rows: int, grid: Grid, buckets: int = 0) -> None:
        """``buckets``: of all rows that are native histograms."""
        if rows * grid.steps > self.max_samples:
            message = (
                f"{rows} series at {grid.steps} steps are more than the limit of {self.max_samples} samples;"
                " take longer steps, a shorter time or fewer series"
            )
            raise TooMuchError(message)
        self.afford(int((rows + BUCKET * buckets) * grid.steps))

    def _binary(self, node: tree.Binary, grid: Grid) -> Value:
        left, right = self.value(node.left, grid), self.value(node.right, grid)
        assert not isinstance(left, str)
        assert not isinstance(right, str)
        if isinstance(left, Vector) and isinstance(right, Vector):
            if node.op in binary.SET_OPERATORS:
                return binary.sets(node, left, right)
            return binary.vectors(node, left, right, self.notes)
        if isinstance(left, Vector):
            assert not isinstance(right, Vector)
            return binary.with_scalar(node, left, right, self.notes, scalar_left=False)
        if isinstance(right, Vector):
            return binary.with_scalar(node, right, left, self.notes, scalar_left=True)
        return binary.scalars(node, left, right)

    def _aggregation(self, node: tree.Aggregation, grid: Grid) -> Vector:
        param = None if node.param is None else self.value(node.param, grid)
        assert not isinstance(param, Vector)
        vector = self.vector(node.expr, grid)
        return aggregate.aggregate(node, vector, param, self.notes, lambda rows: self._afford(rows, grid))

    def _call(self, node: tree.Call, grid: Grid) -> Value:
        known = FUNCTIONS.get(node.name)
        if known is None:
            message = f"{node.name}() is not supported here"
            raise ExecutionError(message)
        context = Context(node, grid, self.plan.grid, self.notes, self.max_samples)
        if node.name == "timestamp" and isinstance(node.args[0], tree.Selector):
            return self._sample_times(node.args[0], grid)
        if node.name == "timestamp" and isinstance(node.args[0], tree.Fixed):
            once = tree.Call(node.name, (node.args[0].expr,))
            return _repeated(self._call(once, Grid(grid.start, grid.start, grid.step)), grid.steps)
        if node.name == "info":
            return self._info(context, node, grid)
        if node.name == "absent_over_time":
            return self._absent_over_time(context, node, grid)
        ranged = [place for place, arg in enumerate(node.args) if isinstance(arg, tree.Range | tree.Subquery)]
        if not ranged:
            args = [self.value(arg, grid) for arg in node.args]
            result = known.run(context, *args)
            return merged(result, same_labels) if isinstance(result, Vector) else result
        return self._over_windows(context, node, grid, ranged[0])

    def _over_windows(self, context: Context, node: tree.Call, grid: Grid, place: int) -> Vector:
        """A function of a range vector, chunk of series by chunk of series."""
        known = FUNCTIONS[node.name]
        others = [None if index == place else self.value(arg, grid) for index, arg in enumerate(node.args)]
        results = []
        asked = node.args[place]
        edges = asked.selector.edges if isinstance(asked, tree.Range) else ""
        for windows in self.windows(asked, grid):
            patience.look()
            if edges:
                results.append(extended.over(context, windows, edges, self.plan.lookback))
                continue
            args = [windows if index == place else value for index, value in enumerate(others)]
            results.append(known.run(context, *args))
        return merged(piled(results, grid.steps).without_empty_rows(), same_labels)

    def windows(self, node: tree.Node, grid: Grid) -> Iterator[Windows]:
        if isinstance(node, tree.Range):
            series = self.data[Read(node.selector, node.width, grid)]
            self._afford(len(series), grid, _buckets(series))
            frame = subquery.frame(node.selector, node.width, grid)
            if isinstance(series, Table):
                return of_table(series, frame)
            return of_series(gathered_by_times(series) if grid.steps > 1 else series, frame)
        assert isinstance(node, tree.Subquery)
        inner = inner_grid(node, grid)
        if inner.steps < 1:
            # no multiple of its step lies in its width
            return iter(())
        # what reads no series has its steps all the same
        self._afford(1, inner)
        value = self.vector(node.expr, inner)
        widest = max((_columns(cells.block) for cells in value.histograms), default=0)
        self._afford(len(value.labels), grid, widest * len(value.labels))
        return subquery.windows(node, value, inner, grid)

    def _sample_times(self, node: tree.Selector, grid: Grid) -> Vector:
        vector, moments = self._instant(node, grid)
        return merged(vector.with_floats(moments / 1000, vector.present()), same_labels)

    def _info(self, context: Context, node: tree.Call, grid: Grid) -> Vector:
        source = node.args[1]
        if not isinstance(source, tree.Selector):
            message = 'expected label selectors as the second argument to info(), such as {version=~".+"}'
            raise ExecutionError(message)
        known, moments = self._instant(source, grid)
        result: Vector = FUNCTIONS["info"].run(
            context, self.vector(node.args[0], grid), Joined(known, moments, source.matchers)
        )
        return result

    def _absent_over_time(self, context: Context, node: tree.Call, grid: Grid) -> Vector:
        there = np.zeros(grid.steps, dtype=bool)
        for windows in self.windows(node.args[0], grid):
            found = FUNCTIONS["present_over_time"].run(context, windows)
            there |= found.floats.any(axis=0)
        presence = Vector([Labels()], np.ones((1, grid.steps)), there[None, :])
        result: Vector = FUNCTIONS["absent"].run(context, presence)
        return result


def _buckets(series: Sequence[Series]) -> int:
    if isinstance(series, Table):
        return 0
    return sum(max(map(_columns, one.histograms)) for one in series if one.histograms)


def _columns(block: HistogramRun | HistogramBlock) -> int:
    return int(block.positive.shape[-1] + block.negative.shape[-1])


def instant(
    series: Sequence[Series], moments: np.ndarray, lookback: int = LOOKBACK_MS
) -> tuple[Vector, Floats]:
    """For each series and moment the newest sample not older than the look-back, and its time (ms)."""
    steps = len(moments)
    if not series:
        return empty(steps), np.empty((0, steps))
    if isinstance(series, Table):
        return _newest_of_table(series, moments, lookback)
    values = np.empty((len(series), steps))
    floats = np.empty((len(series), steps), dtype=bool)
    taken = np.zeros((len(series), steps), dtype=np.int64)
    cells: list[Cells] = []
    previous = None
    for row, one in enumerate(series):
        times = one.times
        if previous is None or not (
            previous is times or (len(previous) == len(times) and np.array_equal(previous, times))
        ):
            previous = times
            index = times.searchsorted(moments, side="right") - 1
            found = index >= 0
            index[~found] = 0
            when = times[index] if len(times) else np.zeros(steps, dtype=np.int64)
            found &= when > moments - lookback
        if len(times):
            values[row] = one.values[index]
        floats[row] = found
        taken[row] = when
        if one.histograms:
            cells += _newest_histograms(one, moments, lookback, row, floats, taken)
    return _without_stale(Vector([one.labels for one in series], values, floats, joined(cells)), taken)


def _without_stale(vector: Vector, taken: np.ndarray) -> tuple[Vector, Floats]:
    stale = is_stale(vector.values.reshape(-1)).reshape(vector.values.shape)
    if stale.any():
        vector.floats &= ~stale
    return vector.without_empty_rows(), taken[vector.present().any(axis=1)].astype(np.float64)


def _newest_of_table(table: Table, moments: np.ndarray, lookback: int) -> tuple[Vector, Floats]:
    """As ``instant``, part by part: the series of a part share one search."""
    shape = (len(table), len(moments))
    values, floats = np.zeros(shape), np.zeros(shape, dtype=bool)
    taken = np.zeros(shape, dtype=np.int64)
    for part in table.parts:
        if len(part.times):
            index = part.times.searchsorted(moments, side="right") - 1
            found = index >= 0
            index[~found] = 0
            when = part.times[index]
            values[part.rows] = part.values[:, index]
            floats[part.rows] = found & (when > moments - lookback)
            taken[part.rows] = when
    return _without_stale(Vector(table.labels, values, floats), taken)


def _newest_histograms(
    series: Series, moments: np.ndarray, lookback: int, row: int, floats: np.ndarray, taken: np.ndarray
) -> list[Cells]:
    """Histograms that are newer than the float (or stale marker) found; clears that float."""
    results = []
    steps = len(moments)
    last = np.full(steps, np.iinfo(np.int64).min)
    owner = np.full(steps, -1)
    place = np.zeros(steps, dtype=np.int64)
    for number, run in enumerate(series.histograms):
        index = run.times.searchsorted(moments, side="right") - 1
        there = index >= 0
        when = np.where(there, run.times[np.maximum(index, 0)], np.iinfo(np.int64).min)
        newer = there & (when > last)
        last[newer], owner[newer], place[newer] = when[newer], number, index[newer]
    float_time = np.where(floats[row], taken[row], np.iinfo(np.int64).min)
    wins = (owner >= 0) & (last > moments - lookback) & (last > float_time)
    floats[row] &= ~wins
    taken[row] = np.where(wins, last, taken[row])
    for number, run in enumerate(series.histograms):
        chosen = np.flatnonzero(wins & (owner == number))
        if len(chosen):
            results.append(Cells(row * steps + chosen, block_of(run).take(place[chosen])))
    return results


def _repeated(value: Value, steps: int) -> Value:
    """One step's value at every step."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Vector):
        return np.repeat(value, steps)
    cells = []
    for group in value.histograms:
        place = (group.place[:, None] * steps + np.arange(steps)).reshape(-1)
        cells.append(Cells(place, group.block.take(np.repeat(np.arange(len(group.place)), steps))))
    shape = (len(value.labels), steps)
    values, floats = np.broadcast_to(value.values, shape), np.broadcast_to(value.floats, shape)
    return Vector(value.labels, values.copy(), floats.copy(), tuple(cells))
