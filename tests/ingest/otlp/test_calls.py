"""Fields of a call by the conventions of each sender."""

import json
from typing import Any

import pytest

from monitor.ingest.envelope import Generation, PieceKind, Reason
from monitor.ingest.otlp import readers
from tests.ingest.otlp.spans import START, batch, event, span


def call(attributes: dict[str, Any], resource: dict[str, Any] | None = None, **more: Any) -> Generation:
    (found,) = batch(span(1, 0, attributes, **more), resource=resource).generations
    return found


def chat(**more: Any) -> dict[str, Any]:
    return {"gen_ai.operation.name": "chat", **{key.replace("__", "."): value for key, value in more.items()}}


USAGE = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10}
VERCEL = {**USAGE, "ai.operationId": "ai.streamText.doStream", "gen_ai.system": "anthropic.messages"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({**USAGE, "gen_ai.usage.cache_read.input_tokens": 60}, (100, 60)),
        # more from the cache than in all cannot be part of it
        ({**USAGE, "gen_ai.usage.cache_read.input_tokens": 160}, (260, 160)),
        # the sender's own total tells how it counts
        ({**USAGE, "gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.usage.total_tokens": 170}, (160, 60)),
        ({**USAGE, "gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.usage.total_tokens": 110}, (100, 60)),
        ({**USAGE, "gen_ai.usage.cache_creation.input_tokens": 400}, (500, None)),
        ({"gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 1}, (7, None)),
        # OpenLIT hands on what Anthropic says, which leaves the cached ones out
        (
            {**USAGE, "gen_ai.system": "anthropic", "gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.sdk.version": "1"},
            (160, 60),
        ),
        # and out of its total as well
        (
            {**USAGE, "gen_ai.system": "anthropic", "gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.sdk.version": "1",
             "gen_ai.client.token.usage": 110},
            (160, 60),
        ),
        # the Vercel AI SDK does so up to 5 and no more from 6 on, where it says what came from no cache
        ({**VERCEL, "ai.usage.cachedInputTokens": 60, "ai.usage.totalTokens": 110}, (160, 60)),
        ({**VERCEL, "ai.usage.cachedInputTokens": 60, "ai.usage.inputTokenDetails.noCacheTokens": 40}, (100, 60)),
        ({"gen_ai.usage.input_tokens": "12"}, (12, None)),
        # nobody asks a model in no tokens
        ({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}, (None, None)),
        ({"gen_ai.usage.input_tokens": -1}, (None, None)),
        ({}, (None, None)),
    ],
)  # fmt: skip
def test_input_tokens_contain_the_cached_ones_once(
    attributes: dict[str, Any], expected: tuple[int | None, int | None]
) -> None:
    made = call(chat(**attributes))
    assert (made.input_tokens, made.cached_input_tokens) == expected


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 24, "output": 9, "input_cache_read": 16, "output_reasoning": 10, "total": 59}, (40, 16, 19)),
        ({"input": 21, "output": 19, "input_cache_read": 16, "input_audio": 3, "total": 59}, (40, 16, 19)),
        ({"input": 40, "output": 19, "input_cached_tokens": 16, "output_reasoning_tokens": 10, "total": 59}, (40, 16, 19)),
        ({"input": 10, "output": 5, "cache_read_input_tokens": 100, "total": 115}, (110, 100, 5)),
        ({"prompt_tokens": 40, "completion_tokens": 19, "total_tokens": 59, "prompt_tokens_details": {"cached_tokens": 16}},
         (40, 16, 19)),
    ],
)  # fmt: skip
def test_kinds_of_tokens_that_are_counted_apart_are_part_of_the_whole(
    usage: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    made = call(
        {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": json.dumps(usage)}
    )
    assert (made.input_tokens, made.cached_input_tokens, made.output_tokens) == expected


@pytest.mark.parametrize(
    ("attributes", "events", "expected"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.25}, [], 0.25),
        ({"gen_ai.server.time_to_first_token": 0.25}, [], 0.25),
        ({"gen_ai.client.operation.time_to_first_chunk": 0.25}, [], 0.25),
        ({"ai.response.msToFirstChunk": 250.0}, [], 0.25),
        ({"ai.stream.msToFirstChunk": 250.0}, [], 0.25),
        ({"langfuse.observation.completion_start_time": '"2026-11-18T12:00:00.250Z"'}, [], 0.25),
        ({}, [event("First Token Stream Event", 0.25), event("First Token Stream Event", 0.5)], 0.25),
        ({}, [event("ai.stream.firstChunk", 0.3, **{"ai.response.msToFirstChunk": 250.0})], 0.25),
        # OpenLIT gives the whole duration where nothing is streamed
        ({"gen_ai.server.time_to_first_token": 0.9, "gen_ai.request.stream": False}, [], None),
        ({}, [], None),
    ],
)
def test_the_first_token_is_found_under_every_name(
    attributes: dict[str, Any], events: list[Any], expected: float | None
) -> None:
    assert START == 1_795_003_200_000_000_000
    assert call(chat(**attributes), events=events).ttft_seconds == expected


