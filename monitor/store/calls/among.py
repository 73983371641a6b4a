"""What certain calls are: their slices, by their ids."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from monitor.store.calls.generations import SLICES, UnknownColumnError
from monitor.store.samples.append import buckets_of
from monitor.store.shards import shards_of


def slices(project_id: int, calls: Sequence[UUID], names: Sequence[str]) -> dict[UUID, tuple[str, ...]]:
    """The values of these slices of each stored call, in their order; raises UnknownColumnError."""
    for name in names:
        if name not in SLICES:
            raise UnknownColumnError(name)
    if not calls:
        return {}
    columns = ", ".join(f"coalesce({name}, '')" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {columns} FROM monitor_generation WHERE shard = ANY(%(shards)s) AND project_id = %(project)s"
            " AND id = ANY(%(calls)s) AND id >= %(first)s AND id <= %(last)s",
            {
                "shards": shards_of(project_id, buckets_of(project_id)), "project": project_id, "calls": list(calls),
                "first": min(calls), "last": max(calls),
            },
        )  # fmt: skip
        return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}
