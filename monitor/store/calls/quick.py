"""A few calls in one statement: one trip to the database and one commit, where nothing stands in the way.

It bets that all of them are new. Where a key is taken the statement does nothing, and the caller goes the
long way round, which finds out which ones are.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.utils import IntegrityError

from monitor.core import clock
from monitor.store import ids, prepared
from monitor.store.samples.batches import LATE_MS

# columns of a row of the document, beside those of a call's own
_OWN = {"key": "uuid", "id": "uuid", "prompt": "text", "output": "text", "detail": "jsonb"}
_TYPES = {
    "started_at": "timestamptz", "user_hash": "bytea", "input_tokens": "integer",
    "cached_input_tokens": "integer", "output_tokens": "integer", "duration_seconds": "float8",
    "ttft_seconds": "float8", "inference_seconds": "float8", "queue_seconds": "float8", "cost_usd": "float8",
    "mean_logprob": "float8",
}  # fmt: skip
# which of the statement's values is no text
_DATA = 12


def statement(columns: Sequence[str]) -> str:
    """The statement for calls with these columns; always the same, so that it is planned once."""
    shapes = {**_OWN, **{name: _TYPES.get(name, "text") for name in columns}}
    names = ", ".join(columns)
    return f"""
        WITH r AS MATERIALIZED (
            SELECT * FROM json_to_recordset($1::json)
                AS r({", ".join(f"{name} {shape}" for name, shape in shapes.items())})
        ), keys AS (
            INSERT INTO monitor_generation_key (shard, key, project_id, generation_id, seen)
            SELECT $2::smallint, key, $3::bigint, id, $4::date FROM (
                SELECT key, id FROM r WHERE key IS NOT NULL
                UNION ALL SELECT d, d FROM unnest($5::uuid[]) AS d
            ) AS wanted ORDER BY key
        ), calls AS (
            INSERT INTO monitor_generation (shard, id, project_id, received_at, {names})
            SELECT $2::smallint, id, $3::bigint, $6::timestamptz, {names} FROM r
        ), texts AS (
            INSERT INTO monitor_payload (shard, id, project_id, prompt, output, detail)
            SELECT $2::smallint, id, $3::bigint, prompt, output, detail FROM r
        ), note AS (
            INSERT INTO monitor_search_note (shard, id, project_id, n, ids)
            SELECT $2::smallint, $7::uuid, $3::bigint, count(*),
                   string_agg(uuid_send(id), ''::bytea ORDER BY id)
            FROM r HAVING count(*) > 0
        )
        INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data, late)
        VALUES ($2::smallint, $8::uuid, $3::bigint, $9::smallint, $10::bigint, $11::bigint, $12::integer, $13::bytea,
                CASE WHEN $10::bigint < extract(epoch FROM clock_timestamp()) * 1000 - {LATE_MS}
                THEN pg_current_xact_id()::text::bigint END)
    """


def document(columns: Mapping[str, Iterable[Any]]) -> bytes:
    """Columns by name as what the statement reads: one object for each call."""
    rows = zip(*columns.values(), strict=True)
    return msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows])


def store(
    sql: str, calls: bytes, batch: Sequence[object], digests: Iterable[uuid.UUID], *, now: dt.datetime
) -> bool:
    """Whether all of it is stored now; if not, nothing is. ``batch`` as ``batches.values_of`` gives it."""
    shard, identity, project_id, *rest, data = batch
    note = ids.fresh(clock.to_ms(now))
    texts = (
        shard, project_id, now.date(), f"{{{','.join(map(str, digests))}}}", now.isoformat(), f"{note.int:032x}",
        identity, *rest,
    )  # fmt: skip
    values = [calls, *[str(value).encode() for value in texts], cast("bytes", data)]
    # found once: each look through Django's own handle to it goes by the thread's storage
    here = connections[DEFAULT_DB_ALIAS]
    here.ensure_connection()
    try:
        with here.wrap_database_errors:
            if here.in_atomic_block:
                # it must not spoil what surrounds it
                with transaction.atomic():
                    prepared.done(here.connection, sql, values, {_DATA}, once=True)
            else:
                # by itself a statement is a transaction
                prepared.done(here.connection, sql, values, {_DATA})
    except IntegrityError:
        return False
    return True
