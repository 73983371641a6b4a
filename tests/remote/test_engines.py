"""Real engines of others keep the series: the same questions, the same answers as from the store at home."""

import datetime as dt
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from django.test import Client

from monitor import query
from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import STALE
from monitor.promql.errors import BadQueryError, QueryError, UnavailableError
from monitor.remote import ship
from monitor.remote.ask import Remote
from monitor.store.ageing import outgoing, totals
from monitor.store.samples import append
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_engines import connect

pytestmark = [pytest.mark.django_db, pytest.mark.processes, pytest.mark.usefixtures("disconnected")]
MINUTE = 60_000
PATIENCE_SECONDS = 20
# exact anywhere: no engine extrapolates here
EXACT = [
    "gauge", "gauge[2m]", "sum(gauge)", "sum by (i) (gauge) * 2", 'gauge{i="1"} + on () group_left total{i="2"}', "gauge / total",
    "sum(gauge) - total{i='0'}", "max_over_time(gauge[10m])", "avg_over_time(gauge[10m])", "count_over_time(gauge[10m])",
    "total offset 5m", "vector(1)", "time()", "topk(1, gauge)", "absent(nosuch)", "gauge or vector(0)", "stopped", "-gauge > -3",
    "quantile(0.5, gauge)", "gauge and total", "count by (__name__) ({i='1'})", 'label_replace(gauge, "j", "$1", "i", "(.)")',
    "last_over_time(stopped[1h])", "sum(llm_requests_total)", "histogram_count(sum(llm_request_duration_seconds))",
    "histogram_sum(sum(llm_request_duration_seconds))", "sum(histogram_avg(llm_request_duration_seconds))",
]  # fmt: skip
# what a window's edges are to each engine differs by a sample or so of many
NEARLY = [
    "rate(total[30m])", "sum by (i) (increase(total[30m]))", "sum by (version) (increase(llm_requests_total[30m]))",
    "histogram_quantile(0.9, sum(rate(llm_request_duration_seconds[30m])))",
    "histogram_quantile(0.93, sum by (version) (increase(llm_request_duration_seconds[30m])))",
    "histogram_avg(sum(rate(llm_request_duration_seconds[30m])))", "histogram_fraction(0, 1, sum(rate(llm_request_duration_seconds[30m])))",
]  # fmt: skip


