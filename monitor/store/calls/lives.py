"""Texts and vectors may live shorter than the rows they belong to, in each project as its people chose.

Day by day: where nobody keeps a day's texts any more the day is emptied at once, else only the rows of those
whose time is over go. The row of the call stays, with its numbers.
"""

import datetime as dt
from collections.abc import Collection, Mapping

from django.db import connection, transaction

from monitor.core import clock
from monitor.store import ids, partitions
from monitor.store.models import Project

# table → the field of a project that says how many days it is kept
LIVES = {"monitor_payload": "content_days", "monitor_embedding": "embedding_days"}


def run(*, now: dt.datetime) -> int:
    """Remove what has lived long enough; how many days of a table were emptied or thinned."""
    done = 0
    for table, field in LIVES.items():
        days = dict(Project.objects.exclude(**{field: None}).values_list("pk", field))
        if days:
            done += _shorten(table, days, now=now)
    content = Project.objects.exclude(content_days=None).values_list("pk", "content_days")
    for project_id, days_kept in content:
        _forget_blocks(project_id, clock.to_ms(now - dt.timedelta(days=days_kept or 0)))
    return done


def _shorten(table: str, days: Mapping[int, int], *, now: dt.datetime) -> int:
    done = 0
    for leaf, end in partitions.ends(table):
        over = {
            project_id
            for project_id, kept in days.items()
            if end <= clock.to_ms(now - dt.timedelta(days=kept))
        }
        if over and _holds(leaf, over):
            _clear(leaf, over)
            done += 1
    return done


def _clear(leaf: str, over: Collection[int]) -> None:
    """All rows at once when they are all over, else those that are."""
    name = connection.ops.quote_name(leaf)
    with transaction.atomic(), connection.cursor() as cursor:
        # nobody adds to this day while it is looked at
        cursor.execute(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {name} WHERE project_id <> ALL(%s))", [list(over)])
        if cursor.fetchone()[0]:
            cursor.execute(f"DELETE FROM {name} WHERE project_id = ANY(%s)", [list(over)])
        else:
            cursor.execute(f"TRUNCATE {name}")


def _holds(leaf: str, over: Collection[int]) -> bool:
    name = connection.ops.quote_name(leaf)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {name} WHERE project_id = ANY(%s))", [list(over)])
        return bool(cursor.fetchone()[0])


def _forget_blocks(project_id: int, oldest: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM monitor_search_block WHERE project_id = %s AND high < %s",
            [project_id, ids.first_at(oldest // partitions.DAY_MS * partitions.DAY_MS)],
        )
