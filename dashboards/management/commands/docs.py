"""``manage.py docs``: writes the reference page from the code; ``--check`` fails when it differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboards import docs, reference


class Command(BaseCommand):
    help = "Write the manual's reference page from the code, or check that it is in step."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail when the page differs")

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        path = docs.folder() / "reference.md"
        wanted = reference.page()
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if check and found != wanted:
            message = "templates/docs/reference.md is out of step with the code; run `manage.py docs`"
            raise CommandError(message)
        if not check:
            path.write_text(wanted, encoding="utf-8")
