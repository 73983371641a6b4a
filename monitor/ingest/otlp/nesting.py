"""Which spans of calls are one call seen twice: a client's span inside that of a framework around it. Pure.

The innermost one counts. A span wraps those beneath it; and, where an instrumentation starts a trace of its own,
those of another instrumentation that lie within its time and gave the same answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.ingest.envelope import Generation
from monitor.ingest.otlp import readers
from monitor.ingest.otlp.messages import Content, Message
from monitor.ingest.otlp.spans import Span

MOST_STEPS = 200
Key = tuple[str, str]
# told by a wrapper and true of what it wraps
SHARED = ("session", "user", "tenant", "template", "route", "version", "environment", "topic", "provider")
OF_ONE = ("prompt", "output", "contexts", "ttft_seconds", "cost_usd", "input_tokens", "output_tokens")


@dataclass(slots=True)
class Call:
    """A span and the generation made of it; ``inner`` are the calls that it wraps."""

    span: Span
    generation: Generation
    inner: list["Call"]

    @property
    def key(self) -> Key:
        return self.span.trace, self.span.id


def settle(calls: Sequence[Call], parents: Mapping[Key, str]) -> tuple[list[Call], list[Call]]:
    """The calls that count, and those that only wrap them. ``parents``: of every span of the request."""
    by_key = {call.key: call for call in calls}
    for call in calls:
        if call.span.parent:
            _climb(call, by_key, parents)
    _find_twins(calls)
    return [call for call in calls if not call.inner], [call for call in calls if call.inner]


def lend(wrapping: Iterable[Call]) -> None:
    """What the calls within do not know and those around them do."""
    for call in wrapping:
        for inner in call.inner:
            _lend(call.generation, inner.generation, alone=len(call.inner) == 1)


def _climb(call: Call, by_key: Mapping[Key, Call], parents: Mapping[Key, str]) -> None:
    """Note the call with whatever it lies in; where that was not sent along, remember it."""
    above = call.span.parent
    for _ in range(MOST_STEPS):
        if not above:
            return
        key = (call.span.trace, above)
        outer = by_key.get(key)
        if outer is not None and outer is not call:
            outer.inner.append(call)
        if key not in parents:
            call.generation.around = f"{call.span.trace}-{above}"
            return
        above = parents[key]


def _find_twins(calls: Sequence[Call]) -> None:
    by_origin: dict[int, list[Call]] = {}
    for call in calls:
        by_origin.setdefault(id(call.span.origin), []).append(call)
    for group in by_origin.values():
        if len({call.span.scope for call in group}) > 1:
            _find_twins_in(sorted(group, key=lambda call: (call.span.start, -call.span.end)))


def _find_twins_in(group: Iterable[Call]) -> None:
    within: list[Call] = []
    for call in group:
        within = [outer for outer in within if outer.span.end >= call.span.start]
        for outer in within:
            if outer.span.end >= call.span.end and call not in outer.inner and _same(outer, call):
                outer.inner.append(call)
        within.append(call)


def _same(outer: Call, inner: Call) -> bool:
    one, other = outer.generation, inner.generation
    if outer.span.scope == inner.span.scope or (one.error is None) != (other.error is None):
        return False
    if outer.span.trace == inner.span.trace and outer in inner.inner:
        return False
    counts = ((one.input_tokens, other.input_tokens), (one.output_tokens, other.output_tokens))
    if any(a is not None and b is not None and a != b for a, b in counts):
        return False
    names = [call.span.reading.value("gen_ai.response.id") for call in (outer, inner)]
    if names[0] and names[1]:
        return bool(names[0] == names[1])
    if one.error is not None:
        # refused alike: there is no answer to compare, and each library has names of its own for errors
        return one.model == other.model and bool(one.prompt) and _told(one.prompt) == _told(other.prompt)
    return bool(one.output) and _told(one.output) == _told(other.output)


def _told(said: Content) -> list[tuple[str, list[tuple[str, object]]]]:
    """What is said, however it is spelled: arguments of tools are JSON with any blanks."""
    messages: list[Message] = [{"content": said}] if isinstance(said, str) else said
    return [
        (
            one["content"],
            [(asked["name"], readers.json(asked["arguments"])) for asked in one.get("tool_calls", ())],
        )
        for one in messages
    ]


def _lend(outer: Generation, inner: Generation, *, alone: bool) -> None:
    for name in SHARED + (OF_ONE if alone else ()):
        if getattr(inner, name) in ("", None, []):
            setattr(inner, name, getattr(outer, name))
