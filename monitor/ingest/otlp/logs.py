"""Log records of one request as a batch: messages of calls and marks; all others are left out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.ingest.envelope import Batch, Reason, Source
from monitor.ingest.otlp import calls, pieces
from monitor.ingest.otlp.mapping import mapping
from monitor.ingest.otlp.spans import NO_TRACE, Event, Origin


@dataclass(slots=True)
class Record:
    """One log record; ids in hexadecimal."""

    place: int
    trace: str
    span: str
    event: Event
    origin: Origin


@dataclass(slots=True)
class _Said:
    """What was said in one call: the places of its records and their events."""

    places: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def batch_of(records: Iterable[Record]) -> Batch:
    """What the log records of one request amount to."""
    batch = Batch()
    names = mapping().events
    telling = {*names["messages"], names["choice"], *calls.carriers()}
    said: dict[tuple[str, str], _Said] = {}
    for record in records:
        _note_source(batch, record)
        name = record.event.name
        if name not in telling and name != names["evaluation"]:
            batch.ignore(record.place, Reason.NOT_LLM)
        elif not record.span or record.trace in {"", NO_TRACE}:
            # said outside of any span: nobody can tell by which call
            batch.ignore(record.place, Reason.NO_CALL)
        elif name == names["evaluation"]:
            pieces.take_evaluation(batch, record.place, record.trace, record.span, record.event)
        else:
            one = said.setdefault((record.trace, record.span), _Said())
            one.places.append(record.place)
            one.events.append(record.event)
    for (trace, span), one in said.items():
        pieces.take_messages(batch, one.places, trace, span, one.events)
    return batch


def _note_source(batch: Batch, record: Record) -> None:
    source = Source(record.origin.sender, "otel")
    if not record.place:
        batch.source = source
    elif source != batch.source:
        batch.sources[record.place] = source
