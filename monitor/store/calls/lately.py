"""Which versions of a model had calls lately: found by leaping over an index, however many calls there are."""

import datetime as dt
from dataclasses import dataclass

from django.db import connection

from monitor.core import clock
from monitor.store import ids, partitions

# so many calls of a version are counted; more are as many
MOST = 20_000

# whole days are leapt through, since a part of one would be read call by call to find what lies outside it
_LEAPING = """
WITH RECURSIVE known AS (
    (SELECT model, version FROM monitor_generation WHERE project_id = %(project)s AND {models}
     AND id >= %(day)s AND id < %(last_day)s ORDER BY model, version LIMIT 1)
    UNION ALL
    SELECT following.model, following.version FROM known, LATERAL (
        SELECT g.model, g.version FROM monitor_generation g WHERE g.project_id = %(project)s AND {models}
        AND (g.model, g.version) > (known.model, known.version) AND g.id >= %(day)s AND g.id < %(last_day)s
        ORDER BY g.model, g.version LIMIT 1) AS following
)
SELECT known.model, known.version, counted.n, oldest.started_at, newest.started_at FROM known,
    LATERAL (SELECT started_at {calls} ORDER BY id LIMIT 1) AS oldest,
    LATERAL (SELECT started_at {calls} ORDER BY id DESC LIMIT 1) AS newest,
    LATERAL (SELECT count(*) AS n FROM (SELECT 1 {calls} LIMIT %(most)s) AS of_them) AS counted
ORDER BY 3 DESC, 5 DESC, 1, 2
"""
_CALLS = (
    "FROM monitor_generation WHERE project_id = %(project)s AND model = known.model AND version = known.version"
    " AND id >= %(start)s AND id < %(end)s"
)


@dataclass(frozen=True, slots=True)
class Version:
    """A version with calls in the span. ``n``: no more than were asked for."""

    model: str
    version: str
    n: int
    first: dt.datetime
    last: dt.datetime


def versions(
    project_id: int, start: dt.datetime, end: dt.datetime, *, model: str | None = None, most: int = MOST
) -> list[Version]:
    """Every version with calls in [start, end), those with most calls first; where they are too many, the latest."""
    since, until = clock.to_ms(start), clock.to_ms(end)
    values = {
        "project": project_id, "model": model, "most": most, "start": ids.first_at(since), "end": ids.first_at(until),
        "day": ids.first_at(since - since % partitions.DAY_MS),
        "last_day": ids.first_at(until + -until % partitions.DAY_MS),
    }  # fmt: skip
    models = "TRUE" if model is None else "model = %(model)s"
    with connection.cursor() as cursor:
        cursor.execute(_LEAPING.format(models=models, calls=_CALLS), values)
        return [Version(*row) for row in cursor.fetchall()]
