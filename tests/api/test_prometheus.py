"""Prometheus' HTTP API: the exact JSON, the right status for each way to fail."""

import datetime as dt
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import connection, transaction
from django.test import Client

from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.store.reading import catalog, tapes
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast

# each call doubles the label: 2 KB of text would make more letters than there is memory
DOUBLING = functools.reduce(
    lambda inner, _: f'label_replace({inner},"a","$1$1","a","(.*)")',
    range(60),
    'label_replace(vector(1),"a","xx","","")',
)
pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]


@pytest.fixture
def at(now: dt.datetime) -> int:
    return clock.to_ms(now)


@pytest.fixture
def ask(client: Client, cast: Cast, at: int, now: dt.datetime) -> Ask:
    """Asks as the reader, over two versions' counters at 15 s for ten minutes."""
    points = [
        (Labels({"__name__": "hits_total", "version": version}), at - 600_000 + i * 15_000, i * 15.0 * speed)
        for version, speed in (("v1", 1.0), ("v2", 3.0))
        for i in range(41)
    ]
    append.samples(cast.project.id, points, now=now)

    def get(path: str, **parameters: Any) -> Any:
        headers = {"authorization": f"Bearer {cast.query_key}"}
        return client.get(f"/api/v1/{path}", parameters, headers=headers)

    return get


def test_an_instant_vector_has_one_value_per_series(ask: Ask, at: int) -> None:
    answer = ask("query", query="hits_total", time=at / 1000)
    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "resultType": "vector",
        "result": [
            {"metric": {"__name__": "hits_total", "version": "v1"}, "value": [at / 1000, "600"]},
            {"metric": {"__name__": "hits_total", "version": "v2"}, "value": [at / 1000, "1800"]},
        ],
    }


def test_a_range_has_every_step_from_start_to_end(ask: Ask, at: int) -> None:
    answer = ask(
        "query_range", query="sum(rate(hits_total[1m]))", start=at / 1000 - 60, end=at / 1000, step="30s"
    )
    (series,) = answer.json()["data"]["result"]
    assert series == {"metric": {}, "values": [[at / 1000 - 60 + 30 * i, "4"] for i in range(3)]}


def test_a_posted_form_is_read_as_well(client: Client, cast: Cast, ask: Ask, at: int) -> None:
    answer = client.post(
        "/api/v1/query",
        {"query": "count(hits_total)", "time": at / 1000},
        headers={"authorization": f"Bearer {cast.query_key}"},
    )
    assert answer.json()["data"]["result"][0]["value"][1] == "2"


def test_times_may_be_rfc_3339(ask: Ask, now: dt.datetime) -> None:
    answer = ask("query", query="time()", time=now.isoformat().replace("+00:00", "Z"))
    assert answer.json()["data"]["result"] == [now.timestamp(), f"{now.timestamp():.0f}"]


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        ("1/0", "+Inf"),
        ("-1/0", "-Inf"),
        ("0/0", "NaN"),
        ("1e-7", "1e-07"),
        ("1e21", "1e+21"),
        ("123456789012345680000", "123456789012345680000"),
        ("0.1", "0.1"),
    ],
)
def test_numbers_are_spelled_as_prometheus_does(ask: Ask, expr: str, text: str) -> None:
    assert ask("query", query=expr, time=0).json()["data"]["result"][1] == text


def test_a_native_histogram_comes_with_its_populated_buckets(
    ask: Ask, cast: Cast, at: int, now: dt.datetime
) -> None:
    run = HistogramRun(
        times=np.array([at]), count=np.array([6.0]), total=np.array([9.5]), zero=np.array([1.0]), schema=0,
        zero_threshold=0.001, positive_index=np.array([0, 1, 2]), positive=np.array([[2.0, 0.0, 1.0]]),
        negative_index=np.array([1]), negative=np.array([[2.0]]),
    )  # fmt: skip
    append.histograms(cast.project.id, [(Labels({"__name__": "seconds"}), run)], now=now)
    (element,) = ask("query", query="seconds", time=at / 1000).json()["data"]["result"]
    assert element["histogram"] == [
        at / 1000,
        {
            "count": "6",
            "sum": "9.5",
            "buckets": [
                [1, "-2", "-1", "2"],
                [3, "-0.001", "0.001", "1"],
                [0, "0.5", "1", "2"],
                [0, "2", "4", "1"],
            ],
        },
    ]


def test_a_bare_range_selector_gives_the_samples(ask: Ask, at: int) -> None:
    answer = ask("query", query='hits_total{version="v1"}[30s]', time=at / 1000).json()["data"]
    assert answer["resultType"] == "matrix"
    assert answer["result"][0]["values"] == [[at / 1000 - 15, "585"], [at / 1000, "600"]]


