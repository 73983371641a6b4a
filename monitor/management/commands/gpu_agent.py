"""``manage.py gpu_agent``: read the NVIDIA cards of this host and push them to a Vigil, or into this one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.gpu import local
from monitor.gpu.agent import __main__ as agent


class Command(BaseCommand):
    help = "Read the NVIDIA cards of this host and push them to a Vigil."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        agent.add_arguments(parser)
        parser.add_argument(
            "--here", action="store_true", help="into this installation's own store, without a key"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            status = self._here(options) if options["here"] else agent.run(options)
        except agent.PROBLEMS as error:
            raise CommandError(str(error)) from error
        if status:
            raise SystemExit(status)

    def _here(self, options: dict[str, Any]) -> int:
        local.run(agent.settings(options), agent.simulated() if options["simulate"] else None)
        return 0
