"""Many calls as columns of numbers, read at once: hashes stand for texts, so a million takes seconds, not minutes.

What a hash stands for is asked afterwards, of one call that has it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection
from psycopg import sql

from monitor.core import clock
from monitor.core.labels import Matcher
from monitor.store import ids
from monitor.store.samples.append import buckets_of
from monitor.store.shards import shards_of

Span = tuple[dt.datetime, dt.datetime]
Ints = npt.NDArray[np.int64]
TEXTS = (
    "model", "version", "environment", "operation", "provider", "route", "tenant", "language", "topic",
    "template", "finish_reason", "grounding",
)  # fmt: skip
LABELS = TEXTS[:6]
# a call that says nothing; a version may be the empty one
NOTHING = 0
_HASHES = {
    name: f"hashtext(g.{name})" if name == "version" else f"CASE g.{name} WHEN '' THEN 0 ELSE hashtext(g.{name}) END"
    for name in TEXTS
}  # fmt: skip
LENGTHS = (128, 512, 2048, 8192, 32768)
GROUPS = 25
_NUMBERS = {
    "length": f"CASE WHEN g.input_tokens IS NULL THEN 0 ELSE 1 + width_bucket(g.input_tokens, ARRAY{list(LENGTHS)}) END",
    "cached": "CASE WHEN g.cached_input_tokens IS NULL THEN 0 WHEN g.cached_input_tokens > 0 THEN 1 ELSE 2 END",
    "user_group": "CASE WHEN g.user_hash IS NULL THEN 0"
    f" ELSE 1 + (get_byte(g.user_hash, 0) * 256 + get_byte(g.user_hash, 1)) % {GROUPS} END",
}  # fmt: skip
DIMENSIONS: Mapping[str, str] = {**_HASHES, **_NUMBERS}
_DECODING = "(g.duration_seconds - coalesce(g.ttft_seconds, 0))"
VALUES = {
    "duration_seconds": "g.duration_seconds", "ttft_seconds": "g.ttft_seconds",
    "inference_seconds": "g.inference_seconds", "queue_seconds": "g.queue_seconds",
    "input_tokens": "g.input_tokens::float8", "output_tokens": "g.output_tokens::float8",
    "cost_usd": "g.cost_usd", "mean_logprob": "g.mean_logprob", "score": "s.value", "": "1.0::float8",
    "tpot_seconds": f"CASE WHEN g.ttft_seconds IS NOT NULL AND g.output_tokens > 1 THEN {_DECODING} / (g.output_tokens - 1) END",
    "output_tokens_per_second": f"CASE WHEN {_DECODING} > 0 THEN g.output_tokens / {_DECODING} END",
    "cached": "CASE WHEN g.cached_input_tokens IS NULL THEN NULL WHEN g.cached_input_tokens > 0 THEN 1.0 ELSE 0.0 END::float8",
}  # fmt: skip
_SIGNATURE = 19
_OPERATORS = {"=": "=", "!=": "<>", "=~": "~", "!~": "!~"}


@dataclass(frozen=True, slots=True)
class Columns:
    """``high`` and ``low`` are the halves of the calls' ids; ``keys`` one column for each of DIMENSIONS."""

    high: npt.NDArray[np.uint64]
    low: npt.NDArray[np.uint64]
    values: npt.NDArray[np.float64]
    keys: Mapping[str, npt.NDArray[np.int32]]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def at_ms(self) -> Ints:
        return (self.high >> np.uint64(16)).astype(np.int64)

    def identity(self, place: int) -> UUID:
        return UUID(int=(int(self.high[place]) << 64) | int(self.low[place]))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls, and which number of theirs; calls without it are left out.

    ``chosen``: conditions on the text named by ``column`` (error, grounding) that make the number 1, else 0.
    """

    project_id: int
    column: str = ""
    calls: Sequence[Matcher] = ()
    chosen: Sequence[Matcher] = ()
    score: Sequence[Matcher] = ()


def count(wanted: Wanted, span: Span) -> int:
    """How many calls began in [start, end), whatever their numbers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM monitor_generation WHERE project_id = %s AND id >= %s AND id < %s",
            [wanted.project_id, *_bounds(span)],
        )
        return int(cursor.fetchone()[0])


