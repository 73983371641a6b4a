"""Kept answers: an answer put together from kept steps is the answer worked out as a whole."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from monitor import query
from monitor.core import clock
from monitor.core.labels import Labels
from monitor.promql import kept, parse, tree
from monitor.promql.plan import Plan, plan
from monitor.promql.values import Grid
from monitor.store import partitions
from monitor.store.ageing import compact
from monitor.store.reading import bases, tapes
from monitor.store.samples import append
from monitor.store.samples.append import Deltas
from monitor.store.shards import shards_of
from tests.fixtures.fix_cast import Cast

# pushed batches are left alone at first
LATER = dt.timedelta(seconds=30)
pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = 60_000
HOUR = 60 * MINUTE
QUESTIONS = (
    "x_total",
    "sum by (a) (rate(x_total[5m]))",
    "max_over_time(x_total[7m] offset 10m)",
    "sum(increase(x_total[10m])) / on() group_left count(x_total)",
    "avg_over_time(sum by (a) (rate(x_total[5m]))[1h:5m])",
    "rate(oddly_named[5m])",
    "topk(1, x_total offset -3m)",
    "absent(x_total{a='7'})",
    "llm_events_total",
    "rate(llm_events_total[5m])",
)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    kept.answers.clear()
    yield
    kept.answers.clear()


def anew(project_id: int, expr: str, start: int, end: int, step: int) -> query.Result:
    """The answer of a process that has kept nothing."""
    before = kept.answers, tapes.kept, bases.kept
    kept.answers, tapes.kept, bases.kept = kept.Answers(10**8), tapes.Tapes(10**7), bases.Bases(10**6)
    try:
        return query.range(project_id, expr, start, end, step)
    finally:
        kept.answers, tapes.kept, bases.kept = before


def same(one: query.Result, other: query.Result) -> None:
    assert (one.warnings, one.infos) == (other.warnings, other.infos)
    assert one.labels == other.labels
    assert np.array_equal(one.floats, other.floats)
    assert np.allclose(one.values[one.floats], other.values[other.floats], rtol=1e-9, atol=1e-12)


def push(project_id: int, name: str, a: int, points: list[tuple[int, float]]) -> None:
    labels = Labels({"__name__": name, "a": str(a)})
    append.samples(project_id, [(labels, at, value) for at, value in points], now=clock.now())


def count(project_id: int, a: int, moments: list[int]) -> None:
    deltas = Deltas()
    for at in moments:
        deltas.count(Labels({"__name__": "llm_events_total", "a": str(a)}), at)
    partitions.for_batches(clock.to_ms(clock.now()))
    append.deltas(project_id, shards_of(project_id, 1)[0], deltas, now=clock.now())


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps were worked out, each time that something was."""
    steps: list[int] = []

    def noting(node: tree.Node, grid: Grid, **more: Any) -> Plan:
        steps.append(grid.steps)
        return plan(node, grid, **more)

    monkeypatch.setattr("monitor.query.engine.plan", noting)
    return steps


def test_a_repeated_question_works_out_only_open_steps(cast: Cast, planned: list[int]) -> None:
    end = clock.to_ms(clock.now()) // MINUTE * MINUTE
    push(cast.project.id, "x_total", 1, [(end - i * MINUTE, 1.0 * (300 - i)) for i in range(300)])
    query.range(cast.project.id, "rate(x_total[5m])", end - 4 * HOUR, end, MINUTE)
    query.range(cast.project.id, "rate(x_total[5m])", end - 4 * HOUR + MINUTE, end + MINUTE, MINUTE)
    assert planned[0] == 241
    assert planned[1] <= 13


def test_a_rule_with_a_long_subquery_works_out_only_new_steps(cast: Cast, planned: list[int]) -> None:
    end = clock.to_ms(clock.now())
    push(cast.project.id, "x_total", 1, [(end - i * MINUTE, 1.0 * (300 - i)) for i in range(300)])
    expr = "avg_over_time(rate(x_total[5m])[4h:1m])"
    query.instant(cast.project.id, expr, end)
    planned.clear()
    query.instant(cast.project.id, expr, end + 30_000)
    assert max(planned) <= 13


def test_a_late_sample_opens_the_steps_that_see_it(cast: Cast) -> None:
    end = clock.to_ms(clock.now()) - HOUR
    push(cast.project.id, "x_total", 1, [(end - i * MINUTE, 1.0) for i in range(100)])
    ask = (cast.project.id, "sum(x_total)", end - HOUR, end, MINUTE)
    query.range(*ask)
    push(cast.project.id, "x_total", 2, [(end - 30 * MINUTE, 5.0)])
    assert query.range(*ask).values.max() == 6.0


def test_what_depends_on_the_whole_question_is_not_kept() -> None:
    for expr in ("x @ end()", "limitk(1, x)", "x * start()", "x @ 5", "sum_over_time(x[5m:1m] @ 5)"):
        assert kept.lead(parse.parse(expr)) is None
    assert kept.lead(parse.parse("x offset 5m + y offset -1m")) == MINUTE


def test_room_is_bounded(cast: Cast) -> None:
    end = clock.to_ms(clock.now()) - HOUR
    push(cast.project.id, "x_total", 1, [(end - i * MINUTE, 1.0) for i in range(100)])
    small = kept.Answers(10_000)
    before, kept.answers = kept.answers, small
    try:
        for offset in range(1, 11):
            query.range(cast.project.id, f"x_total offset {offset}s", end - HOUR, end, MINUTE)
            assert small.used <= 10_000
        assert 0 < len(small.kept) < 10
    finally:
        kept.answers = before


@pytest.mark.parametrize("seed", range(8))
def test_any_order_of_writing_and_asking_gives_the_answer_of_a_newcomer(cast: Cast, seed: int) -> None:
    project, dice = cast.project.id, random.Random(seed)
    today = clock.to_ms(clock.now()) // MINUTE * MINUTE
    for _ in range(30):
        at = today - dice.randrange(5 * HOUR)
        match dice.randrange(6):
            case 0:
                points = [(at + i * 20_000, float(i)) for i in range(dice.randrange(1, 200))]
                push(project, dice.choice(["x_total", "oddly_named"]), dice.randrange(3), points)
            case 1:
                count(project, dice.randrange(3), [at + dice.randrange(HOUR) for _ in range(20)])
            case 2:
                compact.run(now=clock.now() + LATER)
            case _:
                end = today - dice.randrange(4) * MINUTE
                start = end - dice.choice([HOUR, 3 * HOUR])
                expr = dice.choice(QUESTIONS)
                same(query.range(project, expr, start, end, MINUTE), anew(project, expr, start, end, MINUTE))


def test_what_is_kept_is_not_kept_again_until_something_closes(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = clock.to_ms(clock.now()) // MINUTE * MINUTE
    push(cast.project.id, "x_total", 1, [(end - 2 * HOUR + i * MINUTE, float(i)) for i in range(120)])
    query.range(cast.project.id, "x_total", end - HOUR, end, MINUTE)
    put: list[kept.Key] = []
    monkeypatch.setattr(kept.answers, "put", lambda key, _: put.append(key))
    for shift in (0, 5 * MINUTE):
        query.range(cast.project.id, "x_total", end - HOUR - shift, end - shift, MINUTE)
    assert len(put) == 1
