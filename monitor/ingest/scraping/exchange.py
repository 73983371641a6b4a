"""Scrape jobs of a project, out of Prometheus' configuration files."""

from dataclasses import dataclass

from django.db import transaction

from monitor.ingest.models import ScrapeJob
from monitor.ingest.scraping import jobs


@dataclass(frozen=True, slots=True)
class Taken:
    """The names of the jobs there are now, and of those that were there before and replaced."""

    names: tuple[str, ...]
    replaced: tuple[str, ...]


def take(project_id: int, text: str) -> Taken:
    """Store every job of the file, all or none; one of the same name is replaced. Raises BadJobError."""
    configs = jobs.load(text)
    names, replaced = [], []
    with transaction.atomic():
        for config in configs:
            name = jobs.read(config).name
            _, created = ScrapeJob.objects.update_or_create(
                project_id=project_id,
                name=name,
                defaults={"config": config, "due_at": None, "last_error": ""},
            )
            names.append(name)
            if not created:
                replaced.append(name)
    return Taken(tuple(names), tuple(replaced))
