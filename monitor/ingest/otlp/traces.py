"""Spans of one request as a batch: calls, what was retrieved for them, marks, and what is left out and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.ingest.envelope import Batch, Reason, Rejection, Source
from monitor.ingest.otlp import calls, pieces
from monitor.ingest.otlp.mapping import Convention, mapping
from monitor.ingest.otlp.nesting import Call, Key, lend, settle
from monitor.ingest.otlp.spans import NO_SPAN, NO_TRACE, Span

# why a span that is no call is left out
REASONS = {"embedding": Reason.EMBEDDING, "tool": Reason.TOOL, "agent": Reason.AGENT}


@dataclass(slots=True)
class _Found:
    """What has been seen of a request so far."""

    batch: Batch
    calls: list[Call] = field(default_factory=list)
    retrievals: list[Span] = field(default_factory=list)
    parents: dict[Key, str] = field(default_factory=dict)


def batch_of(spans: Iterable[Span]) -> Batch:
    """What the spans of one request amount to."""
    found = _Found(Batch())
    for span in spans:
        found.parents[span.trace, span.id] = span.parent
        _take(found, span)
    counting, wrapping = settle(found.calls, found.parents)
    batch = found.batch
    # a call may lie in another trace than the one that wraps it, and what was retrieved there
    pieces.take_retrievals(batch, found.retrievals, [*counting, *wrapping])
    lend(wrapping)
    for call in counting:
        batch.generations.append(call.generation)
        batch.places.append(call.span.place)
    for call in wrapping:
        batch.ignore(call.span.place, Reason.WRAPPER)
    return batch


def _take(found: _Found, span: Span) -> None:
    batch = found.batch
    convention = span.reading.shape.convention
    _note_source(batch, span, convention)
    if len(span.trace) != len(NO_TRACE) or len(span.id) != len(NO_SPAN) or span.trace == NO_TRACE:
        why = "the trace id has to be 16 bytes and the span id 8, not all of them zero"
        batch.rejected.append(Rejection(span.place, "trace_id", why))
        return
    if span.events:
        _take_evaluations(batch, span)
    if span.call is not None:
        found.calls.append(Call(span, span.call, []))
        return
    kind = span.reading.kind()
    if kind == "call":
        if not span.start:
            batch.rejected.append(
                Rejection(span.place, "start_time_unix_nano", "missing; a span needs its start")
            )
            return
        found.calls.append(Call(span, calls.generation(span, convention), []))
    elif kind == "retrieval":
        found.retrievals.append(span)
    else:
        batch.ignore(span.place, REASONS.get(kind or "", Reason.NOT_LLM))


def _take_evaluations(batch: Batch, span: Span) -> None:
    for event in span.events:
        if event.name == mapping().events["evaluation"]:
            pieces.take_evaluation(batch, span.place, span.trace, span.id, event, counted=False)


def _note_source(batch: Batch, span: Span, convention: Convention | None) -> None:
    """Most spans of a request have one sender and one dialect."""
    source = _source(span.origin.sender, "otel" if convention is None else convention.name)
    if not span.place:
        batch.source = source
    elif source is not batch.source and source != batch.source:
        batch.sources[span.place] = source


_sources: dict[tuple[str, str], Source] = {}


def _source(sender: str, dialect: str) -> Source:
    found = _sources.get((sender, dialect))
    if found is None:
        if len(_sources) > 5_000:
            _sources.clear()
        found = _sources[sender, dialect] = Source(sender, dialect)
    return found
