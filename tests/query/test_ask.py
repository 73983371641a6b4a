"""The one way to ask: limits, deadlines, checks and help."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from monitor import query
from monitor.core import patience
from monitor.core.labels import Labels
from monitor.core.samples import Selection, Series
from monitor.promql.errors import BadQueryError, DeadlineError, ExecutionError, TooMuchError
from monitor.promql.operators import aggregate
from monitor.promql.values import Grid
from monitor.query import engine
from tests.promql.language import memory

HOUR = 3_600_000
GRID = Grid(0, HOUR, 60_000)


def ask(expr: str, grid: Grid = GRID, **limits: float) -> query.Result:
    series = [
        Series(Labels({"__name__": "x", "n": str(n)}), 15_000 * np.arange(240), np.arange(240.0))
        for n in range(3)
    ]
    bounds = query.Limits(**limits)  # type: ignore[arg-type] # a table of numbers
    return query.ask(memory(series), expr, grid, limits=bounds, at_once=False)


def test_samples_read_are_counted() -> None:
    assert ask("sum(x)").samples == 720


@pytest.mark.parametrize(
    ("expr", "limits"),
    [
        ("x", {"samples": 700}),
        ("x", {"series": 2}),
        ("sum_over_time(x[30m])", {"samples": 5_000}),
        ("quantile_over_time(0.5, x[30m])", {"samples": 5_000}),
        ('count_values("v", x)', {"samples": 2_000}),
        ("max_over_time(x[30m:1s])", {"samples": 5_000}),
        ("max_over_time(max_over_time(x[30m:1s])[30m:1s])", {"samples": 1_000_000}),
    ],
)
def test_a_query_over_a_limit_is_refused(expr: str, limits: dict[str, float]) -> None:
    with pytest.raises(TooMuchError, match="limit of"):
        ask(expr, GRID, **limits)


def test_too_many_steps_are_a_mistake_of_the_asker() -> None:
    with pytest.raises(BadQueryError, match="11000 points"):
        ask("x", Grid(0, 20_000_000, 1_000))


def test_time_runs_out_between_operators() -> None:
    with pytest.raises(DeadlineError, match="timed out"):
        ask("sum(x)", seconds=-1)


def looks(expr: str, series: Sequence[Series], monkeypatch: pytest.MonkeyPatch, grid: Grid) -> int:
    """How often the time is looked at on the way to the answer."""
    taken: list[None] = []

    def gone() -> bool:
        taken.append(None)
        return False

    seen = patience.Limit(math.inf, gone, lambda: DeadlineError("gone"))
    monkeypatch.setattr(engine, "timer", lambda _: seen)
    query.ask(memory(series), expr, grid, at_once=grid.steps == 1)
    return len(taken)


@pytest.mark.parametrize(
    ("expr", "least"),
    [
        ("sort_by_label(x, 'n')", 1_500), ("topk by (n) (1, x)", 1_500), ("quantile by (n) (0.5, x)", 1_500),
        ("count_values('v', x)", 6), ("label_replace(x, 'z', '$1', 'n', '(.*)')", 6), ("label_join(x, 'z', '', 'n')", 6),
        ("sum by (n) (x)", 5), ("limit_ratio(0.5, x)", 6), ("x and on (n) x", 6), ("x / on (n) x", 6), ("abs(x) or x", 6),
    ],
)  # fmt: skip
def test_what_is_done_series_by_series_looks_at_the_time(
    expr: str, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [
        Series(Labels({"__name__": "x", "n": str(n)}), np.array([0]), np.array([float(n)]))
        for n in range(1_500)
    ]
    assert looks(expr, many, monkeypatch, Grid(0, 0, 1)) >= least


def test_many_steps_are_put_in_order_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "SORTED_AT_ONCE", 30)
    steady = [Series(Labels({"__name__": "x", "n": str(n)}), 60_000 * np.arange(61), np.sin(np.arange(61) * n)) for n in range(3)]  # fmt: skip
    whole = query.ask(memory(steady), "topk(2, x) + on () group_left quantile(0.3, x)", GRID, at_once=False)
    assert looks("topk(2, x)", steady, monkeypatch, GRID) >= 6
    assert looks("quantile(0.3, x)", steady, monkeypatch, GRID) >= 6
    monkeypatch.setattr(aggregate, "SORTED_AT_ONCE", 1_000)
    again = query.ask(memory(steady), "topk(2, x) + on () group_left quantile(0.3, x)", GRID, at_once=False)
    assert np.array_equal(whole.values, again.values)


def test_a_range_vector_has_no_range_answer() -> None:
    with pytest.raises(BadQueryError, match="range vector"):
        ask("x[5m]")


def test_two_series_that_differ_by_name_alone_cant_lose_it() -> None:
    series = [Series(Labels({"__name__": name}), np.array([0]), np.array([1.0])) for name in ("a", "b")]
    with pytest.raises(ExecutionError, match="same labelset"):
        query.ask(memory(series), 'abs({__name__=~"a|b"})', Grid(0, 0, 1), at_once=True)


def test_points_skip_the_gaps() -> None:
    ((labels, times, values),) = ask('x{n="1"} > 100', Grid(0, HOUR, HOUR // 2)).points()
    assert (labels["n"], times.tolist(), values.tolist()) == ("1", [HOUR // 2, HOUR], [120.0, 239.0])


def test_a_single_number_is_none_when_there_are_several() -> None:
    assert ask("sum(x)", Grid(0, 0, 1)).single() == 0.0
    assert ask("x", Grid(0, 0, 1)).single() is None


def test_check_points_at_the_mistake() -> None:
    fault = query.check("1 + nosuch(x)")
    assert fault is not None
    assert fault.position == 4
    assert query.check("rate(x[5m])") is None


def test_every_function_has_help_and_a_signature() -> None:
    known = {one.name: one for one in query.functions()}
    assert known["round"].signature == "round(vector, [scalar])"
    assert known["label_join"].signature == "label_join(vector, string, string, string, string...)"
    assert all(one.help.endswith((".", ".")) for one in known.values())


def test_the_store_is_told_the_limit() -> None:
    told: list[int] = []

    def source(selections: object, limit: int) -> list[list[Series]]:
        assert isinstance(selections, list)
        assert all(isinstance(one, Selection) for one in selections)
        told.append(limit)
        return [[] for _ in selections]

    query.ask(source, "x", Grid(0, 0, 1), limits=query.Limits(samples=7), at_once=True)
    assert told == [7]
