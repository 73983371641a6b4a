"""The newest calls that a filter leaves, however few: of long stretches without one only summaries are read.

Rows are read newest first as long as that promises to be quick. Then PostgreSQL is asked which stretches of its
files may hold such a call at all (their values are summed up in a BRIN index); where most may, that is soon given
up and rows are read to the end. Whichever way, the answer is the same.
"""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from monitor.store import deadline

# so many of the newest rows are looked at first
PROBE = 65_536
# with so many found among them it can be told how far back the rest is; farther than this rows are not read for it
TELLING, FARTHEST = 8, 1_000_000
# summaries of stretches that hold nothing are through by then, even of hundreds of millions of calls
LOOK_SECONDS = 0.15

Values = dict[str, Any]
_SPAN = "g.project_id = %(project_id)s AND g.id >= %(first)s AND g.id < %(last)s"
_NEWEST = f"SELECT * FROM monitor_generation g WHERE {_SPAN} ORDER BY g.id DESC LIMIT %(probe)s"
# an index of summaries knows numbers of its own width only
_ALL = "SELECT g.id FROM monitor_generation g WHERE {span} AND {kept} ORDER BY g.id DESC LIMIT %(limit)s"
_BY_SUMMARIES = (
    "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_seqscan = off"
)


def newest(kept: str, values: Values) -> list[UUID]:
    """The ``limit`` newest calls of the project between ``first`` and ``last`` for which ``kept`` holds, in order."""
    limit, probe = int(values["limit"]), PROBE
    found: list[UUID] = []
    while probe:
        near = _ids(
            f"SELECT g.id FROM ({_NEWEST}) AS g WHERE {kept} ORDER BY g.id DESC LIMIT %(limit)s",
            values | {"probe": probe, "limit": limit - len(found)},
        )
        found += near
        if len(found) >= limit:
            return found
        edge = _ids(f"SELECT id FROM ({_NEWEST}) AS g OFFSET %(probe)s - 1", values | {"probe": probe})
        if not edge:
            return found
        values = values | {"last": edge[0]}
        probe = _promising(len(found), limit) if probe == PROBE else 0
    return found + _older(kept, values | {"limit": limit - len(found)})


def rows(kept: str, values: Values) -> list[UUID]:
    """The same, row by row or by an index that fits."""
    return _ids(_ALL.format(span=_SPAN, kept=kept), values)


def _promising(found: int, limit: int) -> int:
    """How many more rows are worth reading, as so many were found in the first of them."""
    wanted = 2 * PROBE * (limit - found) // max(found, 1)
    return wanted if found >= TELLING and wanted <= FARTHEST else 0


def _older(kept: str, values: Values) -> list[UUID]:
    try:
        with deadline.stopped_after(LOOK_SECONDS), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_BY_SUMMARIES)
            return _ids(
                _ALL.format(span=_SPAN.replace("(project_id)s", "(project_id)s::bigint"), kept=kept), values
            )
    except deadline.StoppedError:
        if deadline.deserted():
            raise
    return rows(kept, values)


def _ids(sql: str, values: Values) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]
