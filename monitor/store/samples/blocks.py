"""A block: samples or deltas of many series as three tables of columns, sorted by series, then time.

``f`` holds floats, ``h`` one row per histogram sample, ``b`` one row per filled bucket of it (``side`` 0
positive, 1 negative, 2 a custom bound, whose value stands in ``count``). Times are Unix milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.core.histograms import DEFAULT_ZERO_THRESHOLD, HistogramRun, bucket_index
from monitor.store.samples.columns import Column, pack, pack_few, unpack

Table = dict[str, Column]
# series and time; and within those side and index
Key = tuple[int, int]
Cell = tuple[int, int, int, int]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SHAPES: dict[str, dict[str, type]] = {
    "f": {"series": np.int64, "t": np.int64, "v": np.float64},
    "h": {
        "series": np.int64, "t": np.int64, "count": np.float64, "sum": np.float64, "zero": np.float64,
        "schema": np.int64, "threshold": np.float64, "gauge": np.int64,
    },
    "b": {"series": np.int64, "t": np.int64, "side": np.int64, "index": np.int64, "count": np.float64},
}  # fmt: skip
ORDER = {"f": ("series", "t"), "h": ("series", "t"), "b": ("series", "t", "side", "index")}
SUMMED = {"f": ("v",), "h": ("count", "sum", "zero"), "b": ("count",)}
POSITIVE, NEGATIVE, CUSTOM = 0, 1, 2
DERIVED_SCHEMA = 5
# how fine the times of derived series are
GRID_MS = 10_000


@dataclass(slots=True)
class Block:
    """Three tables; every column of a table has the table's length."""

    tables: dict[str, Table]

    @property
    def n(self) -> int:
        return sum(len(table["t"]) for table in self.tables.values())

    def span(self) -> tuple[int, int]:
        """The least and the greatest time; the block must not be empty."""
        times = [table["t"] for table in self.tables.values() if len(table["t"])]
        return min(int(t.min()) for t in times), max(int(t.max()) for t in times)

    def series_ids(self) -> Ints:
        return np.unique(np.concatenate([_ints(table["series"]) for table in self.tables.values()]))

    def take(self, masks: Mapping[str, npt.NDArray[np.bool_] | npt.NDArray[np.intp]]) -> "Block":
        return Block({
            name: {column: values[masks[name]] for column, values in table.items()}
            for name, table in self.tables.items()
        })  # fmt: skip

    def of_series(self, wanted: Ints) -> "Block":
        """Only the rows of these series (``wanted`` sorted)."""
        return self.take(
            {name: _rows_of(_ints(table["series"]), wanted) for name, table in self.tables.items()}
        )

    def within(self, first: int, last: int) -> "Block":
        """Only the rows with first <= t <= last."""
        return self.take({
            name: (table["t"] >= first) & (table["t"] <= last) for name, table in self.tables.items()
        })  # fmt: skip

    def encode(self, *, brief: bool = False) -> bytes:
        """The block as bytes; ``brief``: quickly, for what is merged soon."""
        columns = {
            f"{name}.{column}": values
            for name, table in self.tables.items()
            if len(table["t"])
            for column, values in table.items()
        }
        series = columns.get("f.series")
        if brief or series is None:
            return pack(columns, brief=brief)
        return pack(columns, stretches={"f.v": np.flatnonzero(np.diff(series, prepend=series[0] - 1))})


@dataclass(frozen=True, slots=True)
class Packed:
    """A block as bytes, how many rows it has, and the least and the greatest time of them."""

    n: int
    first_ms: int
    last_ms: int
    data: bytes

    @staticmethod
    def of(block: Block, *, brief: bool = False) -> "Packed":
        return Packed(block.n, *block.span(), block.encode(brief=brief))


def decode(data: bytes) -> Block:
    """The block that ``encode`` wrote."""
    flat = unpack(data)
    return Block({
        name: {
            column: flat.get(f"{name}.{column}", np.empty(0, dtype=dtype)) for column, dtype in shape.items()
        }
        for name, shape in SHAPES.items()
    })  # fmt: skip


def empty() -> Block:
    return Block({
        name: {column: np.empty(0, dtype=dtype) for column, dtype in shape.items()}
        for name, shape in SHAPES.items()
    })  # fmt: skip


def join(blocks: Sequence[Block]) -> Block:
    """All rows of all blocks, in no order yet: follow with ``settle`` or ``add_up``."""
    return Block({
        name: {column: np.concatenate([block.tables[name][column] for block in blocks]) for column in shape}
        for name, shape in SHAPES.items()
    })  # fmt: skip


def settle(block: Block) -> Block:
    """Sorted samples, the first of several at one time kept: a retried push changes nothing."""
    return Block({name: _first_of_each(table, ORDER[name]) for name, table in block.tables.items()})


def add_up(block: Block) -> Block:
    """Sorted deltas, those of one series, time and bucket added together."""
    return Block({name: _summed(table, ORDER[name], SUMMED[name]) for name, table in block.tables.items()})


def of_floats(series: Ints, times: Ints, values: Floats) -> Block:
    block = empty()
    block.tables["f"] = {"series": series, "t": times, "v": values}
    return block


def of_observations(series: Ints, times: Ints, values: Floats, weights: Floats) -> Block:
    """Observations as deltas of schema-5 histograms; a negative weight takes one back."""
    block = empty()
    n = len(series)
    is_zero = np.abs(values) <= DEFAULT_ZERO_THRESHOLD
    block.tables["h"] = {
        "series": series, "t": times, "count": weights, "sum": values * weights,
        "zero": np.where(is_zero, weights, 0.0), **_derived_layout(n),
    }  # fmt: skip
    filled = ~is_zero
    block.tables["b"] = {
        "series": series[filled], "t": times[filled], "side": (values[filled] < 0).astype(np.int64),
        "index": bucket_index(np.abs(values[filled]), DERIVED_SCHEMA), "count": weights[filled],
    }  # fmt: skip
    return add_up(block)


