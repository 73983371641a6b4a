"""What others may know about targets: plain facts, no querysets and no secrets."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.ingest import described
from monitor.ingest.models import ScrapeJob, ScrapeTarget
from monitor.ingest.scraping import about, scrape
from monitor.outside.sentences import told
from monitor.store.reading import catalog

Health = Literal["up", "down", "unknown"]


@dataclass(frozen=True, slots=True)
class TargetState:
    """A scraped address, the labels its series carry, and how its last scrape went.

    ``health`` is unknown until the first scrape; ``last_scrape`` is when that was claimed.
    """

    id: int
    job: str
    url: str
    labels: Mapping[str, str]
    interval_seconds: int
    timeout_seconds: float
    enabled: bool
    health: Health
    last_error: str
    last_ok: dt.datetime | None
    last_scrape: dt.datetime | None
    last_duration_seconds: float | None
    last_samples: int | None
    discovered: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DroppedTarget:
    """An address that the rules of its job left out."""

    job: str
    discovered: Mapping[str, str]


def dropped(project_id: int) -> list[DroppedTarget]:
    """What jobs found and their rules dropped, at most a few hundred a job."""
    jobs = ScrapeJob.objects.filter(project_id=project_id, enabled=True)
    return [DroppedTarget(job.name, labels) for job in jobs for labels in job.dropped]


def targets(project_id: int) -> list[TargetState]:
    """The project's targets by job and address."""
    rows = ScrapeTarget.objects.filter(project_id=project_id).select_related("source")
    return [_state(row) for row in rows]


def has_series(project_id: int) -> bool:
    """Whether anything was pushed, or came of a page that answered; what Vigil tells of itself is no news."""
    return catalog.has_series(project_id, but=("up", "scrape_", "vigil_", "prometheus_", "ALERTS"))


@dataclass(frozen=True, slots=True)
class Described:
    """What a target's page says of one family of its metrics."""

    target: Mapping[str, str]
    metric: str
    type: str
    help: str
    unit: str


def metadata(project_id: int) -> list[Described]:
    """What the pages of the project's targets say, by target and metric."""
    rows = {row.pk: row for row in ScrapeTarget.objects.filter(project_id=project_id, enabled=True)}
    known = about.of_targets(rows)
    return [
        Described(scrape.target_labels(rows[target_id]), name, fact.type, fact.help, fact.unit)
        for target_id, families in known.items()
        for name, fact in sorted(families.items())
    ]


def pushed(project_id: int) -> list[Described]:
    """What senders say of the metrics that they push."""
    known = described.of_project(project_id)
    return [Described({}, name, fact.type, fact.help, fact.unit) for name, fact in known.items()]


def _state(row: ScrapeTarget) -> TargetState:
    scraped = None
    if row.due_at is not None and row.last_duration is not None:
        scraped = row.due_at - dt.timedelta(seconds=row.interval_seconds)
    return TargetState(
        id=row.pk,
        job=row.job if row.source is None else row.source.name,
        url=row.url,
        labels=scrape.target_labels(row),
        interval_seconds=row.interval_seconds,
        timeout_seconds=scrape.timeout_of(row),
        enabled=row.enabled and (row.source is None or row.source.enabled),
        health=health(row),
        last_error=told(row.last_error),
        last_ok=row.last_ok,
        last_scrape=scraped,
        last_duration_seconds=row.last_duration,
        last_samples=row.last_samples,
        discovered=row.discovered,
    )


def health(row: ScrapeTarget) -> Health:
    """How the last scrape went; unknown before the first."""
    if row.last_duration is None:
        return "unknown"
    # a page with some bad lines leaves an error, and was a success all the same
    return "down" if row.last_error and not row.last_samples else "up"
