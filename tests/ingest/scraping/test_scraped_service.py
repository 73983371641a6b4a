"""What a typical inference service exposes, scraped over HTTP and asked in PromQL the way its rules ask."""

import datetime as dt
import uuid

import pytest
from django.test import Client
from pytest_django import Settings

from monitor import query
from monitor.ingest.scraping import vanished
from monitor.store.models import Project
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_paddle import Backfill, Paddle
from tests.fixtures.remote_write import HEADERS_1, HEADERS_2, Native, Sent, series, version_1, version_2

pytestmark = [pytest.mark.django_db, pytest.mark.processes]

ERRORS = "rate(paddle_model_errors_total[5m]) / rate(paddle_model_requests_total[5m]) > 0.01"
SLOW = "histogram_quantile(0.99, sum(rate(paddle_model_latency_seconds_bucket[5m])) by (le, version)) > 0.5"
QUIET = (
    "(avg by(job)(rate(paddle_model_requests_total[5m])) / "
    "avg by(job)(avg_over_time(rate(paddle_model_requests_total[5m])[7d:5m]))) < 0.5"
)
EVEN = {"v1": 30, "v2": 30}


@pytest.fixture(autouse=True)
def own_cache(settings: Settings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": uuid.uuid4().hex}}
    vanished._mine.clear()


def ask(project: Project, expr: str, at: dt.datetime, label: str = "version") -> dict[str, float]:
    found = query.instant(project.id, expr, at)
    return {labels.get(label, ""): float(values[0]) for labels, _, values in found.points()}


def test_counters_and_classic_histograms_come_in(cast: Cast, paddle: Paddle, now: dt.datetime) -> None:
    paddle.target(cast.project)
    paddle.live(now, 0.25, {"v1": 7})
    at = now + dt.timedelta(seconds=15)
    assert ask(cast.project, "paddle_model_requests_total", at) == {"v1": 7.0, "v2": 0.0}
    assert ask(cast.project, 'paddle_model_latency_seconds_bucket{le="0.05"}', at) == {"v1": 7.0, "v2": 0.0}
    assert ask(cast.project, "up", at, "instance") == {paddle.instance: 1.0}


def test_the_error_rule_sees_the_version_that_fails(cast: Cast, paddle: Paddle, now: dt.datetime) -> None:
    paddle.target(cast.project)
    at = paddle.live(now, 6, EVEN)
    assert ask(cast.project, ERRORS, at) == {}
    paddle.behave("v2", error_rate=0.05)
    at = paddle.live(at, 6, EVEN)
    assert ask(cast.project, ERRORS, at) == {"v2": pytest.approx(0.05, rel=0.15)}
    paddle.behave("v2", error_rate=0.0)
    assert ask(cast.project, ERRORS, paddle.live(at, 6, EVEN)) == {}


def test_the_latency_rule_sees_the_version_that_is_slow(cast: Cast, paddle: Paddle, now: dt.datetime) -> None:
    paddle.target(cast.project)
    at = paddle.live(now, 6, EVEN)
    assert ask(cast.project, SLOW, at) == {}
    paddle.behave("v2", latency_seconds=0.8)
    at = paddle.live(at, 6, EVEN)
    assert ask(cast.project, SLOW, at) == {"v2": pytest.approx(0.995)}


def test_the_traffic_rule_compares_with_a_week_of_history(
    cast: Cast, paddle: Paddle, backfill: Backfill, now: dt.datetime
) -> None:
    paddle.target(cast.project)
    for version in EVEN:
        labels = {"job": "paddle", "instance": paddle.instance, "version": version}
        backfill({"__name__": "paddle_model_requests_total", **labels}, per_second=2.0, until=now)
    at = paddle.live(now, 6, EVEN)
    assert ask(cast.project, QUIET, at, "job") == {}
    at = paddle.live(at, 6, {"v1": 6, "v2": 6})
    assert ask(cast.project, QUIET, at, "job") == {"paddle": pytest.approx(0.2, rel=0.1)}


def test_a_restart_is_no_drop_in_the_rate(cast: Cast, paddle: Paddle, now: dt.datetime) -> None:
    paddle.target(cast.project)
    at = paddle.live(now, 3, EVEN)
    paddle.stop()
    paddle.start()
    at = paddle.live(at, 3, EVEN)
    rates = ask(cast.project, "rate(paddle_model_requests_total[5m])", at)
    assert rates["v1"] == pytest.approx(2.0, rel=0.15)


def test_when_the_service_is_gone_its_series_end_at_once(
    cast: Cast, paddle: Paddle, now: dt.datetime
) -> None:
    paddle.target(cast.project)
    at = paddle.live(now, 1, EVEN)
    paddle.stop()
    at = paddle.live(at, 0.25, {})
    assert ask(cast.project, "up", at, "instance") == {paddle.instance: 0.0}
    assert ask(cast.project, "paddle_model_requests_total", at) == {}


@pytest.mark.parametrize("version", [1, 2])
def test_what_remote_write_pushes_is_answered_by_the_query_api(
    client: Client, cast: Cast, version: int
) -> None:
    encode, headers = {1: (version_1, HEADERS_1), 2: (version_2, HEADERS_2)}[version]
    at = 1_795_000_000_000 - 86_400_000 * 5
    sent = [
        series({"__name__": "queue", "pool": "a"}, (at, 3.0)),
        Sent([("__name__", "rpc_seconds")], histograms=[Native(at, {0: 50, 1: 50}, total=120.0)]),
        Sent([("pool", "nameless")], [(at, 1.0)]),
    ]
    kind = headers["content-type"]
    answer = client.post("/api/v1/write", encode(sent), content_type=kind, headers={**headers, **cast.bearer})
    assert answer.status_code == 400
    assert "series 2, __name__" in answer.json()["error"]
    for expr, value in (("queue", 3.0), ("histogram_quantile(0.5, rpc_seconds)", 1.0)):
        found = client.get(
            "/api/v1/query", {"query": expr, "time": str(at / 1000)}, headers=cast.bearer
        ).json()
        assert [float(one["value"][1]) for one in found["data"]["result"]] == [value]


@pytest.mark.parametrize("far", [2**62, 2**45, -5, 0])
def test_times_that_nobody_can_mean_are_refused_alone(client: Client, cast: Cast, far: int) -> None:
    at = 1_795_000_000_000 - 86_400_000 * 5
    sent = [
        Sent([("__name__", "h")], [(far, 1.0), (at, 2.0)], [Native(far, {0: 1}), Native(at + 1, {0: 1})]),
        series({"__name__": "queue"}, (at, 3.0)),
    ]
    headers = {**HEADERS_1, **cast.bearer}
    kind = headers.pop("content-type")
    answer = client.post("/api/v1/write", version_1(sent), content_type=kind, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(
        "2 series or samples refused, 3 samples stored; first: series 0, at"
    )
