"""``manage.py gpu_agent``: on a GPU host, push what NVML tells to a Vigil elsewhere until Ctrl-C."""

import socket
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.core.env import Env
from monitor.gpu import agent, nvml
from monitor.outside.http import ForbiddenTargetError


class Command(BaseCommand):
    help = "Read the NVIDIA cards of this host and push them to a Vigil."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="the Vigil to push to, like https://vigil.example")
        parser.add_argument(
            "--key", default="", help="an API key with the scope ingest; or set VIGIL_KEY or VIGIL_KEY_FILE"
        )
        parser.add_argument(
            "--host", default=socket.gethostname(), help="the name of this host in the series"
        )
        parser.add_argument("--interval", type=float, default=10.0, help="seconds between two readings")
        parser.add_argument("--once", action="store_true", help="one reading, then stop")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 1.0 <= options["interval"] <= 240.0:
            message = f"--interval {options['interval']}: not between 1 and 240 seconds"
            raise CommandError(message)
        env = Env()
        key = options["key"] or env.text("VIGIL_KEY")
        if not key:
            message = "no key; give --key, or set VIGIL_KEY or VIGIL_KEY_FILE"
            raise CommandError(message)
        try:
            self._go(options["url"], key, options)
        except KeyboardInterrupt:
            self.stdout.write("stopped")

    def _go(self, url: str, key: str, options: dict[str, Any]) -> None:
        said = ""
        while True:
            due = clock.monotonic() + options["interval"]
            try:
                line = agent.once(url, key, options["host"], nvml.read, now=clock.now())
            except (nvml.NoDriverError, agent.RefusedError, ForbiddenTargetError) as error:
                raise CommandError(str(error)) from error
            except (nvml.CardReadError, agent.NotTakenError) as error:
                if options["once"]:
                    raise CommandError(str(error)) from error
                line = f"{error}; trying again"
            if line != said:
                self.stdout.write(line)
                said = line
            if options["once"]:
                return
            clock.sleep(max(0.0, due - clock.monotonic()))
