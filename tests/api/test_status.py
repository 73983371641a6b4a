"""What Prometheus' tools ask about the server itself: real values, or a refusal that says where to look."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def ask(client: Client, cast: Cast, path: str, **parameters: Any) -> Any:
    headers = {"authorization": f"Bearer {cast.query_key}"}
    return client.get(f"/api/v1/status/{path}", parameters, headers=headers)


def test_the_level_of_the_api_is_told(client: Client, cast: Cast) -> None:
    assert ask(client, cast, "buildinfo").json()["data"]["version"].startswith("3.")


def test_flags_are_the_limits_that_hold(client: Client, cast: Cast) -> None:
    flags = ask(client, cast, "flags").json()["data"]
    assert (flags["query.timeout"], flags["query.lookback-delta"]) == ("30s", "5m")
    assert flags["storage.tsdb.retention.time"].endswith("d")


def test_the_running_process_is_described(client: Client, cast: Cast) -> None:
    told = ask(client, cast, "runtimeinfo").json()["data"]
    assert dt.datetime.fromisoformat(told["startTime"]) <= dt.datetime.fromisoformat(told["serverTime"])
    assert told["GOMAXPROCS"] > 0


def test_there_is_no_configuration_file(client: Client, cast: Cast) -> None:
    answer = ask(client, cast, "config")
    assert answer.status_code == 404
    assert "environment variables" in answer.json()["error"]


def test_series_are_counted_by_name_and_label(client: Client, cast: Cast, now: dt.datetime) -> None:
    points = [
        (Labels({"__name__": "hits_total", "pod": str(pod)}), clock.to_ms(now), 1.0) for pod in range(3)
    ] + [(Labels({"__name__": "up", "pod": "0"}), clock.to_ms(now), 1.0)]
    append.samples(cast.project.id, points, now=now)
    told = ask(client, cast, "tsdb", limit=1).json()["data"]
    assert told["headStats"]["numSeries"] == 4
    assert told["seriesCountByMetricName"] == [{"name": "hits_total", "value": 3}]
    assert told["labelValueCountByLabelName"] == [{"name": "pod", "value": 3}]


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
def test_probes_made_for_prometheus_are_answered(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_alerts_go_to_vigil_itself(client: Client, cast: Cast) -> None:
    told = client.get("/api/v1/alertmanagers", headers={"authorization": f"Bearer {cast.query_key}"}).json()[
        "data"
    ]
    assert [one["url"].endswith("/api/v2/alerts") for one in told["activeAlertmanagers"]] == [True]


def test_nothing_is_told_without_a_key(client: Client) -> None:
    assert client.get("/api/v1/status/flags").status_code == 401
