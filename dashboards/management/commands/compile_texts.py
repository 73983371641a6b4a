"""``manage.py compile_texts``: translations into the form that gettext reads; quick when nothing changed."""

from typing import Any

from django.core.management.base import BaseCommand

from dashboards import texts


class Command(BaseCommand):
    help = "Compile the translations that changed."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        for path in texts.compile_all():
            self.stdout.write(f"compiled {path}")
