"""Vectors of prompts and answers. Means and distances are computed by pgvector, next to the data."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection

from monitor.core import clock
from monitor.store import ids
from monitor.store.samples.append import buckets_of
from monitor.store.shards import shards_of

Span = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A vector for a stored call; ``kind`` is prompt or output, ``embedder`` names what made it."""

    generation_id: UUID
    kind: str
    embedder: str
    vector: Sequence[float]


@dataclass(frozen=True, slots=True)
class MeanDistance:
    """How far two windows' mean vectors are apart, and how many vectors each had."""

    cosine: float
    euclidean: float
    reference: int
    current: int


def put(project_id: int, rows: Sequence[VectorRow]) -> int:
    """Store vectors of calls that are stored and lack them; how many were new."""
    if not rows:
        return 0
    shards = shards_of(project_id, buckets_of(project_id))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO monitor_embedding (shard, id, kind, project_id, model, version, embedder, e)"
            " SELECT g.shard, g.id, v.kind, g.project_id, g.model, g.version, v.embedder, v.e::halfvec"
            " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS v(id, kind, embedder, e)"
            " JOIN monitor_generation g ON g.id = v.id AND g.project_id = %s AND g.shard = ANY(%s)"
            " ORDER BY g.shard, g.id ON CONFLICT DO NOTHING",
            [
                [row.generation_id for row in rows], [row.kind for row in rows],
                [row.embedder for row in rows], [_written(row.vector) for row in rows], project_id, shards,
            ],
        )  # fmt: skip
        return int(cursor.rowcount)


def missing(
    project_id: int, span: Span, kind: str, *, model: str = "", version: str | None = None, limit: int
) -> list[tuple[UUID, str]]:
    """(id, text) of the newest calls in the span without a vector of that kind."""
    column = {"prompt": "prompt", "output": "output"}[kind]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT p.id, p.{column} FROM monitor_payload p"
            " JOIN monitor_generation g ON g.shard = p.shard AND g.id = p.id"
            " WHERE p.project_id = %(project)s AND p.shard = ANY(%(shards)s)"
            " AND p.id >= %(first)s AND p.id < %(last)s"
            " AND (%(model)s = '' OR g.model = %(model)s)"
            " AND (%(version)s::text IS NULL OR g.version = %(version)s)"
            f" AND p.{column} <> '' AND NOT EXISTS (SELECT 1 FROM monitor_embedding e"
            " WHERE e.shard = p.shard AND e.id = p.id AND e.kind = %(kind)s)"
            " ORDER BY p.id DESC LIMIT %(limit)s",
            {
                "project": project_id,
                "shards": shards_of(project_id, buckets_of(project_id)),
                "first": _bounds(span)[0],
                "last": _bounds(span)[1],
                "model": model,
                "version": version,
                "kind": kind,
                "limit": limit,
            },
        )
        return [(row[0], row[1]) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class VectorGroup:
    """The vectors of one kind that a window of a model version holds, by the embedder that made them."""

    embedder: str
    n: int
    mean: list[float]


def means(project_id: int, model: str, version: str, *, kind: str, span: Span) -> list[VectorGroup]:
    """Per embedder the mean of the vectors, each taken at length one; most vectors first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT embedder, count(*), avg(l2_normalize(e::vector))::text FROM monitor_embedding"
            " WHERE project_id = %s AND model = %s AND version = %s AND kind = %s AND id >= %s AND id < %s"
            " GROUP BY embedder ORDER BY 2 DESC, 1",
            [project_id, model, version, kind, *_bounds(span)],
        )
        return [VectorGroup(row[0], row[1], json.loads(row[2])) for row in cursor.fetchall()]


def along(  # noqa: PLR0913 — each argument narrows the search
    project_id: int,
    model: str,
    version: str,
    direction: Sequence[float],
    *,
    kind: str,
    embedder: str,
    span: Span,
    limit: int = 10,
) -> list[UUID]:
    """The calls of the window that lie farthest in a direction, farthest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM monitor_embedding WHERE project_id = %s AND model = %s AND version = %s"
            " AND kind = %s AND embedder = %s AND id >= %s AND id < %s"
            " ORDER BY l2_normalize(e::vector) <#> %s::vector, id LIMIT %s",
            [project_id, model, version, kind, embedder, *_bounds(span), _written(direction), limit],
        )
        return [row[0] for row in cursor.fetchall()]


def mean_distance(
    project_id: int, model: str, version: str, *, kind: str, embedder: str, reference: Span, current: Span
) -> MeanDistance | None:
    """Cosine and Euclidean distance of the windows' means; None where one of them has no vectors."""
    mean = (
        "(SELECT avg(e::vector) AS m, count(*) AS n FROM monitor_embedding WHERE project_id = %s"
        " AND model = %s AND version = %s AND kind = %s AND embedder = %s AND id >= %s AND id < %s)"
    )
    shared: list[Any] = [project_id, model, version, kind, embedder]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.m <=> c.m, r.m <-> c.m, r.n, c.n FROM {mean} r, {mean} c",
            [*shared, *_bounds(reference), *shared, *_bounds(current)],
        )
        cosine, euclidean, before, now = cursor.fetchone()
    if cosine is None:
        return None
    return MeanDistance(float(cosine), float(euclidean), before, now)


