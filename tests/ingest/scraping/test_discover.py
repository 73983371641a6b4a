"""Finding targets: lists, files and addresses, rewritten by rules, kept as rows; and scraping what was found."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import pytest
from pytest_django import Settings

from monitor import query
from monitor.core import clock
from monitor.core.labels import Labels, Matcher
from monitor.core.samples import STALE_BITS, Selection
from monitor.ingest.exposition import families
from monitor.ingest.models import ScrapeJob, ScrapeTarget
from monitor.ingest.scraping import discover, jobs, read, scrape, vanished
from monitor.ingest.wire import exposition_pb2 as wire
from monitor.store.models import Project
from monitor.store.reading.select import select
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
GONE = "gone"


@pytest.fixture(autouse=True)
def own_memory(own_cache: None) -> None:
    vanished._mine.clear()


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.VIGIL_SCRAPE_FILES = [str(tmp_path / "sd")]
    (tmp_path / "sd").mkdir()
    return tmp_path / "sd"


def job(cast: Cast, **config: Any) -> ScrapeJob:
    return ScrapeJob.objects.create(project=cast.project, name="api", config={"job_name": "api", **config})


def found(row: ScrapeJob, now: dt.datetime) -> dict[str, dict[str, str]]:
    """Address → labels after another look."""
    discover.run(row, now=now)
    row.refresh_from_db()
    return {one.url: one.labels for one in ScrapeTarget.objects.filter(source=row)}


def stored(project: Project, name: str) -> dict[Labels, list[object]]:
    chosen = Selection((Matcher("__name__", "=", name),), 0, 2**50)
    return {
        one.labels.drop(["__name__"]): [
            GONE if np.float64(value).view(np.uint64) == STALE_BITS else value for value in one.values
        ]
        for one in select(project.id, [chosen], max_samples=10**6)[0]
    }


def address(server: Outside) -> str:
    return server.url.removeprefix("http://")


def test_a_list_becomes_targets(cast: Cast, now: dt.datetime) -> None:
    row = job(cast, static_configs=[{"targets": ["a:1", "b:2"], "labels": {"zone": "z"}}])
    assert found(row, now) == {
        "http://a:1/metrics": {"job": "api", "instance": "a:1", "zone": "z"},
        "http://b:2/metrics": {"job": "api", "instance": "b:2", "zone": "z"},
    }
    assert (row.last_ok, row.last_error) == (now, "")


def test_scheme_path_and_parameters_make_the_address(cast: Cast, now: dt.datetime) -> None:
    row = job(
        cast, scheme="https", metrics_path="/probe", params={"target": ["x y"], "m": ["1", "2"]},
        static_configs=[{"targets": ["a"]}],
    )  # fmt: skip
    assert list(found(row, now)) == ["https://a/probe?m=1&m=2&target=x+y"]


def test_pages_that_another_exporter_probes_are_targets(cast: Cast, now: dt.datetime) -> None:
    rules = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": "prober:9115"},
    ]
    pages = [{"targets": ["https://a.example/x?y=1", "http://b.example"]}]
    row = job(
        cast,
        metrics_path="/probe",
        params={"module": ["http_2xx"]},
        static_configs=pages,
        relabel_configs=rules,
    )
    assert jobs.read(row.config).static[0].targets[1] == "http://b.example"
    assert found(row, now) == {
        f"http://prober:9115/probe?module=http_2xx&target={quote_plus(page)}": {
            "job": "api",
            "instance": page,
        }
        for page in pages[0]["targets"]
    }


def test_rules_may_rewrite_the_address_and_everything_else(cast: Cast, now: dt.datetime) -> None:
    """The well-known way to probe through an exporter."""
    row = job(
        cast,
        metrics_path="/probe",
        static_configs=[{"targets": ["shop", "internal"]}],
        relabel_configs=[
            {"source_labels": ["__address__"], "regex": "internal", "action": "drop"},
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": "blackbox:9115"},
            {"target_label": "__scrape_interval__", "replacement": "1m"},
        ],
    )
    assert found(row, now) == {"http://blackbox:9115/probe?target=shop": {"job": "api", "instance": "shop"}}
    assert ScrapeTarget.objects.get().interval_seconds == 60
    assert [one.discovered["__address__"] for one in read.dropped(cast.project.id)] == ["internal"]


@pytest.mark.parametrize(
    "name, text",
    [("a.json", '[{"targets": ["a:1"], "labels": {"rack": "7"}}]'), ("a.yml", "- targets: ['a:1']\n  labels: {rack: 7}")],
)  # fmt: skip
def test_files_become_targets(cast: Cast, now: dt.datetime, folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    row = job(
        cast, file_sd_configs=[{"files": [f"{folder}/*{name[1:]}"]}],
        relabel_configs=[{"source_labels": ["__meta_filepath"], "target_label": "file"}],
    )  # fmt: skip
    assert found(row, now) == {
        "http://a:1/metrics": {"job": "api", "instance": "a:1", "rack": "7", "file": str(folder / name)}
    }


@pytest.mark.parametrize(
    "pattern",
    ["/etc/passwd.json", "{folder}/../secret.json", "/etc/*.yml", "{folder}/link.json", "{folder}/li*.json"],
)
def test_files_outside_the_folders_are_not_read(
    cast: Cast, now: dt.datetime, folder: Path, pattern: str
) -> None:
    (folder.parent / "secret.json").write_text('[{"targets": ["secret:1"]}]')
    (folder / "link.json").symlink_to(folder.parent / "secret.json")
    row = job(cast, file_sd_configs=[{"files": [pattern.format(folder=folder)]}])
    assert found(row, now) == {}
    assert "set VIGIL_SCRAPE_FILES" in row.last_error


@pytest.mark.parametrize(
    "text", ["[{", '[{"targets": 5}]', "5", '[{"targets": ["a:1"], "password": "hunter2"}]']
)
def test_a_broken_file_leaves_the_targets_as_they_were(
    cast: Cast, now: dt.datetime, folder: Path, text: str
) -> None:
    (folder / "a.json").write_text('[{"targets": ["a:1"]}]')
    row = job(cast, file_sd_configs=[{"files": [f"{folder}/a.json"]}])
    found(row, now)
    (folder / "a.json").write_text(text)
    assert list(found(row, now + MINUTE)) == ["http://a:1/metrics"]
    assert str(folder / "a.json") in row.last_error
    assert "hunter2" not in row.last_error
    assert row.last_ok == now


def test_an_address_of_targets_is_asked_with_its_credentials(
    cast: Cast, now: dt.datetime, outside: Callable[[], Outside]
) -> None:
    server = outside()
    server.always(200, json.dumps([{"targets": ["a:1"], "labels": {"__meta_dc": "cn"}}]).encode())
    row = job(
        cast,
        http_sd_configs=[{"url": f"{server.url}/t", "basic_auth": {"username": "u", "password": "pw"}}],
        relabel_configs=[{"regex": "__meta_(.+)", "action": "labelmap"}],
    )
    assert found(row, now)["http://a:1/metrics"]["dc"] == "cn"
    assert server.received[0].headers["authorization"] == "Basic dTpwdw=="
    server.always(500, b"broken by pw")
    assert list(found(row, now + MINUTE)) == ["http://a:1/metrics"]
    assert "answered 500" in row.last_error


def test_a_metadata_address_is_never_asked_for_targets(cast: Cast, now: dt.datetime) -> None:
    row = job(cast, http_sd_configs=[{"url": "http://169.254.169.254/latest"}])
    assert found(row, now) == {}
    assert "must not be called" in row.last_error


def test_private_addresses_of_targets_need_the_setting(
    cast: Cast, now: dt.datetime, settings: Settings, outside: Callable[[], Outside]
) -> None:
    settings.VIGIL_ALLOW_PRIVATE_TARGETS = False
    server = outside()
    row = job(cast, static_configs=[{"targets": [address(server)]}])
    found(row, now)
    scrape.run_due(now=now)
    assert "VIGIL_ALLOW_PRIVATE_TARGETS" in ScrapeTarget.objects.get().last_error
    assert server.received == []


def test_a_job_is_looked_at_when_it_is_due(cast: Cast, now: dt.datetime) -> None:
    job(cast, static_configs=[{"targets": ["a:1"]}])
    looks = [discover.run_due(now=now + minute * MINUTE) for minute in (0, 1, 5, 6)]
    assert looks == [1, 0, 1, 0]


def test_what_stays_the_same_keeps_its_row(cast: Cast, now: dt.datetime) -> None:
    row = job(cast, static_configs=[{"targets": ["a:1"]}])
    found(row, now)
    before = ScrapeTarget.objects.get()
    ScrapeTarget.objects.update(last_samples=5)
    found(row, now + MINUTE)
    assert (ScrapeTarget.objects.get().pk, ScrapeTarget.objects.get().last_samples) == (before.pk, 5)


@pytest.fixture
def page(outside: Callable[[], Outside]) -> Outside:
    server = outside()
    server.always(
        200, b'hits_total{job="own",path="/a"} 3\ngo_threads 7\nqueue 1 1000\n', content_type="text/plain"
    )
    return server


def test_found_targets_are_scraped_by_their_rules(cast: Cast, now: dt.datetime, page: Outside) -> None:
    row = job(
        cast,
        scrape_interval="15s",
        scrape_timeout="3s",
        honor_labels=True,
        honor_timestamps=False,
        authorization={"credentials": "t0ken"},
        static_configs=[{"targets": [address(page)]}],
        metric_relabel_configs=[
            {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
            {"source_labels": ["path"], "regex": "/(.*)", "target_label": "place"},
            {"regex": "path|instance", "action": "labeldrop"},
        ],
    )
    found(row, now)
    for minute in (0, 1):
        assert scrape.run_due(now=now + minute * MINUTE) == 1
    assert stored(cast.project, "hits_total") == {Labels({"job": "own", "place": "a"}): [3.0, 3.0]}
    assert stored(cast.project, "queue") == {Labels({"job": "api"}): [1.0, 1.0]}
    assert stored(cast.project, "go_threads") == {}
    common = Labels({"job": "api", "instance": address(page)})
    assert stored(cast.project, "scrape_samples_scraped") == {common: [3.0, 3.0]}
    assert stored(cast.project, "scrape_samples_post_metric_relabeling") == {common: [2.0, 2.0]}
    assert stored(cast.project, "scrape_series_added") == {common: [2.0, 0.0]}
    assert page.received[0].headers["authorization"] == "Bearer t0ken"
    assert page.received[0].headers["x-prometheus-scrape-timeout-seconds"] == "3"


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"sample_limit": 2}, "3 samples; sample_limit is 2"),
        ({"label_limit": 4}, "hits_total: 5 labels; label_limit is 4"),
        ({"label_name_length_limit": 11}, "'exported_job' has 12 bytes; label_name_length_limit is 11"),
        ({"label_value_length_limit": 3}, "label_value_length_limit is 3"),
        ({"body_size_limit": "20B"}, "answered more than 20 bytes"),
    ],
)
def test_what_breaks_a_limit_fails_the_whole_scrape(
    cast: Cast, now: dt.datetime, page: Outside, limit: dict[str, Any], says: str
) -> None:
    found(job(cast, **limit, static_configs=[{"targets": [address(page)]}]), now)
    scrape.run_due(now=now)
    assert says in ScrapeTarget.objects.get().last_error
    assert list(stored(cast.project, "up").values()) == [[0.0]]
    assert stored(cast.project, "go_threads") == {}


def test_a_series_with_times_of_its_own_is_marked_where_the_job_says_so(
    cast: Cast, now: dt.datetime, page: Outside
) -> None:
    page.answer(200, b"queue 1 %d\n" % clock.to_ms(now))
    page.always(200, b"other 1\n")
    found(job(cast, track_timestamps_staleness=True, static_configs=[{"targets": [address(page)]}]), now)
    for minute in (0, 1):
        scrape.run_due(now=now + minute * MINUTE)
    assert list(stored(cast.project, "queue").values()) == [[1.0, GONE]]


def test_the_series_of_a_target_that_is_gone_end(
    cast: Cast, now: dt.datetime, page: Outside, folder: Path
) -> None:
    (folder / "a.json").write_text(json.dumps([{"targets": [address(page)]}]))
    row = job(cast, file_sd_configs=[{"files": [f"{folder}/a.json"]}])
    found(row, now)
    scrape.run_due(now=now)
    (folder / "a.json").write_text("[]")
    assert found(row, now + MINUTE) == {}
    assert list(stored(cast.project, "go_threads").values()) == [[7.0, GONE]]
    assert list(stored(cast.project, "up").values()) == [[1.0, GONE]]


def test_a_job_that_is_switched_off_is_not_scraped(cast: Cast, now: dt.datetime, page: Outside) -> None:
    row = job(cast, static_configs=[{"targets": [address(page)]}])
    found(row, now)
    ScrapeJob.objects.update(enabled=False)
    assert scrape.run_due(now=now) == 0


def test_native_histograms_are_scraped_when_the_job_says_so(
    cast: Cast, now: dt.datetime, outside: Callable[[], Outside]
) -> None:
    server = outside()
    one = wire.Metric(histogram=wire.Histogram(
        sample_count=3, sample_sum=4.5, schema=0, zero_threshold=0.001,
        positive_span=[wire.Span(offset=0, length=2)], positive_delta=[1, 1],
    ))  # fmt: skip
    body = wire.Family(name="took_seconds", metric=[one]).SerializeToString()
    server.always(200, bytes([len(body)]) + body, content_type=f"{families.PROTOBUF}; encoding=delimited")
    row = job(cast, scrape_native_histograms=True, static_configs=[{"targets": [address(server)]}])
    found(row, now)
    scrape.run_due(now=now)
    assert server.received[0].headers["accept"].startswith(families.PROTOBUF)
    counted = query.instant(cast.project.id, "histogram_count(took_seconds)", now)
    assert [values.tolist() for _, _, values in counted.points()] == [[3.0]]
    server.always(200, b"", content_type=families.PROTOBUF)
    scrape.run_due(now=now + MINUTE)
    assert list(query.instant(cast.project.id, "histogram_count(took_seconds)", now + MINUTE).points()) == []
