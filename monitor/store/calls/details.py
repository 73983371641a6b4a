"""What lies beside calls, of a sample of them: the best score of their documents, and their attributes."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt
from django.db import connection

from monitor.core import clock
from monitor.store import ids
from monitor.store.samples.append import buckets_of
from monitor.store.shards import shards_of

# the last byte of an id is as good as chance, and always the same for a call
_READ = """
    SELECT p.id, (SELECT max((c ->> 'score')::float8) FROM jsonb_array_elements(
               CASE jsonb_typeof(p.detail -> 'contexts') WHEN 'array' THEN p.detail -> 'contexts' ELSE '[]' END) AS c
               WHERE jsonb_typeof(c -> 'score') = 'number'), (p.detail -> 'attributes')::text
    FROM monitor_payload p JOIN monitor_generation g ON g.shard = p.shard AND g.id = p.id
    WHERE p.project_id = %(project)s AND p.shard = ANY(%(shards)s) AND p.id >= %(first)s AND p.id < %(last)s
          AND g.id >= %(first)s AND g.id < %(last)s AND g.model = %(model)s AND g.version = %(version)s AND get_byte(uuid_send(p.id), 15) %% %(stride)s = 0
    ORDER BY p.id
"""


@dataclass(frozen=True, slots=True)
class DetailColumns:
    """``at``: Unix milliseconds of each call; ``scores``: NaN where there is none; ``attributes`` as they came."""

    calls: list[UUID]
    at: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    attributes: list[dict[str, Any]]


def columns(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str, version: str, stride: int = 1
) -> DetailColumns:
    """Of about every ``stride``-th call of [start, end), oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {
                "project": project_id, "shards": shards_of(project_id, buckets_of(project_id)), "model": model,
                "version": version, "first": ids.first_at(clock.to_ms(start)), "stride": stride,
                "last": ids.first_at(clock.to_ms(end)),
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    return DetailColumns(
        [row[0] for row in rows],
        np.array([ids.milliseconds_of(row[0]) for row in rows], dtype=np.int64),
        np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float64),
        [found if isinstance(found := msgspec.json.decode(row[2] or "{}"), dict) else {} for row in rows],
    )
