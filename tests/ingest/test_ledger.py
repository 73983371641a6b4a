"""Every item that was sent is stored, known already or dropped for a reason, and the sums are exact."""

import datetime as dt
import gzip
from collections import Counter
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client

from monitor.ingest import pipeline, senders
from monitor.ingest.envelope import Batch, Generation, Reason, Rejection, ScoreRecord, Source
from monitor.ingest.ledger import ITEMS, MISSING
from monitor.ingest.protocols.otlp import Otlp
from monitor.ingest.protocols.remote_write import RemoteWrite
from monitor.ingest.verify import verify
from monitor.store.reading import audit
from tests.fixtures import remote_write
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
OTEL = Source("shop", "otel 1.37")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    senders.forget()


def counted(cast: Cast, name: str = ITEMS) -> dict[tuple[str, ...], int]:
    """What the ledger says: its labels but for name, sender and dialect in the order of their names."""
    found: Counter[tuple[str, ...]] = Counter()
    for labels, block in audit.derived_totals(cast.project.id).items():
        if labels.name == name:
            told = (
                value for key, value in sorted(labels.items()) if key not in {"__name__", "dialect", "sender"}
            )
            found[tuple(told)] += round(float(block.tables["f"]["v"].sum()))
    return dict(found)


def by_sender(cast: Cast) -> Counter[str]:
    found: Counter[str] = Counter()
    for labels, block in audit.derived_totals(cast.project.id).items():
        if labels.name == ITEMS:
            found[labels["sender"]] += round(float(block.tables["f"]["v"].sum()))
    return found


def spans(now: dt.datetime) -> Batch:
    """Seven spans: two calls, a retrieval inside the first, three that are no calls, one that is too old."""
    at = round(now.timestamp() * 1000)
    batch = Batch(
        generations=[
            Generation(model="m", id="a", started_ms=at),
            Generation(model="m", id="b", started_ms=at, version="v1"),
            Generation(model="m", id="c", started_ms=0),
        ],
        places=[0, 2, 3],
        parts={1: 0},
        source=OTEL,
    )
    for place in (4, 5):
        batch.ignore(place, Reason.NOT_LLM)
    batch.rejected.append(Rejection(6, "attributes", "too many", Reason.OVER_LIMIT))
    return batch


SPANS: dict[tuple[str, ...], int] = {
    ("generation", "stored"): 2, ("part", "stored"): 1, ("dropped", "not_llm"): 2,
    ("dropped", "over_limit"): 1, ("dropped", "too_old"): 1,
}  # fmt: skip


def test_every_span_has_one_fate(cast: Cast, now: dt.datetime) -> None:
    pipeline.take(cast.project.id, spans(now), now=now)
    assert counted(cast) == SPANS
    assert verify(cast.project.id).fates == {"stored": 3, "dropped": 4}


def test_the_same_bytes_again_are_duplicates_and_drop_nothing_more(cast: Cast, now: dt.datetime) -> None:
    for _ in range(3):
        pipeline.take(cast.project.id, spans(now), now=now, body=b"the same bytes")
    assert counted(cast) == {**SPANS, ("duplicate",): 14}
    assert verify(cast.project.id).differences == []


def test_without_bytes_to_know_it_by_each_request_counts(cast: Cast, now: dt.datetime) -> None:
    for _ in range(2):
        pipeline.take(cast.project.id, spans(now), now=now)
    assert counted(cast)["dropped", "not_llm"] == 4


def test_what_belongs_to_a_refused_call_is_dropped_with_it(cast: Cast, now: dt.datetime) -> None:
    batch = Batch(generations=[Generation(model="m", started_ms=0)], places=[0], parts={1: 0}, source=OTEL)
    pipeline.take(cast.project.id, batch, now=now)
    assert counted(cast) == {("dropped", "too_old"): 2}


def test_a_request_of_several_services_is_counted_for_each(cast: Cast, now: dt.datetime) -> None:
    batch = spans(now)
    batch.sources = {2: Source("billing"), 6: Source("billing")}
    pipeline.take(cast.project.id, batch, now=now)
    assert by_sender(cast) == {"shop": 5, "billing": 2}


def test_a_request_over_many_shards_counts_its_losses_once(cast: Cast, now: dt.datetime) -> None:
    cast.project.buckets = 16
    cast.project.save()
    batch = spans(now)
    batch.generations += [Generation(model="m", id=f"x{i}") for i in range(40)]
    batch.places += range(7, 47)
    pipeline.take(cast.project.id, batch, now=now)
    assert counted(cast) == {**SPANS, ("generation", "stored"): 42}


def test_fields_that_calls_lack_are_counted(cast: Cast, now: dt.datetime) -> None:
    pipeline.take(cast.project.id, spans(now), now=now)
    missing = counted(cast, MISSING)
    assert missing["version",] == 1
    assert missing["ttft_seconds",] == 2
    assert ("id",) not in missing


