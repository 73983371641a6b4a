"""What the real instrumentations exported of the same calls means the same, whichever of them it was.

Each made four calls of a model and one embedding: a plain one, a streamed one, one that called a tool, one that
was refused. ``otlp_exports/record.py`` records them anew.
"""

from functools import cache
from pathlib import Path

import pytest

from monitor.ingest.envelope import Batch, Generation, PieceKind, Reason
from monitor.ingest.otlp import logs, traces, unpack
from monitor.ingest.wire import otlp_pb2 as wire

FOLDER = Path(__file__).parent.parent / "protocols" / "otlp_exports"
QUESTION, ANSWER = "Can I carry my leave over?", "Leave can be carried over until 31 March."
EVERY = (
    "openai-v2", "openai-v2-latest", "openinference", "openllmetry", "openllmetry-events", "openlit", "vercel",
    "vercel-7",
)  # fmt: skip
# these put texts into events of their own
IN_EVENTS = ("openai-v2", "openllmetry-events")
SAYS_TEXT = tuple(name for name in EVERY if name not in IN_EVENTS)
# these say when the first word came
SAYS_FIRST = ("openinference", "openllmetry", "openllmetry-events", "openlit", "vercel", "vercel-7")
SAYS_CACHED = ("openinference", "openllmetry", "openllmetry-events", "openlit", "vercel", "vercel-7")


@cache
def exported(name: str) -> Batch:
    body = (FOLDER / f"{name}.traces.0.body").read_bytes()
    return traces.batch_of(unpack.spans(wire.TraceRequest.FromString(body)))


@cache
def said(name: str) -> Batch:
    body = (FOLDER / f"{name}.logs.0.body").read_bytes()
    return logs.batch_of(unpack.records(wire.LogsRequest.FromString(body)))


def calls(name: str) -> list[Generation]:
    return sorted(exported(name).generations, key=lambda call: call.started_ms or 0)


every = pytest.mark.parametrize("name", EVERY)


@every
def test_four_calls_are_found_and_the_embedding_is_none(name: str) -> None:
    assert len(calls(name)) == 4
    reasons = {reason: n for (_, reason), n in exported(name).ignored.items()}
    # where steps and their whole are spans of their own, so is an embedding
    assert reasons.pop(Reason.EMBEDDING) == (2 if name == "vercel-7" else 1)
    # requests over HTTP beneath the calls, steps of agents around them
    assert set(reasons) <= {Reason.NOT_LLM, Reason.AGENT}


@every
def test_identity_is_read_from_span_and_resource(name: str) -> None:
    plain = calls(name)[0]
    assert (plain.model, plain.attributes["gen_ai.response.model"]) == ("gpt-5-mini", "gpt-5-mini-0806")
    assert (plain.provider, plain.operation, plain.environment) == ("openai", "chat", "staging")
    assert plain.version in {"r8", ""}
    assert plain.attributes["service.name"] == "shop-assistant"


@every
def test_usage_and_finish_are_read_and_cached_tokens_are_part_of_the_input(name: str) -> None:
    plain = calls(name)[0]
    assert (plain.input_tokens, plain.output_tokens, plain.finish_reason) == (40, 9, "stop")
    assert plain.cached_input_tokens == (16 if name in SAYS_CACHED else None)


@every
def test_the_refused_call_is_an_error_by_its_kind(name: str) -> None:
    errors = [call.error for call in calls(name)]
    assert errors == [None, None, None, "AI_APICallError" if name.startswith("vercel") else "RateLimitError"]
    assert calls(name)[3].model == "refused"


@every
def test_only_the_streamed_call_has_a_first_token(name: str) -> None:
    plain, streamed, *_ = calls(name)
    assert plain.ttft_seconds is None
    if name in SAYS_FIRST:
        assert 0.1 < (streamed.ttft_seconds or 0) < (streamed.duration_seconds or 0)


@pytest.mark.parametrize("name", SAYS_TEXT)
def test_texts_are_messages_or_plain(name: str) -> None:
    plain, streamed, tool, _ = calls(name)
    system = {"role": "system", "content": "You answer questions about the handbook."}
    for call in (plain, streamed):
        assert call.prompt == [system, {"role": "user", "content": QUESTION}]
        assert call.output == ANSWER
    assert isinstance(tool.output, list)
    (asked,) = tool.output[0]["tool_calls"]
    assert (asked["name"], asked["arguments"].replace(" ", "")) == ("look_up", '{"topic":"leave"}')


def test_langfuse_tells_usage_as_the_client_does_and_names_the_model_that_answered() -> None:
    plain, streamed, tool, refused = calls("langfuse")
    assert {
        (call.input_tokens, call.cached_input_tokens, call.output_tokens) for call in (plain, streamed, tool)
    } == {(40, 16, 9)}
    assert (plain.model, plain.route, plain.user, plain.session) == (
        "gpt-5-mini-0806",
        "handbook",
        "u-1",
        "s-1",
    )
    assert (plain.version, plain.environment, streamed.finish_reason) == ("r8", "staging", "stop")
    assert (plain.prompt, plain.output) == (streamed.prompt, ANSWER)
    assert 0.1 < (streamed.ttft_seconds or 0) < (streamed.duration_seconds or 0)
    assert isinstance(tool.output, list)
    assert tool.output[0]["tool_calls"][0]["name"] == "look_up"
    assert refused.error == "429"
    assert [reason for _, reason in exported("langfuse").ignored] == [Reason.EMBEDDING]


def test_vercel_tells_who_asked_and_for_what() -> None:
    plain = calls("vercel")[0]
    assert (plain.route, plain.user, plain.session) == ("handbook", "u-1", "s-1")


@pytest.mark.parametrize("name", IN_EVENTS)
def test_texts_in_log_records_are_pieces_of_their_calls(name: str) -> None:
    found = {piece.span: piece for piece in said(name).pieces}
    plain = found[calls(name)[0].span_id]
    assert plain.kind is PieceKind.CONTENT
    assert (plain.data["prompt"][1]["content"], plain.data["output"]) == (QUESTION, ANSWER)
    assert {call.span_id for call in calls(name)} <= found.keys()


def test_what_was_said_outside_of_any_span_is_counted() -> None:
    assert [reason for _, reason in said("openllmetry-events").ignored] == [Reason.NO_CALL]


def test_a_framework_around_a_client_does_not_make_two_calls_of_one() -> None:
    batch = exported("nested")
    (call,) = batch.generations
    assert (call.prompt, call.output) == (QUESTION, ANSWER)
    assert [reason for _, reason in batch.ignored] == [Reason.WRAPPER]
