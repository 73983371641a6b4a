"""``manage.py forget --project SLUG --user ID``: a privacy request, carried out."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from monitor.core import clock
from monitor.drift import privacy as moved
from monitor.ingest import privacy
from monitor.management import chosen
from monitor.people import trail
from monitor.quality import privacy as judged


class Command(BaseCommand):
    help = "Remove texts, vectors, reasons and links of one user's calls; their numbers stay in every count."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--user", required=True, metavar="ID", help="as senders wrote it")

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        found = privacy.forget(project.pk, options["user"], now=clock.now())
        more = judged.forget(project.pk, found.calls)
        if found.calls:
            moved.forget(project.pk)
        told = (
            f"{len(found.calls)} calls: {found.texts} texts, {found.vectors} vectors and {found.reasons} reasons removed,"
            f" {more} rows of judges and labels, {found.pieces} pieces of traces"
        )
        trail.done(project, "forgotten", told)
        self.stdout.write(f"{told}. Backups and exports made before still hold them.")
