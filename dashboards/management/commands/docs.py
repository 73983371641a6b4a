"""``manage.py docs``: writes the reference page from the code, in each language; ``--check`` fails when one differs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from dashboards import docs, reference, texts

PAGES = {"reference.md": "en", "reference.zh.md": "zh-hans"}


class Command(BaseCommand):
    help = "Write the manual's reference page from the code, or check that it is in step."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail when a page differs")

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        texts.compile_all()
        for name, language in PAGES.items():
            with translation.override(language):
                self._write(docs.folder() / name, reference.page(), check=check)

    def _write(self, path: Path, wanted: str, *, check: bool) -> None:
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if check and found != wanted:
            message = f"templates/docs/{path.name} is out of step with the code; run `manage.py docs`"
            raise CommandError(message)
        if not check:
            path.write_text(wanted, encoding="utf-8")
