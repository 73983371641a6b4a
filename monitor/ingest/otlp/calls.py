"""A span of a model's call as a generation: fields by the mapping, times of the span, errors, usage."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from monitor.ingest.envelope import Context, Generation
from monitor.ingest.otlp import messages, readers
from monitor.ingest.otlp.mapping import Convention, mapping
from monitor.ingest.otlp.reading import Reading
from monitor.ingest.otlp.spans import Event, Span
from monitor.store import ids

MOST_ATTRIBUTES, LONGEST_ATTRIBUTE = 100, 4_000
UNKNOWN_MODEL = "unknown"
# where a span says which model answered, the best first
RESPONSES = ("gen_ai.response.model", "llm.response.model_name", "llm.model_name")
# how clients word a refusal over HTTP
_CODE = re.compile(r"Error code: ([0-9]{3})\b")
# where a document says its text; LangChain's the last way
_SAYS = ("content", "text", "page_content")
# a span with none of these says how many tokens it took, and no more
USAGE = frozenset({"usage", "cached_input_tokens", "cache_write_tokens", "uncached_input_tokens"})
# what a generation has under the same name
SAME = frozenset({
    "version", "environment", "operation", "provider", "route", "tenant", "topic", "template", "language",
    "user", "session", "reference", "context_used", "finish_reason", "queue_seconds", "inference_seconds",
    "cost_usd", "output_tokens",
})  # fmt: skip


def generation(span: Span, convention: Convention | None) -> Generation:
    """The call that the span tells of, by the convention that it follows."""
    reading = span.reading
    if span.events:
        names = carriers()
        for event in span.events:
            if event.name in names:
                reading.take(event.attributes)
    fields = reading.settle()
    given = span.origin.fields | {name: found for name, found in fields.items() if name in SAME}
    made = Generation(
        model=model_of(fields.get("asked"), fields.get("model")),
        id=ids.span_id(span.trace, span.id),
        started_ms=span.start // 1_000_000,
        trace_id=span.trace,
        span_id=span.id,
        **given,
    )
    if span.end >= span.start:
        made.duration_seconds = (span.end - span.start) / 1e9
    made.provider = mapping().providers.get(made.provider, made.provider)
    made.operation = made.operation or "chat"
    made.ttft_seconds = _first_token(fields, span)
    made.error = _error(fields, span)
    made.prompt, made.output = content(fields, span.events)
    if "contexts" in fields:
        made.contexts = contexts(fields["contexts"])
    take_usage(made, fields, convention)
    if "template_version" in fields and made.template:
        made.template = f"{made.template}@{fields['template_version']}"
    made.attributes = _attributes(reading, span, made.model)
    return made


def carriers() -> list[str]:
    """Names of events whose attributes are read as if they stood on the span."""
    found: list[str] = mapping().events["carriers"]
    return found


def model_of(asked: Any, answered: str | None) -> str:
    """What was asked for; what answered is kept beside it."""
    named = asked.get("model") or asked.get("model_name") if isinstance(asked, dict) else None
    found = named if isinstance(named, str) and named else answered
    return found[:300] if found else UNKNOWN_MODEL


def _first_token(fields: Mapping[str, Any], span: Span) -> float | None:
    """Unknown for an answer that was not streamed: what some senders give there is the whole duration."""
    if fields.get("streamed") is False:
        return None
    found: float | None = fields.get("ttft_seconds")
    if found is not None:
        return found
    if "first_token_at" in fields:
        late = fields["first_token_at"] / 1000 - span.start / 1e9
        return late if late >= 0 else None
    names = mapping().events["first_token"]
    moments = [event.at for event in span.events if event.name in names and event.at >= span.start]
    return (min(moments) - span.start) / 1e9 if moments else None


def _error(fields: Mapping[str, Any], span: Span) -> str | None:
    """The kind of error, the shorter the better: it becomes a label."""
    found = fields.get("error")
    if not found and not span.failed and fields.get("level") == "ERROR":
        found = (fields.get("status_message") or "").partition(":")[0][:60] or "error"
    if found or not span.failed:
        return found or None
    for event in span.events:
        if event.name == mapping().events["exception"]:
            kind = event.attributes.get("exception.type")
            if isinstance(kind, str) and kind:
                return kind.rpartition(".")[2][:300]
    code = _CODE.match(span.failure)
    return code[1] if code else span.failure.partition(":")[0][:60] or "error"


def content(fields: Mapping[str, Any], events: list[Event]) -> tuple[messages.Content, messages.Content]:
    """Prompt and answer: out of attributes, else out of events."""
    prompt = messages.read(fields["prompt"], "user") if "prompt" in fields else ""
    output = messages.read(fields["output"], "assistant") if "output" in fields else ""
    if events and not (prompt and output):
        asked, answered = said(events)
        prompt, output = prompt or asked or "", output or answered or ""
    if "system" in fields:
        prompt = messages.with_system(prompt, fields["system"])
    if not output and isinstance(fields.get("tool_calls"), list):
        output = messages.simplest(
            [messages.message({"tool_calls": fields["tool_calls"]}, "assistant")], "assistant"
        )
    return prompt, output


def said(events: list[Event]) -> tuple[messages.Content, messages.Content]:
    """Prompt and answer out of events that hold one message each."""
    names = mapping().events
    asked, answered = [], []
    for event in events:
        if event.name in names["messages"]:
            role = event.name.split(".")[1]
            asked.append(messages.message(_held(event), role))
        elif event.name == names["choice"]:
            answered.append(messages.message(_held(event), "assistant"))
    return messages.simplest(asked, "user"), messages.simplest(answered, "assistant")


def _held(event: Event) -> Any:
    """A log record's body, or the attributes of a span's event, whose parts may be JSON text."""
    if isinstance(event.body, dict):
        return event.body
    given = dict(event.attributes)
    for name in ("message", "tool_calls"):
        if isinstance(given.get(name), str):
            given[name] = readers.json(given[name])
    return given


def contexts(given: Any) -> list[Context] | None:
    """Retrieved documents; None where nothing says that there was a retrieval."""
    found = messages.documents(given)
    if found is None:
        return None
    return [
        Context(
            messages.text(one.get("id"))[:300],
            messages.text(next((one[name] for name in _SAYS if name in one), None)),
            readers.score(one.get("score")),
        )
        for one in found
    ]


def take_usage(made: Generation, fields: Mapping[str, Any], convention: Convention | None) -> None:
    """Input tokens contain the cached ones, whichever way the sender counts."""
    if USAGE.isdisjoint(fields):
        made.input_tokens = fields.get("input_tokens")
        forget_nothing(made)
        return
    usage = fields.get("usage") or {}
    asked = fields.get("input_tokens", usage.get("input", usage.get("input_tokens")))
    cached = fields.get(
        "cached_input_tokens",
        usage.get("cache_read_input_tokens", usage.get("input_cached_tokens", usage.get("input_cache_read"))),
    )
    written = fields.get("cache_write_tokens", usage.get("cache_creation_input_tokens"))
    if made.output_tokens is None:
        made.output_tokens = usage.get("output", usage.get("output_tokens"))
    total = fields.get("total_tokens", usage.get("total"))
    apart = (cached or 0) + (written or 0)
    if asked is not None and apart:
        told = fields.get("uncached_input_tokens")
        left = None if total is None or made.output_tokens is None else total - made.output_tokens - asked
        inside = (
            asked >= told + apart if told is not None else _are_inside(made.provider, left, apart, convention)
        )
        if apart > asked or not inside:
            asked += apart
    made.input_tokens, made.cached_input_tokens = asked, cached
    forget_nothing(made)


def _are_inside(provider: str, left: int | None, apart: int, convention: Convention | None) -> bool:
    """Whether input tokens contain the cached ones. ``left``: of the sender's own sum beyond input and output."""
    if left == apart:
        return False
    if convention is None:
        return True
    return convention.contains_cached(provider) or (left == 0 and not convention.leaves_cached_out(provider))


def forget_nothing(made: Generation) -> None:
    """No model is asked in no tokens: who counts none on both sides has not counted."""
    if made.input_tokens == 0 and not made.output_tokens:
        made.input_tokens = made.output_tokens = None


def _attributes(reading: Reading, span: Span, model: str) -> dict[str, Any]:
    return kept(span.origin.sender, map(reading.value, RESPONSES), model, reading.rest.items())


def kept(
    sender: str, responses: Iterable[Any], model: str, rest: Iterable[tuple[str, Any]]
) -> dict[str, Any]:
    """What is kept of a span beside the fields: its sender, what answered if that is another, and the ``rest``."""
    found: dict[str, Any] = {"service.name": sender} if sender else {}
    response = next(filter(None, responses), None)
    if response and response != model:
        found[RESPONSES[0]] = response
    for name, value in rest:
        if len(found) >= MOST_ATTRIBUTES:
            break
        if type(value) is str:
            if value:
                found[name[:300]] = value[:LONGEST_ATTRIBUTE]
        elif value is not None:
            found[name[:300]] = value
    return found