def test_the_older_names_give_way_to_the_newer() -> None:
    made = call(chat(gen_ai__system="vertex_ai", gen_ai__provider__name="gcp.vertex_ai"))
    assert made.provider == "gcp.vertex_ai"
    assert call(chat(gen_ai__system="az.ai.openai")).provider == "azure.ai.openai"


def test_own_names_come_first_and_the_resource_last() -> None:
    resource = {
        "service.version": "r1",
        "deployment.environment": "old",
        "deployment.environment.name": "prod",
    }
    made = call(chat(), resource)
    assert (made.version, made.environment) == ("r1", "prod")
    assert call(chat(vigil__version="r2", vigil__tenant="t-1"), resource).version == "r2"


def test_a_completion_without_roles_is_a_prompt_and_an_answer() -> None:
    made = call({
        "openinference.span.kind": "LLM", "llm.request.model_name": "m-1", "llm.response.model_name": "m-1-0806",
        "llm.prompts.0.prompt.text": "Once upon", "llm.choices.0.completion.text": "a time",
    })  # fmt: skip
    assert (made.model, made.attributes["gen_ai.response.model"]) == ("m-1", "m-1-0806")
    assert (made.prompt, made.output) == ("Once upon", "a time")


def test_a_function_call_of_the_old_kind_is_a_tool_call() -> None:
    made = call({
        "openinference.span.kind": "LLM", "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.function_call_name": "look_up",
        "llm.output_messages.0.message.function_call_arguments_json": '{"topic": "leave"}',
    })  # fmt: skip
    assert isinstance(made.output, list)
    assert made.output[0]["tool_calls"] == [{"name": "look_up", "arguments": '{"topic": "leave"}'}]


@pytest.mark.parametrize(
    ("attributes", "field", "expected"),
    [
        ({"langfuse.observation.type": "generation", "langfuse.observation.prompt.name": "p", "langfuse.observation.prompt.version": 3}, "template", "p@3"),
        ({"llm.request.type": "chat", "traceloop.prompt.key": "p", "traceloop.prompt.version": 2}, "template", "p@2"),
        ({"llm.request.type": "chat", "llm.user": "ada"}, "user", "ada"),
        ({"llm.request.type": "chat", "gen_ai.response.stop_reason": "end_turn"}, "finish_reason", "end_turn"),
        ({"gen_ai.operation.name": "chat", "gen_ai.session.id": "s-1"}, "session", "s-1"),
        ({"gen_ai.operation.name": "chat", "gen_ai.agent.name": "handbook"}, "route", "handbook"),
    ],
)  # fmt: skip
def test_a_name_of_a_dialect_gives_its_field(attributes: dict[str, Any], field: str, expected: str) -> None:
    assert getattr(call(attributes), field) == expected


@pytest.mark.parametrize("operation", ["agent_step", "rerank", "decide", "search_memory"])
def test_operations_that_ask_no_model_are_no_calls(operation: str) -> None:
    asked = {"gen_ai.operation.name": operation, "gen_ai.request.model": "m"}
    assert batch(span(1, 0, asked)).generations == []


def test_a_call_whose_model_nobody_names_is_kept() -> None:
    assert call(chat()).model == "unknown"
    asked = {"openinference.span.kind": "LLM", "llm.invocation_parameters": '{"model": "m-1"}'}
    assert call(asked).model == "m-1"