@pytest.mark.parametrize(
    ("path", "parameters", "status", "kind", "says"),
    [
        (
            "query",
            {"query": "sum(", "time": 0},
            400,
            "bad_data",
            'invalid parameter "query": 1:4: parse error',
        ),
        ("query", {"time": 0}, 400, "bad_data", 'invalid parameter "query"'),
        (
            "query",
            {"query": "up", "time": "noon"},
            400,
            "bad_data",
            'cannot parse "noon" to a valid timestamp',
        ),
        (
            "query",
            {"query": "label_replace(vector(1), 'a', '', 'b', '(')", "time": 0},
            422,
            "execution",
            "regular",
        ),
        ("query", {"query": DOUBLING, "time": 0}, 422, "execution", "more letters"),
        ("query", {"query": "+".join(["vector(1)"] * 480), "time": 0}, 400, "bad_data", "too deeply"),
        ("format_query", {"query": "+".join(["vector(1)"] * 480)}, 400, "bad_data", "too deeply"),
        ("query_range", {"query": "1", "start": 9, "end": 3, "step": 1}, 400, "bad_data", "before start"),
        ("query_range", {"query": "1", "start": 0, "end": 3, "step": 0}, 400, "bad_data", "zero or negative"),
        ("query_range", {"query": "1", "start": 0, "end": 90000, "step": 1}, 400, "bad_data", "11000 points"),
        (
            "query_range",
            {"query": "up[5m]", "start": 0, "end": 9, "step": 1},
            400,
            "bad_data",
            "range vector",
        ),
        ("query", {"query": "sum_over_time(up[100y:1s])", "time": 0}, 422, "execution", "limit of"),
        ("query", {"query": "up", "time": 0, "timeout": "-1"}, 503, "timeout", "timed out"),
        ("query", {"query": "up", "timeout": "soon"}, 400, "bad_data", '"timeout": cannot parse "soon"'),
        ("query", {"query": "up", "lookback_delta": "-5"}, 400, "bad_data", "less than 0"),
        ("query", {"query": "up", "limit": "-1"}, 400, "bad_data", "whole number"),
        ("query_exemplars", {"start": 0, "end": 1}, 400, "bad_data", 'invalid parameter "query"'),
        ("query_exemplars", {"query": "sum("}, 400, "bad_data", "1:4: parse error"),
        ("labels", {"start": 9, "end": 3}, 400, "bad_data", "before start"),
        ("targets/metadata", {"metric": "nosuch"}, 404, "not_found", "not found"),
        ("series", {}, 400, "bad_data", "no match[]"),
        ("series", {"match[]": "rate(x[5m])"}, 400, "bad_data", "selector"),
    ],
)
def test_each_failure_has_its_status_and_says_where(
    ask: Ask, path: str, parameters: dict[str, Any], status: int, kind: str, says: str
) -> None:
    answer = ask(path, **parameters)
    body = answer.json()
    assert (answer.status_code, body["status"], body["errorType"]) == (status, "error", kind)
    assert says in body["error"]


def test_nobody_reads_without_a_key(client: Client, cast: Cast) -> None:
    assert client.get("/api/v1/query", {"query": "1"}).status_code == 401


def test_another_project_sees_nothing(client: Client, cast: Cast, ask: Ask, at: int) -> None:
    headers = {"authorization": f"Bearer {cast.other_key}"}
    answer = client.get("/api/v1/query", {"query": "hits_total", "time": str(at / 1000)}, headers=headers)
    assert answer.json()["data"]["result"] == []


def test_remarks_come_beside_the_answer(ask: Ask, at: int) -> None:
    body = ask(
        "query", query='rate({version="v1"}[5m]) or histogram_quantile(2, hits_total)', time=at / 1000
    ).json()
    assert body["warnings"][0].startswith("PromQL warning: quantile value should be between 0 and 1, got 2")


def test_series_labels_and_values_can_be_listed(ask: Ask) -> None:
    assert ask("series", **{"match[]": 'hits_total{version="v1"}'}).json()["data"] == [
        {"__name__": "hits_total", "version": "v1"}
    ]
    assert ask("labels").json()["data"] == ["__name__", "version"]
    assert ask("label/version/values").json()["data"] == ["v1", "v2"]
    assert ask("label/version/values", limit=1).json()["data"] == ["v1"]


def test_metadata_knows_a_counter_by_its_name(ask: Ask) -> None:
    assert ask("metadata").json()["data"]["hits_total"] == [{"type": "counter", "help": "", "unit": ""}]


def test_a_query_can_be_laid_out(ask: Ask) -> None:
    assert ask("format_query", query="sum  by(a)(up)").json()["data"] == "sum by (a) (up)"


def test_grafana_learns_our_level(ask: Ask) -> None:
    assert ask("status/buildinfo").json()["data"]["version"].startswith("3.")


def test_a_limit_cuts_the_answer_and_says_so(ask: Ask, at: int) -> None:
    body = ask("query", query="hits_total", time=at / 1000, limit=1).json()
    assert (len(body["data"]["result"]), body["warnings"]) == (1, ["results truncated due to limit"])


@pytest.mark.parametrize(("lookback", "found"), [("", 1), ("30s", 0), ("90", 1), ("0", 1)])
def test_the_look_back_can_be_set(ask: Ask, at: int, lookback: str, found: int) -> None:
    body = ask("query", query="hits_total{version='v1'}", time=at / 1000 + 60, lookback_delta=lookback).json()
    assert len(body["data"]["result"]) == found


