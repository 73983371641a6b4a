"""Scores for statistics: summed by the hour of their call, counted by value, or call by call."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.db import connection

from monitor.core import clock
from monitor.store import ids

# a judge of ours signs with its epoch
_NAMED = "s.name || coalesce(' ' || substring(s.author FROM '^[a-z_]+(#[0-9]+)$'), '')"
_OF_VERSION = """
    FROM monitor_score s JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id
    WHERE s.project_id = %(project)s AND s.generation_id >= %(first)s AND s.generation_id < %(last)s
          -- said of both, or every day of the calls is looked through
          AND g.id >= %(first)s AND g.id < %(last)s AND s.source = %(source)s AND g.model = %(model)s
          AND g.version = %(version)s
"""


def by_hour(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, source: str
) -> dict[int, dict[str, list[float]]]:
    """Per hour since 1970 and name: how many marks of one source its calls have, their sum and sum of squares.

    A judge of ours signs with its epoch (``rubric#2``): then that is part of the name, ``helpfulness #2``.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM g.started_at) / 3600)::bigint,"
            f" {_NAMED}, count(*)::float8, sum(s.value), sum(s.value * s.value) {_OF_VERSION} GROUP BY 1, 2 ORDER BY 1, 2",
            _of_version(project_id, start, end, model, version, source),
        )
        found: dict[int, dict[str, list[float]]] = {}
        for hour, name, *sums in cursor.fetchall():
            found.setdefault(hour, {})[name] = sums
    return found


def by_name(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, source: str
) -> dict[str, tuple[list[UUID], npt.NDArray[np.float64]]]:
    """The marks of one source on the calls of [start, end), oldest call first, by the names of ``by_hour``."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_NAMED}, array_agg(g.id ORDER BY g.id), array_agg(s.value ORDER BY g.id) {_OF_VERSION} GROUP BY 1",
            _of_version(project_id, start, end, model, version, source),
        )
        return {
            name: (calls, np.array(values, dtype=np.float64)) for name, calls, values in cursor.fetchall()
        }


def _of_version(
    project_id: int, start: dt.datetime, end: dt.datetime, model: str, version: str, source: str
) -> dict[str, Any]:
    return {
        "project": project_id, "first": ids.first_at(clock.to_ms(start)), "last": ids.first_at(clock.to_ms(end)),
        "source": source, "model": model, "version": version,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgedCalls:
    """One mark of one judge per call, oldest call first."""

    calls: list[UUID]
    versions: list[tuple[str, str]]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Author:
    """Whose marks: those that ``author`` gave under ``name``."""

    name: str
    source: str
    author: str


@dataclass(frozen=True, slots=True)
class Tally:
    """So many marks of one value (to a hundredth) on calls of one version, before or after an edge."""

    model: str
    version: str
    value: float
    late: bool
    n: int


_OF_CALLS = """
    FROM monitor_score s JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id
    WHERE s.project_id = %(project)s AND s.generation_id >= %(first)s AND s.generation_id < %(last)s
          AND g.id >= %(first)s AND g.id < %(last)s AND s.name = %(name)s AND s.source = %(source)s AND s.author = %(author)s
"""


def tallied(
    project_id: int,
    start: dt.datetime,
    end: dt.datetime,
    by: Author,
    *,
    edge: dt.datetime,
    but: Sequence[UUID],
) -> list[Tally]:
    """The marks on calls of [start, end) counted where they lie; those on the calls ``but`` are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT g.model, g.version, round(s.value * 100) / 100, s.generation_id >= %(edge)s, count(*)"
            f" {_OF_CALLS} AND NOT s.generation_id = ANY(%(but)s) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            _asked(project_id, start, end, by) | {"edge": ids.first_at(clock.to_ms(edge)), "but": list(but)},
        )
        return [Tally(*row) for row in cursor.fetchall()]


def among(
    project_id: int, start: dt.datetime, end: dt.datetime, by: Author, calls: Sequence[UUID]
) -> JudgedCalls:
    """The marks on those of these calls that lie in [start, end), oldest call first."""
    return _judged(
        "AND s.generation_id = ANY(%(calls)s)", _asked(project_id, start, end, by) | {"calls": list(calls)}
    )


def between(
    project_id: int, start: dt.datetime, end: dt.datetime, by: Author, values: tuple[float, float],
    *, model: str, version: str,
) -> JudgedCalls:  # fmt: skip
    """The marks from the first to below the second of these ``values`` on calls of one version, oldest call first."""
    return _judged(
        "AND s.value >= %(low)s AND s.value < %(high)s AND g.model = %(model)s AND g.version = %(version)s",
        _asked(project_id, start, end, by)
        | {"low": values[0], "high": values[1], "model": model, "version": version},
    )


def _asked(project_id: int, start: dt.datetime, end: dt.datetime, by: Author) -> dict[str, Any]:
    return {
        "project": project_id, "first": ids.first_at(clock.to_ms(start)), "last": ids.first_at(clock.to_ms(end)),
        "name": by.name, "source": by.source, "author": by.author,
    }  # fmt: skip


def _judged(narrower: str, values: dict[str, Any]) -> JudgedCalls:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.generation_id, g.model, g.version, s.value {_OF_CALLS} {narrower} ORDER BY s.generation_id",
            values,
        )
        rows = cursor.fetchall()
    return JudgedCalls(
        [row[0] for row in rows],
        [(row[1], row[2]) for row in rows],
        np.array([row[3] for row in rows], dtype=np.float64),
    )