def test_marks_are_stored_known_or_without_their_call(cast: Cast, now: dt.datetime) -> None:
    pipeline.take(cast.project.id, Batch(generations=[Generation(model="m", id="a")]), now=now)
    for _ in range(2):
        marks = [ScoreRecord("a", "q", 4.0), ScoreRecord("nobody", "q", 4.0)]
        pipeline.take(cast.project.id, Batch(scores=marks, score_places=[0, 1]), now=now, body=b"marks")
    assert counted(cast) == {
        ("generation", "stored"): 1, ("score", "stored"): 1, ("dropped", "no_call"): 1, ("duplicate",): 2,
    }  # fmt: skip


def post(client: Client, cast: Cast, body: bytes, path: str = "generations") -> Any:
    return client.post(
        f"/api/v1/{path}", body, content_type="application/json", HTTP_USER_AGENT="shop-sdk/1.2",
        HTTP_AUTHORIZATION=f"Bearer {cast.key}",
    )  # fmt: skip


def test_over_http_sent_is_stored_and_duplicates_and_ledger(client: Client, cast: Cast) -> None:
    body = msgspec.json.encode({"generations": [{"model": "m", "id": "1"}, {"model": ""}, {"id": "3"}]})
    for _ in range(2):
        post(client, cast, body)
    assert counted(cast) == {("generation", "stored"): 1, ("dropped", "invalid"): 2, ("duplicate",): 3}
    assert by_sender(cast) == {"shop-sdk/1.2": 6}


def test_a_request_that_cannot_be_read_is_one_item(client: Client, cast: Cast) -> None:
    for body in (b"no json", b"no json", b"{}"):
        assert post(client, cast, body).status_code == 400
    assert counted(cast) == {("dropped", "unreadable"): 2, ("duplicate",): 1}


GOOD = b'{"model":"m","id":"%d"}'
LINES = b"\n".join([GOOD % 1, b'{"model":', b"null", b"", GOOD % 2])
MEMBERS = b",".join([GOOD % 1, b'{"model":1}', b'"x"', b"null", b'{"model":"m","duration_seconds":-1}', b"[]", GOOD % 2, GOOD % 2])  # fmt: skip
SPAN = '{"traceId":"%s","spanId":"00f067aa0ba902b7","startTimeUnixNano":"%d","attributes":[%s]}'
CHAT = '{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}'
WHOLE = gzip.compress(b'{"generations":[' + GOOD % 1 + b"]}")
# what is sent, how, and what becomes of its items
ODD: list[tuple[bytes, dict[str, str], int, dict[tuple[str, ...], int]]] = [
    (b'{"generations":[' + MEMBERS + b"]}", {}, 200, {("generation", "stored"): 2, ("duplicate",): 1, ("dropped", "invalid"): 5}),
    (LINES, {"content_type": "application/x-ndjson"}, 200, {("generation", "stored"): 2, ("dropped", "invalid"): 2}),
    (b'{"generations":[' + GOOD % 1, {}, 400, {("dropped", "unreadable"): 1}),
    (WHOLE[:-9], {"HTTP_CONTENT_ENCODING": "gzip"}, 400, {("dropped", "unreadable"): 1}),
    (WHOLE, {"HTTP_CONTENT_ENCODING": "br"}, 415, {("dropped", "unsupported"): 1}),
    (WHOLE, {"content_type": "text/csv"}, 415, {("dropped", "unsupported"): 1}),
    (gzip.compress(bytes(60_000_000)), {"HTTP_CONTENT_ENCODING": "gzip"}, 413, {("dropped", "over_limit"): 1}),
    (b"\xff\xfe", {}, 400, {("dropped", "unreadable"): 1}),
]  # fmt: skip


@pytest.mark.parametrize("body, how, status, fates", ODD, ids=range(len(ODD)))
def test_odd_requests_lose_no_item_of_the_account(
    client: Client,
    cast: Cast,
    body: bytes,
    how: dict[str, str],
    status: int,
    fates: dict[tuple[str, ...], int],
) -> None:
    kind: dict[str, Any] = {"content_type": "application/json", **how}
    for _ in range(2):
        answer = client.post("/api/v1/generations", body, HTTP_AUTHORIZATION=f"Bearer {cast.key}", **kind)
        assert answer.status_code == status
    if "HTTP_CONTENT_ENCODING" in how or status == 415:
        # of what was never read nobody knows that it came before
        assert counted(cast) == {fate: 2 * n for fate, n in fates.items()}
    else:
        known = fates.get(("duplicate",), 0) + sum(fates.values())
        assert counted(cast) == {**fates, ("duplicate",): known}
    assert verify(cast.project.id).differences == []


