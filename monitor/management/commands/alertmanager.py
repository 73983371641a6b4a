"""``manage.py alertmanager import FILE --project SLUG`` and ``alertmanager export --project SLUG``."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.alerting import alertmanager_yaml, configuration, exporting
from monitor.core import clock
from monitor.management import chosen


class Command(BaseCommand):
    help = "Read an alertmanager.yml into a project, or write a project's routes and contacts as one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        take = actions.add_parser("import", help="routes, inhibitions and times are replaced, all or nothing")
        take.add_argument("file", help="an alertmanager.yml; - reads it from stdin")
        take.add_argument("--project", required=True, help="the project's slug")
        give = actions.add_parser("export", help="to stdout")
        give.add_argument("--project", required=True, help="the project's slug")
        give.add_argument("--secrets", action="store_true", help="with the secrets; without, they are hidden")

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        if options["action"] == "export":
            self.stdout.write(exporting.give(project.pk, secrets=options["secrets"]), ending="")
            return
        try:
            taken = configuration.take(project.pk, _read(options["file"]), now=clock.now())
        except alertmanager_yaml.BadConfigurationError as error:
            message = f"{options['file']}: {error}"
            raise CommandError(message) from error
        self.stdout.write(
            f"{taken.routes} routes, {taken.contacts} contacts, {taken.inhibitions} inhibitions, {taken.times} time intervals"
        )
        for loss in taken.losses:
            self.stdout.write(f"lost: {loss}")


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{name} can't be read ({error})"
        raise CommandError(message) from error
