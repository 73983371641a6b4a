"""``manage.py scrape import FILE --project SLUG``: the scrape_configs of a Prometheus configuration."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.ingest.models import ScrapeJob
from monitor.ingest.scraping import discover, exchange, jobs
from monitor.management import chosen


class Command(BaseCommand):
    help = "Take the scrape jobs of a Prometheus configuration file into a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        take = actions.add_parser("import", help="jobs of the same name are replaced")
        take.add_argument("file", help="prometheus.yml, or only its scrape_configs; - reads it from stdin")
        take.add_argument("--project", required=True, help="the project's slug")

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        try:
            taken = exchange.take(project.pk, _read(options["file"]))
        except jobs.BadJobError as error:
            message = f"{options['file']}: {error}"
            raise CommandError(message) from error
        for row in ScrapeJob.objects.filter(project=project, name__in=taken.names):
            discover.run(row, now=clock.now())
            row.refresh_from_db()
            state = f"not yet: {row.last_error}" if row.last_error else f"{row.targets.count()} targets"
            self.stdout.write(f"{row.name}: {state}{' (replaced)' if row.name in taken.replaced else ''}")


def _read(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{name} can't be read ({error})"
        raise CommandError(message) from error
