"""The calls of two versions of a model as columns, for comparing them; never their texts.

A user becomes a group of 25 (calls without a user: by session, else each for itself), so that users who
differ can be allowed for without knowing them.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from monitor.core import clock
from monitor.store import ids

STRATA = frozenset({"route", "topic", "language", "tenant", "template", "environment"})
# more calls than these are not read at once; who asks takes smaller spans
MOST = 400_000
GROUPS = 25
GROUP = (
    "mod(coalesce(get_byte(g.user_hash, 0) * 256 + get_byte(g.user_hash, 1),"
    f" abs(hashtext(coalesce(nullif(g.session, ''), g.id::text))::bigint)), {GROUPS})::int"
)
_TEXTS = ("route", "topic", "language", "tenant", "template", "environment", "grounding", "finish_reason")
_NUMBERS = ("duration_seconds", "ttft_seconds", "output_tokens", "cost_usd")

Columns = dict[str, npt.NDArray[Any]]


class TooManyCallsError(Exception):
    """The span holds more calls than are read at once; take a smaller one."""


class UnknownStratumError(ValueError):
    """A dimension by which calls are not told apart; names those by which they are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"calls are not told apart by {name!r}; by {', '.join(sorted(STRATA))}")


def calls(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, most: int = MOST
) -> Columns:
    """The calls of [start, end): ``at`` (Unix ms), ``group``, ``failed``, texts and numbers (NaN: unknown)."""
    names = (
        "g.started_at",
        GROUP,
        "(g.error IS NOT NULL)::int",
        *(f"g.{one}" for one in (*_TEXTS, *_NUMBERS)),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(names)} FROM monitor_generation g WHERE g.project_id = %s AND g.id >= %s"
            " AND g.id < %s AND g.model = %s AND g.version = %s LIMIT %s",
            [project_id, *_ids(start, end), model, version, most + 1],
        )
        rows = cursor.fetchall()
    if len(rows) > most:
        message = f"{model} {version} has more than {most} calls from {start:%Y-%m-%d %H:%M} to {end:%H:%M}"
        raise TooManyCallsError(message)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    found: Columns = {
        "at": np.array([clock.to_ms(one) for one in columns[0]], dtype=np.int64),
        "group": np.array(columns[1], dtype=np.int64),
        "failed": np.array(columns[2], dtype=np.int64),
    }
    for place, name in enumerate(_TEXTS, start=3):
        found[name] = np.array(columns[place], dtype=object)
    for place, name in enumerate(_NUMBERS, start=3 + len(_TEXTS)):
        found[name] = np.array([np.nan if one is None else one for one in columns[place]], dtype=np.float64)
    return found


def marks(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, stratum: str,
    sources: Sequence[str],
) -> Columns:  # fmt: skip
    """Marks on the calls of [start, end): ``at`` of the call, ``group``, ``stratum``, ``name``, ``source``, ``value``."""
    if stratum and stratum not in STRATA:
        raise UnknownStratumError(stratum)
    dimension = f"g.{stratum}" if stratum else "''"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.generation_id, {GROUP}, {dimension}, s.name, s.source, s.value FROM monitor_score s"
            " JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " WHERE s.project_id = %s AND s.generation_id >= %s AND s.generation_id < %s AND s.source = ANY(%s)"
            " AND g.id >= %s AND g.id < %s AND g.model = %s AND g.version = %s",
            [project_id, *_ids(start, end), list(sources), *_ids(start, end), model, version],
        )
        rows = cursor.fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * 6
    return {
        "at": np.array([ids.milliseconds_of(one) for one in columns[0]], dtype=np.int64),
        "group": np.array(columns[1], dtype=np.int64),
        "stratum": np.array(columns[2], dtype=object),
        "name": np.array(columns[3], dtype=object),
        "source": np.array(columns[4], dtype=object),
        "value": np.array(columns[5], dtype=np.float64),
    }


def mark_counts(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, versions: Sequence[str],
    rules: Sequence[str], seconds: int,
) -> dict[int, int]:  # fmt: skip
    """How many marks of judges and of these rules there are on calls of [start, end), by bucket of so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM g.started_at) / %s)::int, count(*) FROM monitor_score s"
            " JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " WHERE s.project_id = %s AND s.generation_id >= %s AND s.generation_id < %s"
            " AND (s.source = 'judge' OR s.source = 'rule' AND s.name = ANY(%s))"
            " AND g.id >= %s AND g.id < %s AND g.model = %s AND g.version = ANY(%s) GROUP BY 1",
            [seconds, project_id, *_ids(start, end), list(rules), *_ids(start, end), model, list(versions)],
        )
        return dict(cursor.fetchall())


def commonest(
    project_id: int,
    start: dt.datetime,
    end: dt.datetime,
    *,
    model: str,
    version: str,
    stratum: str,
    most: int,
) -> list[str]:
    """The values of a dimension that most calls of a version have, in order of their names."""
    if stratum not in STRATA:
        raise UnknownStratumError(stratum)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT g.{stratum} FROM monitor_generation g WHERE g.project_id = %s AND g.id >= %s AND g.id < %s"
            " AND g.model = %s AND g.version = %s GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT %s",
            [project_id, *_ids(start, end), model, version, most],
        )
        return sorted(row[0] for row in cursor.fetchall())


def counts(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, seconds: int
) -> list[tuple[int, str, int]]:
    """Calls of every version of a model, by bucket of so many seconds since 1970: (bucket, version, calls)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM g.started_at) / %s)::int, g.version, count(*)"
            " FROM monitor_generation g WHERE g.project_id = %s AND g.id >= %s AND g.id < %s AND g.model = %s"
            " GROUP BY 1, 2 ORDER BY 1, 2",
            [seconds, project_id, *_ids(start, end), model],
        )
        return list(cursor.fetchall())


def _ids(start: dt.datetime, end: dt.datetime) -> tuple[Any, Any]:
    return ids.first_at(clock.to_ms(start)), ids.first_at(clock.to_ms(end))
