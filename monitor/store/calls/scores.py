"""Marks on generations, stored once per name and source; a changed mark moves its series by the difference.

A mark whose words alone changed (another correction, another reason) replaces the one before and moves no series.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.store import ids, partitions
from monitor.store.samples import append, increments
from monitor.store.samples.increments import Increments
from monitor.store.shards import shards_of

IDENTITY = ("model", "version", "environment", "operation", "provider", "route")


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """``source`` is judge, human, rule or reference; ``author`` says which one."""

    generation_id: uuid.UUID
    name: str
    source: str
    value: float
    reason: str = ""
    author: str = ""


class UnknownGenerationError(LookupError):
    """A mark for a call that isn't stored here (yet). Send the generation first, then retry."""


# value, reason and author
Said = tuple[float, str, str]
# told the marks of one shard and those of them that are new or changed: what else that adds to series
Adds = Callable[[Sequence[ScoreRow], Sequence[ScoreRow]], Increments]


def put(project_id: int, rows: Sequence[ScoreRow], *, now: dt.datetime, adds: Adds | None = None) -> int:
    """Store marks and add them to ``llm_score``; how many were new or changed.

    ``adds`` is asked inside each transaction. Raises UnknownGenerationError, having stored nothing, when one
    names a call that isn't there.
    """
    if not rows:
        return 0
    homes = _homes(project_id, [row.generation_id for row in rows])
    by_shard: dict[int, dict[tuple[uuid.UUID, str, str], ScoreRow]] = defaultdict(dict)
    for row in rows:
        if row.generation_id not in homes:
            message = f"generation {row.generation_id} is not stored; send it before its scores"
            raise UnknownGenerationError(message)
        by_shard[homes[row.generation_id][0]][row.generation_id, row.name, row.source] = row
    # only now: an id that nobody stored names any time at all
    partitions.for_generations({ids.milliseconds_of(row.generation_id) for row in rows})
    partitions.for_batches(clock.to_ms(now))
    changed = 0
    for shard, members in sorted(by_shard.items()):
        with transaction.atomic():
            news = _put_shard(project_id, shard, members, homes, now=now)
            if adds is not None:
                asked = [row for row in rows if homes[row.generation_id][0] == shard]
                increments.write(project_id, shard, adds(asked, news), now=now)
        changed += len(news)
    return changed


def take_back(
    project_id: int, call: uuid.UUID, name: str, source: str, *, author: str, now: dt.datetime
) -> bool:
    """Forget a mark that ``author`` gave, and take it out of its series; whether there was such a mark."""
    home = _homes(project_id, [call]).get(call)
    if home is None:
        return False
    shard, identity = home
    key = (call, name, source)
    partitions.for_batches(clock.to_ms(now))
    with transaction.atomic():
        old = _lock(project_id, shard, [key]).get(key)
        if old is None or old[2] != author:
            return False
        found = append.Deltas()
        found.observe(_series(identity, name, source), ids.milliseconds_of(call), old[0], -1.0)
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM monitor_score WHERE shard = %s AND generation_id = %s AND name = %s AND source = %s",
                [shard, *key],
            )
        append.deltas(project_id, shard, found, now=now)
    return True


