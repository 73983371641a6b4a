"""OTLP over HTTP, in protobuf or JSON: what OpenTelemetry's SDKs, its Collector and their relatives export."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from google.protobuf.message import DecodeError, Message

from monitor.ingest.answers import Answer
from monitor.ingest.envelope import Batch
from monitor.ingest.otlp import jsonform, logs, numbers, traces, unpack
from monitor.ingest.protocols.base import MalformedError
from monitor.ingest.wire import otlp_pb2 as wire

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
MOST_NAMED = 3
# what a refused item is called in the answer
REJECTED = {"traces": "rejectedSpans", "metrics": "rejectedDataPoints", "logs": "rejectedLogRecords"}
# codes of google.rpc.Status
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}
M = TypeVar("M", bound=Message)


class Otlp:
    """``POST /v1/traces``, ``/v1/metrics`` and ``/v1/logs``: spans of calls become generations."""

    paths = ("/v1/traces", "/v1/metrics", "/v1/logs")
    content_types = (PROTOBUF, JSON)
    unpacks = ()

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Batch:
        """What the request at ``x-path`` amounts to; the places are positions of spans, data points or log records."""
        kind = headers["x-path"].rstrip("/").rpartition("/")[2]
        try:
            if kind == "traces":
                return traces.batch_of(unpack.spans(_request(body, headers, wire.TraceRequest)))
            if kind == "metrics":
                return numbers.Reader().read(_request(body, headers, wire.MetricsRequest))
            return logs.batch_of(unpack.records(_request(body, headers, wire.LogsRequest)))
        except DecodeError as error:
            message = "no OTLP request in Protobuf; check the content type and the path"
            raise MalformedError(message, "body") from error
        except jsonform.BadJsonError as error:
            raise MalformedError(str(error)) from error

    def answer(self, batch: Batch, headers: Mapping[str, str], *, duplicates: int) -> Answer:  # noqa: ARG002 — the contract
        """Success, ``partial_success`` when some were refused, 400 when there was nothing else."""
        refused = sum(one.items for one in batch.rejected)
        if refused and not batch.records and not batch.ignored:
            return self.refusal(400, _why(batch), headers)
        said = wire.Response()
        # with none refused it is a warning: something within a span was left out, such as a mark out of bounds
        if batch.rejected:
            said.partial_success.rejected = refused
            said.partial_success.error_message = _why(batch)
        if not _speaks_json(headers):
            return Answer(200, said.SerializeToString(), PROTOBUF)
        content: dict[str, object] = {}
        if batch.rejected:
            name = REJECTED.get(headers.get("x-path", "").rstrip("/").rpartition("/")[2], "rejectedSpans")
            content["partialSuccess"] = {
                name: str(refused),
                "errorMessage": said.partial_success.error_message,
            }
        return Answer(200, msgspec.json.encode(content), JSON)

    def refusal(self, status: int, error: str, headers: Mapping[str, str]) -> Answer:
        """A google.rpc.Status in the sender's encoding: all that its exporter can read."""
        code = _CODES.get(status, 2)
        if _speaks_json(headers):
            return Answer(status, msgspec.json.encode({"code": code, "message": error}), JSON)
        return Answer(status, wire.Refusal(code=code, message=error).SerializeToString(), PROTOBUF)


def _request(body: bytes, headers: Mapping[str, str], kind: type[M]) -> M:
    return jsonform.message(body, kind) if _speaks_json(headers) else kind.FromString(body)


def _speaks_json(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() == JSON


def _why(batch: Batch) -> str:
    """The first of what was refused, each with its place."""
    named = [f"item {one.index}, {one.field}: {one.error}" for one in batch.rejected[:MOST_NAMED]]
    more = len(batch.rejected) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more > 0 else "")
