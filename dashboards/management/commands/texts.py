"""``manage.py texts``: brings the catalogue up to date; ``--check`` only says what is missing and fails."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboards import texts


class Command(BaseCommand):
    help = "Update the catalogue of translated texts, or check that it is complete."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail when a translation is missing"
        )

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        for language in texts.LANGUAGES:
            if not check:
                self.stdout.write(f"{language}: {texts.update(language)} without a translation")
                continue
            gaps = texts.gaps(language)
            for gap in gaps:
                self.stderr.write(f"{gap.place}: {gap.why} ({gap.language}): {gap.text!r}")
            for text in texts.leftovers(language):
                self.stderr.write(f"nothing says this any more ({language}): {text!r}")
            if gaps or texts.leftovers(language):
                message = f"{language}: run `manage.py texts`, then translate what is empty in the .po file"
                raise CommandError(message)