@dataclass(frozen=True, slots=True)
class VectorColumns:
    """``at``: Unix milliseconds of each of the ``calls`` (n,); ``vectors`` (n, d) of one embedder."""

    calls: list[UUID]
    at: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]


def commonest_embedder(project_id: int, model: str, version: str, *, kind: str, span: Span) -> str:
    """The embedder of most vectors of the span; empty when there are none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT embedder FROM monitor_embedding WHERE project_id = %s AND model = %s AND version = %s"
            " AND kind = %s AND id >= %s AND id < %s GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
            [project_id, model, version, kind, *_bounds(span)],
        )
        row = cursor.fetchone()
    return row[0] if row else ""


def sampled(
    project_id: int, model: str, version: str, *, kind: str, embedder: str, span: Span, limit: int
) -> VectorColumns:
    """Vectors from all over [start, end), always the same ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, vector_send(e::vector) FROM monitor_embedding WHERE project_id = %s AND model = %s"
            " AND version = %s AND kind = %s AND embedder = %s AND id >= %s AND id < %s"
            " ORDER BY hashtext(id::text), id LIMIT %s",
            [project_id, model, version, kind, embedder, *_bounds(span), limit],
        )
        rows = cursor.fetchall()
    at = np.array([ids.milliseconds_of(row[0]) for row in rows], dtype=np.int64)
    # two numbers of 2 bytes (dimension, unused), then floats, all big-endian
    found = [np.frombuffer(row[1], dtype=">f4", offset=4) for row in rows]
    vectors = np.array(found, dtype=np.float32) if found else np.empty((0, 0), np.float32)
    return VectorColumns([row[0] for row in rows], at, vectors)


def nearest(
    project_id: int, identity: UUID, span: Span, *, kind: str = "prompt", limit: int = 5
) -> list[tuple[UUID, float]]:
    """The calls of the span most alike to one, nearest first, with their cosine distances."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT o.id, o.e <=> t.e AS distance FROM monitor_embedding t JOIN monitor_embedding o"
            " ON o.project_id = t.project_id AND o.kind = t.kind AND o.embedder = t.embedder AND o.id <> t.id"
            " WHERE t.project_id = %s AND t.shard = ANY(%s) AND t.id = %s AND t.kind = %s"
            " AND o.id >= %s AND o.id < %s ORDER BY distance LIMIT %s",
            [
                project_id, shards_of(project_id, buckets_of(project_id)), identity, kind, *_bounds(span),
                limit,
            ],
        )  # fmt: skip
        return [(row[0], float(row[1])) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Pool:
    """The calls of one version in a span, of one environment or of any (empty)."""

    model: str
    version: str
    environment: str
    span: Span


# of so many newest calls of one side the nearest among so many of the other are sought
PAIRED, AMONG = 60, 500
_POOL = (
    "SELECT x.id, x.e, x.embedder FROM monitor_embedding x WHERE x.project_id = %s AND x.kind = %s"
    " AND x.model = %s AND x.version = %s AND x.id >= %s AND x.id < %s AND (%s = '' OR EXISTS (SELECT 1"
    " FROM monitor_generation g WHERE g.shard = x.shard AND g.id = x.id AND g.environment = %s))"
    " ORDER BY x.id DESC LIMIT %s"
)


def pairs(
    project_id: int, ours: Pool, theirs: Pool, *, kind: str = "prompt"
) -> list[tuple[UUID, UUID, float]]:
    """The newest calls of ours, each with the nearest of theirs and its cosine distance, nearest first."""

    def values(pool: Pool, most: int) -> list[Any]:
        place = [pool.environment, pool.environment]
        return [project_id, kind, pool.model, pool.version, *_bounds(pool.span), *place, most]

    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH a AS MATERIALIZED ({_POOL}), b AS MATERIALIZED ({_POOL}) SELECT a.id, n.id, n.d FROM a"
            " CROSS JOIN LATERAL (SELECT b.id, b.e <=> a.e AS d FROM b WHERE b.embedder = a.embedder"
            " AND b.id <> a.id ORDER BY d, b.id LIMIT 1) AS n ORDER BY n.d, a.id",
            [*values(ours, PAIRED), *values(theirs, AMONG)],
        )
        return [(row[0], row[1], float(row[2])) for row in cursor.fetchall()]


def _bounds(span: Span) -> tuple[UUID, UUID]:
    return ids.first_at(clock.to_ms(span[0])), ids.first_at(clock.to_ms(span[1]))


def _written(vector: Sequence[float]) -> str:
    return "[" + ",".join(f"{number:.6g}" for number in vector) + "]"
