"""``manage.py project create``: a new project; the same slug twice is said, not done."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.ingest import setup
from monitor.people import read as people
from monitor.rules import sets
from monitor.rules.history import Author


class Command(BaseCommand):
    help = "Create a project: a tenant with its own keys, series and rules."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        create = parser.add_subparsers(dest="action", required=True).add_parser("create")
        create.add_argument("slug", help="its short name in addresses: letters, digits, hyphens")
        create.add_argument("--name", default="", help="its name for people")
        create.add_argument(
            "--rules", choices=["none", "off", "on"], default="none",
            help="the rules that come with Vigil: not at all, there but switched off, or watching from the start",
        )  # fmt: skip

    def handle(self, *_args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            number = people.create(options["slug"], options["name"], now=now)
        except people.BadProjectError as error:
            raise CommandError(str(error)) from error
        if options["rules"] != "none":
            sets.place(number, Author("manage.py project create", now), on=options["rules"] == "on")
            setup.watch_itself(number)
        self.stdout.write(f"created {options['slug']}")
