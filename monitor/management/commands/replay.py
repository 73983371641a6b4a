"""``manage.py replay``: stored data once more through every subject that can, in event time; nobody is told."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor import replay
from monitor.management import chosen


class Command(BaseCommand):
    help = (
        "Run what watches over stored data again: print what it would have said, one JSON line each, and put that in "
        "the place of what the drift, anomaly and ALERTS series of that time hold. Nobody is told."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        for name in ("--from", "--to"):
            parser.add_argument(name, required=True, dest=name[2:], help="RFC 3339, or Unix seconds")
        parser.add_argument("--only", choices=sorted(replay.SUBJECTS), action="append", help="one subject")

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        start, end = (chosen.moment(name, options[name]) for name in ("from", "to"))
        if end <= start:
            message = "--to must lie after --from"
            raise CommandError(message)
        for name in options["only"] or replay.SUBJECTS:
            counts: dict[str, int] = {}
            for line in replay.SUBJECTS[name](project.pk, start, end):
                counts[line["what"]] = counts.get(line["what"], 0) + 1
                self.stdout.write(json.dumps({"subject": name, **line}, ensure_ascii=False))
            self.stderr.write(
                f"{name}: " + (", ".join(f"{n} {what}" for what, n in counts.items()) or "nothing")
            )
