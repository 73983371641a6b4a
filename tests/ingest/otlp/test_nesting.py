"""One call that is reported by several is one call: the innermost counts, and what only the outer knows is kept."""

import json

from monitor.ingest.envelope import Reason
from tests.ingest.otlp.spans import batch, span

CHAIN = {"openinference.span.kind": "CHAIN"}


def llm(**more: object) -> dict[str, object]:
    return {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **more}


def names(found: object) -> list[int]:
    return [int(call.span_id, 16) for call in found.generations]  # type: ignore[attr-defined] # a Batch


def test_of_a_span_and_what_it_wraps_the_inner_one_counts() -> None:
    found = batch(span(1), span(2, parent=1))
    assert names(found) == [2]
    assert dict(found.ignored) == {(found.source, Reason.WRAPPER): 1}


def test_spans_between_them_do_not_hide_it() -> None:
    assert names(batch(span(1), span(2, 1, CHAIN), span(3, 2, {"http.method": "POST"}), span(4, 3))) == [4]


def test_the_order_in_the_request_does_not_matter() -> None:
    assert names(batch(span(3, parent=2), span(2, parent=1), span(1))) == [3]


def test_calls_side_by_side_are_two() -> None:
    assert names(batch(span(1, 0, CHAIN), span(2, parent=1), span(3, parent=1))) == [2, 3]


def test_retries_within_a_wrapper_are_calls_of_their_own() -> None:
    assert names(batch(span(1), span(2, parent=1), span(3, parent=1))) == [2, 3]


def test_what_only_the_wrapper_knows_goes_to_the_call() -> None:
    outer = llm(**{"session.id": "s-1", "gen_ai.input.messages": "hello", "gen_ai.usage.input_tokens": 7})
    (call,) = batch(span(1, 0, outer), span(2, 1, llm(**{"gen_ai.usage.input_tokens": 5}))).generations
    assert (call.session, call.prompt, call.input_tokens) == ("s-1", "hello", 5)


def test_texts_of_a_wrapper_of_several_calls_belong_to_none_of_them() -> None:
    outer = llm(**{"session.id": "s-1", "gen_ai.input.messages": "hello"})
    found = batch(span(1, 0, outer), span(2, 1), span(3, 1)).generations
    assert [(call.session, call.prompt) for call in found] == [("s-1", ""), ("s-1", "")]


def test_a_parent_that_was_not_sent_along_is_remembered() -> None:
    (call,) = batch(span(3, parent=2), span(2, 1, CHAIN)).generations
    assert call.around.endswith("-0000000000000001")
    assert batch(span(2)).generations[0].around == ""


def test_a_circle_of_parents_ends() -> None:
    assert len(batch(span(1, parent=2), span(2, parent=1)).ignored) == 1


def test_another_instrumentation_with_the_same_answer_at_the_same_time_is_the_same_call() -> None:
    said = llm(**{"gen_ai.output.messages": "because", "gen_ai.usage.output_tokens": 3})
    outer = span(1, 0, said, start=0.0, end=2.0, trace_id=bytes(15) + b"\x07")
    assert names(batch(framework=[outer], client=[span(2, 0, said, start=0.5, end=1.5)])) == [2]


def test_other_answers_other_times_or_the_same_instrumentation_are_other_calls() -> None:
    def said(text: str) -> dict[str, object]:
        return llm(**{"gen_ai.output.messages": text})

    outer = span(1, 0, said("because"), end=2.0)
    for inner in (span(2, 0, said("no"), start=0.5), span(2, 0, said("because"), start=1.0, end=3.0)):
        assert names(batch(framework=[outer], client=[inner])) == [1, 2]
    assert names(batch(client=[outer, span(2, 0, said("because"), start=0.5)])) == [1, 2]


def test_a_refused_call_and_arguments_of_tools_are_the_same_however_they_are_written() -> None:
    def asked(arguments: str) -> dict[str, object]:
        call = {"type": "tool_call", "id": "c", "name": "look", "arguments": arguments}
        return llm(**{"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [call]}])})

    def refused(kind: str) -> dict[str, object]:
        return llm(**{"gen_ai.input.messages": "Why?", "error.type": kind})

    for told in ((asked('{"a": 1}'), asked('{"a":1}')), (refused("RateLimit"), refused("OpenAIRateLimit"))):
        outer, inner = span(1, 0, told[0], trace_id=bytes(15) + b"\x07"), span(2, 0, told[1], start=0.5)
        assert names(batch(framework=[outer], client=[inner])) == [2]


def test_what_was_retrieved_in_the_trace_of_the_wrapper_goes_to_the_call() -> None:
    said = llm(**{"gen_ai.output.messages": "because"})
    found = {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.retrieval.documents": '[{"id": "d", "content": "so"}]',
    }
    other = bytes(15) + b"\x07"
    framework = [span(3, 0, found, end=0.1, trace_id=other), span(1, 0, said, start=0.2, trace_id=other)]
    (call,) = batch(framework=framework, client=[span(2, 0, said, start=0.5)]).generations
    assert [one.text for one in call.contexts or ()] == ["so"]
