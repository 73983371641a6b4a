"""``manage.py simulate``: play services against any Vigil, over the interfaces that real services use."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock, durations
from monitor.management.simulation.player import Player
from monitor.management.simulation.push import Pusher, RefusedError
from monitor.management.simulation.story import Story


class Command(BaseCommand):
    help = "Push the calls and metrics of simulated services: the past, then (with --live) the present."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="the Vigil to push to")
        parser.add_argument("--key", required=True, help="an API key with the scope ingest")
        parser.add_argument("--history", default="", help="how much past to tell first, like 24h")
        parser.add_argument("--live", action="store_true", help="go on as it happens, until Ctrl-C")
        parser.add_argument("--rate", type=float, default=0.8, help="calls a second on an average moment")
        parser.add_argument("--seed", type=int, default=1, help="another seed, other calls")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 0 < options["rate"] <= 100:
            message = f"--rate {options['rate']}: not between 0 and 100 calls a second"
            raise CommandError(message)
        now = clock.now().timestamp()
        story = Story(now - now % 3600, seed=options["seed"], rate=options["rate"])
        try:
            past = durations.parse(options["history"] or "0") / 1000
            pusher = Pusher(options["url"], options["key"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        player = Player(story, pusher)
        try:
            if past:
                self.stdout.write(f"told {player.history(now - past, now)} calls of the past")
            if options["live"]:
                player.play(lambda: clock.now().timestamp(), clock.sleep)
        except RefusedError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("stopped")
        finally:
            pusher.close()
