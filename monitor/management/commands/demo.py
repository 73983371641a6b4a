"""``manage.py demo``: the demo project and its simulated services; `make up` runs it beside the web server."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from monitor.management.simulation import demo


class Command(BaseCommand):
    help = "Create the demo project if there never was one, tell its past once, then play it live."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="this Vigil's own address")
        parser.add_argument("--again", action="store_true", help="make it anew although it was deleted")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self.stdout.write(demo.run(options["url"], again=options["again"]))
        except KeyboardInterrupt:
            self.stdout.write("stopped")
