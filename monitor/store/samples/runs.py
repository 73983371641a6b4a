"""Rows of many series taken apart: a small block per series, and stored histogram samples as runs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from monitor.core.histograms import CUSTOM_SCHEMA, HistogramRun
from monitor.store.samples import blocks
from monitor.store.samples.blocks import CUSTOM, NEGATIVE, POSITIVE, Block, Ints, Table


def narrow(parts: Sequence[Block], ids: Ints) -> Block:
    return blocks.join([blocks.empty(), *(part.of_series(ids) for part in parts)])


def by_series(block: Block, ids: Ints) -> dict[int, Block]:
    """One small block per series that has rows; ``block`` is sorted by series within each table or unsorted heads."""
    slices: dict[int, dict[str, slice]] = defaultdict(dict)
    tables = {}
    for name, table in block.tables.items():
        order = np.argsort(table["series"], kind="stable")
        tables[name] = {column: values[order] for column, values in table.items()}
        column = tables[name]["series"]
        left, right = np.searchsorted(column, ids, "left"), np.searchsorted(column, ids, "right")
        for identity, low, high in zip(ids.tolist(), left.tolist(), right.tolist(), strict=True):
            if high > low:
                slices[identity][name] = slice(low, high)
    nothing = slice(0, 0)
    return {
        identity: Block({
            name: {column: values[part.get(name, nothing)] for column, values in table.items()}
            for name, table in tables.items()
        })
        for identity, part in slices.items()
    }  # fmt: skip


def in_order(parts: Mapping[int, Block]) -> dict[int, Block]:
    """Each series' rows by time; most are in order already."""
    return {
        identity: Block({name: _by_time(table) for name, table in block.tables.items()})
        for identity, block in parts.items()
    }


def _by_time(table: Table) -> Table:
    times = table["t"]
    if (times[1:] >= times[:-1]).all():
        return table
    order = np.argsort(times, kind="stable")
    return {column: values[order] for column, values in table.items()}


def appended(parts: Mapping[int, Block], later: Mapping[int, Block]) -> dict[int, Block]:
    """Each series' rows, and behind them those of its that are all later."""
    whole = {**parts, **later}
    for identity in parts.keys() & later.keys():
        whole[identity] = Block({
            name: _behind(table, later[identity].tables[name]) for name, table in parts[identity].tables.items()
        })  # fmt: skip
    return whole


def _behind(table: Table, later: Table) -> Table:
    if not len(later["t"]):
        return table
    return {column: np.concatenate((values, later[column])) for column, values in table.items()}


def runs_of(heads: Table, rows: Table) -> list[HistogramRun]:
    """Consecutive histogram samples of one layout, as runs."""
    n = len(heads["t"])
    if not n:
        return []
    bounds = {int(t): _bounds_at(rows, int(t)) for t in heads["t"][heads["schema"] == CUSTOM_SCHEMA]}
    layouts = [
        (
            int(heads["schema"][i]),
            float(heads["threshold"][i]),
            int(heads["gauge"][i]),
            bounds.get(int(heads["t"][i]), ()),
        )
        for i in range(n)
    ]
    cuts = [0, *(i for i in range(1, n) if layouts[i] != layouts[i - 1]), n]
    return [_run(heads, rows, slice(first, last), layouts[first]) for first, last in pairwise(cuts)]


def _run(
    heads: Table, rows: Table, part: slice, layout: tuple[int, float, int, tuple[float, ...]]
) -> HistogramRun:
    times = heads["t"][part].astype(np.int64)
    inside = (rows["t"] >= times[0]) & (rows["t"] <= times[-1])
    positive_index, positive = _matrix(rows, inside & (rows["side"] == POSITIVE), times)
    negative_index, negative = _matrix(rows, inside & (rows["side"] == NEGATIVE), times)
    return HistogramRun(
        times=times, count=heads["count"][part], total=heads["sum"][part], zero=heads["zero"][part],
        schema=layout[0], zero_threshold=layout[1], gauge=bool(layout[2]), custom_bounds=layout[3],
        positive_index=positive_index, positive=positive,
        negative_index=negative_index, negative=negative,
    )  # fmt: skip


def _matrix(
    rows: Table, mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]", times: Ints
) -> tuple[Ints, blocks.Floats]:
    index = np.unique(rows["index"][mask]).astype(np.int64)
    matrix = np.zeros((len(times), len(index)))
    matrix[np.searchsorted(times, rows["t"][mask]), np.searchsorted(index, rows["index"][mask])] = rows[
        "count"
    ][mask]
    return index, matrix


def _bounds_at(rows: Table, at: int) -> tuple[float, ...]:
    mine = (rows["t"] == at) & (rows["side"] == CUSTOM)
    return tuple(rows["count"][mine][np.argsort(rows["index"][mine])].tolist())
