"""``manage.py project create``: a new project; the same slug twice is said, not done."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.ingest import setup
from monitor.rules import sets
from monitor.rules.history import Author
from monitor.store.models import Project


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
        project = Project(slug=options["slug"], name=options["name"], created_at=clock.now())
        try:
            project.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        project.save()
        if options["rules"] != "none":
            author = Author("manage.py project create", project.created_at)
            sets.place(project.pk, author, on=options["rules"] == "on")
            # the rules about Vigil itself read its own numbers
            setup.add_target(project.pk, "vigil", f"{_own_address()}/metrics", 15)
        self.stdout.write(f"created {project.slug}")


def _own_address() -> str:
    host, port = settings.VIGIL_BIND
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — where we listen, not a new listener
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
