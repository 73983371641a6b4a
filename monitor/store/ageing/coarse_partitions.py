"""Partitions of the tables of points: equal spans counted from 1970, made when first needed, dropped whole."""

import datetime as dt

from django.db import connection, transaction

from monitor.core import clock

_LOCK_KEY = 0x7669_6769_6C71


def ensure(table: str, moment_ms: int, span_ms: int) -> None:
    """Make sure that rows of this time find their partition."""
    low = moment_ms // span_ms * span_ms
    name = f"{table}_s{clock.from_ms(low):%Y%m%d}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return
        # one creator at a time: concurrent DDL on one parent deadlocks
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        begin, end = clock.from_ms(low).isoformat(), clock.from_ms(low + span_ms).isoformat()
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{begin}') TO ('{end}')"
        )


def drop_before(table: str, moment_ms: int, span_ms: int) -> list[str]:
    """Drop the partitions that end at or before that time; their names."""
    gone = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table]
        )
        for (name,) in cursor.fetchall():
            start = dt.datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=dt.UTC)
            if clock.to_ms(start) + span_ms <= moment_ms:
                cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}")
                gone.append(name)
    return gone
