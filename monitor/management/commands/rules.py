"""``manage.py rules import FILE --project SLUG`` and ``rules export --project SLUG``: Prometheus rule files."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitor.core import clock
from monitor.management import chosen
from monitor.rules import exchange, sets, yaml
from monitor.rules.history import Author


class Command(BaseCommand):
    help = "Read a Prometheus rule file into a project, or write a project's rules as one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        take = actions.add_parser("import", help="groups of the same name are replaced")
        take.add_argument(
            "file",
            help="a rule file or a PrometheusRule; - reads it from stdin; `starter`, `watcher` and `wasserstein` are ours",
        )
        take.add_argument("--project", required=True, help="the project's slug")
        take.add_argument("--off", action="store_true", help="new groups are switched off at first")
        take.add_argument(
            "--partly", action="store_true", help="leave out what can't be taken, instead of taking nothing"
        )
        give = actions.add_parser("export", help="to stdout")
        give.add_argument("--project", required=True, help="the project's slug")
        give.add_argument("--group", help="only this group")

    def handle(self, *_args: Any, **options: Any) -> None:
        project = chosen.project(options["project"])
        if options["action"] == "export":
            self.stdout.write(yaml.dump(exchange.give(project.pk, only=options["group"])), ending="")
            return
        try:
            content = yaml.read(_read(options["file"]))
            author = Author("manage.py rules import", clock.now())
            terms = exchange.Terms(author, enabled=not options["off"], partly=options["partly"])
            taken = exchange.take(project.pk, content.groups, terms)
        except (yaml.BadRuleFileError, exchange.RefusedFileError) as error:
            message = f"{options['file']}: {error}"
            raise CommandError(message) from error
        self.stdout.write(
            f"{taken.groups} groups with {taken.rules} rules ({taken.replaced} groups replaced)"
        )
        for line in (*content.lost, *taken.lost):
            self.stderr.write(f"left out: {line}")


def _read(name: str) -> str:
    try:
        if name == "-":
            return sys.stdin.read()
        return (
            sets.text(name)
            if name in {*sets.SETS, *sets.ON_DEMAND}
            else Path(name).read_text(encoding="utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        message = f"{name} can't be read ({error})"
        raise CommandError(message) from error
