"""Every version that was called in a stretch of time, however few of its calls came last. Reads all of the stretch."""

import datetime as dt

from django.db import connection

from monitor.core import clock
from monitor.store import ids
from monitor.store.calls.lately import Version
from monitor.store.samples.append import buckets_of
from monitor.store.shards import shards_of


def versions(project_id: int, start: dt.datetime, end: dt.datetime) -> list[Version]:
    """Model versions of [start, end), most calls first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT model, version, count(*), min(started_at), max(started_at) FROM monitor_generation"
            " WHERE shard = ANY(%s) AND project_id = %s AND id >= %s AND id < %s GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
            [
                shards_of(project_id, buckets_of(project_id)), project_id, ids.first_at(clock.to_ms(start)),
                ids.first_at(clock.to_ms(end)),
            ],
        )  # fmt: skip
        return [Version(*row) for row in cursor.fetchall()]
