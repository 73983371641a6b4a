"""What a question may cost, and its answer in columns."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import LOOKBACK_MS, Series
from monitor.promql.errors import ExecutionError
from monitor.promql.values import Cells, Floats, Grid, Ints, Mask, Value, Vector

Kind = Literal["vector", "matrix", "scalar", "string"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may cost: samples read or held, series, steps, seconds; and how far an instant selector
    looks back.
    """

    samples: int = 50_000_000
    series: int = 100_000
    steps: int = 11_000
    seconds: float = 30.0
    lookback_ms: int = LOOKBACK_MS


@dataclass(slots=True)
class Result:
    """An answer in columns: ``labels`` (n), ``times`` (s, ms), ``values`` and ``floats`` (n, s).

    ``floats`` says which values mean something. ``histograms`` lie at other places of the same grid. A bare
    range selector asked at one moment answers with ``raw`` series; a text with ``text``.
    """

    kind: Kind
    times: Ints
    labels: list[Labels] = field(default_factory=list)
    values: Floats = field(default_factory=lambda: np.empty((0, 0)))
    floats: Mask = field(default_factory=lambda: np.empty((0, 0), dtype=bool))
    histograms: tuple[Cells, ...] = ()
    text: str = ""
    raw: list[Series] | None = None
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    samples: int = 0

    def points(self) -> Iterator[tuple[Labels, Ints, Floats]]:
        """(labels, times, values) of every series with floats; for panels and gates."""
        for row, labels in enumerate(self.labels):
            mask = self.floats[row]
            if mask.any():
                yield labels, self.times[mask], self.values[row][mask]

    def present(self) -> Mask:
        """Where there is a number or a histogram (n, s)."""
        return Vector(self.labels, self.values, self.floats, self.histograms).present()

    def runs(self) -> Iterator[tuple[Labels, HistogramRun]]:
        """(labels, run) of the native histograms of every series, one run per layout."""
        for cells in self.histograms:
            rows, steps = np.divmod(cells.place, len(self.times))
            for row in np.unique(rows):
                mine = cells.where(rows == row)
                yield self.labels[int(row)], _run(mine, self.times[steps[rows == row]])

    def first(self, count: int) -> "Result":
        """Only the first series, with a warning that there were more."""
        warnings = [*self.warnings, "results truncated due to limit"]
        if self.raw is not None:
            return replace(self, raw=self.raw[:count], warnings=warnings)
        cut = Vector(self.labels, self.values, self.floats, self.histograms).rows(np.arange(count))
        return replace(
            self,
            labels=cut.labels,
            values=cut.values,
            floats=cut.floats,
            histograms=cut.histograms,
            warnings=warnings,
        )

    def single(self) -> float | None:
        """The one number of an instant answer; None when there is none or more than one."""
        found = self.values[self.floats]
        return float(found[0]) if len(found) == 1 and not self.histograms else None


def shaped(value: Value, grid: Grid, *, at_once: bool) -> Result:
    times = grid.times
    if isinstance(value, str):
        return Result("string", times, text=value)
    if not isinstance(value, Vector):
        kind: Kind = "scalar" if at_once else "matrix"
        wide = np.asarray(value)[None, :]
        return Result(kind, times, [Labels()], wide, np.ones(wide.shape, dtype=bool))
    vector = value.without_empty_rows()
    if not at_once:
        order = sorted(
            np.arange(len(vector.labels)).tolist(), key=lambda row: vector.labels[row].items_sorted
        )
        if order != list(range(len(order))):
            vector = vector.rows(order)
    if len(set(vector.labels)) < len(vector.labels):
        message = "vector cannot contain metrics with the same labelset"
        raise ExecutionError(message)
    kind = "vector" if at_once else "matrix"
    return Result(kind, times, vector.labels, vector.values, vector.floats, vector.histograms)


def _run(cells: Cells, times: Ints) -> HistogramRun:
    block = cells.block
    return HistogramRun(
        times, block.count, block.total, block.zero, block.schema, block.zero_threshold, block.positive_index,
        block.positive, block.negative_index, block.negative, block.custom_bounds, block.gauge,
    )  # fmt: skip
