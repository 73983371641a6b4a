"""Celery doors: keyword arguments only, at most ten lines each, safe to run twice. They read the clock."""

from celery import shared_task
from django.conf import settings

from monitor.core import clock
from monitor.ingest import scrape
from monitor.store import compact as compaction
from monitor.store import retention as keeping


@shared_task
def compact(**_: object) -> None:
    """Small batches into larger ones, closed windows into chunks."""
    compaction.run(now=clock.now())


@shared_task
def retention(**_: object) -> None:
    """Partitions for the coming days, and none that are too old."""
    keeping.run(now=clock.now(), days=settings.VIGIL_RETENTION_DAYS)


@shared_task
def remove_deleted(**_: object) -> None:
    """The rows of projects that somebody deleted."""
    keeping.remove_deleted()


@shared_task
def scrape_due(**_: object) -> None:
    """Read the metrics pages of the targets that are due."""
    scrape.run_due(now=clock.now())
