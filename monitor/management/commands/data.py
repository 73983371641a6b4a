"""``manage.py data``: a project's calls and marks into a file, and out of one."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.management import carrying, chosen

SHOWN = 20


class Command(BaseCommand):
    help = "Export calls and scores as NDJSON, CSV or Parquet, and import such files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        give = actions.add_parser("export", help="to a file, or - for stdout")
        take = actions.add_parser("import", help="as if it were posted: twice changes nothing")
        for action in (give, take):
            action.add_argument("kind", choices=list(carrying.KINDS))
            action.add_argument("file")
            action.add_argument("--project", required=True, metavar="SLUG")
            action.add_argument("--format", choices=carrying.FORMATS, help="default: by the file's ending")
        for name in ("--from", "--to"):
            give.add_argument(
                name, dest=name[2:], help="RFC 3339, or Unix seconds; default: all that is kept"
            )

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        form = options["format"] or _form(options["file"])
        try:
            if options["action"] == "export":
                self._export(project.pk, form, options)
            else:
                self._import(project.pk, form, options)
        except (carrying.CarryingError, OSError) as error:
            raise CommandError(str(error)) from error

    def _export(self, project_id: int, form: str, options: dict[str, Any]) -> None:
        start = chosen.moment("from", options["from"]) if options["from"] else clock.from_ms(0)
        end = chosen.moment("to", options["to"]) if options["to"] else clock.now()
        with _target(options["file"]) as file:
            count = carrying.write(
                options["kind"], carrying.records(options["kind"], project_id, start, end), file, form
            )
        self.stderr.write(f"{count} {options['kind']} written")

    def _import(self, project_id: int, form: str, options: dict[str, Any]) -> None:
        refused = []
        accepted, known = carrying.take(
            options["kind"], project_id, carrying.read(options["kind"], Path(options["file"]), form),
            lambda number, field, why: refused.append(f"record {number}: {field}: {why}"), now=clock.now(),
        )  # fmt: skip
        for line in refused[:SHOWN]:
            self.stderr.write(line)
        self.stdout.write(f"{accepted} accepted, {known} of them known already, {len(refused)} refused")
        if refused:
            message = f"{len(refused)} records were refused" + (
                f", the first {SHOWN} are above" if len(refused) > SHOWN else ""
            )
            raise CommandError(message)


def _form(name: str) -> str:
    ending = Path(name).suffix.removeprefix(".")
    if ending in carrying.FORMATS:
        return ending
    message = f"{name!r} does not end in one of {', '.join(carrying.FORMATS)}; say --format"
    raise CommandError(message)


@contextmanager
def _target(name: str) -> Iterator[IO[bytes]]:
    """The file, which is there only when all is written; or stdout."""
    if name == "-":
        yield sys.stdout.buffer
        return
    draft = Path(f"{name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(name)
    finally:
        draft.unlink(missing_ok=True)
