"""OTLP in both encodings, and what is answered."""

import json
from pathlib import Path

import pytest

from monitor.ingest.envelope import Batch, Generation, Reason, Rejection, Source
from monitor.ingest.protocols.base import MalformedError
from monitor.ingest.protocols.otlp import JSON, PROTOBUF, Otlp
from monitor.ingest.wire import otlp_pb2 as wire

FIXTURES = Path(__file__).parent / "fixtures" / "otlp"
TRACES = {"content-type": PROTOBUF, "x-path": "/v1/traces"}
IN_JSON = {"content-type": "application/json; charset=utf-8", "x-path": "/v1/traces"}


def decoded(name: str) -> Batch:
    headers = json.loads((FIXTURES / f"{name}.json").read_text())
    return Otlp().decode((FIXTURES / f"{name}.body").read_bytes(), headers)


def span(**more: object) -> bytes:
    """A request of one span in JSON."""
    attributes = more.pop("attributes", {"gen_ai.operation.name": {"stringValue": "chat"}})
    assert isinstance(attributes, dict)
    whole = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "startTimeUnixNano": "1795003200000000000",
        "endTimeUnixNano": 1795003201500000000,
        "attributes": [{"key": name, "value": value} for name, value in attributes.items()],
        **more,
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]}).encode()


def test_json_and_its_hexadecimal_ids_are_read() -> None:
    (call,) = decoded("spans_in_json").generations
    assert call.id == "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    assert (call.model, call.version, call.provider) == ("claude-sonnet", "r9", "anthropic")
    assert (call.started_ms, call.duration_seconds, call.ttft_seconds) == (1795003200000, 1.5, 0.4205)
    assert (call.prompt, call.output) == ("Can I carry my leave over?", "Until 31 March.")


def test_anthropics_input_leaves_the_cached_tokens_out_and_ours_has_them() -> None:
    (call,) = decoded("spans_in_json").generations
    assert (call.input_tokens, call.cached_input_tokens, call.output_tokens) == (56, 16, 9)


def test_unknown_fields_numbers_as_texts_and_enums_by_name_or_number_are_read() -> None:
    for code in (2, "STATUS_CODE_ERROR"):
        body = span(status={"code": code, "message": "boom: it broke"}, newField={"a": 1})
        (call,) = Otlp().decode(body, IN_JSON).generations
        assert (call.error, call.duration_seconds) == ("boom", 1.5)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"{", "not JSON"),
        (b"[]", "$"),
        (span(traceId="xyz"), "$.resourceSpans[0].scopeSpans[0].spans[0].traceId"),
        (span(attributes={"a": {"intValue": "1.5"}}), "attributes[0].value.intValue"),
        (b'{"resourceSpans": {}}', "$.resourceSpans: a list is expected"),
    ],
)
def test_bad_json_is_refused_by_its_place(body: bytes, place: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Otlp().decode(body, IN_JSON)
    assert place in str(caught.value)


@pytest.mark.parametrize("trace", ["", "00" * 16, "0af7"])
def test_a_span_without_a_usable_trace_is_refused(trace: str) -> None:
    (refused,) = Otlp().decode(span(traceId=trace), IN_JSON).rejected
    assert (refused.index, refused.field) == (0, "trace_id")


def test_who_sent_and_in_which_dialect_is_noted() -> None:
    assert decoded("openinference").source == Source("shop-assistant", "openinference")


def test_spans_of_other_things_are_counted_and_no_calls() -> None:
    batch = decoded("openinference")
    assert len(batch.generations) == 4
    assert dict(batch.ignored) == {(batch.source, Reason.EMBEDDING): 1}


def test_a_span_that_is_no_part_of_a_call_is_left_out_silently() -> None:
    batch = Otlp().decode(span(attributes={"http.method": {"stringValue": "GET"}}), IN_JSON)
    assert list(batch.ignored) == [(batch.source, Reason.NOT_LLM)]
    assert Otlp().answer(batch, IN_JSON, duplicates=0).body == b"{}"


def test_partial_success_names_how_many_and_why() -> None:
    batch = Batch(generations=[Generation(model="m")], rejected=[Rejection(3, "started_at", "too old")])
    said = Otlp().answer(batch, TRACES, duplicates=0)
    partial = wire.Response.FromString(said.body).partial_success
    assert (said.status, partial.rejected) == (200, 1)
    assert partial.error_message == "item 3, started_at: too old"


def test_partial_success_in_json_has_the_names_of_json() -> None:
    batch = Batch(generations=[Generation(model="m")], rejected=[Rejection(3, "started_at", "too old")])
    said = json.loads(Otlp().answer(batch, IN_JSON, duplicates=0).body)
    assert said["partialSuccess"]["rejectedSpans"] == "1"


def test_what_was_left_out_of_a_span_is_a_warning() -> None:
    mark = Rejection(0, "gen_ai.evaluation.result", "needs a score.value", items=0)
    batch = Batch(generations=[Generation(model="m")], rejected=[mark])
    said = json.loads(Otlp().answer(batch, IN_JSON, duplicates=0).body)
    assert said["partialSuccess"] == {
        "rejectedSpans": "0", "errorMessage": "item 0, gen_ai.evaluation.result: needs a score.value",
    }  # fmt: skip


def test_full_success_is_an_empty_message() -> None:
    batch = Batch(generations=[Generation(model="m")])
    assert Otlp().answer(batch, TRACES, duplicates=0).body == b""


def test_refusals_are_statuses_of_google_rpc() -> None:
    said = Otlp().refusal(429, "slow down", TRACES)
    status = wire.Refusal.FromString(said.body)
    assert (said.content_type, status.code, status.message) == (PROTOBUF, 8, "slow down")
    assert json.loads(Otlp().refusal(401, "no key", IN_JSON).body) == {"code": 16, "message": "no key"}
    assert Otlp().refusal(401, "no key", IN_JSON).content_type == JSON
