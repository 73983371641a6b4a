"""Scraping: who is due, what is stored, and what a target that fails leaves behind."""

import datetime as dt
import uuid
from collections.abc import Callable

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import choose_encoder
from pytest_django import Settings

from monitor.core import clock
from monitor.core.labels import Labels, Matcher
from monitor.core.samples import STALE_BITS, Selection
from monitor.ingest.models import ScrapeTarget
from monitor.ingest.scraping import read, scrape, vanished
from monitor.store.models import Project
from monitor.store.reading.select import select
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside

pytestmark = pytest.mark.django_db
SECOND = dt.timedelta(seconds=1)
GONE = "gone"
Memory = dict[int, tuple[str | None, frozenset[Labels]]]


@pytest.fixture(autouse=True)
def own_cache(settings: Settings) -> None:
    """Test runs beside each other share one cache server."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "KEY_PREFIX": uuid.uuid4().hex}}
    vanished._mine.clear()


@pytest.fixture
def server(outside: Callable[[], Outside]) -> Outside:
    found = outside()
    found.always(200, b'hits_total{job="own"} 3\nqueue 1\n', content_type="text/plain; version=0.0.4")
    return found


def target(cast: Cast, server: Outside, **more: object) -> ScrapeTarget:
    return ScrapeTarget.objects.create(
        project=cast.project, job="paddle", url=f"{server.url}/metrics", **more
    )


def stored(project: Project, name: str) -> dict[Labels, list[object]]:
    """Every sample of a metric by labels; staleness markers as GONE."""
    chosen = Selection((Matcher("__name__", "=", name),), 0, 2**50)
    return {
        one.labels.drop(["__name__", "job", "instance"]): [
            GONE if np.float64(value).view(np.uint64) == STALE_BITS else value for value in one.values
        ]
        for one in select(project.id, [chosen], max_samples=10**6)[0]
    }


def test_a_page_is_stored_with_the_labels_of_its_target(
    cast: Cast, server: Outside, now: dt.datetime
) -> None:
    target(cast, server, labels={"zone": "z1"})
    assert scrape.run_due(now=now) == 1
    assert stored(cast.project, "queue") == {Labels({"zone": "z1"}): [1.0]}
    assert stored(cast.project, "hits_total") == {Labels({"zone": "z1", "exported_job": "own"}): [3.0]}


def test_every_scrape_reports_on_itself(cast: Cast, server: Outside, now: dt.datetime) -> None:
    found = target(cast, server)
    scrape.run_due(now=now)
    assert stored(cast.project, "up") == {Labels(): [1.0]}
    assert stored(cast.project, "scrape_samples_scraped") == {Labels(): [2.0]}
    assert stored(cast.project, "scrape_duration_seconds")
    found.refresh_from_db()
    assert (found.last_ok, found.last_error, found.last_samples) == (now, "", 2)


def test_a_target_is_due_once_per_interval(cast: Cast, server: Outside, now: dt.datetime) -> None:
    target(cast, server, interval_seconds=15)
    dues = [scrape.run_due(now=now + seconds * SECOND) for seconds in (0, 5, 10, 15, 20, 32)]
    assert dues == [1, 0, 0, 1, 0, 1]


def test_after_a_pause_missed_scrapes_are_not_made_up(cast: Cast, server: Outside, now: dt.datetime) -> None:
    target(cast, server, interval_seconds=15)
    assert [scrape.run_due(now=now + seconds * SECOND) for seconds in (0, 3600, 3601, 3615)] == [1, 1, 0, 1]


def test_two_workers_do_not_scrape_the_same_target(cast: Cast, server: Outside, now: dt.datetime) -> None:
    first, second = target(cast, server), ScrapeTarget.objects.get()
    assert (scrape._claim(first, now), scrape._claim(second, now)) == (True, False)


@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_what_is_switched_off_is_left_alone(cast: Cast, server: Outside, now: dt.datetime, how: str) -> None:
    target(cast, server, enabled=how != "disabled")
    if how == "deleted":
        Project.objects.update(deleted_at=now)
    assert scrape.run_due(now=now) == 0
    assert server.received == []


def test_the_token_goes_as_bearer_and_plain_text_is_asked_for(
    cast: Cast, server: Outside, now: dt.datetime
) -> None:
    target(cast, server, bearer_token="s3cret-token")
    scrape.run_due(now=now)
    assert server.received[0].headers["authorization"] == "Bearer s3cret-token"
    assert server.received[0].headers["accept"].startswith("text/plain")


def test_clients_are_asked_for_names_as_they_are() -> None:
    registry = CollectorRegistry()
    Gauge("queue.depth", "", registry=registry).set(3)
    encode, _ = choose_encoder(scrape.ACCEPT)
    assert b'{"queue.depth"} 3.0' in encode(registry)


def test_a_series_that_vanishes_is_marked_once(cast: Cast, server: Outside, now: dt.datetime) -> None:
    target(cast, server)
    scrape.run_due(now=now)
    server.always(200, b"queue 2\n")
    for minute in (1, 2):
        scrape.run_due(now=now + 60 * minute * SECOND)
    assert stored(cast.project, "hits_total") == {Labels({"exported_job": "own"}): [3.0, GONE]}
    assert stored(cast.project, "queue") == {Labels(): [1.0, 2.0, 2.0]}


def test_another_process_sees_what_vanished_too(cast: Cast, server: Outside, now: dt.datetime) -> None:
    target(cast, server)
    scrape.run_due(now=now)
    vanished._mine.clear()
    server.always(200, b"queue 2\n")
    scrape.run_due(now=now + 60 * SECOND)
    assert stored(cast.project, "hits_total") == {Labels({"exported_job": "own"}): [3.0, GONE]}


def test_two_processes_taking_turns_miss_no_end_of_a_series(
    cast: Cast, server: Outside, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    target(cast, server)
    memories: tuple[Memory, Memory] = ({}, {})
    both, one = b"queue 1\nhits_total 1\n", b"queue 1\n"
    for turn, (process, body) in enumerate([(0, both), (1, one), (0, both), (1, one)]):
        monkeypatch.setattr(vanished, "_mine", memories[process])
        server.always(200, body)
        scrape.run_due(now=now + 60 * turn * SECOND)
    assert stored(cast.project, "hits_total") == {Labels(): [1.0, GONE, 1.0, GONE]}


def test_a_series_with_times_of_its_own_is_never_marked(
    cast: Cast, server: Outside, now: dt.datetime
) -> None:
    target(cast, server)
    server.answer(200, b"queue 1 %d\n" % clock.to_ms(now - SECOND))
    server.always(200, b"other 1\n")
    for minute in (0, 1):
        scrape.run_due(now=now + 60 * minute * SECOND)
    assert stored(cast.project, "queue") == {Labels(): [1.0]}


@pytest.mark.parametrize(
    "status, body, why",
    [
        (500, b"boom", "answered 500 instead of 200: boom"),
        (302, b"", "answered 302"),
        (302, b"http://169.254.169.254/latest", "an address that must not be called"),
        (307, b"http://[", "answered 307"),
        (200, b"<html><body>Sign in</body></html>", "no metrics page"),
        (200, b"a 1\n\xff\xfe\n", "no metrics page: line 2"),
    ],
)
def test_a_target_that_fails_is_down_and_all_its_series_end(
    cast: Cast, server: Outside, now: dt.datetime, status: int, body: bytes, why: str
) -> None:
    found = target(cast, server)
    scrape.run_due(now=now)
    # only answers that say "elsewhere" are read for it
    server.always(status, body, location=body.decode("latin-1").replace("\n", " "))
    scrape.run_due(now=now + 60 * SECOND)
    assert stored(cast.project, "up") == {Labels(): [1.0, 0.0]}
    assert stored(cast.project, "queue") == {Labels(): [1.0, GONE]}
    found.refresh_from_db()
    assert why in found.last_error
    assert found.last_ok == now


def test_a_page_that_moved_is_followed_and_only_its_own_host_learns_the_token(
    cast: Cast, server: Outside, now: dt.datetime, outside: Callable[[], Outside]
) -> None:
    other = outside()
    other.always(200, b"queue 2\n", content_type="text/plain")
    server.answer(307, b"", Location="/metrics/")
    server.answer(302, b"", Location=f"{other.url}/there")
    target(cast, server, bearer_token="t0ken")
    scrape.run_due(now=now)
    assert stored(cast.project, "queue") == {Labels(): [2.0]}
    assert [one.path for one in server.received] == ["/metrics", "/metrics/"]
    assert server.received[1].headers["authorization"] == "Bearer t0ken"
    assert "authorization" not in other.received[0].headers


def test_a_page_that_moves_on_and_on_is_down(cast: Cast, server: Outside, now: dt.datetime) -> None:
    server.always(302, b"", Location="/metrics")
    found = target(cast, server)
    scrape.run_due(now=now)
    found.refresh_from_db()
    assert "answered 302" in found.last_error
    assert len(server.received) == scrape.MOST_MOVES


def test_nobody_at_the_address_is_down(cast: Cast, server: Outside, now: dt.datetime) -> None:
    found = target(cast, server)
    ScrapeTarget.objects.update(url="http://127.0.0.1:1/metrics")
    scrape.run_due(now=now)
    found.refresh_from_db()
    assert "127.0.0.1" in found.last_error
    assert stored(cast.project, "up") == {Labels(): [0.0]}


def test_some_bad_lines_are_named_and_the_rest_is_stored(
    cast: Cast, server: Outside, now: dt.datetime
) -> None:
    found = target(cast, server)
    server.always(200, b"queue 1\nbad line here\n")
    scrape.run_due(now=now)
    found.refresh_from_db()
    assert found.last_error.startswith("1 lines refused; line 2, ")
    assert stored(cast.project, "queue") == {Labels(): [1.0]}
    assert read.targets(cast.project.id)[0].health == "up"


def test_one_target_that_breaks_us_costs_the_others_nothing(
    cast: Cast, server: Outside, now: dt.datetime
) -> None:
    broken = target(cast, server)
    ScrapeTarget.objects.create(project=cast.project, job="other", url=f"{server.url}/other")
    ScrapeTarget.objects.filter(pk=broken.pk).update(labels={"bad": 5})
    assert scrape.run_due(now=now) == 2
    broken.refresh_from_db()
    assert broken.last_error
    assert ScrapeTarget.objects.get(job="other").last_error == ""


def test_health_is_unknown_before_the_first_scrape(cast: Cast, server: Outside, now: dt.datetime) -> None:
    target(cast, server)
    assert read.targets(cast.project.id)[0].health == "unknown"
    scrape.run_due(now=now)
    state = read.targets(cast.project.id)[0]
    assert (state.health, state.last_scrape) == ("up", now)


@pytest.mark.parametrize(
    "url, instance",
    [
        ("http://host/m", "host:80"), ("https://host/m", "host:443"), ("http://u:p@host:9100/m", "host:9100"),
        ("http://[::1]:9/m", "[::1]:9"),
    ],
)  # fmt: skip
def test_the_instance_is_host_and_port(url: str, instance: str) -> None:
    assert scrape.target_labels(ScrapeTarget(job="j", url=url)) == Labels({"job": "j", "instance": instance})


def test_a_label_that_collides_twice_gets_a_free_name() -> None:
    found = scrape.attached(Labels({"job": "a", "exported_job": "b"}), Labels({"job": "x"}))
    assert found == Labels({"job": "x", "exported_job": "b", "exported_exported_job": "a"})
