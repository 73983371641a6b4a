"""Keys of calls: who writes one first has the call. The primary key decides between two senders."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection

from monitor.store import ids, prepared

Keys = Mapping[uuid.UUID, uuid.UUID]

_INSERT = """
    INSERT INTO monitor_generation_key (shard, key, project_id, generation_id, seen)
    SELECT %s::smallint, k.key, %s::bigint, k.id, %s::date FROM unnest(%s::uuid[], %s::uuid[]) AS k(key, id)
    ORDER BY k.key ON CONFLICT DO NOTHING RETURNING key
"""


def claim(project_id: int, shard: int, wanted: Keys, around_of: Keys, *, now: dt.datetime) -> set[uuid.UUID]:
    """Of the ``wanted`` keys (each with its row's id) those that are new here, in the caller's transaction.

    ``around_of`` says of some of them the key of what they happened in: that is claimed for the call within,
    so that it counts as known when it comes. Where it came first, the call within is known by it.
    """
    if not wanted:
        return set()
    if not around_of:
        return _insert(project_id, shard, wanted, now=now)
    arounds = {around: key for key, around in around_of.items()}
    made = _insert(
        project_id, shard, {**wanted, **{around: wanted[key] for around, key in arounds.items()}}, now=now
    )
    inside = _inside_stored(shard, arounds.keys() - made)
    fresh = set()
    for key in (wanted.keys() & made) - arounds.keys():
        outer = inside.get(around_of.get(key, key))
        if outer is None:
            fresh.add(key)
        else:
            _point_to(shard, key, outer)
    return fresh


def claim_plain(
    project_id: int,
    shard: int,
    keys: Sequence[uuid.UUID],
    identities: Sequence[uuid.UUID],
    *,
    now: dt.datetime,
) -> set[uuid.UUID] | None:
    """As ``claim``, of keys that all differ and happened in nothing; None: all of them are new."""
    made = _inserted(project_id, shard, keys, identities, now=now)
    return None if made is None else {row[0] for row in made}


def _insert(project_id: int, shard: int, wanted: Keys, *, now: dt.datetime) -> set[uuid.UUID]:
    """The keys that nobody had claimed before."""
    made = _inserted(project_id, shard, wanted, wanted.values(), now=now)
    return set(wanted) if made is None else {row[0] for row in made}


def _inserted(
    project_id: int,
    shard: int,
    keys: Collection[uuid.UUID],
    identities: Collection[uuid.UUID],
    *,
    now: dt.datetime,
) -> list[tuple[Any, ...]] | None:
    """Rows of those keys that nobody had claimed before; None: of all."""
    values = [shard, project_id, now.date(), _array(keys), _array(identities)]
    connection.ensure_connection()
    # past Django's cursor, which would put all keys into the text of the statement
    own = connection.connection
    with connection.wrap_database_errors, prepared.heeded(own), psycopg.Cursor[Any](own) as cursor:
        cursor.execute(_INSERT, values, prepare=True, binary=True)
        return None if cursor.rowcount == len(keys) else cursor.fetchall()


def _array(keys: Collection[uuid.UUID]) -> str:
    # as one text: a list would be looked at, key by key, to find out what it holds
    return "{" + ",".join(f"{key.int:032x}" for key in keys) + "}"


def _inside_stored(shard: int, arounds: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Of these keys those of stored calls, with their ids; the others were claimed by a call inside."""
    if not arounds:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, generation_id FROM monitor_generation_key WHERE shard = %s AND key = ANY(%s)",
            [shard, list(arounds)],
        )
        return {key: identity for key, identity in cursor.fetchall() if ids.is_of_key(identity, key)}


def _point_to(shard: int, key: uuid.UUID, identity: uuid.UUID) -> None:
    """Let a call's key mean another call, as which it is stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE monitor_generation_key SET generation_id = %s WHERE shard = %s AND key = %s",
            [identity, shard, key],
        )
