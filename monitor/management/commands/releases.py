"""``manage.py releases``: the evidence of a release as a file, and a file judged anew."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.canary import export, read
from monitor.core import clock
from monitor.management import chosen


class Command(BaseCommand):
    help = "Write the evidence of a release to standard output, or check that a file gives the verdict it claims."

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--export", metavar="ID", help="the number of a release; needs --project")
        chosen.add_argument(
            "--check", metavar="FILE", help="evidence that was exported; exit 1 when it differs"
        )
        parser.add_argument("--project", metavar="SLUG")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["check"]:
            self._check(Path(options["check"]))
            return
        project = chosen.project(options["project"])
        try:
            found = read.evidence(project.pk, options["export"], now=clock.now())
        except read.NoReleaseError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(found, ensure_ascii=False))

    def _check(self, path: Path) -> None:
        try:
            found = export.check(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError) as error:
            message = f"{path}: {error}"
            raise CommandError(message) from error
        self.stdout.write(f"the file says {found.said}; its {found.buckets} buckets give {found.found}")
        if not found.same:
            named = f" in {', '.join(found.differs)}" if found.differs else ""
            message = f"{path}: the verdict differs{named}"
            raise CommandError(message)
        self.stdout.write("the same verdict")
        self.stdout.write(
            "sealed by this installation: nothing in it was changed since"
            if found.sealed
            else "not sealed by this installation: whether decisions or answers were changed can't be told here"
        )