@pytest.fixture
def now() -> dt.datetime:
    """The engines have clocks of their own and refuse what is far from now."""
    return clock.from_ms(clock.to_ms(clock.now()) // MINUTE * MINUTE)


@pytest.fixture
def at(now: dt.datetime) -> dt.datetime:
    return now


@pytest.fixture
def filled(cast: Cast, push: Push, at: dt.datetime) -> dict[str, dict[int, query.Result]]:
    """An hour of gauges, counters and calls; what the store at home says to every question."""
    end = clock.to_ms(at)
    times = [end - 7_000 - 15_000 * n for n in range(240)][::-1]
    points = []
    for n, moment in enumerate(times):
        for i in range(3):
            points.append((named("gauge", i), moment, math.sin(n / 9 + i)))
            points.append((named("total", i), moment, float((n if n < 150 else n - 150) * (i + 1))))
        points.append((named("stopped", 0), moment, 1.0 if n < 200 else float(STALE)))
    append.samples(cast.project.id, points, now=at)
    append.samples(cast.other.id, [(labels, moment, 1000.0) for labels, moment, _ in points], now=at)
    push([
        {"at": at - dt.timedelta(seconds=3520 - 11 * n), "duration_seconds": 0.05 * (1 + n % 40), "version": f"v{n % 2}"}
        for n in range(320)
    ])  # fmt: skip
    return {
        expr: {
            step: ask(cast.project.id, expr, at, step) for step in (0, 60) if step == 0 or "[2m]" not in expr
        }
        for expr in (*EXACT, *NEARLY)
    }


def named(name: str, i: int) -> Labels:
    return Labels({"__name__": name, "i": str(i)})


def ask(project_id: int, expr: str, at: dt.datetime, step: int) -> query.Result:
    if not step:
        return query.instant(project_id, expr, at)
    return query.range(project_id, expr, at - dt.timedelta(minutes=12), at, step * 1000)


def carried(remote: Remote, project_id: int, at: dt.datetime) -> None:
    """Everything has left the queue and can be asked for."""
    totals.fold(now=at + dt.timedelta(minutes=2))
    while outgoing.length().samples:
        assert ship.run(remote, now=at + dt.timedelta(minutes=2), seconds=20).dropped == 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while query.instant(project_id, "count(gauge) + count(llm_requests_total)", at).single() != 5:
        assert time.monotonic() < deadline, "what was sent can't be asked for"
        time.sleep(0.2)
    # which histograms there are is remembered for some seconds
    remote._names.clear()


def told(result: query.Result) -> dict[object, list[tuple[int, float]]]:
    if result.raw is not None:
        return {
            one.labels: list(zip(one.times.tolist(), one.values.tolist(), strict=True)) for one in result.raw
        }
    return {
        labels: list(zip(times.tolist(), values.tolist(), strict=True))
        for labels, times, values in result.points()
    }


def differing(
    expected: dict[str, dict[int, query.Result]],
    project_id: int,
    at: dt.datetime,
    exprs: Sequence[str],
    within: float,
) -> list[object]:
    found: list[object] = []
    for expr in exprs:
        for step, want in expected[expr].items():
            one, other = told(want), told(ask(project_id, expr, at, step))
            alike = one.keys() == other.keys() and all(
                [moment for moment, _ in one[key]] == [moment for moment, _ in other[key]]
                and np.allclose([v for _, v in one[key]], [v for _, v in other[key]], rtol=within, atol=1e-9)
                for key in one
            )
            if not alike:
                found.append((expr, step, one, other))
    return found


Filled = dict[str, dict[int, query.Result]]


def lists_one_project_alone(client: Client, cast: Cast, at: dt.datetime) -> None:
    def get(path: str, key: str, **asked: str) -> Any:
        answer = client.get(f"/api/v1/{path}", asked, headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.content
        return answer.json()["data"]

    for key, sees in ((cast.key, True), (cast.other_key, False)):
        names = get("label/__name__/values", key)
        assert {"gauge", "total", "stopped"} <= set(names)
        assert ("llm_requests_total" in names) is sees
        assert "vigil_project" not in get("labels", key)
        assert get("label/vigil_project/values", key) == []
        listed = get("series", key, **{"match[]": "{i='1'}"})
        assert sorted(one["__name__"] for one in listed) == ["gauge", "total"]
        assert all("vigil_project" not in one for one in listed)
        assert ("llm_requests_total" in get("metadata", key)) is sees
    body = get("query", cast.other_key, query="sum(gauge)", time=str(at.timestamp()))
    assert body["result"] == [{"metric": {}, "value": [at.timestamp(), "3000"]}]


def test_victoria_metrics_gives_the_same_answers(
    victoria: str, cast: Cast, filled: Filled, at: dt.datetime, client: Client
) -> None:
    remote = connect(victoria)
    assert remote.native() is False
    carried(remote, cast.project.id, at)
    assert differing(filled, cast.project.id, at, EXACT, 1e-9) == []
    lists_one_project_alone(client, cast, at)
    # its buckets are 9 % wide
    assert differing(filled, cast.project.id, at, NEARLY, 0.1) == []


def test_prometheus_gives_the_same_answers(
    prometheus: str, cast: Cast, filled: Filled, at: dt.datetime, client: Client
) -> None:
    remote = connect(prometheus)
    assert remote.native() is True
    carried(remote, cast.project.id, at)
    assert differing(filled, cast.project.id, at, EXACT, 1e-9) == []
    lists_one_project_alone(client, cast, at)
    assert differing(filled, cast.project.id, at, NEARLY, 0.06) == []


def test_pushed_native_histograms_survive_the_way(prometheus: str, cast: Cast, at: dt.datetime) -> None:
    end = clock.to_ms(at)
    times = np.array([end - 30_000, end - 15_000])
    run = HistogramRun(
        times, np.array([7.0, 12.0]), np.array([3.5, 9.0]), np.array([1.0, 1.0]), 3, 1e-6, np.array([-4, 2, 3]),
        np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0]]), np.array([1]), np.array([[0.0], [0.0]]),
    )  # fmt: skip
    append.histograms(cast.project.id, [(Labels({"__name__": "h"}), run)], now=at)
    local = query.instant(cast.project.id, "h", at)
    remote = connect(prometheus)
    ship.run(remote, now=at, seconds=5)
    ((cells,), (other,)) = local.histograms, query.instant(cast.project.id, "h", at).histograms
    assert (cells.block.schema, cells.block.count.tolist()) == (
        other.block.schema,
        other.block.count.tolist(),
    )
    assert cells.block.positive[0].tolist() == other.block.positive[0].tolist()
    assert cells.block.positive_index.tolist() == other.block.positive_index.tolist()


def test_a_store_that_goes_away_is_said_to(victoria: str, cast: Cast, at: dt.datetime) -> None:
    connect("http://127.0.0.1:9", histograms="native")
    with pytest.raises(UnavailableError, match="the series store does not answer"):
        query.instant(cast.project.id, "up", at)
    connect(victoria)
    with pytest.raises(BadQueryError):
        query.instant(cast.project.id, "up +", at)
    with pytest.raises(QueryError, match="the series store says"):
        query.instant(cast.project.id, "info(up)", at)
