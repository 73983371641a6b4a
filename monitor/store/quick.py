"""A few calls in one statement: one trip to the database and one commit, where nothing stands in the way.

It bets that all of them are new. Where a key is taken the statement does nothing, and the caller goes the
long way round, which finds out which ones are.
"""

import contextlib
import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec
import psycopg
from django.db import connection, transaction
from django.db.utils import IntegrityError

from monitor.core import clock
from monitor.store import ids
from monitor.store.batches import LATE_MS

Row = dict[str, object]

# columns of a row of the document, beside those of a call's own
_OWN = {"key": "uuid", "id": "uuid", "prompt": "text", "output": "text", "detail": "jsonb"}
_TYPES = {
    "started_at": "timestamptz", "user_hash": "bytea", "input_tokens": "integer",
    "cached_input_tokens": "integer", "output_tokens": "integer", "duration_seconds": "float8",
    "ttft_seconds": "float8", "inference_seconds": "float8", "queue_seconds": "float8", "cost_usd": "float8",
    "mean_logprob": "float8",
}  # fmt: skip


def statement(columns: Sequence[str]) -> str:
    """The statement for calls with these columns; always the same, so that it is planned once."""
    shapes = {**_OWN, **{name: _TYPES.get(name, "text") for name in columns}}
    names = ", ".join(columns)
    return f"""
        WITH r AS MATERIALIZED (
            SELECT * FROM json_to_recordset(%(rows)s::json)
                AS r({", ".join(f"{name} {shape}" for name, shape in shapes.items())})
        ), keys AS (
            INSERT INTO monitor_generation_key (shard, key, project_id, generation_id, seen)
            SELECT %(shard)s::smallint, key, %(project)s::bigint, id, %(seen)s::date FROM (
                SELECT key, id FROM r WHERE key IS NOT NULL
                UNION ALL SELECT d, d FROM unnest(%(digests)s::uuid[]) AS d
            ) AS wanted ORDER BY key
        ), calls AS (
            INSERT INTO monitor_generation (shard, id, project_id, received_at, {names})
            SELECT %(shard)s::smallint, id, %(project)s::bigint, %(now)s::timestamptz, {names} FROM r
        ), texts AS (
            INSERT INTO monitor_payload (shard, id, project_id, prompt, output, detail)
            SELECT %(shard)s::smallint, id, %(project)s::bigint, prompt, output, detail FROM r
        ), note AS (
            INSERT INTO monitor_search_note (shard, id, project_id, n, ids)
            SELECT %(shard)s::smallint, %(note)s::uuid, %(project)s::bigint, count(*),
                   string_agg(uuid_send(id), ''::bytea ORDER BY id)
            FROM r HAVING count(*) > 0
        )
        INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data, late)
        VALUES (%(shard)s::smallint, %(batch)s::uuid, %(project)s::bigint, %(kind)s::smallint,
                %(first)s::bigint, %(last)s::bigint, %(n)s::integer, %(data)b::bytea,
                CASE WHEN %(first)s::bigint < extract(epoch FROM clock_timestamp()) * 1000 - {LATE_MS}
                THEN pg_current_xact_id()::text::bigint END)
    """


def store(
    sql: str,
    rows: Sequence[Row],
    batch: Sequence[object],
    digests: Sequence[uuid.UUID],
    *,
    now: dt.datetime,
) -> bool:
    """Whether all of it is stored now; if not, nothing is. ``batch`` as ``batches.values`` gives it."""
    shard, identity, project_id, kind, first, last, n, data = batch
    values = {
        "shard": shard, "project": project_id, "seen": now.date(), "now": now,
        "rows": msgspec.json.encode(rows).decode(), "digests": list(digests), "batch": identity,
        "note": ids.fresh(clock.to_ms(now)),
        "kind": kind, "first": first, "last": last, "n": n, "data": data,
    }  # fmt: skip
    connection.ensure_connection()
    # by itself a statement is a transaction; inside one it must not spoil what surrounds it
    around = transaction.atomic() if connection.in_atomic_block else contextlib.nullcontext()
    try:
        with around, connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(sql, values, prepare=True)
    except IntegrityError:
        return False
    return True
