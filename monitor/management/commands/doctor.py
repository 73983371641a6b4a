"""``manage.py doctor``: is this installation well, and if not, what to do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.management import doctor


class Command(BaseCommand):
    help = "Look at database, tables, queue, workers, jobs, disk, secrets and settings; exit 1 when something is bad."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        bad = 0
        for one in doctor.examine(clock.now()):
            self.stdout.write(
                f"{one.state:8} {one.what}" + (f"\n         → {one.remedy}" if one.remedy else "")
            )
            bad += one.state == doctor.State.BAD
        if bad:
            message = f"{bad} of these must be mended"
            raise CommandError(message)