@pytest.mark.parametrize(
    ("attributes", "more", "expected"),
    [
        ({"error.type": "timeout"}, {}, "timeout"),
        ({}, {"status": {"code": 2, "message": b"Timeout: after 3 s"}}, "Timeout"),
        ({}, {"status": {"code": 2}, "events": [event("exception", **{"exception.type": "openai.RateLimitError"})]},
         "RateLimitError"),
        ({}, {"status": {"code": 2}}, "error"),
        ({}, {"status": {"code": 1}}, None),
        # Langfuse's clients outside of Python tell of a failure without failing the span
        ({"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "Timeout: 3 s"}, {}, "Timeout"),
        ({"langfuse.observation.level": "WARNING", "langfuse.observation.status_message": "slow"}, {}, None),
    ],
)  # fmt: skip
def test_an_error_is_called_by_its_kind(
    attributes: dict[str, Any], more: dict[str, Any], expected: str | None
) -> None:
    assert call(chat(**attributes), **more).error == expected


OPENAI = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
EXPECTED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.input.messages": json.dumps(
            [{"role": one["role"], "parts": [{"type": "text", "content": one["content"]}]} for one in OPENAI])},
        {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Why?"}]}],
         "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}]},
        {"gen_ai.prompt": json.dumps(OPENAI)},
        {"gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief.",
         "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "Why?"},
        {"llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "Why?",
         "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "Be brief."},
        {"langfuse.observation.input": json.dumps({"messages": OPENAI})},
        {"ai.prompt.messages": json.dumps(
            [OPENAI[0], {"role": "user", "content": [{"type": "text", "text": "Why?"}]}])},
        {"input.value": json.dumps({"model": "m", "messages": OPENAI})},
    ],
)  # fmt: skip
def test_prompts_of_every_spelling_are_the_same_messages(attributes: dict[str, Any]) -> None:
    assert call(chat(**attributes)).prompt == EXPECTED


def test_a_text_beside_an_image_is_kept() -> None:
    start = "llm.input_messages.0.message."
    parts = {
        "role": "user", "contents.0.message_content.type": "text", "contents.0.message_content.text": "What is it?",
        "contents.1.message_content.type": "image", "contents.1.message_content.image.image.url": "data:x",
    }  # fmt: skip
    made = call(chat(**{start + name: value for name, value in parts.items()}))
    assert made.prompt == [{"role": "user", "content": "What is it?", "parts": [{"type": "image"}]}]


def test_steps_between_messages_are_messages() -> None:
    items = [
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "name": "look", "arguments": "{}", "call_id": "c"},
        {"type": "function_call_output", "call_id": "c", "output": "31 March"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Until March."}],
        },
    ]
    assert call({"langfuse.observation.type": "generation", "langfuse.observation.output": json.dumps(items)}).output == [
        {"role": "assistant", "content": "", "tool_calls": [{"name": "look", "arguments": "{}"}]},
        {"role": "tool", "content": "31 March"},
        {"role": "assistant", "content": "Until March."},
    ]  # fmt: skip


def test_documents_of_langchain_say_their_text() -> None:
    told = {
        "langfuse.observation.type": "retriever",
        "langfuse.observation.output": '[{"page_content": "so", "metadata": {}}]',
    }
    (made,) = batch(span(1, 0, told, end=0.5), span(2, 0, chat(), start=1.0)).generations
    assert [one.text for one in made.contexts or ()] == ["so"]


def test_messages_in_events_of_the_span_are_read() -> None:
    events = [
        event("gen_ai.system.message", content="Be brief."),
        event("gen_ai.user.message", content="Why?"),
        event("gen_ai.choice", index=0, finish_reason="stop", message='{"content": "Because."}'),
    ]
    made = call(chat(), events=events)
    assert (made.prompt, made.output) == (EXPECTED, "Because.")