def any_before(project_id: int, at: dt.datetime) -> bool:
    """Whether the project has calls older than that."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM monitor_generation WHERE project_id = %s AND id < %s)",
            [project_id, ids.first_at(clock.to_ms(at))],
        )
        return bool(cursor.fetchone()[0])


def read(wanted: Wanted, span: Span) -> Columns:
    """The calls that began in [start, end), in no order."""
    value = _value(wanted)
    source = "monitor_generation g"
    where = [
        sql.SQL("g.project_id = {} AND g.id >= {} AND g.id < {}").format(
            sql.Literal(wanted.project_id), *(sql.Literal(str(one)) for one in _bounds(span))
        ),
        *(_condition(sql.Identifier("g", one.label), one) for one in wanted.calls if one.label in LABELS),
    ]
    if wanted.column == "score":
        source += " JOIN monitor_score s ON s.shard = g.shard AND s.generation_id = g.id"
        columns = {"score": sql.SQL("s.name"), "source": sql.SQL("s.source")}
        where += [_condition(columns[one.label], one) for one in wanted.score if one.label in columns]
    if wanted.column == "grounding":
        where.append(sql.SQL("g.grounding <> ''"))
    statement = sql.SQL(
        "COPY (SELECT uuid_send(g.id), {keys}, v.x FROM {source} CROSS JOIN LATERAL (SELECT {value} AS x) AS v"
        " WHERE {where} AND v.x IS NOT NULL) TO STDOUT (FORMAT binary)"
    ).format(
        keys=sql.SQL(", ").join(sql.SQL(text) for text in DIMENSIONS.values()),
        source=sql.SQL(source), value=value, where=sql.SQL(" AND ").join(where),
    )  # fmt: skip
    return _columns(_copied(statement))


def texts(project_id: int, name: str, calls: Sequence[UUID]) -> dict[UUID, str]:
    """What a column of text says of calls."""
    if name not in TEXTS or not calls:
        return {}
    shards = shards_of(project_id, buckets_of(project_id))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {name} FROM monitor_generation WHERE project_id = %s AND shard = ANY(%s) AND id = ANY(%s)",
            [project_id, shards, list(calls)],
        )
        return dict(cursor.fetchall())


def attributes(project_id: int, calls: Sequence[UUID], names: Sequence[str]) -> dict[UUID, str]:
    """Of each call the first of these attributes that it has."""
    if not calls:
        return {}
    shards = shards_of(project_id, buckets_of(project_id))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, value FROM (SELECT p.id, (SELECT p.detail -> 'attributes' ->> name"
            " FROM unnest(%s::text[]) WITH ORDINALITY AS wanted(name, place)"
            " WHERE p.detail -> 'attributes' ->> name <> '' ORDER BY place LIMIT 1) AS value"
            " FROM monitor_payload p WHERE p.shard = ANY(%s) AND p.id = ANY(%s)) AS told WHERE value IS NOT NULL",
            [list(names), shards, list(calls)],
        )
        return {identity: str(value)[:200] for identity, value in cursor.fetchall()}


def vectors(project_id: int, calls: Sequence[UUID]) -> tuple[list[UUID], npt.NDArray[np.float32]]:
    """Prompts' vectors of those calls that have one, of the embedder that made most of them."""
    shards = shards_of(project_id, buckets_of(project_id))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, embedder, vector_send(e::vector) FROM monitor_embedding"
            " WHERE shard = ANY(%s) AND id = ANY(%s) AND kind = 'prompt'",
            [shards, list(calls)],
        )
        rows = cursor.fetchall()
    if not rows:
        return [], np.empty((0, 0), np.float32)
    makers = [row[1] for row in rows]
    commonest = max(sorted(set(makers)), key=makers.count)
    kept = [row for row in rows if row[1] == commonest]
    # two numbers of 2 bytes (dimension, unused), then floats, all big-endian
    found = [np.frombuffer(row[2], dtype=">f4", offset=4) for row in kept]
    return [row[0] for row in kept], np.array(found, dtype=np.float32)


def _value(wanted: Wanted) -> sql.Composable:
    if wanted.column not in {"error", "grounding"}:
        return sql.SQL(VALUES[wanted.column])
    column = sql.Identifier("g", wanted.column)
    tests: list[sql.Composable] = [sql.SQL("{} IS NOT NULL").format(column)]
    tests += [_condition(column, one) for one in wanted.chosen]
    return sql.SQL("CASE WHEN {} THEN 1.0 ELSE 0.0 END::float8").format(sql.SQL(" AND ").join(tests))


def _condition(column: sql.Composable, matcher: Matcher) -> sql.Composable:
    text = matcher.value if matcher.op in {"=", "!="} else f"^(?:{matcher.value})$"
    return sql.SQL("{} {} {}").format(column, sql.SQL(_OPERATORS[matcher.op]), sql.Literal(text))


def _copied(statement: sql.Composed) -> bytearray:
    connection.ensure_connection()
    found = bytearray()
    # past Django's cursor, which knows no COPY
    with (
        connection.wrap_database_errors,
        psycopg.Cursor[Any](connection.connection) as cursor,
        cursor.copy(statement) as copy,
    ):
        for part in copy:
            found += part
    return found


def _columns(data: bytearray) -> Columns:
    """Every row has the same fields of the same lengths, each behind its length: so they are one array."""
    fields: list[tuple[str, str]] = [("fields", ">i2"), ("_id", ">i4"), ("high", ">u8"), ("low", ">u8")]
    for name in DIMENSIONS:
        fields += [(f"_{name}", ">i4"), (name, ">i4")]
    fields += [("_value", ">i4"), ("value", ">f8")]
    row = np.dtype(fields)
    rows = np.frombuffer(data, dtype=row, offset=_SIGNATURE, count=(len(data) - _SIGNATURE) // row.itemsize)
    return Columns(
        high=rows["high"].astype(np.uint64), low=rows["low"].astype(np.uint64),
        values=rows["value"].astype(np.float64),
        keys={name: rows[name].astype(np.int32) for name in DIMENSIONS},
    )  # fmt: skip


def _bounds(span: Span) -> tuple[UUID, UUID]:
    return ids.first_at(clock.to_ms(span[0])), ids.first_at(clock.to_ms(span[1]))
