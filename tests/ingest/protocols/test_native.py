"""Our own JSON: one record at a time, so a bad one loses no neighbour."""

import json
from typing import Any

import pytest

from monitor.core.labels import Labels
from monitor.ingest.envelope import UNTIMED, Batch
from monitor.ingest.protocols.base import MalformedError
from monitor.ingest.protocols.native import Native


def decode(body: bytes, kind: str = "generations", content_type: str = "application/json") -> Batch:
    return Native().decode(body, {"x-path": f"/api/v1/{kind}", "content-type": content_type})


def test_a_bad_record_is_named_by_index_and_field() -> None:
    batch = decode(b'{"generations":[{"model":"a"},{"model":"b","output_tokens":-1},{"model":"c"}]}')
    assert [one.model for one in batch.generations] == ["a", "c"]
    assert batch.places == [0, 2]
    assert [(one.index, one.field) for one in batch.rejected] == [(1, "output_tokens")]


def test_one_record_alone_needs_no_list() -> None:
    assert decode(b'{"model":"a"}').generations[0].model == "a"


def test_times_are_rfc_3339_or_seconds() -> None:
    batch = decode(b'{"generations":[{"model":"a","started_at":"2026-11-18T13:00:00.5+01:00"},'
                   b'{"model":"a","started_at":1795003200.5},{"model":"a"}]}')  # fmt: skip
    assert [one.started_ms for one in batch.generations] == [1795003200500, 1795003200500, None]


def test_lines_are_records_when_the_content_type_says_so() -> None:
    lines = b'{"name":"q","value":1}\n\nbroken\n{"name":"q","value":2,"at":5}\n'
    batch = decode(lines, "points", "application/x-ndjson; charset=utf-8")
    assert batch.points == [(Labels({"__name__": "q"}), UNTIMED, 1.0), (Labels({"__name__": "q"}), 5000, 2.0)]
    assert [one.index for one in batch.rejected] == [1]


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b'{"other":[]}', b'{"generations":3}', b"\xff"])
def test_a_document_without_records_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(body)


def test_what_is_read_at_once_is_what_is_read_one_by_one() -> None:
    record = (
        b'{"model":"a","id":"1","started_at":"2026-11-18T13:00:00Z","duration_seconds":1,"input_tokens":3,'
        b'"prompt":[{"role":"user","content":"h\xc3\xa9"}],"contexts":[{"id":"d","text":"t"}],"embedding":[1,2.5],'
        b'"attributes":{"a":1},"started_ms":5,"around":"x"'
    )
    at_once = decode(b'{"generations":[' + record + b"}]}").generations[0]
    one_by_one = decode(b'{"generations":[' + record + b',"version":null}]}').generations[0]
    assert type(at_once) is not type(one_by_one)
    for name in one_by_one.__struct_fields__:
        assert getattr(at_once, name) == getattr(one_by_one, name)


@pytest.mark.parametrize(("path", "record", "field"), [
    ("generations", {"model": "m", "embedding": [1.0, -1e300]}, "embedding[1]"),
    ("generations", {"model": "m", "started_at": 1e300}, "started_at"),
    ("points", {"name": "a", "value": 1, "at": -1e300}, "at"),
])  # fmt: skip
def test_a_number_that_nothing_can_hold_is_refused_at_its_place(
    path: str, record: dict[str, Any], field: str
) -> None:
    batch = Native().decode(json.dumps({path: [record]}).encode(), {"x-path": f"/api/v1/{path}"})
    assert [one.field for one in batch.rejected] == [field]
