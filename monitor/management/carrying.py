"""Calls and marks of a project as files that any program can read, and back: NDJSON, CSV, Parquet.

A line of NDJSON is what ``POST /api/v1/generations`` or ``/scores`` takes. CSV and Parquet hold one flat row for
each: lists and objects are JSON in their cell, and messages have columns of their own beside the texts.
"""

import csv
import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from monitor.ingest import calls, pipeline
from monitor.ingest.protocols.native import Native
from monitor.store.calls import generations
from monitor.store.calls.generations import Filter, GenerationDetail

Record = dict[str, Any]
FORMATS = ("ndjson", "csv", "parquet")
PAGE, BATCH = 500, 1000
# of a line or cell, in letters: what a request may be at most
LONGEST = 20_000_000
TEXTS = (
    "id", "model", "version", "environment", "operation", "provider", "route", "started_at", "error", "finish_reason",
    "user", "session", "trace_id", "span_id", "tenant", "language", "topic", "template", "prompt", "output", "reference",
)  # fmt: skip
SECONDS = ("duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "cost_usd")
COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens")
MESSAGES = {"prompt_messages": "prompt", "output_messages": "output"}
OBJECTS = ("attributes", "contexts", "context_used", "tokens", *MESSAGES)
KINDS: dict[str, dict[str, str]] = {
    "generations": {
        **dict.fromkeys(TEXTS, "text"), **dict.fromkeys(SECONDS, "number"), **dict.fromkeys(COUNTS, "count"),
        **dict.fromkeys(OBJECTS, "json"),
    },
    "scores": {
        "generation_id": "text", "name": "text", "value": "number", "source": "text", "reason": "text", "author": "text",
    },
}  # fmt: skip
# a cell that begins so is a formula to a spreadsheet; an apostrophe before it makes it a text
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


class CarryingError(ValueError):
    """A file that can't be written or read; says where and what to do."""


class Missing(Protocol):
    """What a refused record was: its number in the file, its field and why."""

    def __call__(self, number: int, field: str, why: str) -> None: ...


def records(kind: str, project_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[Record]:
    """The calls of the span as their senders could have sent them, newest first; or the marks on them."""
    wanted, before = Filter(project_id, start, end), ""
    while True:
        page, before = calls.page(wanted, before=before, limit=PAGE)
        for one in generations.many(project_id, [summary.id for summary in page]):
            yield from [_call(one)] if kind == "generations" else _marks(one)
        if not before:
            return


def _call(one: GenerationDetail) -> Record:
    detail, summary = one.detail, one.summary
    told: Record = {
        name: getattr(summary, name, None) for name in (*TEXTS, *SECONDS, *COUNTS) if hasattr(summary, name)
    }
    told |= {
        "id": _name(one), "started_at": summary.started_at.isoformat(), "operation": one.operation,
        "provider": one.provider, "span_id": one.span_id,
    }  # fmt: skip
    told |= {
        name: detail[name]
        for name in (*OBJECTS, "user", "reference")
        if name in detail and name not in MESSAGES
    }
    told |= {text: detail[name] for name, text in MESSAGES.items() if name in detail}
    if summary.grounding and "contexts" not in told:
        # a retrieval that found nothing leaves nothing else behind
        told["contexts"] = []
    return {name: value for name, value in told.items() if value not in ("", None)}


def _marks(one: GenerationDetail) -> Iterator[Record]:
    for mark in one.scores:
        yield {
            "generation_id": _name(one), "name": mark.name, "value": mark.value, "source": mark.source,
            "reason": mark.reason, "author": mark.author,
        }  # fmt: skip


def _name(one: GenerationDetail) -> str:
    """Its sender's id, or ours where he gave none: so what is taken in twice is there once."""
    return one.summary.client_id or str(one.id)


def write(kind: str, found: Iterable[Record], file: IO[bytes], form: str) -> int:
    """How many records there were. Raises CarryingError where the format needs what isn't installed."""
    count = 0

    def counted() -> Iterator[Record]:
        nonlocal count
        for record in found:
            count += 1
            yield record

    {"ndjson": _write_lines, "csv": _write_csv, "parquet": _write_parquet}[form](kind, counted(), file)
    return count


def _write_lines(_kind: str, found: Iterable[Record], file: IO[bytes]) -> None:
    for record in found:
        file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def _write_csv(kind: str, found: Iterable[Record], file: IO[bytes]) -> None:
    class Encoded:
        def write(self, text: str) -> None:
            file.write(text.encode())

    # a byte-order mark: without it Excel reads Chinese as something else
    file.write("\ufeff".encode())
    out = csv.writer(Encoded())
    out.writerow(KINDS[kind])
    for record in found:
        out.writerow([_cell(value) for value in _flat(kind, record)])


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _flat(kind: str, record: Record) -> list[Any]:
    """Values in the order of the kind's columns; None for what the record does not say."""
    flat = dict(record)
    for column, text in MESSAGES.items():
        if isinstance(flat.get(text), list):
            flat[column] = flat.pop(text)
    return [
        json.dumps(flat[name], ensure_ascii=False) if form == "json" and name in flat else flat.get(name)
        for name, form in KINDS[kind].items()
    ]


def _unflat(kind: str, row: Mapping[str, Any]) -> Record:
    """What ``_flat`` made flat; empty cells say nothing. Raises CarryingError for a column that it doesn't know."""
    made: Record = {}
    for name, value in row.items():
        form = KINDS[kind].get(name)
        if form is None:
            message = f"no column {name!r} is known; known are {', '.join(KINDS[kind])}"
            raise CarryingError(message)
        if value is None or value == "":
            continue
        made[MESSAGES.get(name, name)] = _value(name, form, value)
    return made


def _value(name: str, form: str, value: Any) -> Any:
    if form == "text" or not isinstance(value, str):
        return value
    try:
        return json.loads(value) if form == "json" else int(value) if form == "count" else float(value)
    except (ValueError, RecursionError) as error:
        message = f"{name}: {value[:40]!r} can't be read: {error}"
        raise CarryingError(message) from error


def _write_parquet(kind: str, found: Iterable[Record], file: IO[bytes]) -> None:
    arrow, parquet = _arrow()
    types = {
        "text": arrow.string(),
        "json": arrow.string(),
        "number": arrow.float64(),
        "count": arrow.int64(),
    }
    schema = arrow.schema([(name, types[form]) for name, form in KINDS[kind].items()])
    with parquet.ParquetWriter(file, schema, compression="zstd") as out:
        for some in _batched(found, 10 * BATCH):
            columns = zip(*(_flat(kind, record) for record in some), strict=True)
            arrays = [
                arrow.array(list(column), one.type) for column, one in zip(columns, schema, strict=True)
            ]
            out.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _arrow() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        message = (
            "Parquet needs pyarrow, which Vigil does not bring: .venv/bin/uv pip install -p .venv pyarrow"
        )
        raise CarryingError(message) from error


def read(kind: str, path: Path, form: str) -> Iterator[Record]:
    """The records of a file. Raises CarryingError with the place."""
    if form == "parquet":
        for row in _parquet_rows(path):
            yield _unflat(kind, row)
    elif form == "csv":
        for row in _csv_rows(path):
            yield _unflat(kind, {name: _uncell(value) for name, value in row.items()})
    else:
        with path.open("rb") as lines:
            # one that is longer comes in parts, which are no JSON
            whole = iter(partial(lines.readline, LONGEST), b"")
            yield from (_line(number, line) for number, line in enumerate(whole, 1) if line.strip())


def _parquet_rows(path: Path) -> Iterator[Record]:
    arrow, parquet = _arrow()
    try:
        for some in parquet.ParquetFile(path).iter_batches(BATCH):
            yield from some.to_pylist()
    except arrow.ArrowException as error:
        message = f"{path} is no Parquet that can be read: {error}"
        raise CarryingError(message) from error


def _csv_rows(path: Path) -> Iterator[dict[Any, Any]]:
    csv.field_size_limit(LONGEST)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, restkey="(more)")
        try:
            yield from rows
        except (csv.Error, UnicodeDecodeError) as error:
            message = f"line {rows.line_num + 1} can't be read: {error}; send CSV in UTF-8"
            raise CarryingError(message) from error


def _uncell(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and value.startswith("'") else value


def _batched(found: Iterable[Record], size: int) -> Iterator[list[Record]]:
    left = iter(found)
    while some := list(islice(left, size)):
        yield some


def _line(number: int, line: bytes) -> Record:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        message = f"line {number} is no JSON: {error}"
        raise CarryingError(message) from error
    if not isinstance(found, dict):
        message = f"line {number} is no JSON object"
        raise CarryingError(message)
    return found


def take(
    kind: str, project_id: int, found: Iterable[Record], missing: Missing, *, now: dt.datetime
) -> tuple[int, int]:
    """Take records in as if they were posted: how many were accepted, and how many of them were known already."""
    door = Native()
    headers = {"x-path": f"/api/v1/{kind}", "content-type": "application/x-ndjson"}
    accepted = known = done = 0
    for some in _batched(found, BATCH):
        batch = door.decode(
            b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in some), headers
        )
        known += pipeline.take(project_id, batch, now=now)
        accepted += len(some) - len(batch.rejected)
        for one in batch.rejected:
            missing(done + one.index + 1, one.field, one.error)
        done += len(some)
    return accepted, known
