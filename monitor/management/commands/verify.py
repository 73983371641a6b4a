"""``manage.py verify``: recounts rows, derived series and the ledger and says whether they agree."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.ingest.verify import verify
from monitor.management import chosen
from monitor.store.reading import audit


class Command(BaseCommand):
    help = "Recount a project's rows, derived series, scores and ledger; exit 1 when they disagree."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        found = verify(project.pk)
        if found.since > audit.ALWAYS:
            self.stdout.write(
                f"from {clock.from_ms(found.since):%Y-%m-%d} on: what is older has begun to be dropped"
            )
        self.stdout.write(
            f"{found.generations} generations, {found.scores} scores, {found.series} derived series"
        )
        told = ", ".join(f"{found.fates[name]} {name}" for name in ("stored", "duplicate", "dropped"))
        self.stdout.write(f"ledger: {sum(found.fates.values())} items sent = {told}")
        for difference in found.differences:
            self.stdout.write(f"differs: {difference}")
        if not found.agrees:
            message = f"{len(found.differences)} series disagree with the stored rows"
            raise CommandError(message)
        self.stdout.write("all agree")
