"""What belongs to calls without being one: retrieved documents, messages in events, marks."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from monitor.ingest.envelope import NOWHERE, Batch, Context, Piece, PieceKind, Reason, Rejection
from monitor.ingest.otlp import calls, messages, readers
from monitor.ingest.otlp.nesting import Call
from monitor.ingest.otlp.reading import Reading
from monitor.ingest.otlp.spans import Event, Span

MOST_CONTEXTS = 500
LEAST_MARK, MOST_MARK = 0.0, 5.0
_LABELS = {"pass": 1.0, "passed": 1.0, "true": 1.0, "fail": 0.0, "failed": 0.0, "false": 0.0}


def take_retrievals(batch: Batch, retrievals: Iterable[Span], found: Iterable[Call]) -> None:
    """Documents become pieces, and at once the contexts of the calls of their trace that started after them."""
    by_trace: dict[str, list[tuple[int, list[Context]]]] = {}
    for span in sorted(retrievals, key=lambda span: span.end):
        documents = _documents(span)
        if documents is None:
            batch.ignore(span.place, Reason.NOT_LLM)
            continue
        data = {"contexts": msgspec.to_builtins(documents)}
        _add(batch, span.place, Piece(PieceKind.CONTEXTS, span.trace, span.id, _ms(span.end), data))
        by_trace.setdefault(span.trace, []).append((_ms(span.end), documents))
    for call in found if by_trace else ():
        before = [
            documents
            for end, documents in by_trace.get(call.span.trace, ())
            if end <= (call.generation.started_ms or 0)
        ]
        if before and call.generation.contexts is None:
            call.generation.contexts = distinct(before)


def distinct(retrieved: Iterable[Iterable[Context]]) -> list[Context]:
    """Every document once: a reranker names those again that a retriever has found."""
    found: dict[tuple[str, str], Context] = {}
    for documents in retrieved:
        for one in documents:
            key = (one.id, "") if one.id else ("", one.text)
            known = found.get(key)
            found[key] = one if known is None or one.text else known
    return list(found.values())[:MOST_CONTEXTS]


def _documents(span: Span) -> list[Context] | None:
    fields = span.reading.settle()
    given = fields.get("contexts")
    if given is None:
        said = readers.json(fields.get("output"))
        given = said.get("documents") if isinstance(said, dict) else said
    return calls.contexts(given)


def take_messages(batch: Batch, places: list[int], trace: str, span: str, events: list[Event]) -> None:
    """Messages of one call that came as log records, as one piece at the place of the first."""
    prompt, output = calls.said(events)
    carried = Reading()
    for event in events:
        if event.name in calls.carriers():
            carried.take(event.attributes)
            carried.take(event.body if isinstance(event.body, dict) else {})
    fields = carried.settle()
    if fields:
        told, answered = calls.content(fields, [])
        prompt, output = told or prompt, answered or output
    data: dict[str, Any] = {name: value for name, value in (("prompt", prompt), ("output", output)) if value}
    if not data:
        for place in places:
            batch.ignore(place, Reason.NO_CALL)
        return
    first = min(event.at for event in events)
    _add(batch, places[0], Piece(PieceKind.CONTENT, trace, span, _ms(first), data))
    for place in places[1:]:
        batch.parts[place] = places[0]


def take_evaluation(
    batch: Batch, place: int, trace: str, span: str, event: Event, *, counted: bool = True
) -> None:
    """A mark that somebody's evaluation gave to a call; not ``counted`` where it came within a span."""
    given = event.attributes | (event.body if isinstance(event.body, dict) else {})
    name = given.get("gen_ai.evaluation.name")
    value = _mark(given)
    if not isinstance(name, str) or not name or value is None:
        why = f"needs gen_ai.evaluation.name and a score.value from {LEAST_MARK:g} to {MOST_MARK:g}"
        batch.rejected.append(Rejection(place, "gen_ai.evaluation.result", why, Reason.INVALID, int(counted)))
        return
    data = {
        "name": name[:100],
        "value": value,
        "reason": messages.text(given.get("gen_ai.evaluation.explanation"))[:10_000],
    }
    _add(batch, place if counted else NOWHERE, Piece(PieceKind.MARK, trace, span, _ms(event.at), data))


def _mark(given: Mapping[str, Any]) -> float | None:
    value = given.get("gen_ai.evaluation.score.value")
    if isinstance(value, int | float) and LEAST_MARK <= value <= MOST_MARK:
        return float(value)
    label = given.get("gen_ai.evaluation.score.label")
    return _LABELS.get(label.lower()) if value is None and isinstance(label, str) else None


def _add(batch: Batch, place: int, piece: Piece) -> None:
    batch.pieces.append(piece)
    batch.piece_places.append(place)


def _ms(nanoseconds: int) -> int:
    return nanoseconds // 1_000_000
