"""What is dropped, and when. Whole partitions for age; rows in small bites for deleted projects."""

import datetime as dt

from django.db import connection, transaction

from monitor.core import clock
from monitor.store import ids, partitions
from monitor.store.ageing import coarsening, outgoing
from monitor.store.ageing.keeping import Days
from monitor.store.calls import lives
from monitor.store.models import Project
from monitor.store.reading import catalog
from monitor.store.samples import series

SETTLED_DAYS = 2
# so long a piece of a trace waits for calls that come after it
PIECES_WAIT = dt.timedelta(days=2)
PROJECT_TABLES = (
    "monitor_generation", "monitor_payload", "monitor_embedding", "monitor_score", "monitor_sample_batch",
    "monitor_chunk", "monitor_series", "monitor_generation_key",
    "monitor_late_batch", "monitor_total", "monitor_coarse_5m", "monitor_coarse_1h",
    "monitor_coarse_day", "monitor_piece", "monitor_delta_total", "monitor_search_note", "monitor_search_block",
    "monitor_sealed",
)  # fmt: skip


def run(*, now: dt.datetime, days: int, points: Days | None = None) -> list[str]:
    """Make the coming partitions, drop those older than ``days``, forget old sender ids; what was dropped.

    Samples go when no project keeps them any more, their points as ``points`` says.
    """
    partitions.ahead(now)
    oldest = now - dt.timedelta(days=days)
    kept = points or Days(days, 0, 0)
    gone = [name for table in partitions.BY_ID for name in partitions.drop_before(table, clock.to_ms(oldest))]
    with transaction.atomic():
        gone += coarsening.drop_samples(now=now, days=kept)
    gone += coarsening.drop(now=now, days=kept)
    lives.run(now=now)
    # batches become chunks within hours; what is left of their days is empty
    settled = clock.to_ms(now) - SETTLED_DAYS * partitions.DAY_MS
    gone += partitions.drop_before(partitions.BATCHES, settled, only_empty=True)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM monitor_generation_key WHERE seen < %s", [oldest.date()])
        cursor.execute("DELETE FROM monitor_piece WHERE seen < %s", [(now - PIECES_WAIT).date()])
        cursor.execute("DELETE FROM monitor_delta_total WHERE seen < %s", [oldest.date()])
        forgotten = now - dt.timedelta(hours=2 * catalog.REMEMBERED_HOURS)
        cursor.execute("DELETE FROM monitor_late_batch WHERE at < %s", [forgotten])
        first = ids.first_at(clock.to_ms(oldest))
        cursor.execute("DELETE FROM monitor_search_block WHERE high < %s", [first])
        cursor.execute("DELETE FROM monitor_search_note WHERE id < %s AND ids < %s", [first, first.bytes])
        longest = now - dt.timedelta(days=max(days, kept.longest))
        series.drop(before=longest)
        cursor.execute("DELETE FROM monitor_total WHERE event_ms < %s", [clock.to_ms(oldest)])
    return gone


def remove_deleted() -> int:
    """Remove all rows of projects that were marked as deleted; how many projects went."""
    gone = list(Project.objects.exclude(deleted_at=None))
    for project in gone:
        for table in PROJECT_TABLES:
            with connection.cursor() as cursor:
                cursor.execute(f"DELETE FROM {table} WHERE project_id = %s", [project.pk])
        catalog.forget(project.pk)
        with transaction.atomic():
            project.delete()
    if gone:
        series.forget()
        outgoing.forget()
    return len(gone)


def mark_deleted(project: Project, *, now: dt.datetime) -> None:
    """From now on nobody sees the project; its slug is free again, its rows go soon."""
    found = Project.objects.filter(pk=project.pk, deleted_at=None).first()
    if found is not None:
        # saved rather than updated: who deleted a project is kept
        found.deleted_at, found.slug = now, f"deleted-{project.pk}"
        found.save(update_fields=["deleted_at", "slug"])
