"""``manage.py distribute``: the tables of a Citus coordinator become distributed tables (and reference tables)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.store.upkeep import distributing


class Command(BaseCommand):
    help = "Spread the tables over a Citus cluster: stop Vigil first, run it once, start again. Planned, not proved."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the statements and change nothing")
        parser.add_argument(
            "--reference",
            action="store_true",
            help="make reference tables of all others; else they stay on the coordinator, where Citus lets every"
            " transaction write to them",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["dry_run"]:
            for statement, values in distributing.plan(reference=options["reference"]).statements():
                written = [str(value) if isinstance(value, int) else f"'{value}'" for value in values]
                self.stdout.write(statement % tuple(written) + ";")
            return
        try:
            done = distributing.run(reference=options["reference"])
        except distributing.NoCitusError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{len(done.spread)} tables spread by their shard, {len(done.whole)} whole on every node,"
            f" {len(done.left)} on the coordinator"
        )