def test_partial_success_says_as_many_as_the_ledger(client: Client, cast: Cast, now: dt.datetime) -> None:
    at = round(now.timestamp() * 10**9)
    trace = "0af7651916cd43dd8448eb211c80319c"
    spans = [SPAN % ("00", at, CHAT), SPAN % ("0" * 32, at, CHAT), SPAN % (trace, 0, CHAT), SPAN % (trace, 1, CHAT),
             SPAN % (trace, at, ""), SPAN % (trace, at, CHAT)]  # fmt: skip
    body = '{"resourceSpans":[{"scopeSpans":[{"spans":[' + ",".join(spans) + "]}]}]}"
    answer = client.post("/v1/traces", body, content_type="application/json", headers=cast.bearer)
    assert answer.status_code == 200
    fates = counted(cast)
    assert fates["generation", "stored"] == fates["dropped", "not_llm"] == 1
    refused = int(answer.json()["partialSuccess"]["rejectedSpans"])
    assert (
        refused == sum(n for fate, n in fates.items() if fate[0] == "dropped" and fate[1] != "not_llm") == 4
    )
    assert sum(fates.values()) == len(spans)


def test_refused_samples_are_counted(client: Client, cast: Cast) -> None:
    for value in (1, 2):
        post(
            client,
            cast,
            msgspec.json.encode({"points": [{"name": "x", "value": value, "at": 1.7e9}]}),
            "points",
        )
    assert counted(cast)["dropped", "conflict"] == 1


def told_points(client: Client, cast: Cast, *values: float) -> Any:
    points = [{"name": f"x{n}", "value": value, "at": 1.7e9} for n, value in enumerate(values)]
    return post(client, cast, msgspec.json.encode({"points": points}), "points")


def test_samples_are_stored_known_or_refused(client: Client, cast: Cast) -> None:
    told_points(client, cast, 1, 2, 3)
    assert told_points(client, cast, 1, 2, 4, 5).json()["duplicates"] == 2
    assert counted(cast) == {("sample", "stored"): 4, ("duplicate",): 2, ("dropped", "conflict"): 1}
    assert by_sender(cast) == {"shop-sdk/1.2": 7}


@pytest.mark.parametrize("buckets", [1, 16])
def test_pushed_samples_are_counted_one_by_one(cast: Cast, now: dt.datetime, buckets: int) -> None:
    cast.project.buckets = buckets
    cast.project.save()
    at = round(now.timestamp() * 1000)
    sent = [remote_write.series({"__name__": f"x{n}"}, (at, 1.0), (at + 1000, 2.0)) for n in range(20)]
    native = remote_write.Sent([("__name__", "h")], histograms=[remote_write.Native(at, {1: 2})])
    for batch in (sent, [*sent, native]):
        body = remote_write.version_1(batch)
        taken = RemoteWrite().decode(body, remote_write.HEADERS_1)
        taken.source = Source("prometheus", "remote_write")
        pipeline.take(cast.project.id, taken, now=now, body=body)
    assert counted(cast) == {("sample", "stored"): 41, ("duplicate",): 40}


def data_points(now: dt.datetime, value: float) -> Batch:
    """A gauge, a histogram of five series, and an amount of delta temporality: three items."""
    point = {"timeUnixNano": str(round(now.timestamp() * 10**9)), "startTimeUnixNano": "1"}
    spread = {**point, "count": "3", "sum": value, "bucketCounts": ["1", "2"], "explicitBounds": [1.0]}
    metrics = [
        {"name": "g", "gauge": {"dataPoints": [{**point, "asDouble": value}]}},
        {"name": "h", "histogram": {"dataPoints": [spread], "aggregationTemporality": 2}},
        {"name": "d", "sum": {"dataPoints": [{**point, "asInt": "7"}], "aggregationTemporality": 1}},
    ]
    named = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    other = {"attributes": [{"key": "service.name", "value": {"stringValue": "billing"}}]}
    body = {"resourceMetrics": [
        {"resource": named, "scopeMetrics": [{"metrics": metrics}]},
        {"resource": other, "scopeMetrics": [{"metrics": metrics[:1]}]},
    ]}  # fmt: skip
    headers = {"content-type": "application/json", "x-path": "/v1/metrics"}
    return Otlp().decode(msgspec.json.encode(body), headers)


def test_of_metrics_each_data_point_is_one_item(cast: Cast, now: dt.datetime) -> None:
    for value in (1.0, 1.0, 2.0):
        pipeline.take(cast.project.id, data_points(now, value), now=now)
    assert counted(cast) == {("sample", "stored"): 4, ("duplicate",): 5, ("dropped", "conflict"): 3}
    assert by_sender(cast) == {"shop": 9, "billing": 3}


def test_data_points_of_the_past_are_dropped_once_each(cast: Cast, now: dt.datetime) -> None:
    pipeline.take(cast.project.id, data_points(dt.datetime(1971, 1, 1, tzinfo=dt.UTC), 1.0), now=now)
    fates = counted(cast)
    assert fates["dropped", "too_old"] == 3
    assert sum(fates.values()) == 4


def test_a_ledger_that_says_more_than_the_rows_is_noticed(cast: Cast, now: dt.datetime) -> None:
    pipeline.take(cast.project.id, spans(now), now=now)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM monitor_generation WHERE client_id = 'a'")
    assert any("the ledger says 2 stored" in one for one in verify(cast.project.id).differences)
