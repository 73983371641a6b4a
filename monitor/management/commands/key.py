"""``manage.py key create``: a new API key, printed once and alone on stdout, so that a script can take it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.ingest import keys
from monitor.ingest.models import SCOPES
from monitor.management import chosen


class Command(BaseCommand):
    help = "Create an API key. Its text is shown only now; Vigil keeps its hash."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        create = parser.add_subparsers(dest="action", required=True).add_parser("create")
        create.add_argument("--project", required=True, help="the project's slug")
        create.add_argument("--name", required=True, help="who will use it")
        create.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            required=True,
            help=f"one of {', '.join(SCOPES)}; repeatable",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        try:
            text = keys.create(project, options["name"], options["scopes"], now=clock.now())
        except keys.BadScopeError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text)
