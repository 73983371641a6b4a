"""A client library for Prometheus that others wrote, against our HTTP API over a real socket."""

import datetime as dt
from collections.abc import Iterator

import pytest
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from pytest_django.live_server_helper import LiveServer

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest.models import ScrapeTarget
from monitor.ingest.scraping import about
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def theirs(
    live_server: LiveServer, cast: Cast, now: dt.datetime, own_cache: None
) -> Iterator[PrometheusConnect]:
    """Their client, and two counters at 15 s for ten minutes before now."""
    end = clock.to_ms(now)
    points = [
        (Labels({"__name__": "hits_total", "version": version}), end - 15_000 * step, 600.0 - 15 * step)
        for version in ("v1", "v2")
        for step in range(41)
    ]
    append.samples(cast.project.id, points, now=now)
    target = ScrapeTarget.objects.create(project=cast.project, job="api", url="http://10.0.0.7:80/metrics")
    about._told.clear()
    about.remember(
        target.pk, b"# HELP hits_total Requests.\n# TYPE hits_total counter\n", openmetrics=False, now=now
    )
    client = PrometheusConnect(url=live_server.url, auth=("any", cast.query_key))
    yield client
    client.close()


def test_it_finds_the_server(theirs: PrometheusConnect) -> None:
    assert theirs.check_prometheus_connection()


def test_it_lists_metrics_labels_and_series(theirs: PrometheusConnect, now: dt.datetime) -> None:
    assert theirs.all_metrics() == ["hits_total"]
    assert theirs.get_label_names() == ["__name__", "version"]
    assert theirs.get_label_values("version") == ["v1", "v2"]
    assert theirs.get_series(now - 5 * MINUTE, now, {"match[]": "hits_total{version='v1'}"}) == [
        {"__name__": "hits_total", "version": "v1"}
    ]


def test_it_asks_at_a_moment(theirs: PrometheusConnect, now: dt.datetime) -> None:
    found = theirs.custom_query("sum(rate(hits_total[1m]))", params={"time": now.timestamp()})
    assert found == [{"metric": {}, "value": [now.timestamp(), "2"]}]


def test_it_asks_over_a_range(theirs: PrometheusConnect, now: dt.datetime) -> None:
    (found,) = theirs.custom_query_range("count(hits_total)", now - MINUTE, now, step="30s")
    assert [value for _, value in found["values"]] == ["2", "2", "2"]


def test_it_reads_samples_in_chunks(theirs: PrometheusConnect, now: dt.datetime) -> None:
    found = theirs.get_metric_range_data(
        "hits_total", {"version": "v1"}, start_time=now - 2 * MINUTE, end_time=now, chunk_size=MINUTE
    )
    # each chunk is a range vector, open to the left
    assert [len(chunk["values"]) for chunk in found] == [4, 4]


def test_it_reads_metadata_and_targets(theirs: PrometheusConnect) -> None:
    assert theirs.get_metric_metadata("hits_total")[0]["type"] == "counter"
    assert theirs.get_target_metadata({"job": "api"}, "hits_total")[0]["help"] == "Requests."
    assert theirs.get_scrape_pools() == ["api"]
    assert theirs.get_targets()["activeTargets"][0]["health"] == "unknown"


def test_it_understands_our_errors(theirs: PrometheusConnect) -> None:
    with pytest.raises(PrometheusApiClientException, match="1:4: parse error"):
        theirs.custom_query("sum(")