def test_content_in_events_that_carry_attributes_is_read() -> None:
    events = [
        event("gen_ai.content.prompt", **{"gen_ai.prompt": "Why?"}),
        event("gen_ai.client.inference.operation.details", **{"gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"Because."}]}]'}),
    ]  # fmt: skip
    made = call(chat(), events=events)
    assert (made.prompt, made.output) == ("Why?", "Because.")


def test_text_that_only_looks_like_json_stays_text() -> None:
    assert call(chat(gen_ai__prompt="[not json")).prompt == "[not json"
    assert call(chat(gen_ai__prompt='{"a": 1}')).prompt == '{"a": 1}'
    assert call(chat(gen_ai__prompt='[{"type": [1]}, {}]')).prompt == '[{"type": [1]}, {}]'


def test_attributes_without_a_field_are_kept_within_bounds() -> None:
    made = call(
        chat(**{"gen_ai.request.temperature": 0.5, "note": "x" * 9_000, "input.mime_type": "text/plain"})
    )
    assert made.attributes["gen_ai.request.temperature"] == 0.5
    assert len(made.attributes["note"]) == 4_000
    assert "input.mime_type" not in made.attributes
    assert len(call(chat(**{f"a{n}": n for n in range(300)})).attributes) == 100


def test_documents_of_the_trace_that_were_there_before_become_contexts() -> None:
    retriever = {
        "openinference.span.kind": "RETRIEVER", "retrieval.documents.0.document.id": "d1",
        "retrieval.documents.0.document.content": "text one", "retrieval.documents.0.document.score": 0.5,
    }  # fmt: skip
    found = batch(
        span(1, 0, retriever, end=0.5), span(2, 0, chat(), start=1.0, end=2.0), span(3, 0, chat(), start=0.1)
    )
    later, earlier = found.generations
    assert later.contexts is not None
    assert [(one.id, one.text, one.score) for one in later.contexts] == [("d1", "text one", 0.5)]
    assert earlier.contexts is None
    assert [piece.kind for piece in found.pieces] == [PieceKind.CONTEXTS]


def test_a_retrieval_that_found_nothing_says_so() -> None:
    nothing = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": "[]"}
    (made,) = batch(span(1, 0, nothing, end=0.5), span(2, 0, chat(), start=1.0)).generations
    assert made.contexts == []


def test_a_retrieval_that_keeps_its_documents_to_itself_says_nothing() -> None:
    found = batch(
        span(1, 0, {"openinference.span.kind": "RETRIEVER"}, end=0.5), span(2, 0, chat(), start=1.0)
    )
    assert found.generations[0].contexts is None
    assert [reason for _, reason in found.ignored] == [Reason.NOT_LLM]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ({"openinference.span.kind": "AGENT"}, Reason.AGENT),
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.request.model": "m"}, Reason.TOOL),
        ({"traceloop.span.kind": "workflow"}, Reason.NOT_LLM),
        ({"ai.operationId": "ai.streamText", "ai.model.id": "m"}, Reason.NOT_LLM),
        ({"langfuse.observation.type": "embedding"}, Reason.EMBEDDING),
    ],
)
def test_spans_that_are_no_calls_are_left_out_for_a_reason(kind: dict[str, Any], reason: Reason) -> None:
    found = batch(span(1, 0, kind))
    assert found.generations == []
    assert [why for _, why in found.ignored] == [reason]


def test_an_evaluation_in_an_event_is_a_mark_on_its_call() -> None:
    given = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5}
    found = batch(span(1, events=[event("gen_ai.evaluation.result", 0.1, **given)]))
    (piece,) = found.pieces
    assert (piece.kind, piece.data["name"], piece.data["value"]) == (PieceKind.MARK, "relevance", 0.5)


def test_an_evaluation_out_of_bounds_is_refused() -> None:
    given = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 70.0}
    found = batch(span(1, events=[event("gen_ai.evaluation.result", 0.1, **given)]))
    assert [one.field for one in found.rejected] == ["gen_ai.evaluation.result"]


def test_numbers_longer_than_any_float_are_unknown() -> None:
    document = f'{{"id": "d", "content": "text", "score": {10**400}}}'
    found = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": f"[{document}]"}
    (made,) = batch(span(1, 0, found, end=0.5), span(2, 0, chat(), start=1.0)).generations
    assert made.contexts is not None
    assert made.contexts[0].score is None
    assert readers.number(10**400) is None
