"""Series as matrices give what the same series give one by one."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import query
from monitor.core.labels import NAME, Labels, Roster
from monitor.core.samples import STALE, Part, Selection, Series, Table
from monitor.promql.values import Grid

EXPRESSIONS = (
    "x", "rate(x[1m])", "sum by (b) (rate(x[1m]))", "max_over_time(x[90s])", "topk(2, x)", "timestamp(x)",
    "quantile_over_time(0.5, x[2m])", "changes(x[1m])", "x / on (a, b) x", "absent_over_time(x[30s])",
    "last_over_time(x[45s])", "deriv(x[2m])", "sum_over_time(x[1m:20s])", "count by (b) (x offset 30s)",
    "increase(x[1m] smoothed)", "rate(x[90s] anchored)", "changes(x[1m] anchored)", "sum(x smoothed)",
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """A few series in parts of shared times; some values are staleness markers."""
    owners = draw(st.lists(st.integers(0, 2), min_size=1, max_size=7))
    labels = Roster(Labels({NAME: "x", "a": str(n), "b": str(n % 2)}) for n in range(len(owners)))
    parts = []
    for owner in sorted(set(owners)):
        rows = np.array([row for row, one in enumerate(owners) if one == owner], dtype=np.int64)
        times = np.array(sorted(draw(st.sets(st.integers(0, 400), max_size=30))), dtype=np.int64) * 1000
        cells = st.sampled_from([1.0, 2.0, 5.0, float("nan"), float(STALE), -1.0])
        values = draw(st.lists(cells, min_size=len(rows) * len(times), max_size=len(rows) * len(times)))
        matrix = np.array(values, dtype=np.float64).reshape(len(rows), len(times))
        parts.append(Part(rows, times, matrix))
    return Table(labels, parts)


def answer(expr: str, series: Sequence[Series], grid: Grid, *, at_once: bool) -> list[object]:
    def source(selections: Sequence[Selection], _: int) -> list[Sequence[Series]]:
        return [series for _ in selections]

    result = query.ask(source, expr, grid, at_once=at_once)
    return [
        (labels, times.tolist(), [repr(value) for value in values.tolist()])
        for labels, times, values in result.points()
    ]


@pytest.mark.parametrize("expr", EXPRESSIONS)
@settings(max_examples=15, deadline=None)
@given(table=tables(), at=st.integers(0, 450))
def test_a_table_answers_like_its_series(expr: str, table: Table, at: int) -> None:
    once, grid = Grid(at * 1000, at * 1000, 1), Grid(0, 400_000, 25_000)
    for where, at_once in ((once, True), (grid, False)):
        assert answer(expr, table, where, at_once=at_once) == answer(
            expr, list(table), where, at_once=at_once
        )


def test_a_reset_is_undone_in_its_own_row_wherever_it_lies() -> None:
    labels = Roster(Labels({NAME: "x", "a": str(n)}) for n in range(3))
    times = np.array([0, 10_000])
    parts = [
        Part(np.array([1]), np.empty(0, dtype=np.int64), np.empty((1, 0))),
        Part(np.array([0, 2]), times, np.array([[8.0, 2.0], [1.0, 3.0]])),
    ]
    found = answer("increase(x[20s])", Table(labels, parts), Grid(10_000, 20_000, 5_000), at_once=False)
    assert found == answer(
        "increase(x[20s])", list(Table(labels, parts)), Grid(10_000, 20_000, 5_000), at_once=False
    )
