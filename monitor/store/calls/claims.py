"""Keys of calls: who writes one first has the call. The primary key decides between two senders."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from django.db.utils import IntegrityError, InternalError
from psycopg.adapt import Dumper
from psycopg.pq import Format

from monitor.store import ids, prepared

Keys = Mapping[uuid.UUID, uuid.UUID]

_INSERT = """
    INSERT INTO monitor_generation_key (shard, key, project_id, generation_id, seen)
    SELECT %s::smallint, k.key, %s::bigint, k.id, %s::date FROM unnest(%s::uuid[], %s::uuid[]) AS k(key, id)
    ORDER BY k.key
"""
_CLAIM = f"{_INSERT} ON CONFLICT DO NOTHING RETURNING key"
_UUIDS_TYPE, _UUID_TYPE = 2951, 2950


class TakenError(Exception):
    """Some of the keys were claimed before, or stood there twice; the transaction is over, ``claim`` finds out which."""


class _Uuids(bytes):
    """An array of them as PostgreSQL writes it to itself: it need not read a single digit."""

    __slots__ = ()


class _UuidsDumper(Dumper):
    format, oid = Format.BINARY, _UUIDS_TYPE

    def dump(self, obj: _Uuids) -> bytes:
        return obj


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


def claim_all(project_id: int, shard: int, keys: bytes, identities: bytes, *, now: dt.datetime) -> None:
    """As ``claim``, of keys that happened in nothing and are all new; raises TakenError where they are not.

    Both one behind the other. Not to ask row by row what to do about a conflict halves what the database does.
    """
    values = [shard, project_id, now.date(), _packed(keys), _packed(identities)]
    connection.ensure_connection()
    try:
        own = connection.connection
        with connection.wrap_database_errors, prepared.heeded(own), psycopg.Cursor[Any](own) as cursor:
            cursor.adapters.register_dumper(_Uuids, _UuidsDumper)
            cursor.execute(_INSERT, values, prepare=True)
    except (IntegrityError, InternalError) as error:
        raise TakenError from error


def _packed(joined: bytes) -> _Uuids:
    many = len(joined) // ids.BYTES
    # dimensions, whether there are nulls, the type of an element, how many there are, the number of the first
    head = np.array([1, 0, _UUID_TYPE, many, 1], dtype=">i4")
    rows = np.empty(many, dtype=[("size", ">i4"), ("uuid", f"V{ids.BYTES}")])
    rows["size"], rows["uuid"] = ids.BYTES, np.frombuffer(joined, f"V{ids.BYTES}")
    return _Uuids(head.tobytes() + rows.tobytes())


def _insert(project_id: int, shard: int, wanted: Keys, *, now: dt.datetime) -> set[uuid.UUID]:
    """The keys that nobody had claimed before."""
    values = [shard, project_id, now.date(), _array(wanted), _array(wanted.values())]
    connection.ensure_connection()
    # past Django's cursor, which would put all keys into the text of the statement
    own = connection.connection
    with connection.wrap_database_errors, prepared.heeded(own), psycopg.Cursor[Any](own) as cursor:
        cursor.execute(_CLAIM, values, prepare=True, binary=True)
        return set(wanted) if cursor.rowcount == len(wanted) else {row[0] for row in cursor.fetchall()}


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
