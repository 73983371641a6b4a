"""Requests as spans and log records. Texts and attributes are read here, out of their bytes."""

from collections.abc import Iterator, Sequence

from monitor.ingest.otlp import alike, attributes
from monitor.ingest.otlp.logs import Record
from monitor.ingest.otlp.reading import Reading, Unread
from monitor.ingest.otlp.spans import FAILED, Event, Origin, Span, origin_of
from monitor.ingest.wire import otlp_pb2 as wire

MOST_ORIGINS = 2_000


class _Origins(dict[tuple[bytes, ...], Origin]):
    """Resources by their bytes: a sender's is the same in every request."""

    def __missing__(self, raw: tuple[bytes, ...]) -> Origin:
        if len(self) >= MOST_ORIGINS:
            self.clear()
        found = self[raw] = origin_of(attributes.read(raw))
        return found


_origins = _Origins()


def spans(request: wire.TraceRequest) -> Iterator[Span]:
    """Every span, in the order of the request; raises DecodeError."""
    place = 0
    for resource in request.resource_spans:
        origin = _origins[tuple(resource.resource.attributes)]
        for scoped in resource.scope_spans:
            scope = attributes.text(scoped.scope.name)
            raws = [tuple(one.attributes) for one in scoped.spans]
            made = alike.generations(scoped.spans, raws, origin)
            for position, (given, raw) in enumerate(zip(scoped.spans, raws, strict=True)):
                span = _span(given, place, raw, origin, scope, made.get(position))
                place += 1
                yield span


def records(request: wire.LogsRequest) -> Iterator[Record]:
    """Every log record, in the order of the request; raises DecodeError."""
    place = 0
    for resource in request.resource_logs:
        origin = _origins[tuple(resource.resource.attributes)]
        for scoped in resource.scope_logs:
            for given in scoped.log_records:
                yield _record(given, place, origin)
                place += 1


def _record(given: wire.LogRecord, place: int, origin: Origin) -> Record:
    found = attributes.read(given.attributes)
    # before records had names of their own, the name stood among the attributes
    name = attributes.text(given.event_name) or str(found.pop("event.name", ""))
    at = given.time_unix_nano or given.observed_time_unix_nano
    event = Event(name, at, found, attributes.plain(given.body))
    return Record(place, given.trace_id.hex(), given.span_id.hex(), event, origin)


def _span(
    given: wire.Span, place: int, raw: alike.Raw, origin: Origin, scope: str, call: alike.Call | None
) -> Span:
    reading = Reading() if call is None else Unread(raw, call[0])
    made = Span(
        place, given.trace_id.hex(), given.span_id.hex(), given.parent_span_id.hex(),
        given.start_time_unix_nano, given.end_time_unix_nano, reading, origin, scope,
    )  # fmt: skip
    if call is not None:
        made.call = call[1]
        return made
    reading.take_raw(raw)
    if given.status.code == FAILED:
        made.failed, made.failure = True, attributes.text(given.status.message)
    events = given.events
    if events:
        made.events = _events(events)
    return made


def _events(given: Sequence[wire.Event]) -> list[Event]:
    return [
        Event(attributes.text(one.name), one.time_unix_nano, attributes.read(one.attributes)) for one in given
    ]
