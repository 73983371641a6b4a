"""The list of targets, as Prometheus shows it."""

import datetime as dt

import pytest
from django.test import Client

from monitor.ingest.models import ScrapeTarget
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
URL = "http://10.0.0.7:8080/metrics?x=1"


def ask(client: Client, cast: Cast, **query: str) -> dict[str, list[dict[str, object]]]:
    answer = client.get("/api/v1/targets", query, headers=cast.bearer)
    assert answer.json()["status"] == "success"
    found: dict[str, list[dict[str, object]]] = answer.json()["data"]
    return found


def test_a_target_is_shown_with_its_labels_and_health(client: Client, cast: Cast, now: dt.datetime) -> None:
    ScrapeTarget.objects.create(
        project=cast.project, job="paddle", url=URL, labels={"zone": "z"}, last_duration=0.25,
        due_at=now + dt.timedelta(seconds=15), last_error="answered 500",
    )  # fmt: skip
    (one,) = ask(client, cast)["activeTargets"]
    assert one["labels"] == {"job": "paddle", "instance": "10.0.0.7:8080", "zone": "z"}
    assert (one["health"], one["lastError"], one["lastScrape"]) == (
        "down",
        "answered 500",
        "2026-11-18T12:00:00Z",
    )
    assert (one["scrapeInterval"], one["scrapeTimeout"], one["scrapeUrl"]) == ("15s", "10s", URL)
    assert one["discoveredLabels"] == {
        "job": "paddle", "instance": "10.0.0.7:8080", "zone": "z", "__address__": "10.0.0.7:8080",
        "__scheme__": "http", "__metrics_path__": "/metrics", "__scrape_interval__": "15s",
    }  # fmt: skip


def test_a_target_that_was_never_scraped_is_unknown(client: Client, cast: Cast) -> None:
    ScrapeTarget.objects.create(project=cast.project, job="a", url=URL)
    (one,) = ask(client, cast)["activeTargets"]
    assert (one["health"], one["lastScrape"]) == ("unknown", "0001-01-01T00:00:00Z")


def test_disabled_targets_are_dropped_and_state_and_pool_narrow(client: Client, cast: Cast) -> None:
    ScrapeTarget.objects.create(project=cast.project, job="a", url=URL, enabled=False)
    ScrapeTarget.objects.create(project=cast.project, job="b", url=URL + "2")
    assert [one["scrapePool"] for one in ask(client, cast)["droppedTargets"]] == ["a"]
    assert ask(client, cast, state="active")["droppedTargets"] == []
    assert ask(client, cast, state="dropped")["activeTargets"] == []
    assert ask(client, cast, scrapePool="a")["activeTargets"] == []


def test_the_token_of_a_target_is_never_shown(client: Client, cast: Cast) -> None:
    ScrapeTarget.objects.create(project=cast.project, job="a", url=URL, bearer_token="s3cret")
    assert b"s3cret" not in client.get("/api/v1/targets", headers=cast.bearer).content


def test_another_project_sees_nothing(client: Client, cast: Cast) -> None:
    ScrapeTarget.objects.create(project=cast.project, job="a", url=URL)
    answer = client.get("/api/v1/targets", headers={"authorization": f"Bearer {cast.other_key}"})
    assert answer.json()["data"]["activeTargets"] == []