def locate(project_id: int, client_ids: Sequence[str]) -> dict[str, uuid.UUID]:
    """Senders' ids → generation ids, for those that are stored."""
    keys = {ids.client_key(project_id, text): text for text in client_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, generation_id FROM monitor_generation_key WHERE shard = ANY(%s) AND key = ANY(%s)",
            [shards_of(project_id, append.buckets_of(project_id)), list(keys)],
        )
        return {keys[key]: identity for key, identity in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class MarkedCall:
    """One mark with the call it belongs to."""

    generation_id: uuid.UUID
    model: str
    version: str
    prompt: str
    output: str
    name: str
    source: str
    value: float
    reason: str
    author: str
    created_at: dt.datetime


def recent(
    project_id: int,
    start: dt.datetime,
    end: dt.datetime,
    *,
    sources: Sequence[str],
    name: str = "",
    excerpt: int = 200,
    limit: int = 50,
) -> list[MarkedCall]:
    """The marks on the newest calls of the span, newest call first; texts are shortened."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.generation_id, g.model, g.version, coalesce(left(p.prompt, %(excerpt)s), ''),"
            " coalesce(left(p.output, %(excerpt)s), ''),"
            " s.name, s.source, s.value, s.reason, s.author, s.created_at FROM monitor_score s"
            " JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " LEFT JOIN monitor_payload p ON p.shard = s.shard AND p.id = s.generation_id"
            " WHERE s.project_id = %(project)s AND s.generation_id >= %(first)s AND s.generation_id < %(last)s"
            " AND s.source = ANY(%(sources)s) AND (%(name)s = '' OR s.name = %(name)s)"
            " ORDER BY s.generation_id DESC, s.name LIMIT %(limit)s",
            {
                "project": project_id,
                "first": ids.first_at(clock.to_ms(start)),
                "last": ids.first_at(clock.to_ms(end) + 1),
                "sources": list(sources),
                "name": name,
                "excerpt": excerpt,
                "limit": limit,
            },
        )
        return [MarkedCall(*row) for row in cursor.fetchall()]


def means(
    project_id: int,
    start: dt.datetime,
    end: dt.datetime,
    *,
    model: str,
    version: str,
    sources: Sequence[str],
    name: str = "",
) -> dict[uuid.UUID, float]:
    """Per marked call of a version the mean of its marks; calls without a mark are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.generation_id, avg(s.value) FROM monitor_score s"
            " JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " WHERE s.project_id = %s AND s.generation_id >= %s AND s.generation_id < %s"
            " AND g.model = %s AND g.version = %s AND s.source = ANY(%s) AND (%s = '' OR s.name = %s)"
            " GROUP BY s.generation_id",
            [
                project_id, ids.first_at(clock.to_ms(start)), ids.first_at(clock.to_ms(end) + 1), model,
                version, list(sources), name, name,
            ],
        )  # fmt: skip
        return {row[0]: float(row[1]) for row in cursor.fetchall()}


Home = tuple[int, Labels]


def _homes(project_id: int, identities: Sequence[uuid.UUID]) -> dict[uuid.UUID, Home]:
    """Shard and identity labels of each generation."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, shard, {', '.join(IDENTITY)} FROM monitor_generation"
            " WHERE project_id = %s AND shard = ANY(%s) AND id = ANY(%s)",
            [project_id, shards_of(project_id, append.buckets_of(project_id)), list(set(identities))],
        )
        return {row[0]: (row[1], Labels(zip(IDENTITY, row[2:], strict=True))) for row in cursor.fetchall()}


def _put_shard(
    project_id: int,
    shard: int,
    members: dict[tuple[uuid.UUID, str, str], ScoreRow],
    homes: dict[uuid.UUID, Home],
    *,
    now: dt.datetime,
) -> list[ScoreRow]:
    """The marks that are new or changed."""
    keys = sorted(members)
    old = _lock(project_id, shard, keys)
    news = [key for key in keys if old.get(key) != _said(members[key])]
    found = append.Deltas()
    for key in news:
        row = members[key]
        if key in old and old[key][0] == row.value:
            continue
        labels = _series(homes[row.generation_id][1], row.name, row.source)
        at = ids.milliseconds_of(row.generation_id)
        if key in old:
            found.observe(labels, at, old[key][0], -1.0)
        found.observe(labels, at, row.value)
    _upsert(project_id, shard, [members[key] for key in news], now=now)
    append.deltas(project_id, shard, found, now=now)
    return [members[key] for key in news]


def _series(identity: Labels, name: str, source: str) -> Labels:
    return identity.having({"__name__": "llm_score", "score": name, "source": source})


def _lock(
    project_id: int, shard: int, keys: Sequence[tuple[uuid.UUID, str, str]]
) -> dict[tuple[uuid.UUID, str, str], Said]:
    """What is stored, once this transaction alone may change it (two judges may come at once)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM monitor_generation WHERE shard = %s AND project_id = %s AND id = ANY(%s)"
            " ORDER BY id FOR UPDATE",
            [shard, project_id, list({key[0] for key in keys})],
        )
        cursor.execute(
            "SELECT generation_id, name, source, value, reason, author FROM monitor_score"
            " WHERE shard = %s AND generation_id = ANY(%s)",
            [shard, list({key[0] for key in keys})],
        )
        return {(row[0], row[1], row[2]): (row[3], row[4], row[5]) for row in cursor.fetchall()}


def _said(row: ScoreRow) -> Said:
    return row.value, row.reason, row.author


def _upsert(project_id: int, shard: int, rows: Sequence[ScoreRow], *, now: dt.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO monitor_score"
            " (shard, generation_id, name, source, project_id, value, reason, author, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (shard, generation_id, name, source) DO UPDATE SET value = excluded.value,"
            " reason = excluded.reason, author = excluded.author, created_at = excluded.created_at",
            [
                (
                    shard, row.generation_id, row.name, row.source, project_id, row.value, row.reason,
                    row.author, now,
                )
                for row in rows
            ],
        )  # fmt: skip
