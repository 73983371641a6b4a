"""Spans made for tests: attributes as plain values, encoded and read back as a request would be."""

from typing import Any

from monitor.ingest.envelope import Batch
from monitor.ingest.otlp import traces, unpack
from monitor.ingest.wire import otlp_pb2 as wire

TRACE = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
START = 1_795_003_200_000_000_000
SECOND = 1_000_000_000


def any_value(value: Any) -> wire.AnyValue:
    if isinstance(value, bool):
        return wire.AnyValue(bool_value=value)
    if isinstance(value, int):
        return wire.AnyValue(int_value=value)
    if isinstance(value, float):
        return wire.AnyValue(double_value=value)
    if isinstance(value, list):
        return wire.AnyValue(array_value=wire.ArrayValue(values=map(any_value, value)))
    if isinstance(value, dict):
        pairs = [wire.KeyValue(key=key.encode(), value=any_value(part)) for key, part in value.items()]
        return wire.AnyValue(kvlist_value=wire.KeyValueList(values=pairs))
    return wire.AnyValue(string_value=value.encode())


def encoded(attributes: dict[str, Any]) -> list[bytes]:
    return [
        wire.KeyValue(key=key.encode(), value=any_value(value)).SerializeToString()
        for key, value in attributes.items()
    ]


def event(name: str, after: float = 0.0, /, **attributes: Any) -> wire.Event:
    given = {key.replace("__", "."): value for key, value in attributes.items()}
    return wire.Event(
        name=name.encode(), time_unix_nano=START + round(after * SECOND), attributes=encoded(given)
    )


def span(n: int, parent: int = 0, attributes: dict[str, Any] | None = None, **more: Any) -> wire.Span:
    """Span ``n`` of the trace; ``start`` and ``end`` in seconds."""
    given = (
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"} if attributes is None else attributes
    )
    start, end = more.pop("start", 0.0), more.pop("end", 1.0)
    return wire.Span(
        **{
            "trace_id": TRACE,
            "span_id": n.to_bytes(8, "big"),
            "parent_span_id": parent.to_bytes(8, "big") if parent else b"",
            "start_time_unix_nano": START + round(start * SECOND),
            "end_time_unix_nano": START + round(end * SECOND),
            "attributes": encoded(given),
            **more,
        }
    )


def batch(*spans: wire.Span, resource: dict[str, Any] | None = None, **scopes: list[wire.Span]) -> Batch:
    """One request: ``spans`` in one scope, others by the name of theirs."""
    scoped = [wire.ScopeSpans(spans=spans)] if spans else []
    scoped += [
        wire.ScopeSpans(scope=wire.Scope(name=name.encode()), spans=members)
        for name, members in scopes.items()
    ]
    whole = wire.ResourceSpans(resource=wire.Resource(attributes=encoded(resource or {})), scope_spans=scoped)
    return traces.batch_of(unpack.spans(wire.TraceRequest(resource_spans=[whole])))
