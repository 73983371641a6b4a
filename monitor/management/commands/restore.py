"""``manage.py restore FILE``: a backup into an empty place; then `manage.py up` as ever."""

from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monitor.store.servers import backup, embedded


class Command(BaseCommand):
    help = "Unpack a backup into an empty place: VIGIL_DATA without a database, or an empty DATABASE_URL."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            backup.read_manifest(options["file"])
            own = settings.EMBEDDED_DATABASE
            if own and (settings.LAYOUT.postgres / "PG_VERSION").exists():
                message = f"{settings.LAYOUT.data} holds a database already; set VIGIL_DATA to a new folder"
                raise CommandError(message)
            with backup.server(settings.LAYOUT) if own else nullcontext():
                made = backup.restore(options["file"], settings.DATABASES["default"], settings.LAYOUT)
        except (backup.BackupError, embedded.EmbeddedServerError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored what Vigil {made.version} held at {made.made_at}. Start it: manage.py up"
        )
