"""``manage.py up``: everything on this machine until Ctrl-C. The work is in ``management/supervisor.py``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from monitor.management import supervisor


class Command(BaseCommand):
    help = "Start the database, the broker, the web server, the worker, the scheduler and the demo."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", help="HOST:PORT, default VIGIL_BIND")

    def handle(self, *_args: Any, **options: Any) -> None:
        supervisor.run(options["bind"])
