"""Attributes out of their bytes, and spans by their shape: the quick ways say what the plain ones say."""

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.otlp import attributes
from monitor.ingest.otlp.reading import LONGEST_KEPT, Reading
from monitor.ingest.wire import otlp_pb2 as wire
from tests.ingest.otlp.spans import encoded

NAMES = (
    "gen_ai.operation.name", "gen_ai.request.model", "llm.model_name", "gen_ai.usage.input_tokens",
    "gen_ai.response.finish_reasons", "gen_ai.input.messages", "input.value", "openinference.span.kind",
    "llm.input_messages.0.message.role", "llm.input_messages.0.message.content", "gen_ai.prompt.0.content",
    "llm.input_messages.1.message.content", "retrieval.documents.0.document.content", "own.name", "own.other",
)  # fmt: skip
LONG = "x" * (LONGEST_KEPT + 1)
values = st.sampled_from(
    ("user", "", "LLM", LONG, f"[{LONG}]", 7, 300, -1, 0.5, ["stop"], ["stop", LONG], {})
)


def plainly(raw: bytes) -> tuple[str, Any] | None:
    try:
        message = wire.KeyValue.FromString(raw)
    except DecodeError:
        return None
    return attributes.text(message.key), attributes.plain(message.value)


@given(
    st.dictionaries(st.sampled_from(NAMES), values).flatmap(lambda one: st.permutations(list(one.items())))
)
def test_a_span_reads_the_same_by_its_shape_as_one_attribute_after_the_other(
    pairs: list[tuple[str, Any]],
) -> None:
    raw = encoded(dict(pairs))
    for _ in range(2):
        quick, plain = Reading(), Reading()
        quick.take_raw(raw)
        plain.take(attributes.read(raw))
        assert (quick.settle(), quick.rest) == (plain.settle(), plain.rest)
        assert [quick.value(name) for name in NAMES] == [plain.value(name) for name in NAMES]
        assert quick.given == plain.given
        assert quick.settle() == plain.settle()


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_whole_number_of_any_length_is_read(number: int) -> None:
    raw = wire.KeyValue(key=b"n", value=wire.AnyValue(int_value=number)).SerializeToString()
    assert attributes.pair(raw) == ("n", number)


@given(st.integers(0, 2**62), st.data())
def test_a_damaged_number_is_what_protobuf_makes_of_it(number: int, data: st.DataObject) -> None:
    whole = wire.KeyValue(key=b"n", value=wire.AnyValue(int_value=number)).SerializeToString()
    raw = bytearray(whole)
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    expected = plainly(bytes(raw))
    if expected is None:
        with pytest.raises(DecodeError):
            attributes.pair(bytes(raw))
    else:
        assert attributes.pair(bytes(raw)) == expected