def test_a_range_looks_back_as_far_as_it_is_told(ask: Ask, at: int) -> None:
    body = ask(
        "query_range",
        query="count(hits_total)",
        start=at / 1000,
        end=at / 1000 + 90,
        step=30,
        lookback_delta="40s",
    ).json()
    assert [moment - at / 1000 for moment, _ in body["data"]["result"][0]["values"]] == [0, 30]


def test_stats_come_when_they_are_asked_for(ask: Ask, at: int) -> None:
    stats = ask("query", query="hits_total[1m]", time=at / 1000, stats="all").json()["data"]["stats"]
    assert stats["samples"]["totalQueryableSamples"] == 8
    assert stats["timings"]["execTotalTime"] > 0
    assert "stats" not in ask("query", query="hits_total", time=at / 1000).json()["data"]


def test_no_exemplars_are_kept(ask: Ask) -> None:
    assert ask("query_exemplars", query="hits_total", start=0, end=1).json() == {
        "status": "success",
        "data": [],
    }


@pytest.mark.parametrize(
    "path", ["query", "query_range", "series", "labels", "label/version/values", "query_exemplars"]
)
def test_every_question_may_be_a_posted_form(
    client: Client, cast: Cast, ask: Ask, at: int, path: str
) -> None:
    form = {
        "query": "hits_total",
        "match[]": "hits_total",
        "start": at / 1000 - 60,
        "end": at / 1000,
        "time": at / 1000,
        "step": 15,
    }
    posted = client.post(f"/api/v1/{path}", form, headers={"authorization": f"Bearer {cast.query_key}"})
    asked = ask(path, **form)
    assert posted.status_code == 200
    assert posted.json()["data"] == asked.json()["data"]


def test_a_name_that_a_path_cannot_hold_is_escaped(ask: Ask, cast: Cast, at: int, now: dt.datetime) -> None:
    append.samples(cast.project.id, [(Labels({"__name__": "up", "http.host/x_y": "a"}), at, 1.0)], now=now)
    assert ask("label/U__http_2e_host_2f_x__y/values").json()["data"] == ["a"]


def test_all_of_time_may_be_spelled_as_clients_do(ask: Ask, cast: Cast, at: int, now: dt.datetime) -> None:
    append.samples(cast.project.id, [(Labels({"__name__": "up"}), at, 1.0)], now=now)
    whole = {"start": "-292273086-05-16T16:47:06Z", "end": "292277025-08-18T07:12:54.999999999Z"}
    assert ask("series", **{"match[]": "up"}, **whole).json()["data"] == [{"__name__": "up"}]


def test_a_number_that_no_character_has_escapes_nothing(ask: Ask, cast: Cast) -> None:
    assert ask("label/U__a_FFFFFF_/values").json()["data"] == []


@pytest.mark.parametrize("parameter", ["step", "timeout", "lookback_delta"])
def test_a_duration_beyond_all_time_is_refused(ask: Ask, cast: Cast, parameter: str) -> None:
    answer = ask("query_range", **{"query": "up", "start": 0, "end": 1, "step": 1, parameter: "1e300"})
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
    assert parameter in answer.json()["error"]


def test_a_query_that_the_store_cannot_end_in_time_is_stopped_there(
    ask: Ask, cast: Cast, at: int, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    append.samples(cast.project.id, [(Labels({"__name__": "hits_total"}), at, 1.0)], now=now)

    def forever(*_: object, **__: object) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr("monitor.store.reading.select._pushed", forever)
    answer = ask("query", query="hits_total", time=at / 1000, timeout="0.05")
    assert (answer.status_code, answer.json()["errorType"]) == (503, "timeout")
    assert answer.json()["error"].startswith("query timed out")
    assert "Retry-After" in answer.headers


@pytest.fixture
def locked() -> Iterator[Callable[[str], None]]:
    """Locks a table from another connection, so that whoever reads it waits; all are free at the end."""
    known = connection.settings_dict
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    info = psycopg.conninfo.make_conninfo(**{
        word: known[name] for name, word in names.items() if known[name]
    })  # fmt: skip
    with psycopg.connect(info) as other:

        def lock(table: str) -> None:
            other.execute(
                psycopg.sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
                    psycopg.sql.Identifier(table)
                )
            )

        yield lock
        other.rollback()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["monitor_series", "monitor_sample_batch"])
def test_nothing_runs_in_the_database_after_a_time_out(
    ask: Ask, cast: Cast, at: int, now: dt.datetime, locked: Callable[[str], None], table: str
) -> None:
    append.samples(cast.project.id, [(Labels({"__name__": "hits_total"}), at, 1.0)], now=now)
    assert ask("query", query="hits_total", time=at / 1000).json()["data"]["result"]
    tapes.kept.clear()
    catalog.forget(cast.project.id)
    locked(table)
    answer = ask("query", query="hits_total", time=at / 1000, timeout="0.2")
    assert (answer.status_code, answer.json()["errorType"]) == (503, "timeout")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query FROM pg_stat_activity WHERE state = 'active' AND datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        assert cursor.fetchall() == []
