"""Spans read a column at a time become the calls that they become one by one."""

from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.ingest.envelope import Batch
from monitor.ingest.otlp import alike
from monitor.ingest.otlp.spans import Origin
from monitor.ingest.wire import otlp_pb2 as wire
from tests.ingest.otlp.spans import batch, encoded, event, span

LONG = "x" * 200
SAID = '[{"role": "user", "parts": [{"type": "text", "content": "How?"}]}]'
VALUES: dict[str, tuple[Any, ...]] = {
    "gen_ai.operation.name": ("chat", "chat", "chat", "embeddings", "other", ""),
    "gen_ai.request.model": ("m", "m", "", LONG * 2, 7),
    "gen_ai.response.model": ("m", "m-1", "", ["m"]),
    "gen_ai.provider.name": ("openai", "OpenAI", "azure.ai.openai", ""),
    "gen_ai.usage.input_tokens": (3, 300, 0, -1, "9", 1e30),
    "gen_ai.usage.cache_read.input_tokens": (0, 2, 400),
    "gen_ai.usage.output_tokens": (1, 2, 0),
    "gen_ai.server.time_to_first_token": (0.25, "x", 2_000_000.0),
    "gen_ai.request.stream": (True, False, "no"),
    "gen_ai.response.finish_reasons": (["stop"], ["length", "stop"], []),
    "gen_ai.input.messages": (SAID, SAID, "plain", "", "[", '[{"role": "system", "content": "Be."}]'),
    "output.value": ("It is so.", LONG, ""),
    "llm.input_messages.0.message.role": ("user", "user", "system"),
    "llm.input_messages.0.message.content": ("Hello", LONG, 5),
    "llm.invocation_parameters": ('{"model": "n"}', "{}", "{"),
    "error.type": ("timeout", ""),
    "session.id": ("s", LONG * 2, 5),
    "own.name": ("", "y", LONG * 30, 1, [1], {"a": 1}),
    "own.number": tuple(range(9)),
}
EVENTS = (
    event("gen_ai.first_token", 0.5), event("other"), event("exception"),
    event("gen_ai.choice", message='{"content": "So."}'), event("gen_ai.content.prompt", gen_ai__prompt="Why?"),
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> list[wire.Span]:
    """Spans of one or two sets of names."""
    sets = [
        draw(st.permutations(sorted(draw(st.sets(st.sampled_from(sorted(VALUES)), min_size=1)))))
        for _ in range(2)
    ]
    made = []
    for n in range(draw(st.integers(alike.LEAST, 3 * alike.LEAST))):
        given_ = {
            name: draw(st.sampled_from(VALUES[name])) for name in sets[draw(st.sampled_from((0, 0, 0, 1)))]
        }
        unusual = draw(st.integers(0, 9)) == 0
        made.append(
            span(
                n + 1,
                attributes=given_,
                end=draw(st.sampled_from((1.0, 1.0, -1.0))),
                events=draw(st.lists(st.sampled_from(EVENTS), max_size=2)) if unusual else [],
                status=wire.Status(code=2, message=b"timeout: too long")
                if unusual and n % 2
                else wire.Status(),
            )
        )
    return made


def plainly(*spans: wire.Span) -> Batch:
    with patch.object(alike, "LEAST", 1_000):
        return batch(*spans)


@settings(max_examples=100, deadline=None)
@given(requests())
def test_what_spans_are_read_as_together_they_are_read_as_one_by_one(spans: list[wire.Span]) -> None:
    together, alone = batch(*spans), plainly(*spans)
    assert together.generations == alone.generations
    assert together == alone


def test_ordinary_spans_are_read_together() -> None:
    spans = [
        span(n + 1, attributes={"gen_ai.request.model": "m", "own.number": n}) for n in range(alike.LEAST)
    ]
    whole = wire.ScopeSpans(spans=spans)
    raws = [tuple(one.attributes) for one in whole.spans]
    assert len(alike.generations(whole.spans, raws, Origin("", {}, {}))) == alike.LEAST


def test_an_attribute_that_names_itself_twice_is_read_by_itself() -> None:
    twice = encoded({"own.number": 1})[0] + b"\x0a\x05other"
    spans = [span(n + 1, attributes={"gen_ai.request.model": "m"}) for n in range(alike.LEAST)]
    for one in spans:
        one.attributes.append(twice)
    assert batch(*spans) == plainly(*spans)
