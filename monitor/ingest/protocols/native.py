"""Vigil's own JSON: generations, points and scores, as one document or as NDJSON.

Each record is decoded on its own, so that a bad one gets its own error and loses no neighbour.
"""

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from monitor.core import clock
from monitor.core.labels import NAME
from monitor.ingest import answers
from monitor.ingest.envelope import UNTIMED, Batch, Context, Generation, Rejection, ScoreRecord, Source
from monitor.ingest.labelsets import BadLabelsError, checked
from monitor.ingest.protocols.base import MalformedError, TooLargeError

MOST_RECORDS = 20_000
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")

Name = Annotated[str, Meta(max_length=300)]
Seconds = Annotated[float, Meta(ge=0, le=1_000_000)]
Count = Annotated[int, Meta(ge=0, le=2_000_000_000)]
# what a half-precision number holds: vectors are kept in those
Part = Annotated[float, Meta(ge=-65_504, le=65_504)]
# Unix seconds of the years 1 to 9999
UnixSeconds = Annotated[float, Meta(ge=-62_135_596_800, le=253_402_300_799)]
Moment = str | UnixSeconds | None
AwareMoment = Annotated[dt.datetime, Meta(tz=True)] | UnixSeconds | None


class WireGeneration(msgspec.Struct, forbid_unknown_fields=False):
    """A generation as its sender writes it."""

    model: Annotated[str, Meta(min_length=1, max_length=300)]
    id: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    version: Name | None = None
    environment: Name | None = None
    operation: Name | None = None
    provider: Name | None = None
    route: Name | None = None
    started_at: Moment = None
    duration_seconds: Seconds | None = None
    ttft_seconds: Seconds | None = None
    inference_seconds: Seconds | None = None
    queue_seconds: Seconds | None = None
    input_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    output_tokens: Count | None = None
    error: Name | None = None
    finish_reason: Name | None = None
    user: Name | None = None
    session: Name | None = None
    trace_id: Name | None = None
    span_id: Name | None = None
    cost_usd: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    attributes: dict[str, Any] | None = None
    prompt: str | list[dict[str, Any]] | None = None
    output: str | list[dict[str, Any]] | None = None
    tenant: Name | None = None
    language: Name | None = None
    topic: Name | None = None
    template: Name | None = None
    contexts: list[Context] | None = None
    context_used: bool | None = None
    tokens: list[dict[str, Any]] | None = None
    embedding: Annotated[list[Part], Meta(min_length=1, max_length=16_000)] | None = None
    reference: str | None = None


class PlainGeneration(Generation):
    """A call as nearly all senders write one: read straight into what the pipeline takes.

    It says less than ``WireGeneration`` about what is wrong, so what it refuses is read again by that one.
    """

    model: Annotated[str, Meta(min_length=1, max_length=300)]
    id: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    version: Name = ""
    environment: Name = ""
    operation: Name = ""
    provider: Name = ""
    route: Name = ""
    duration_seconds: Seconds | None = None
    ttft_seconds: Seconds | None = None
    inference_seconds: Seconds | None = None
    queue_seconds: Seconds | None = None
    input_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    output_tokens: Count | None = None
    error: Name | None = None
    finish_reason: Name = ""
    user: Name = ""
    session: Name = ""
    trace_id: Name = ""
    span_id: Name = ""
    cost_usd: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    tenant: Name = ""
    language: Name = ""
    topic: Name = ""
    template: Name = ""
    embedding: Annotated[list[Part], Meta(min_length=1, max_length=16_000)] | None = None
    # what no sender says has names that nobody writes
    started_ms: int | None = msgspec.field(default=None, name="(started)")
    around: str = msgspec.field(default="", name="(around)")
    started_at: AwareMoment = None


class PlainGenerations(msgspec.Struct):
    """A whole document of them."""

    generations: list[PlainGeneration]


_PLAIN = msgspec.json.Decoder(PlainGenerations)
_PLAIN_LINES = msgspec.json.Decoder(PlainGeneration)


class WirePoint(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=300)]
    value: float
    labels: dict[str, str] = {}
    at: Moment = None


class WireScore(msgspec.Struct):
    """A mark; or a thumb, which is a mark of 5 or 0; or a correction, which says what the answer should have been."""

    generation_id: Annotated[str, Meta(min_length=1, max_length=500)]
    name: Annotated[str, Meta(min_length=1, max_length=100)] = "feedback"
    value: Annotated[float, Meta(ge=0, le=5)] | None = None
    thumb: Literal["up", "down"] | None = None
    correction: Annotated[str, Meta(min_length=1, max_length=100_000)] | None = None
    source: Annotated[str, Meta(pattern="^(judge|human|rule|reference)$")] = "human"
    reason: Annotated[str, Meta(max_length=10_000)] = ""
    author: Name = ""


class BadRecordError(ValueError):
    """One record that can't be taken; ``field`` says where."""

    def __init__(self, field: str, error: str) -> None:
        super().__init__(error)
        self.field = field


