"""Random data and random expressions: the fast engine and the naive one must agree at every step."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import query
from monitor.core.labels import Labels
from monitor.core.samples import STALE, Series
from monitor.promql.errors import ExecutionError
from monitor.promql.parse import parse
from monitor.promql.values import Grid
from tests.promql.language import close, memory
from tests.promql.reference import NoAnswerError, Reference

VALUES = st.one_of(st.integers(0, 40).map(float), st.floats(-1e6, 1e6, allow_nan=False, width=32))


@st.composite
def one_series(draw: st.DrawFn) -> Series:
    labels = {"__name__": draw(st.sampled_from(["m", "n"])), "a": draw(st.sampled_from("xy"))}
    labels["b"] = draw(st.sampled_from(["", "1", "2"]))
    gaps = draw(st.lists(st.sampled_from([7_000, 15_000, 15_000, 60_000, 400_000]), max_size=14))
    times = np.cumsum(np.array([draw(st.integers(-5, 5)) * 1000, *gaps], dtype=np.int64))
    values = np.array(draw(st.lists(VALUES, min_size=len(times), max_size=len(times))))
    if draw(st.booleans()):
        values = np.cumsum(np.abs(values))
    marks = draw(st.lists(st.integers(0, len(times) - 1), max_size=2))
    values[marks] = STALE
    return Series(Labels(labels), times, values)


SELECTORS = st.sampled_from(
    ["m", "n", 'm{a="x"}', '{a="y"}', 'm{b=""}', 'm{b!="1"}', "m offset 30s", 'n{a=~"x|z"}']
)
RANGES = st.sampled_from(["30s", "1m", "2m30s", "10m"])


def ranged(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    raw = st.tuples(SELECTORS.filter(lambda text: "offset" not in text), RANGES).map(
        lambda pair: f"{pair[0]}[{pair[1]}]"
    )
    nested = st.tuples(inner, RANGES, st.sampled_from(["", "20s", "45s"])).map(
        lambda p: f"({p[0]})[{p[1]}:{p[2]}]"
    )
    functions = st.sampled_from(
        [
            "rate",
            "increase",
            "delta",
            "irate",
            "sum_over_time",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "count_over_time",
            "last_over_time",
            "stdvar_over_time",
            "changes",
            "resets",
        ]
    )
    return st.tuples(functions, st.one_of(raw, raw, nested)).map(lambda pair: f"{pair[0]}({pair[1]})")


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouping = st.sampled_from(["", "by (a)", "by (b)", "without (a)", "by (a, b)"])
    aggregates = st.sampled_from(["sum", "avg", "min", "max", "count", "group", "stdvar"])
    matching = st.sampled_from(["", "on(a)", "ignoring(b)", "on(a, b)"])
    operators = st.sampled_from(["+", "-", "*", ">", "<=", "==", "> bool", "and", "or", "unless"])
    return st.one_of(
        ranged(inner),
        st.tuples(aggregates, grouping, inner).map(lambda p: f"{p[0]} {p[1]} ({p[2]})"),
        st.tuples(inner, operators, matching, inner).map(lambda p: f"({p[0]}) {p[1]} {p[2]} ({p[3]})"),
        st.tuples(inner, st.sampled_from(["+", "*", ">", "<= bool"]), st.integers(0, 20)).map(
            lambda p: f"({p[0]}) {p[1]} {p[2]}"
        ),
        inner.map(lambda text: f"-({text})"),
    )


EXPRESSIONS = st.recursive(st.one_of(SELECTORS, ranged(SELECTORS)), compound, max_leaves=4)


@settings(max_examples=250, deadline=None)
@given(st.lists(one_series(), max_size=5, unique_by=lambda one: one.labels), EXPRESSIONS, st.integers(1, 4))
def test_both_evaluators_agree(series: list[Series], expr: str, steps: int) -> None:
    grid = Grid(45_000, 45_000 + (steps - 1) * 70_000, 70_000)
    naive = Reference(series)
    node = parse(expr)
    try:
        expected = [naive.vector(node, int(moment)) for moment in grid.times]
    except NoAnswerError:
        expected = None
    try:
        result = query.ask(memory(series), expr, grid, at_once=False)
    except ExecutionError:
        assert expected is None
        return
    assert expected is not None
    got = [
        {
            labels: float(result.values[row, step])
            for row, labels in enumerate(result.labels)
            if result.floats[row, step]
        }
        for step in range(grid.steps)
    ]
    for wanted, found in zip(expected, got, strict=True):
        assert set(wanted) == set(found)
        assert all(close(wanted[labels], found[labels], within=1e-7) for labels in wanted)
