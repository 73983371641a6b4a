"""What search looks into: rows are noted as they are stored, and become a block once there are enough of them.

A row is either noted or in a block, from the commit that stores it on, whatever its time; so nothing is ever
missed. A row whose texts change is noted again. What is noted is few, and searched by reading it.
"""

import datetime as dt
import uuid
from collections.abc import Sequence

import psycopg
from django.db import connection, transaction

from monitor.core import clock
from monitor.store import ids
from monitor.store.calls import grams

# blocks made in one go of one shard of a project
MOST_BLOCKS = 8
_NOTE = "INSERT INTO monitor_search_note (shard, id, project_id, n, ids) VALUES (%s, %s, %s, %s, %b)"
_DUE = "SELECT shard, project_id FROM monitor_search_note GROUP BY 1, 2 HAVING sum(n) >= %s ORDER BY 1, 2"
_TAKE = """
    DELETE FROM monitor_search_note WHERE shard = %(shard)s AND id = ANY(ARRAY(
        SELECT id FROM (SELECT id, sum(n) OVER (ORDER BY id) - n AS before FROM monitor_search_note
            WHERE shard = %(shard)s AND project_id = %(project)s) AS noted
        WHERE before < %(rows)s)) RETURNING ids
"""
_TEXTS = """
    SELECT uuid_send(id), convert_to(prompt || E'\\n' || output, 'UTF8') FROM monitor_payload
    WHERE shard = %s AND id = ANY(%s::uuid[]) ORDER BY id
"""
_BLOCK = """
    INSERT INTO monitor_search_block (shard, id, project_id, low, high, n, ids, bits)
    VALUES (%s, %s, %s, %s, %s, %s, %b, %b)
"""


def note(project_id: int, shard: int, members: bytes, *, now: dt.datetime) -> None:
    """The rows of these ids, one behind the other, were stored, in the caller's transaction."""
    values = [shard, ids.fresh(clock.to_ms(now)), project_id, len(members) // ids.BYTES, members]
    connection.ensure_connection()
    # past Django's cursor: bytes travel as they are
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_NOTE, values)


def run(*, now: dt.datetime) -> int:
    """Make the blocks that are due; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [grams.ROWS])
        due = cursor.fetchall()
    made = 0
    for shard, project_id in due:
        fresh = MOST_BLOCKS
        while fresh == MOST_BLOCKS:
            fresh = _make(project_id, shard, now=now)
            made += fresh
    return made


def split(joined: bytes) -> list[uuid.UUID]:
    """Ids as they are stored, one behind the other."""
    return [uuid.UUID(bytes=joined[at : at + ids.BYTES]) for at in range(0, len(joined), ids.BYTES)]


def _make(project_id: int, shard: int, *, now: dt.datetime) -> int:
    """Notes into blocks; the rows that are left over are noted again."""
    with transaction.atomic():
        taken = _taken(project_id, shard)
        whole = len(taken) // grams.ROWS
        for number in range(whole):
            part = taken[number * grams.ROWS : (number + 1) * grams.ROWS]
            _write(project_id, shard, part, now=now)
        rest = taken[whole * grams.ROWS :]
        if rest:
            note(project_id, shard, b"".join(rest), now=now)
    return whole


def _taken(project_id: int, shard: int) -> list[bytes]:
    """Noted ids, as bytes, in the order of their calls."""
    wanted = {"shard": shard, "project": project_id, "rows": MOST_BLOCKS * grams.ROWS}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, wanted)
        joined = b"".join(row[0] for row in cursor.fetchall())
        return sorted(joined[at : at + ids.BYTES] for at in range(0, len(joined), ids.BYTES))


def _write(project_id: int, shard: int, members: Sequence[bytes], *, now: dt.datetime) -> None:
    listed = ",".join(ids.names(b"".join(members)))
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        rows = cursor.execute(_TEXTS, [shard, f"{{{listed}}}"], binary=True).fetchall()
        if not rows:
            return
        low, high = uuid.UUID(bytes=rows[0][0]), uuid.UUID(bytes=rows[-1][0])
        bits = grams.signature([row[1] for row in rows])
        joined, name = b"".join(row[0] for row in rows), ids.fresh(clock.to_ms(now))
        cursor.execute(_BLOCK, [shard, name, project_id, low, high, len(rows), joined, bits])
