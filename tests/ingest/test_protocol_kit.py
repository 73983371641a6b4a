"""The kit of protocols, over the whole list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest.envelope import Batch, Rejection
from monitor.ingest.protocols import PROTOCOLS
from monitor.ingest.protocols.base import MalformedError
from tests.fixtures.remote_write import placed
from tests.kits.protocol import Payload, made, payloads, records

every_protocol = pytest.mark.parametrize("name", PROTOCOLS)
every_payload = pytest.mark.parametrize(
    ("name", "payload"),
    [pytest.param(name, one, id=f"{name}-{one.label}") for name in PROTOCOLS for one in payloads(name)],
)


def decode_or_refuse(name: str, body: bytes, headers: dict[str, str]) -> None:
    try:
        made(name).decode(body, headers)
    except MalformedError as error:
        assert error.why  # noqa: PT017 — either outcome is right, any other exception is not
        assert error.status in {400, 413}  # noqa: PT017 — as above


@every_payload
def test_a_captured_payload_is_read_whole(name: str, payload: Payload) -> None:
    batch = made(name).decode(payload.body, payload.headers)
    assert records(batch) > 0
    assert batch.rejected == []


@every_payload
def test_every_record_knows_its_place(name: str, payload: Payload) -> None:
    batch = made(name).decode(payload.body, payload.headers)
    assert len(batch.places) == len(batch.generations)
    assert len(batch.point_places) == len(batch.points)
    assert len(batch.column_places) == (len(batch.columns.labels) if batch.columns else 0)
    assert len(batch.score_places) == len(batch.scores)


@every_payload
def test_the_same_bytes_give_the_same_batch(name: str, payload: Payload) -> None:
    first, again = (made(name).decode(payload.body, payload.headers) for _ in range(2))
    assert repr(placed(first)) == repr(placed(again))
    for batch in (first, again):
        # how samples are held depends on what was seen before
        batch.points, batch.point_places, batch.columns, batch.column_places = [], [], None, []
    assert repr(first) == repr(again)


@every_payload
@given(st.binary(max_size=60))
def test_random_bytes_are_malformed_and_nothing_worse(name: str, payload: Payload, body: bytes) -> None:
    decode_or_refuse(name, body, payload.headers)


@every_payload
@given(st.data())
def test_a_damaged_payload_is_malformed_or_read_in_part(
    name: str, payload: Payload, data: st.DataObject
) -> None:
    body = bytearray(payload.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    decode_or_refuse(name, bytes(body[: data.draw(st.integers(0, len(body)))]), payload.headers)


@every_payload
def test_what_was_taken_whole_is_answered_with_success(name: str, payload: Payload) -> None:
    batch = made(name).decode(payload.body, payload.headers)
    assert made(name).answer(batch, payload.headers, duplicates=0).status in {200, 204}


@every_protocol
def test_when_nothing_was_taken_the_answer_says_where_and_why(name: str) -> None:
    batch = Batch(rejected=[Rejection(7, "version", "is too long; shorten it")])
    said = made(name).answer(batch, {"content-type": ""}, duplicates=0)
    assert said.status == 400
    assert all(part in said.body for part in (b"7", b"version", b"is too long; shorten it"))
