"""OTLP through the real door: stored once, refused in the protocol's own words."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from monitor.core import clock
from monitor.ingest.wire import otlp_pb2 as wire
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
PROTOBUF = "application/x-protobuf"
EXPORTS = Path(__file__).parent.parent / "ingest" / "protocols" / "otlp_exports"


def post(
    client: Client, key: str, body: bytes, path: str = "traces", kind: str = PROTOBUF, **headers: str
) -> Any:
    return client.post(
        f"/v1/{path}", body, content_type=kind, headers={"authorization": f"Bearer {key}", **headers}
    )


def recent(name: str) -> bytes:
    """A recorded request, its spans moved to now."""
    request = wire.TraceRequest.FromString((EXPORTS / f"{name}.traces.0.body").read_bytes())
    spans = [
        span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]
    late = clock.to_ms(clock.now()) * 1_000_000 - max(span.end_time_unix_nano for span in spans)
    for span in spans:
        span.start_time_unix_nano += late
        span.end_time_unix_nano += late
        for event in span.events:
            event.time_unix_nano += late
    return request.SerializeToString()


def recent_logs(name: str, late: int) -> bytes:
    request = wire.LogsRequest.FromString((EXPORTS / f"{name}.logs.0.body").read_bytes())
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                record.time_unix_nano += late
    return request.SerializeToString()


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM monitor_generation")
        return int(cursor.fetchone()[0])


def test_a_retried_export_is_stored_once(client: Client, cast: Cast) -> None:
    body = recent("openinference")
    for _ in range(2):
        answer = post(client, cast.key, gzip.compress(body), **{"content-encoding": "gzip"})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"] == PROTOBUF
    assert stored() == 4


def outputs() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT output FROM monitor_payload ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("first", ["traces", "logs"])
def test_messages_in_log_records_meet_their_calls(client: Client, cast: Cast, first: str) -> None:
    bodies = {"traces": recent("openai-v2"), "logs": recent_logs("openai-v2", 0)}
    for path in (first, *(bodies.keys() - {first}), "logs"):
        assert post(client, cast.key, bodies[path], path).status_code == 200
    said = outputs()
    assert said[:2] == ["Leave can be carried over until 31 March."] * 2
    # a call of a tool, and one that failed
    assert said[2:] == ['assistant: look_up({"topic": "leave"})', ""]


def test_metrics_become_series(client: Client, cast: Cast) -> None:
    request = wire.MetricsRequest.FromString((EXPORTS / "openai-v2.metrics.0.body").read_bytes())
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.histogram.data_points:
            point.time_unix_nano = clock.to_ms(clock.now()) * 1_000_000
    answer = post(client, cast.key, request.SerializeToString(), "metrics")
    assert (answer.status_code, answer.content) == (200, b"")
    asked = {"query": "sum by (job) (gen_ai_client_operation_duration_seconds_count)"}
    found = client.get("/api/v1/query", asked, headers={"authorization": f"Bearer {cast.key}"}).json()
    (one,) = found["data"]["result"]
    assert (one["metric"], one["value"][1]) == ({"job": "shop-assistant"}, "5")


def test_a_span_from_long_ago_is_refused_and_its_neighbours_are_not(client: Client, cast: Cast) -> None:
    request = wire.TraceRequest.FromString(recent("openinference"))
    request.resource_spans[0].scope_spans[0].spans[1].start_time_unix_nano = 1
    answer = post(client, cast.key, request.SerializeToString())
    partial = wire.Response.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected, stored()) == (200, 1, 3)
    assert "item 1, started_at" in partial.error_message


@pytest.mark.parametrize(
    ("key", "body", "kind", "status", "code"),
    [
        ("wrong", b"", PROTOBUF, 401, 16),
        ("reader", b"", PROTOBUF, 403, 7),
        ("", b"\xff", PROTOBUF, 400, 3),
        ("", b"{}", "text/csv", 415, 3),
    ],
)
def test_a_refusal_is_a_status_that_exporters_can_read(
    client: Client, cast: Cast, key: str, body: bytes, kind: str, status: int, code: int
) -> None:
    chosen = {"": cast.key, "reader": cast.query_key}.get(key, key)
    answer = post(client, chosen, body, kind=kind)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROTOBUF)
    refusal = wire.Refusal.FromString(answer.content)
    assert refusal.code == code
    assert refusal.message


def test_json_is_refused_in_json(client: Client, cast: Cast) -> None:
    answer = post(client, cast.key, b"[", kind="application/json")
    assert answer.status_code == 400
    assert json.loads(answer.content)["code"] == 3


def test_a_bomb_costs_no_more_than_the_limit(client: Client, cast: Cast) -> None:
    bomb = gzip.compress(bytes(30_000_000))
    answer = post(client, cast.key, bomb, **{"content-encoding": "gzip"})
    assert (answer.status_code, wire.Refusal.FromString(answer.content).code) == (413, 8)


def test_when_the_store_is_away_the_sender_is_told_when_to_come_again(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db.utils import OperationalError

    from monitor.ingest import pipeline

    def away(*_: object, **__: object) -> int:
        message = "gone"
        raise OperationalError(message)

    monkeypatch.setattr(pipeline, "take", away)
    answer = post(client, cast.key, recent("openinference"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert wire.Refusal.FromString(answer.content).code == 14
