"""Scores as columns, by the call they belong to: for statistics."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection

from monitor.core import clock
from monitor.store import ids


@dataclass(frozen=True, slots=True)
class MarkColumns:
    """``at``: Unix milliseconds of the marked call; ``names`` and ``values`` of its marks."""

    at: npt.NDArray[np.int64]
    names: list[str]
    values: npt.NDArray[np.float64]


def columns(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, source: str
) -> MarkColumns:
    """Every mark of one source on calls of [start, end), oldest call first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.generation_id, s.name, s.value FROM monitor_score s"
            " JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " WHERE s.project_id = %s AND s.generation_id >= %s AND s.generation_id < %s AND s.source = %s"
            " AND g.model = %s AND g.version = %s ORDER BY s.generation_id, s.name",
            [
                project_id, ids.first_at(clock.to_ms(start)), ids.first_at(clock.to_ms(end)), source, model,
                version,
            ],
        )  # fmt: skip
        rows = cursor.fetchall()
    return MarkColumns(
        np.array([ids.milliseconds_of(row[0]) for row in rows], dtype=np.int64),
        [row[1] for row in rows],
        np.array([row[2] for row in rows], dtype=np.float64),
    )


@dataclass(frozen=True, slots=True)
class JudgedCalls:
    """One mark of one judge per call, oldest call first."""

    calls: list[UUID]
    versions: list[tuple[str, str]]
    values: npt.NDArray[np.float64]


def judged(
    project_id: int, start: dt.datetime, end: dt.datetime, *, name: str, source: str, author: str, limit: int
) -> JudgedCalls:
    """The marks that ``author`` gave under ``name`` on the newest calls of [start, end), with model and version."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.generation_id, g.model, g.version, s.value FROM monitor_score s"
            " JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " WHERE s.project_id = %s AND s.generation_id >= %s AND s.generation_id < %s AND s.name = %s"
            " AND s.source = %s AND s.author = %s ORDER BY s.generation_id DESC LIMIT %s",
            [
                project_id, ids.first_at(clock.to_ms(start)), ids.first_at(clock.to_ms(end)), name, source,
                author, limit,
            ],
        )  # fmt: skip
        rows = cursor.fetchall()[::-1]
    return JudgedCalls(
        [row[0] for row in rows],
        [(row[1], row[2]) for row in rows],
        np.array([row[3] for row in rows], dtype=np.float64),
    )
