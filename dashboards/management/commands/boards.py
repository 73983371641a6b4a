"""``manage.py boards import FILE --project SLUG``, ``boards export UID --project SLUG``, ``boards list --project SLUG``."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboards.boards import document, shelf
from dashboards.boards.grafana import exporting, importing
from dashboards.boards.shelf import Author
from monitor.core import clock
from monitor.people import read as people


class Command(BaseCommand):
    help = (
        "Take boards in (Grafana's JSON or ours, with a report of what was lost), give them out, list them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        take = actions.add_parser("import", help="a new board; - reads it from stdin")
        take.add_argument("file")
        take.add_argument(
            "--replace", action="store_true", help="the board of the same uid gets a new version"
        )
        give = actions.add_parser("export", help="to stdout")
        give.add_argument("uid")
        give.add_argument("--grafana", action="store_true", help="as Grafana reads it")
        listing = actions.add_parser("list", help="uid, origin, panels and title")
        for one in (take, give, listing):
            one.add_argument("--project", required=True, help="the project's slug")

    def handle(self, *_args: Any, **options: Any) -> None:
        slug = options["project"]
        project_id = people.number(slug)
        if project_id is None:
            message = f"no project {slug!r}; make it with `manage.py project create SLUG`"
            raise CommandError(message)
        match options["action"]:
            case "import":
                self._take(project_id, slug, options["file"], replace=options["replace"])
            case "export":
                found = shelf.get(project_id, slug, options["uid"])
                if found is None:
                    message = f"no board {options['uid']!r} in {slug}; `manage.py boards list` names them"
                    raise CommandError(message)
                text = (
                    exporting.text(found.board, options["uid"])
                    if options["grafana"]
                    else document.text(found.board)
                )
                self.stdout.write(text)
            case _:
                for one in shelf.entries(project_id, slug):
                    self.stdout.write(f"{one.uid}\t{one.origin}\t{one.panels}\t{one.title}")

    def _take(self, project_id: int, slug: str, name: str, *, replace: bool) -> None:
        try:
            value = document.parse(sys.stdin.read() if name == "-" else Path(name).read_bytes())
            if document.is_grafana(value):
                taken = importing.take(value)
            else:
                taken = importing.Taken(document.read(value), Path(name).stem, [], [])
        except (document.BadBoardError, OSError) as error:
            message = f"{name}: {error}"
            raise CommandError(message) from error
        author = Author("manage.py boards import", clock.now())
        there = shelf.get(project_id, slug, taken.uid) if taken.uid and replace else None
        if there is not None and there.entry.origin == "admin":
            shelf.save(project_id, taken.uid, taken.board, author, note="imported again")
            uid = taken.uid
        else:
            uid = shelf.make(
                project_id,
                taken.board,
                author,
                uid=shelf.free_uid(project_id, taken.uid or taken.board.title),
                note="imported",
            )
        self.stdout.write(f"{uid}: {taken.board.title}, {len(taken.board.panels)} panels")
        for old, new in taken.renamed:
            self.stderr.write(f"renamed: {old} -> {new}")
        for loss in taken.losses:
            self.stderr.write(f"lost: {loss.where or 'the board'}: {loss.what}")