def of_few(
    counts: Mapping[Key, float], heads: Mapping[Key, Sequence[float]], filled: Mapping[Cell, float]
) -> Packed:
    """Deltas that are added up already: floats, each histogram's count, sum and zero, and counts of buckets."""
    floats, rows, cells = sorted(counts), sorted(heads), sorted(filled)
    columns = _keys("f", floats) | _keys("h", rows) | _keys("b", cells)
    if floats:
        columns["f.v"] = "f", [counts[key] for key in floats]
    if rows:
        n = len(rows)
        numbers = zip(*[heads[key] for key in rows], strict=True)
        columns |= {f"h.{name}": ("f", found) for name, found in zip(SUMMED["h"], numbers, strict=True)}
        columns["h.schema"] = "i", (DERIVED_SCHEMA,) * n
        columns["h.threshold"] = "f", (DEFAULT_ZERO_THRESHOLD,) * n
        columns["h.gauge"] = "i", (0,) * n
    if cells:
        columns["b.count"] = "f", [filled[cell] for cell in cells]
    times = [at for _, at in (*floats, *rows)]
    size = len(floats) + len(rows) + len(cells)
    return Packed(size, min(times), max(times), pack_few(columns))


def _keys(name: str, keys: Sequence[tuple[int, ...]]) -> dict[str, tuple[str, Sequence[float]]]:
    if not keys:
        return {}
    columns = zip(*keys, strict=True)
    return {f"{name}.{column}": ("i", found) for column, found in zip(ORDER[name], columns, strict=True)}


def _derived_layout(n: int) -> Table:
    """What is the same of all histograms that are derived."""
    return {
        "schema": np.full(n, DERIVED_SCHEMA, dtype=np.int64),
        "threshold": np.full(n, DEFAULT_ZERO_THRESHOLD), "gauge": np.zeros(n, dtype=np.int64),
    }  # fmt: skip


def of_runs(rows: Iterable[tuple[int, HistogramRun]]) -> Block:
    """Pushed native histograms: (series id, its samples)."""
    return join([empty(), *(_of_run(series, run) for series, run in rows)])


def _of_run(series: int, run: HistogramRun) -> Block:
    block = empty()
    n = len(run.times)
    block.tables["h"] = {
        "series": np.full(n, series, dtype=np.int64), "t": run.times, "count": run.count, "sum": run.total,
        "zero": run.zero, "schema": np.full(n, run.schema, dtype=np.int64),
        "threshold": np.full(n, run.zero_threshold), "gauge": np.full(n, int(run.gauge), dtype=np.int64),
    }  # fmt: skip
    sides = [
        _buckets(series, run.times, POSITIVE, run.positive_index, run.positive),
        _buckets(series, run.times, NEGATIVE, run.negative_index, run.negative),
    ]
    if run.custom_bounds:
        bounds = np.array(run.custom_bounds)
        sides.append(
            _buckets(
                series, run.times, CUSTOM, np.arange(len(bounds)), np.tile(bounds, (n, 1)), keep_zero=True
            )
        )
    block.tables["b"] = {column: np.concatenate([side[column] for side in sides]) for column in SHAPES["b"]}
    return block


def _buckets(
    series: int, times: Ints, side: int, index: Ints, counts: Floats, *, keep_zero: bool = False
) -> Table:
    if not counts.size:
        return empty().tables["b"]
    row, column = np.nonzero(np.ones_like(counts) if keep_zero else counts)
    n = len(row)
    return {
        "series": np.full(n, series, dtype=np.int64), "t": times[row], "side": np.full(n, side, dtype=np.int64),
        "index": index[column], "count": counts[row, column],
    }  # fmt: skip


def as_series(block: Block, series_id: int) -> Block:
    """The same rows under one series id; chunks leave the column out."""
    return Block({
        name: {**table, "series": np.full(len(table["t"]), series_id, dtype=np.int64)}
        for name, table in block.tables.items()
    })  # fmt: skip


def _rows_of(series: Ints, wanted: Ints) -> npt.NDArray[np.intp]:
    """Row numbers of the wanted series in a column sorted by series."""
    left = np.searchsorted(series, wanted, side="left")
    lengths = np.searchsorted(series, wanted, side="right") - left
    starts = np.repeat(left - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    rows: npt.NDArray[np.intp] = starts + np.arange(int(lengths.sum()))
    return rows


def _sorted(table: Table, keys: tuple[str, ...]) -> tuple[Table, npt.NDArray[np.intp]]:
    """The table in order, and the first row of each distinct key."""
    order = np.lexsort([table[key] for key in reversed(keys)])
    ordered = {column: values[order] for column, values in table.items()}
    if not len(order):
        return ordered, np.empty(0, dtype=np.intp)
    changed = np.zeros(len(order), dtype=bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= ordered[key][1:] != ordered[key][:-1]
    return ordered, np.flatnonzero(changed)


def _first_of_each(table: Table, keys: tuple[str, ...]) -> Table:
    ordered, firsts = _sorted(table, keys)
    return {column: values[firsts] for column, values in ordered.items()}


def _summed(table: Table, keys: tuple[str, ...], summed: tuple[str, ...]) -> Table:
    ordered, firsts = _sorted(table, keys)
    if not len(firsts):
        return ordered
    return {
        column: np.add.reduceat(values, firsts) if column in summed else values[firsts]
        for column, values in ordered.items()
    }


def _ints(column: Column) -> Ints:
    return column.astype(np.int64, copy=False)
