"""``manage.py backup FILE``: everything in one file, while the product runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.core.version import version
from monitor.store.servers import backup


class Command(BaseCommand):
    help = "Write all data of all projects, and the secrets that go with it, into one file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            backup.write(
                options["file"],
                settings.DATABASES["default"],
                settings.LAYOUT,
                version=version(),
                now=clock.now(),
            )
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        size = options["file"].stat().st_size / 1e6
        self.stdout.write(
            f"{options['file']}: {size:.1f} MB. It holds secrets: keep it where only you can read it."
        )