class Native:
    """``POST /api/v1/generations``, ``/points`` and ``/scores``; the path names the kind of record."""

    paths = ("/api/v1/generations", "/api/v1/points", "/api/v1/scores")
    content_types = ("application/json", *NDJSON)
    unpacks = ()

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Batch:
        """The records of ``body``; ``headers`` must hold ``x-path``, the path they were posted to."""
        kind = headers["x-path"].rstrip("/").rpartition("/")[2]
        lines = headers.get("content-type", "").partition(";")[0].strip().lower() in NDJSON
        if kind == "generations" and (found := _plain(body, lines=lines)) is not None:
            return Batch(generations=found, places=list(range(len(found))), source=Source(dialect="native"))
        batch = Batch(source=Source(dialect="native"))
        take = {"generations": _take_generation, "points": _take_point, "scores": _take_score}[kind]
        for index, record in enumerate(_records(body, kind, lines=lines)):
            if index >= MOST_RECORDS:
                message = f"more than {MOST_RECORDS} records in one request; send smaller batches"
                raise TooLargeError(message, f"record {index}")
            try:
                take(batch, index, record)
            except BadRecordError as error:
                batch.rejected.append(Rejection(index, error.field, str(error)))
        return batch

    def answer(self, batch: Batch, headers: Mapping[str, str], *, duplicates: int) -> answers.Answer:  # noqa: ARG002 — the contract
        """How many were taken, how many were known already, and each record that was refused and why."""
        return answers.counted(batch, duplicates=duplicates)


def _plain(body: bytes, *, lines: bool) -> list[Generation] | None:
    """All records at once, where every one is as it should be; None: look at them one by one."""
    try:
        found = _PLAIN_LINES.decode_lines(body) if lines else _PLAIN.decode(body).generations
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(found) > MOST_RECORDS:
        return None
    for one in found:
        moment = one.started_at
        if isinstance(moment, float):
            one.started_ms = round(moment * 1000)
        elif moment is not None:
            one.started_ms = clock.to_ms(moment)
    return list[Generation](found)


Record = msgspec.Raw | dict[str, Any]
T = TypeVar("T")


def _records(body: bytes, kind: str, *, lines: bool) -> Iterator[Record]:
    if lines:
        yield from (msgspec.Raw(line) for line in body.splitlines() if line.strip())
        return
    try:
        document = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if kind in document:
            yield from msgspec.json.decode(document[kind], type=list[msgspec.Raw])
            return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        yield from _lenient(body, kind, error)
        return
    # a single bare record is what a first curl sends
    if "model" in document or "name" in document:
        yield msgspec.Raw(body)
        return
    message = f'the document has no "{kind}" list; send {{"{kind}": [...]}}'
    raise MalformedError(message, "$")


def _lenient(body: bytes, kind: str, first: Exception) -> list[dict[str, Any]]:
    """Records of a document that is JSON but for NaN or Infinity, which then fail one by one."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        message = f"not JSON: {first}; send UTF-8 encoded JSON"
        raise MalformedError(message, _position(str(first))) from first
    records = document.get(kind) if isinstance(document, dict) else None
    if not isinstance(records, list):
        message = f'the document has no "{kind}" list; send {{"{kind}": [...]}}'
        raise MalformedError(message, "$") from first
    return [record if isinstance(record, dict) else {} for record in records]


def _position(text: str) -> str:
    return text.rpartition("(")[2].rstrip(")") if "(" in text else "$"


def _read(record: Record, kind: type[T]) -> T:
    try:
        if isinstance(record, dict):
            return msgspec.convert(record, kind)
        return msgspec.json.decode(record, type=kind)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$.")
        raise BadRecordError(place.rstrip("`"), text) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRecordError("", f"not JSON: {error}") from error


def _finite(name: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        raise BadRecordError(name, f"{value} is not a finite number; leave the field out when it is unknown")


def _moment(field: str, value: Moment) -> int | None:
    """Unix milliseconds of RFC 3339 text or Unix seconds."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = msgspec.convert(value, dt.datetime)
        except msgspec.ValidationError as error:
            raise BadRecordError(
                field, f"{value[:40]!r} is no RFC 3339 time; write 2026-01-31T12:00:00Z"
            ) from error
        if moment.tzinfo is None:
            raise BadRecordError(field, f"{value[:40]!r} has no zone; end it with Z or an offset")
        return clock.to_ms(moment)
    _finite(field, value)
    return round(value * 1000)


def _take_generation(batch: Batch, index: int, record: Record) -> None:
    wire = _read(record, WireGeneration)
    for name in ("duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "cost_usd"):
        _finite(name, getattr(wire, name))
    for number in wire.embedding or ():
        _finite("embedding", number)
    given = {
        name: value
        for name in wire.__struct_fields__
        if name != "started_at" and (value := getattr(wire, name)) is not None
    }
    batch.generations.append(Generation(**given, started_ms=_moment("started_at", wire.started_at)))
    batch.places.append(index)


def _take_point(batch: Batch, index: int, record: Record) -> None:
    wire = _read(record, WirePoint)
    _finite("value", wire.value)
    try:
        labels = checked([(NAME, wire.name), *wire.labels.items()])
    except BadLabelsError as error:
        raise BadRecordError(f"labels.{error.field}", error.why) from error
    at = _moment("at", wire.at)
    batch.points.append((labels, UNTIMED if at is None else at, wire.value))
    batch.point_places.append(index)


def _said(wire: WireScore) -> tuple[str, float, str]:
    """Name, mark and reason of one record; exactly one of value, thumb and correction says what it is."""
    given = [one for one in (wire.value, wire.thumb, wire.correction) if one is not None]
    if len(given) != 1:
        raise BadRecordError(
            "value", "give exactly one of value, thumb and correction; more are more records"
        )
    if wire.correction is not None:
        return "correction", 0.0, wire.correction
    if wire.thumb is not None:
        return wire.name, 5.0 if wire.thumb == "up" else 0.0, wire.reason
    assert wire.value is not None
    _finite("value", wire.value)
    return wire.name, wire.value, wire.reason


def _take_score(batch: Batch, index: int, record: Record) -> None:
    wire = _read(record, WireScore)
    name, value, reason = _said(wire)
    batch.scores.append(ScoreRecord(wire.generation_id, name, value, wire.source, reason, wire.author))
    batch.score_places.append(index)
